import type { Socket } from 'node:net';
import type { Lesson } from '../../shared/checks/check.ts';
import { comesTrue, isWhole } from '../../shared/checks/run/clients.ts';
import { CONTRACT } from '../../shared/checks/run/contract.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import { head, takeCall } from '../../shared/checks/run/gateway.ts';
import {
  comesToRest,
  inMiB,
  isHoarded,
  tellGrowth,
  timedOut,
  weigh,
} from '../../shared/checks/run/pace.ts';
import { fieldOf, seriesIn } from '../../shared/checks/run/series.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import { readChunks } from '../../shared/harness/chunks.ts';
import { openGate } from '../../shared/harness/gate.ts';
import type { RawClient } from '../../shared/harness/raw-client.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

/** Bytes of a piece of /flood, and of all that it would make. */
const PIECE = 64 * 1024;
const OFFERED = 64 * 1024 ** 2;
/** Bytes that a client reads beyond what was made before. */
const MORE = 2 * 1024 ** 2;
/** Requests of a client that takes no answers, and bytes of all these: each is short enough to leave in one go. */
const REQUESTS = 1024;
const ANSWERS = REQUESTS * 32 * 1024;
/** Long, so that a read has some of them and not all: who has read a request may answer it. */
const LONG_REQUEST = `GET /sheet HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'x'.repeat(950)}\r\n\r\n`;
/** Seconds for what should be at once. */
const SOON = 3;

export const check: Lesson = {
  title: 'An application waits for a client that takes nothing',
  goal: 'Backpressure goes all the way: from the client, over the kernels and your program, to the application.',
  hints: [
    'The client has stopped reading. Who has the piece that the application made last, and who the thousand before it?',
    "socket.write() says false, and 'drain' says when to go on; or its callback - send(2), which blocks, or says " +
      'EAGAIN; RFC 9293 §3.8.6, the window.',
    "for await (const chunk of result) if (!socket.write(frame(chunk))) await drained(); and 'close' ends that wait, too.",
  ],
  anchor: 'server/README.md#downloads',
  lenient: [
    'what is kept in a file, where memory can be weighed: on Linux',
    'what the kernels take, and some MiB of yours',
    'chunks, or the end of the connection',
  ],
  byHand:
    'curl -sN --limit-rate 1k -m 3 -o /dev/null http://127.0.0.1:$PORT/flood & sleep 2; ps -o rss= -p $(lsof -t -i:$PORT -sTCP:LISTEN)  # KiB',
  solution: '3k',
  seconds: 20,
  async run(trial) {
    const server = await trial.start({ app: CONTRACT });
    await tellsTheAppThatItLeft(trial, server);
    await makesTheAppWait(trial, server);
    await asksAndTakesNothing(trial, server);
  },
  mistakes: [
    {
      name: 'asks-for-all',
      says: "A client takes nothing of its answer: the app was to wait, and it was asked for N of 64 MiB, and your program's memory has grown by N MiB",
      file: 'part3/server/outbox.ts',
      edits: [['if (this.#socket.writableNeedDrain) return this.#untilDrained();', '']],
    },
    {
      name: 'asks-for-all',
      says: "A client takes nothing of its answer: the app was to wait, and it was asked for N of 64 MiB, and your program's memory has grown by N MiB",
      file: 'part3/gateway/run-application.ts',
      edits: [
        [
          'for (const chunk of body) if (await this.#write(chunk, length)) break;',
          'for (const chunk of body) this.#write(chunk, length).catch(() => {});',
        ],
      ],
    },
    {
      name: 'answers-nobody',
      says: "A client asks N times and takes no answer: the next was to wait for the one before, and your program's memory has grown by N of N MiB",
      file: 'part3/server/connection.ts',
      edits: [['    if (wait) return this.#flushFirst(wait);\n', '']],
    },
    {
      name: 'never-goes-on',
      says: 'A client reads on, and after N MiB nothing comes any more',
      file: 'part3/server/outbox.ts',
      edits: [['    else waiting?.resolve();\n', '']],
    },
    {
      name: 'never-goes-on',
      says: 'A client asks N times and takes its answers late: after N MiB nothing comes any more',
      file: 'part3/server/connection.ts',
      edits: [['        if (this.#state === FLUSHING) this.#state = READING;\n', '']],
    },
    {
      name: 'sends-again',
      says: 'An answer that had to wait for its client is not what its app has said: piece N is another',
      file: 'part3/gateway/run-application.ts',
      edits: [
        [
          'if (wait) await wait;',
          'if (wait) {\n        await wait;\n        this.#writer.sendBody(chunk);\n      }',
        ],
      ],
    },
    {
      name: 'never-told',
      says: 'A client left while its app waited for it: close() of the result was never called',
      file: 'part3/gateway/run-application.ts',
      edits: [
        [
          '    this.#isOver = true;\n    this.#close();',
          '    this.#isOver = true;\n    this.#result = undefined;',
        ],
      ],
    },
  ],
};

/** An answer without an end, its client who takes nothing of it, and how many bytes the application was asked for. */
interface Flood {
  readonly client: RawClient;
  readonly app: Socket;
  readonly made: () => number;
  /** Whether the application has told all that it will tell. */
  readonly isClosed: () => boolean;
}

/** Comes to rest with an application that waits. */
async function openFlood(trial: Trial, server: ServerProcess, path: string): Promise<Flood> {
  const gate = await openGate();
  const client = await trial.connect(server);
  client.pause();
  const scales = weigh(server);
  await client.send(head(`GET ${path}?${gate.port}`));
  const app = await takeCall(gate.opened, client).finally(() => gate.close());
  let [pieces, isClosed] = [0, false];
  app.once('end', () => (isClosed = true));
  app.on('data', (told) => (pieces += told.length));
  const made = () => pieces * PIECE;
  await comesToRest(server, made, () => made() >= OFFERED);
  const growth = scales.growth();
  if (made() <= OFFERED / 2 || !isHoarded(growth, OFFERED))
    return { client, app, made, isClosed: () => isClosed };
  const asked = `it was asked for ${Math.round(made() / 1024 ** 2)} of ${inMiB(OFFERED)}`;
  const message = `A client takes nothing of its answer: the app was to wait, and ${asked}${tellGrowth(growth)}`;
  throw new Failure(message, { mistake: 'asks-for-all' });
}

async function makesTheAppWait(trial: Trial, server: ServerProcess): Promise<void> {
  const { client, app, made, isClosed } = await openFlood(trial, server, '/flood');
  const meanwhile = await trial.connect(server);
  await meanwhile.send(head('GET /hello'));
  if (!(await comesTrue(() => isWhole(meanwhile) || meanwhile.ending !== 'open', SOON)))
    throw timedOut('While an answer waits for its client, another client gets none');
  meanwhile.leave();

  await read(server, client, made() + MORE);
  app.end('enough');
  await read(server, client, Number.POSITIVE_INFINITY);
  await comesTrue(isClosed, SOON);
  expectInOrder(client, made());
  client.leave();
}

/** Lets a client read so many bytes, or to the end of its answer. */
async function read(server: ServerProcess, client: RawClient, bytes: number): Promise<void> {
  client.resume();
  const isEnough = () => client.size >= bytes || client.ending !== 'open';
  const moved = () => client.size;
  if ((await comesToRest(server, moved, isEnough)) || isOver(client)) return;
  const message = `A client reads on, and after ${inMiB(client.size)} nothing comes any more`;
  throw timedOut(message, 'never-goes-on');
}

/** Whether its answer is whole, or none that could become so. */
function isOver(client: RawClient): boolean {
  try {
    return isWhole(client);
  } catch {
    return true;
  }
}

/** All that was made is there, and in order. */
function expectInOrder(client: RawClient, made: number): void {
  const slow = 'An answer that had to wait for its client';
  const { body, isWhole: isAll, fault } = bodyOf(client);
  const wrong = (why: string) =>
    new Failure(`${slow} is not what its app has said: ${why}`, {
      mistake: 'sends-again',
    });
  if (fault) throw wrong(fault);
  for (let index = 0; index < body.length / PIECE; index++) {
    const piece = body.subarray(index * PIECE, (index + 1) * PIECE);
    const wanted = Buffer.alloc(PIECE, `${index}`.padStart(8)).subarray(0, piece.length);
    if (!piece.equals(wanted)) throw wrong(`piece ${index} is another`);
  }
  if (isAll && body.length === made) return;
  throw new Failure(
    `${slow} was to be whole, and ended after ${inMiB(body.length)} of ${inMiB(made)}`,
  );
}

function bodyOf({ received, ending }: RawClient) {
  const [reply] = seriesIn(received, ending).replies;
  const behind = received.subarray(received.indexOf('\r\n\r\n') + 4);
  const isChunked = reply && /chunked/i.test(fieldOf(reply, 'transfer-encoding') ?? '');
  const fault = isChunked ? readChunks(behind).fault?.message : undefined;
  return { body: Buffer.alloc(0), isWhole: false, ...reply, fault };
}

async function tellsTheAppThatItLeft(trial: Trial, server: ServerProcess): Promise<void> {
  const { client, made, isClosed } = await openFlood(trial, server, '/flood-now');
  if (made() === OFFERED) return; // nobody waits: all of it is in a file
  await client.reset();
  if (await comesTrue(isClosed, SOON)) return;
  const message =
    'A client left while its app waited for it: close() of the result was never called';
  throw timedOut(message, 'never-told');
}

/** Who asks on and takes no answers gets none made. */
async function asksAndTakesNothing(trial: Trial, server: ServerProcess): Promise<void> {
  const client = await trial.connect(server);
  client.pause();
  const scales = weigh(server);
  void client.pour(Buffer.from(LONG_REQUEST.repeat(REQUESTS)));
  const size = () => client.size;
  await comesToRest(server, size, () => false);
  const growth = scales.growth();
  if (growth > ANSWERS / 2) {
    const grown = `your program's memory has grown by ${Math.round(growth / 1024 ** 2)} of ${inMiB(ANSWERS)}`;
    const message = `A client asks ${REQUESTS} times and takes no answer: the next was to wait for the one before, and ${grown}`;
    throw new Failure(message, { mistake: 'answers-nobody' });
  }
  client.resume();
  const isDone = () => client.size > ANSWERS || client.ending !== 'open'; // so many on one connection may be too many
  if (await comesToRest(server, size, isDone)) return client.leave();
  const message = `A client asks ${REQUESTS} times and takes its answers late: after ${inMiB(client.size)} nothing comes any more`;
  throw timedOut(message, 'never-goes-on');
}
