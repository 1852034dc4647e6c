import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Lesson } from '../../shared/checks/check.ts';
import { isThere } from '../../shared/checks/run/children.ts';
import {
  type Answer,
  answerOf,
  ask,
  comesTrue,
  GET,
  hasBegun,
  headerIn,
  PATIENCE,
  takeAnswer,
  takePage,
  until,
} from '../../shared/checks/run/clients.ts';
import { CONTRACT } from '../../shared/checks/run/contract.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import { expectSame, head, startWorkers, takeCall } from '../../shared/checks/run/gateway.ts';
import { sideBySide } from '../../shared/checks/run/side-by-side.ts';
import { accepts, type Trial } from '../../shared/checks/run/trial.ts';
import { openGate } from '../../shared/harness/gate.ts';
import { hasLivingMember } from '../../shared/harness/proc.ts';
import type { RawClient } from '../../shared/harness/raw-client.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

export const check: Lesson = {
  title: 'SIGTERM: what is under way is answered, newcomers are refused, and then it is gone',
  goal: 'Stopping is a feature: every deploy does it, in the middle of somebody.',
  hints: [
    'Somebody stops you: in the middle of an answer, of a request, and while others keep a connection and ask nothing. What do you owe to whom?',
    "process.on('SIGTERM', ...), server.close(): it refuses newcomers, and calls back when the last connection is gone - " +
      'sigaction(2), and close(2) of the socket that listens. RFC 9112 §9.6: Connection: close in the last answer, and no request behind it.',
    'on the first signal: close the listener, end idle connections, say Connection: close in each answer whose head has not left, finish ' +
      'what has begun to come, exit(0) when all answers are out; on the second: exit now. A primary passes the signal on to its workers, and ' +
      'waits for them.',
  ],
  anchor: 'server/README.md#stopping',
  lenient: [
    'what idle connections see',
    'whether a request that was half here is answered or refused, if it is told',
    'the exit code of the second SIGTERM',
    'keep-alive: who closes behind each answer has nothing to announce',
    '--workers: a server that does not know it is checked in one process',
    'what is printed',
  ],
  byHand:
    'curl -N http://127.0.0.1:$PORT/relay & sleep 0.5; kill $(lsof -tiTCP:$PORT -sTCP:LISTEN); wait  # first, second',
  solution: '3m',
  seconds: 25,
  async run(trial) {
    trial.mayEnd = true;
    const [one, other] = [trial.start({ app: CONTRACT }), trial.start({ app: CONTRACT })];
    const many = startWorkers(trial);
    await Promise.allSettled([one, other, many]); // so that all can be ended, if one is not there
    const [first, second, third] = await Promise.all([one, other, many]);
    await sideBySide([
      endsInPeace(trial, first),
      endsNow(trial, second),
      ...(third ? [endsInPeace(trial, third)] : []),
    ]);
  },
  mistakes: [
    {
      name: 'exits-at-once',
      says: 'SIGTERM in mid-answer: expected the answer to be finished, and it was cut',
      edits: [['if (isStopping) process.exit(128 + number);', 'process.exit(0);']],
    },
    {
      name: 'goes-on',
      says: 'SIGTERM, and 3 s later it still takes new connections: expected none',
      edits: [
        ['  stopOnSignals(worker, limits.drainTimeout);\n', "  process.on('SIGTERM', () => {});\n"],
      ],
    },
    {
      // It closes the door, and nobody sees to it that the process ends.
      name: 'never-ends',
      says: 'The last answer was given, and 5 s later the server still runs',
      edits: [['      process.exit(0);\n    });', '      setInterval(() => {}, 1000);\n    });']],
    },
    {
      name: 'waits-for-ever',
      says: 'A second SIGTERM, and 3 s later the server still runs: expected it to end now',
      edits: [['if (isStopping) process.exit(128 + number);', 'if (isStopping) return;']],
    },
    {
      name: 'waits-for-the-idle',
      file: 'part3/server/connection.ts',
      says: 'All answers were given, and 5 s later the server still runs: it waits for a connection that asks nothing',
      edits: [
        [
          "if (!inPeace && (isIdle || state.kind === 'discarding')) this.#close();",
          'if (isIdle) this.#clock.stop();',
        ],
      ],
    },
    {
      name: 'announces-nothing',
      file: 'part3/server/connection.ts',
      says: 'An answer that began behind SIGTERM, on a connection that is kept otherwise: expected Connection: close in its head, got none',
      edits: [
        [
          '      state.answer.keepAlive = false;\n    const isIdle',
          '      void state;\n    const isIdle',
        ],
      ],
    },
    {
      name: 'keeps-the-late',
      file: 'part3/server/connection.ts',
      says: 'The answer to a request that was half here when SIGTERM came, on a connection that is kept otherwise: expected Connection: close in its head, got none',
      edits: [['    this.#isLast = true;\n', '']],
    },
    {
      name: 'answers-behind-the-last',
      file: 'part3/server/connection.ts',
      says: 'An answer behind SIGTERM said Connection: close, and the request behind it was answered all the same',
      edits: [
        [
          'if (!answer.keepAlive) this.#close();',
          'if (!answer.keepAlive && !request.keepAlive) this.#close();',
        ],
      ],
    },
    {
      name: 'drops-half-a-request',
      file: 'part3/server/connection.ts',
      says: 'A request was half here when SIGTERM came: expected an answer to all of it, and it was hung up on without a word',
      edits: [
        [
          "const isIdle = state.kind === 'reading' && this.#parser.state === 'idle';",
          "const isIdle = state.kind === 'reading';",
        ],
      ],
    },
    {
      name: 'drops-half-a-body',
      file: 'part3/server/connection.ts',
      says: 'A body was half here when SIGTERM came: expected 200 behind the other half, got 503',
      edits: [
        [
          "const isIdle = state.kind === 'reading'",
          "if (state.kind === 'answering' && state.body.isAwaited)\n      return this.#fail(new HttpError(503, 'it stops'));\n    const isIdle = state.kind === 'reading'",
        ],
      ],
    },
    {
      // A helper that was started with the workers, and is forgotten at the end.
      name: 'orphans',
      says: 'The server has ended, and a process of it is left',
      edits: [
        [
          '  if (staffing.workers > 1 && cluster.isPrimary) {\n',
          `  if (staffing.workers > 1 && cluster.isPrimary) {
    const { spawn } = await import('node:child_process');
    spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
`,
        ],
      ],
    },
  ],
};

/** All that can be under way is, when the signal comes; and what idles does not hold the end. */
async function endsInPeace(trial: Trial, server: ServerProcess): Promise<void> {
  const gates = await Promise.all([openGate(), openGate()]);
  const [begun, thinking] = gates;
  try {
    const idle = [await trial.connect(server), await ask(trial, server)] as const;
    await takePage(idle[1], 'Beside a client that says nothing, another', 5);
    const half = await ask(trial, server, 'GET /hello HTTP/1.1\r\nHost: loc');
    const body = await ask(trial, server, `${head('POST /sha256', 'Content-Length: 9')}four`);
    const later = await ask(trial, server, GET.replace('/hello', `/relay?${thinking.port}`));
    const silent = await takeCall(thinking.opened, later);
    const client = await ask(trial, server, head(`GET /relay?${begun.port}`));
    const app = await takeCall(begun.opened, client);
    app.write('begun, ');
    await until(
      () => client.received.includes('begun, '),
      PATIENCE,
      () => new Failure('The first words of an answer did not arrive'),
    );
    server.signal('SIGTERM');
    // A client that sees a FIN says its own.
    for (const one of idle) one.readToEnd().catch(() => {});
    await isShut(server);
    if (server.hasExited || client.ending !== 'open') throw cutShort(client);
    app.end('done');
    const asked = takeAnswer(client, 'SIGTERM in mid-answer: the client');
    const answer = await asked.catch((error) => {
      // A program that ends shuts its door first, and its connections a moment later.
      throw client.ending === 'open' ? error : cutShort(client);
    });
    if (answer.text === 'begun, ') throw cutShort(client); // whole, to who lets the end of a connection tell
    expectSame('The answer that was under way', answer.text, 'begun, done', answer);
    client.leave(); // who keeps its half open may be waited for
    await takesTheOtherHalf(half, body);
    await announcesTheEnd(later, silent);
    await isGoneSoon(server, idle);
  } finally {
    for (const gate of gates) gate.close();
  }
}

/** What was half here may be answered or refused; but whoever has sent the rest of it is told. */
async function takesTheOtherHalf(half: RawClient, body: RawClient): Promise<void> {
  await half.send('alhost\r\n\r\n').catch(() => {});
  const what = 'A request was half here when SIGTERM came';
  const last = await takeAnswer(half, what).catch(({ details }: Failure) => {
    const isSilent = half.ending === 'open';
    const message = isSilent
      ? `${what}: expected an answer to all of it, got nothing in ${PATIENCE} s`
      : `${what}: expected an answer to all of it, and it was hung up on without a word`;
    throw new Failure(message, { ...details, mistake: 'drops-half-a-request' });
  });
  const told = 'The answer to a request that was half here when SIGTERM came';
  saysItIsTheLast(last, half, told, 'keeps-the-late');
  half.leave();
  await body.send('bytes').catch(() => {});
  const other = 'A body was half here when SIGTERM came';
  const answer = await takeAnswer(body, other).catch(({ details }: Failure) => {
    const message = `${other}: expected 200 behind the other half, and it was hung up on without a word`;
    throw new Failure(message, { ...details, mistake: 'drops-half-a-body' });
  });
  body.leave();
  if (answer.status === 200) return;
  throw new Failure(`${other}: expected 200 behind the other half, got ${answer.status}`, {
    received: body.received,
    at: 9,
    mistake: 'drops-half-a-body',
  });
}

/** RFC 9112 §9.6: who says close "MUST NOT process any further requests received on that connection". */
async function announcesTheEnd(client: RawClient, app: Socket): Promise<void> {
  await client.send(GET).catch(() => {});
  app.end('done');
  const what = 'An answer that began behind SIGTERM';
  const answer = await takeAnswer(client, what);
  expectSame(what, answer.text, 'done', answer);
  await comesTrue(() => client.ending !== 'open', 3);
  saysItIsTheLast(answer, client, what, 'announces-nothing');
  const { received, ending } = client;
  const second = received.lastIndexOf('HTTP/1.');
  if (second > 0 && answerOf({ received: received.subarray(second), ending }))
    throw new Failure(
      'An answer behind SIGTERM said Connection: close, and the request behind it was answered all the same',
      { received, at: second, mistake: 'answers-behind-the-last' },
    );
  client.leave();
}

function saysItIsTheLast(
  answer: Answer,
  { received }: RawClient,
  what: string,
  mistake: string,
): void {
  const close = headerIn(answer, 'Connection');
  if (/\bclose\b/i.test(close ?? '')) return;
  const message = `${what}, on a connection that is kept otherwise: expected Connection: close in its head, got ${close ?? 'none'}`;
  throw new Failure(message, { received, at: 0, mistake });
}

async function isGoneSoon(server: ServerProcess, idle: readonly RawClient[]): Promise<void> {
  const left = new Failure('The server has ended, and a process of it is left', {
    mistake: 'orphans',
  });
  const code = await exitCode(server, 5);
  if (code === undefined) {
    if (!isThere(server.pid)) throw left; // what holds its standard output lives on
    const isHeld = idle.some(({ ending }) => ending === 'open');
    throw isHeld
      ? new Failure(
          'All answers were given, and 5 s later the server still runs: it waits for a connection that asks nothing',
          { cause: 'timed out', mistake: 'waits-for-the-idle' },
        )
      : new Failure('The last answer was given, and 5 s later the server still runs', {
          cause: 'timed out',
          mistake: 'never-ends',
        });
  }
  if (code !== 0) {
    throw new Failure(`Stopped by SIGTERM and all answered: expected exit code 0, got ${code}`);
  }
  if (await comesTrue(() => hasLivingMember(server.pid) !== true, 2)) return;
  throw left;
}

function cutShort({ received }: RawClient): Failure {
  const message = 'SIGTERM in mid-answer: expected the answer to be finished, and it was cut';
  return new Failure(message, { received, at: received.length, mistake: 'exits-at-once' });
}

/** The second signal asks no more. */
async function endsNow(trial: Trial, server: ServerProcess): Promise<void> {
  const client = await ask(trial, server, head('GET /waits'));
  await until(
    () => hasBegun(client),
    PATIENCE,
    () => new Failure('The head of an answer that goes on for ever did not arrive'),
  );
  server.signal('SIGTERM');
  await isShut(server);
  server.signal('SIGTERM');
  if ((await exitCode(server, 3)) === undefined) {
    throw new Failure(
      'A second SIGTERM, and 3 s later the server still runs: expected it to end now',
      {
        cause: 'timed out',
        mistake: 'waits-for-ever',
      },
    );
  }
}

async function isShut(server: ServerProcess): Promise<void> {
  for (const deadline = performance.now() + 3000; await accepts(server.port); ) {
    await delay(20); // each knock stands in a queue, and its places are counted
    if (performance.now() < deadline) continue;
    throw new Failure('SIGTERM, and 3 s later it still takes new connections: expected none', {
      mistake: 'goes-on',
    });
  }
}

async function exitCode(
  server: ServerProcess,
  seconds: number,
): Promise<number | null | undefined> {
  let code: number | null | undefined;
  server.exited.then((result) => (code = result.code));
  await comesTrue(() => code !== undefined, seconds);
  return code;
}
