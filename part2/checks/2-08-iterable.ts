import { setTimeout as delay } from 'node:timers/promises';
import type { Lesson } from '../../shared/checks/check.ts';
import {
  ask,
  CONTRACT,
  expectStatus,
  PATIENCE,
  readAnswer,
  request,
  within,
  wrongAnswer,
} from '../../shared/checks/run/contract.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import { comesToRest, Pouring } from '../../shared/checks/run/pace.ts';
import { openRelay } from '../../shared/checks/run/relay.ts';
import { quote } from '../../shared/checks/run/response.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import type { RawClient } from '../../shared/harness/raw-client.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

/** More than the kernels between the application and a client that takes nothing can hold. */
const TOO_MUCH = 64 * 1024 * 1024;

/** Milliseconds in which a server hears of a FIN. */
const STILL = 250;

export const check: Lesson = {
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
  solution: '2d',
  seconds: 10,
  run: checkIterable,
  mistakes: [
    {
      name: 'joins-first',
      says: 'The app has yielded a piece and works on the next; after 3 s the client has nothing of it',
      edits: [
        [
          `      for await (const chunk of body) {
        await this.#write(response, chunk);
        if (response.headSent && hasNoBody(response)) break;
      }`,
          `      const chunks: Buffer[] = [];
      for await (const chunk of body) chunks.push(Buffer.from(checkChunk(chunk)));
      await this.#write(response, Buffer.concat(chunks));`,
        ],
      ],
    },
    {
      name: 'ignores-backpressure',
      says: 'A client that takes nothing: the app was asked for 64 MiB all the same, and your server keeps them in memory',
      edits: [
        [
          'await this.#sendPiece(response.socket, all.subarray(start, start + WRITE_SIZE));',
          'this.#sendPiece(response.socket, all.subarray(start, start + WRITE_SIZE)).catch(() => {});',
        ],
      ],
    },
    {
      name: 'dies-of-a-client',
      says: 'A client left in the middle of its answer, and your program ended',
      edits: [["socket.on('error', () => socket.destroy());", '']],
    },
    {
      name: 'hangs-up-at-fin',
      says: 'A client asked, and said that it would say no more (FIN): expected its answer all the same, and it was hung up on',
      edits: [
        ['createServer({ allowHalfOpen: true, noDelay: true }', 'createServer({ noDelay: true }'],
      ],
    },
  ],
};

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

  const half = await openRelay(trial, server);
  half.client.halfClose(); // it has asked, and will say no more; its answer it still wants
  await delay(STILL); // by then the server has heard of it
  half.words.write('late, ');
  await within(half.client.readUntil('late, '), () => hungUp(half.client)).catch(() => {
    throw hungUp(half.client);
  });
  half.words.end();
  await readAnswer(server, half.client, 'GET /relay');

  const slow = await openRelay(trial, server);
  slow.client.pause();
  const taken = await pour(slow.words, server);
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
async function pour(words: import('node:net').Socket, server: ServerProcess): Promise<number> {
  const spout = {
    pour: (piece: Uint8Array) =>
      new Promise<boolean>((done) => words.write(piece, (error) => done(!error))),
  };
  const piece = Buffer.alloc(256 * 1024, 'x');
  const pouring = new Pouring(spout, Array(TOO_MUCH / piece.length).fill(piece));
  await comesToRest(
    server,
    () => pouring.taken,
    () => pouring.isOver || words.destroyed,
  );
  return pouring.taken;
}

function hungUp({ received, ending }: RawClient): Failure {
  const message =
    'A client asked, and said that it would say no more (FIN): expected its answer all the same, and it was hung up on';
  const byHand = "(printf 'GET /relay HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n') | nc -N 127.0.0.1 $PORT";
  const cause = ending === 'rst' ? 'reset' : 'wrong';
  return new Failure(message, {
    cause,
    received,
    at: received.length,
    mistake: 'hangs-up-at-fin',
    byHand,
  });
}
