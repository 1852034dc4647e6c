/** Part 2: the body of an answer as it comes, and answers that break. */
import { setTimeout as delay } from 'node:timers/promises';
import { openGate } from '../../shared/harness/gate.ts';
import { isBusy } from '../../shared/harness/proc.ts';
import type { RawClient } from '../../shared/harness/raw-client.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';
import type { Check } from '../../shared/checks/check.ts';
import { Failure } from '../../shared/checks/failure.ts';
import { headerOf, quote } from '../../shared/checks/part2-parse.ts';
import {
  ask,
  CONTRACT,
  expectStatus,
  PATIENCE,
  readAnswer,
  request,
  within,
  wrongAnswer,
} from '../../shared/checks/part2-tools.ts';
import { startResponseOf } from '../../shared/checks/python-apps.ts';
import type { Trial } from '../../shared/checks/trial.ts';

export const BODIES: readonly Check[] = [
  {
    id: '2-08',
    name: 'iterable',
    part: 'part2',
    title: 'A piece of the body leaves when it is there, and at the pace of the client',
    goal: 'A body is a sequence in time.',
    hints: [
      'When does the client see the first line of an application that takes a minute for the second?',
      "for await (const chunk of result); socket.write's callback, or its false and 'drain' - a send(2) that blocks.",
      'for await (const chunk of result) await new Promise((done) => socket.write(chunk, done)); what waits there does not ask the application for more.',
    ],
    anchor: 'iterable',
    lenient: [
      'chunked, or ended by the end of the connection',
      'up to some 50 MB between application and client: the kernels take their share',
      'close() of the result',
    ],
    byHand:
      'U=http://127.0.0.1:$PORT; curl -N $U/relay; curl -m 1 --limit-rate 1k -o /dev/null $U/big; curl $U/hello  # the second leaves',
    solution: '2b',
    seconds: 10,
    run: checkIterable,
  },
  {
    id: '2-09',
    name: 'rules',
    part: 'part2',
    title: 'Whatever an application breaks, its client hears the truth, and the next is served',
    goal: 'The contract is checked, not trusted, on both sides of it.',
    hints: [
      'What does the client of an application that throws get, and what the next client?',
      'try around all of it, the iteration too; PEP 3333 "Error Handling"; socket.resetAndDestroy() - setsockopt(2) with SO_LINGER 0, then close(2); shared/adapters/validator.ts.',
      'Head not sent: 500. Head sent: resetAndDestroy, so that half an answer cannot look whole. No startResponse before the first chunk, or a second one without excInfo: throw an error that has startResponse in it; console.error; 500.',
    ],
    anchor: 'rules',
    lenient: [
      'what the page of a 500 says',
      'stdout or stderr, and the words around the name of the rule',
      'how a half answer is cut: a RST, a missing last chunk, fewer bytes than promised',
    ],
    byHand: "curl http://127.0.0.1:$PORT/headers; curl -i 'http://127.0.0.1:$PORT$TARGET'",
    solution: '2b',
    seconds: 10,
    run: checkRules,
  },
];

/** More than the kernels between the application and a client that takes nothing can hold. */
const TOO_MUCH = 64 * 1024 * 1024;
/** Milliseconds without a byte moving, of a server that has nothing to do: what will not move, does not. */
const STILL = 250;

/** Opens a stream whose words are ours to say: its client, and the end of it that the application hears. */
async function openRelay(trial: Trial, server: ServerProcess, path = '/relay') {
  const gate = await openGate();
  const client = await trial.connect(server);
  await client.send(request(`GET ${path}?${gate.port} HTTP/1.1`));
  const late = () => noCall(client, path);
  const words = await within(gate.opened, late).finally(() => gate.close());
  words.on('error', () => {}); // it goes when the application goes
  return { client, words };
}

function noCall(client: RawClient, path: string): Failure {
  const message = `GET ${path}: the app was not asked for the first piece of its body in ${PATIENCE} s`;
  return new Failure(message, { cause: 'timed out', received: client.received });
}

async function checkIterable(trial: Trial): Promise<void> {
  const server = await trial.start({ app: CONTRACT });
  const { client, words } = await openRelay(trial, server);
  words.write('first, ');
  const held = () => {
    const message = `The app has yielded a piece and works on the next; after ${PATIENCE} s the client has nothing of it`;
    const received = client.received;
    const mistake = { received, at: received.length, mistake: 'joins-first' };
    return new Failure(message, { cause: 'wrong', ...mistake });
  };
  await within(client.readUntil('first, '), held);
  words.end('second');
  const answer = await readAnswer(server, client, 'GET /relay');
  if (answer.body.toString() !== 'first, second') {
    const message = `GET /relay: expected "first, second", got ${quote(answer.body.toString())}`;
    throw wrongAnswer(message, answer);
  }

  const slow = await openRelay(trial, server);
  slow.client.pause();
  const taken = await pour(slow.words, server.pid);
  slow.words.destroy();
  slow.client.leave();
  if (taken < TOO_MUCH) {
    const left = 'A client left in the middle of its answer';
    const asked = ask(trial, server, request('GET /hello HTTP/1.1'));
    const next = await asked.catch(async (error: Failure) => {
      await trial.settle();
      if (!server.hasExited) throw error;
      const why = { cause: 'exited', stderr: server.stderr, mistake: 'dies-of-a-client' } as const;
      throw new Failure(`${left}, and your program ended`, why);
    });
    return expectStatus(next, 200, `${left}; the next`, server);
  }
  const message = `A client that takes nothing: the app was asked for ${TOO_MUCH >> 20} MiB all the same, and your server keeps them in memory`;
  throw new Failure(message, { cause: 'wrong', mistake: 'ignores-backpressure' });
}

/** Says more and more, until nobody listens or it is too much: the bytes that were taken. */
async function pour(words: import('node:net').Socket, pid: number): Promise<number> {
  const piece = Buffer.alloc(256 * 1024, 'x');
  let taken = 0;
  while (taken < TOO_MUCH) {
    const went = new Promise<boolean>((done) => words.write(piece, (error) => done(!error)));
    if (!(await isTaken(went, pid))) break;
    taken += piece.length;
  }
  return taken;
}

/** Whether a piece went its way before the server came to rest. */
async function isTaken(went: Promise<boolean>, pid: number): Promise<boolean> {
  do {
    const isGone = await Promise.race([went, delay(STILL)]);
    if (isGone !== undefined) return isGone;
  } while (isBusy(pid));
  return Promise.race([went, delay(STILL, false)]); // it may be our own loop that was late
}

async function checkRules(trial: Trial): Promise<void> {
  const server = await trial.start({ app: CONTRACT });
  const next = async (what: string) => {
    const answer = await ask(trial, server, request('GET /hello HTTP/1.1'));
    expectStatus(answer, 200, `The request behind ${what}`, server);
  };
  for (const path of ['/throws', '/rejects', '/throws-after-start']) {
    const asked = ask(trial, server, request(`GET ${path} HTTP/1.1`));
    const answer = await asked.catch((error: Failure) => {
      const mistake = server.hasExited ? 'dies-of-a-throw' : 'says-nothing-of-a-throw';
      throw new Failure(error.message, { ...error.details, mistake });
    });
    const what = `GET ${path}, of an app that throws before a byte of its body is there`;
    const isEarly = path === '/throws-after-start' && answer.status === 200;
    expectStatus(answer, 500, what, server, isEarly ? 'head-too-early' : undefined);
    await next(path);
  }

  const { client, words } = await openRelay(trial, server, '/relay-and-throw');
  words.write('half of ');
  const late = () => new Failure('GET /relay-and-throw: its first piece did not arrive');
  await within(client.readUntil('half of '), late);
  words.end();
  const half = await readAnswer(server, client, 'GET /relay-and-throw');
  if (half.ending === 'fin' && half.isWhole) {
    const message =
      'The app has thrown in the middle of its body, and its client got a FIN: half an answer looks whole';
    throw wrongAnswer(message, half, { at: half.bytes.length, mistake: 'half-looks-whole' });
  }
  await next('/relay-and-throw');

  const startResponse = startResponseOf(trial);
  for (const [path, rule, mistake] of [
    ['/never-starts', `returns a body and never calls ${startResponse}`, 'head-made-up'],
    ['/starts-twice', `calls ${startResponse} twice`, 'second-head'],
  ] as const) {
    await ask(trial, server, request('GET /headers HTTP/1.1')); // whose head is easily known again
    const before = (server.stdout + server.stderr).length;
    const answer = await ask(trial, server, request(`GET ${path} HTTP/1.1`));
    if (headerOf(answer, 'x-first')) {
      const message = `An app that ${rule}: expected 500, got the head of the request before it`;
      throw wrongAnswer(message, answer, { at: 9, mistake: 'head-of-another' });
    }
    const isServed = answer.status === 200;
    expectStatus(answer, 500, `An app that ${rule}`, server, isServed ? mistake : undefined);
    const said = () => (server.stdout + server.stderr).slice(before) + answer.body;
    const isNamed = () => /start_?response/i.test(said());
    for (let round = 0; round < 20 && !isNamed(); round++) await delay(50); // the log may come behind the answer
    if (!isNamed()) {
      const message = `An app that ${rule} gets its 500; expected the name of the rule, ${startResponse}, in what your server prints`;
      throw wrongAnswer(message, answer, { server, mistake: 'rule-not-named' });
    }
    await next(path);
  }

  const app = 'shared/harness/contract-app:validated';
  const strict = await trial.start({ app }).catch((failure: Failure) => {
    if (!/EADDRINUSE|Address already in use/i.test(failure.details?.stderr ?? '')) throw failure;
    const message = `Two of your servers cannot run side by side: take the port that PORT says, where 0 means any, and not one of your own`;
    throw new Failure(message, { ...failure.details, mistake: 'port-of-its-own' });
  });
  const answer = await ask(trial, strict, request('GET /hello HTTP/1.1'));
  if (answer.status !== 200) {
    const [, rule] = /the server broke PEP 3333: (.*)/.exec(strict.stdout + strict.stderr) ?? [];
    const message = rule
      ? `The validator about your server: ${rule}`
      : `An app in a validator: expected 200, got ${answer.status} ${answer.reason}`;
    throw wrongAnswer(message, answer, { at: 9, server: strict });
  }
}
