import { setTimeout as delay } from 'node:timers/promises';
import type { Lesson } from '../../shared/checks/check.ts';
import {
  ask,
  comesTrue,
  hasBegun,
  PATIENCE,
  takeAnswer,
  until,
} from '../../shared/checks/run/clients.ts';
import { CONTRACT } from '../../shared/checks/run/contract.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import { expectSame, head, startWorkers, takeCall } from '../../shared/checks/run/gateway.ts';
import { accepts, type Trial } from '../../shared/checks/run/trial.ts';
import { openGate } from '../../shared/harness/gate.ts';
import { hasLivingMember } from '../../shared/harness/proc.ts';
import type { RawClient } from '../../shared/harness/raw-client.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

export const check: Lesson = {
  title: 'SIGTERM: what is under way is answered, newcomers are refused, and then it is gone',
  goal: 'Stopping is a feature: every deploy does it, in the middle of somebody.',
  hints: [
    'Somebody stops you in the middle of an answer. What do you owe to whom?',
    "process.on('SIGTERM', ...), server.close(): it refuses newcomers, and calls back when the last connection is gone - " +
      'sigaction(2), and close(2) of the socket that listens.',
    'on the first signal: close the listener, end idle connections, exit(0) when all answers are out; on the second: ' +
      'exit now. A primary passes the signal on to its workers, and waits for them.',
  ],
  anchor: 'stopping',
  lenient: ['what idle connections see', 'the exit code of the second SIGTERM', 'what is printed'],
  byHand:
    'curl -N http://127.0.0.1:$PORT/relay & sleep 0.5; kill $(lsof -tiTCP:$PORT -sTCP:LISTEN); wait  # first, second',
  solution: 'gateway',
  seconds: 25,
  async run(trial) {
    trial.mayEnd = true;
    await endsInPeace(trial, await trial.start({ app: CONTRACT }));
    await trial.end();
    await endsNow(trial, await trial.start({ app: CONTRACT }));
    await trial.end();
    const many = await startWorkers(trial);
    if (many) await endsInPeace(trial, many);
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

async function endsInPeace(trial: Trial, server: ServerProcess): Promise<void> {
  const gate = await openGate();
  try {
    const client = await ask(trial, server, head(`GET /relay?${gate.port}`));
    const app = await takeCall(gate.opened, client);
    app.write('begun, ');
    await until(
      () => client.received.includes('begun, '),
      PATIENCE,
      () => new Failure('The first words of an answer did not arrive'),
    );
    server.signal('SIGTERM');
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
  } finally {
    gate.close();
  }
  const left = new Failure('The server has ended, and a process of it is left', {
    mistake: 'orphans',
  });
  const code = await exitCode(server, 5);
  if (code === undefined) {
    if (isGone(server)) throw left; // what holds its standard output lives on
    throw new Failure('The last answer was given, and 5 s later the server still runs', {
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

function isGone({ pid }: ServerProcess): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}
