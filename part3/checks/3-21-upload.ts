import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Lesson } from '../../shared/checks/check.ts';
import { answerOf, comesTrue, isWhole, takeAnswer } from '../../shared/checks/run/clients.ts';
import { CONTRACT } from '../../shared/checks/run/contract.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import { head, takeCall } from '../../shared/checks/run/gateway.ts';
import {
  comesToRest,
  inMiB,
  isHoarded,
  Pouring,
  tellGrowth,
  timedOut,
  weigh,
} from '../../shared/checks/run/pace.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import { openGate } from '../../shared/harness/gate.ts';
import { hasProc, isReadUp } from '../../shared/harness/proc.ts';
import type { RawClient } from '../../shared/harness/raw-client.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

const PIECE = 256 * 1024;
/** Several times of what the kernels between a client and a server take. */
const OFFERED = 32 * 1024 ** 2;
/** Pieces of at most 64 KiB that the application reads before it stops again: 1 MiB. */
const SOME = 16;
/** Seconds for a request to reach the application; some servers take the whole body first. */
const CALL = 0.5;
/** Seconds in which who reads ahead has read a few bytes. */
const AT_ONCE = 0.3;

/** What comes first, in packets so small that who keeps each in a place of its own needs many; and nobody reads it yet. */
const CRUMBS = Array.from({ length: 9 }, (_, i) => Buffer.from(`${i}`));

export const check: Lesson = {
  title: 'Who sends a body waits until the application reads it',
  goal: 'Who does not ask does not get: a server that reads only when it is asked to needs no memory for the rest.',
  hints: [
    'The application has not called read(). Who has the bytes that the client has sent, and how many can there be?',
    "socket.pause() and resume(), or 'readable' and read(); RFC 9293 §3.8.6, the window - a server that does not " +
      'call recv(2) lets the receive buffer fill up, and the client’s send(2) blocks.',
    'In read(): take what is here; if there is nothing, resume() and wait for it. On data that nobody waits for: ' +
      'keep it, and pause().',
  ],
  anchor: 'server/README.md#uploads',
  lenient: [
    'a body that is kept in a file until the application reads it, where memory can be weighed: on Linux',
    'what the kernels take, and some MiB of yours',
    'a limit of the body above 32 MiB',
  ],
  byHand:
    'head -c 100000000 /dev/zero | curl -s -m 3 -T - http://127.0.0.1:$PORT/waits & sleep 2; ps -o rss= -p $(lsof -t -i:$PORT -sTCP:LISTEN)  # KiB',
  solution: '3k',
  seconds: 30,
  async run(trial) {
    for (const isChunked of [false, true]) {
      const server = await trial.start({ app: CONTRACT }); // one whose memory holds nothing of an earlier body
      await upload(trial, server, isChunked);
      await trial.end();
    }
  },
  mistakes: [
    {
      name: 'reads-ahead',
      says: "A body with a length, and an app that reads nothing of it: the client was to wait, and N of 32 MiB were taken, and your program's memory has grown by N MiB",
      file: 'part3/server/connection.ts',
      edits: [
        ['if (this.#isAhead && this.#parser.bufferedBytes > READ_AHEAD) this.#socket.pause();', ''],
      ],
    },
    {
      name: 'reads-all-once-asked',
      says: "A body with a length, and an app that has asked for 1 MiB of it: the client was to wait, and N of 32 MiB were taken, and your program's memory has grown by N MiB",
      file: 'part3/gateway/input-stream.ts',
      edits: [
        [
          'if (size > 0 && this.#rest.length === 0) await this.#fetch();',
          'if (!this.#hasEnded) this.#rest = await this.#readAll();',
        ],
      ],
    },
    {
      name: 'reads-all-once-asked',
      says: "A body with a length, and an app that has asked for 1 MiB of it: the client was to wait, and N of 32 MiB were taken, and your program's memory has grown by N MiB",
      file: 'part3/server/connection.ts',
      edits: [
        ['if (this.#isAhead && this', 'if (this.#isAhead && !this.#hasPaused && this'],
        ['  #isLast = false;\n', '  #isLast = false;\n  #hasPaused = false;\n'],
        [
          'if (this.#socket.isPaused()) this.#socket.resume();',
          'this.#hasPaused ||= this.#socket.isPaused();\n    this.#socket.resume();',
        ],
      ],
    },
    {
      name: 'never-reads-on',
      says: 'A body with a length: the app asked for 16 pieces of it, one by one, and got N',
      file: 'part3/server/connection.ts',
      edits: [['if (this.#socket.isPaused()) this.#socket.resume();', '']],
    },
    {
      name: 'loses-what-waited',
      says: 'A body with a length, read to its end: the client asked, and had no whole answer in 3 s',
      isNamed: false,
      file: 'part3/http/receive-buffer.ts',
      edits: [['Buffer.concat([before, bytes])', 'bytes']],
    },
    {
      name: 'loses-what-waited',
      says: 'A body in chunks, that waited for its app: its SHA-256 is not that of the bytes which were sent',
      isNamed: false,
      file: 'part3/http/body-framing.ts',
      edits: [
        [
          'if (before.left === 0) this.#state = AT_DATA_END;\n        return data;',
          'if (before.left === 0) this.#state = AT_DATA_END;\n        return data?.length === 65_536 ? data.subarray(1) : data;',
        ],
      ],
    },
  ],
};

async function upload(trial: Trial, server: ServerProcess, isChunked: boolean): Promise<void> {
  const what = `A body ${isChunked ? 'in chunks' : 'with a length'}`;
  const large = Array.from({ length: OFFERED / PIECE }, (_, i) => Buffer.alloc(PIECE, `${i} `));
  const pieces = [...CRUMBS, ...large];
  const gate = await openGate();
  try {
    const client = await trial.connect(server);
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const framing = isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`;
    await client.send(head(`POST /upload?${gate.port}`, framing));
    let app: Socket | undefined;
    gate.opened.then((socket) => (app = socket)).catch(() => {});
    await comesTrue(() => app !== undefined || client.ending !== 'open', CALL);
    const scales = weigh(server);
    const sent = isChunked ? inChunks(pieces) : [...pieces];
    for (const _ of CRUMBS) {
      await client.pour(sent.shift() ?? CRLF);
      const isRead = () => !hasProc || isReadUp(server.port, client.port);
      if (!(await comesTrue(isRead, AT_ONCE))) break; // who reads nothing ahead has them where they are
    }
    const pouring = new Pouring(client, sent);
    const rests = (isOver = () => pouring.isOver) =>
      comesToRest(
        server,
        () => pouring.taken + client.size,
        () => isOver() || isRefused(client),
      );
    const judge = (whom: string, mistake: string) => {
      if (isRefused(client)) throw refused(what, client);
      const growth = scales.growth();
      if (pouring.taken <= OFFERED / 2 || !isHoarded(growth, OFFERED)) return;
      const took = `${Math.round(pouring.taken / 1024 ** 2)} of ${inMiB(OFFERED)} were taken`;
      const message = `${what}, and an app that ${whom}: the client was to wait, and ${took}${tellGrowth(growth)}`;
      throw new Failure(message, { mistake });
    };

    await rests();
    judge('reads nothing of it', 'reads-ahead');

    const words = await takeCall(gate.opened, client);
    let told = 0;
    words.on('data', (bytes) => (told += bytes.length));
    words.write('.'.repeat(SOME));
    await rests(() => told === SOME && pouring.isOver);
    judge('has asked for 1 MiB of it', 'reads-all-once-asked');
    if (told < SOME) {
      const message = `${what}: the app asked for ${SOME} pieces of it, one by one, and got ${told}`;
      throw timedOut(message, 'never-reads-on');
    }

    words.end();
    await rests(() => pouring.isOver && isWhole(client));
    await expectAll(what, client, pouring, pieces);
    client.leave();
  } finally {
    gate.close();
  }
}

/** Whether there is an answer already, though nobody can have made one, or no more connection. */
function isRefused(client: RawClient): boolean {
  if (client.ending !== 'open') return true;
  return client.size > 0 && (answerOf(client)?.status ?? 0) >= 400;
}

function refused(what: string, client: RawClient): Failure {
  const { received, ending } = client;
  const status = answerOf(client)?.status;
  const got = status ? `it was answered ${status}` : 'the connection was ended';
  return new Failure(`${what} of ${inMiB(OFFERED)}: expected it to be taken, and ${got}`, {
    cause: ending === 'rst' && !status ? 'reset' : 'wrong',
    received,
    at: 9,
  });
}

async function expectAll(
  what: string,
  client: RawClient,
  pouring: Pouring,
  pieces: readonly Buffer[],
): Promise<void> {
  if (!pouring.isOver && client.ending === 'open') {
    const took = `${Math.round(pouring.taken / 1024 ** 2)} of ${inMiB(OFFERED)}`;
    const message = `${what}: the app reads on, and after ${took} your program takes no more`;
    throw timedOut(message, 'never-reads-on');
  }
  const answer = await takeAnswer(client, `${what}, read to its end: the client`, 3);
  if (answer.status !== 200) throw refused(what, client);
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  if (answer.text === hash.digest('hex')) return;
  const message = `${what}, that waited for its app: its SHA-256 is not that of the bytes which were sent`;
  throw new Failure(message, { received: client.received, at: client.received.length });
}

function inChunks(pieces: readonly Buffer[]): Buffer[] {
  const chunks = pieces.map((piece) =>
    Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, CRLF]),
  );
  return [...chunks, Buffer.from('0\r\n\r\n')];
}

const CRLF = Buffer.from('\r\n');
