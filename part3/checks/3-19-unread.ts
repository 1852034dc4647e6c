import type { Lesson } from '../../shared/checks/check.ts';
import { comesTrue } from '../../shared/checks/run/clients.ts';
import { CONTRACT } from '../../shared/checks/run/contract.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import { saysClose } from '../../shared/checks/run/messages.ts';
import { comesToRest, Pouring, takeTurn, timedOut } from '../../shared/checks/run/pace.ts';
import { type Reply, seriesIn } from '../../shared/checks/run/series.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import type { RawClient } from '../../shared/harness/raw-client.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n';
const NEXT = 'GET /brief HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
/** What an application reads that reads some, and what stands before the request in each body. */
const BEGIN = '0123456789';
/** Seconds in which an answer comes that does not wait for the rest of the body; some wait, and may. */
const AT_ONCE = 0.3;
/** Bytes of a client that sends on without reading: all, and those that it sends at a time. */
const LONG = 430_000;
const PIECE = 20 * 1024;
const SOON = 3;

export const check: Lesson = {
  title: 'A body that nobody read is not the next request',
  goal: 'What the application did not read is still on the connection: read it and forget it, or close.',
  hints: [
    'The application has answered, and read nothing. What are the next bytes of this connection, and whose are they?',
    'RFC 9112 §9.3: a server MUST read the entire request body or close the connection after sending its response; ' +
      '§9.6 on closing in stages - shutdown(2) with SHUT_WR, then recv(2) to its end.',
    'Behind the answer: read up to some bytes of the rest, by its length or its chunks, and go on with the next head; ' +
      'if it is longer, socket.end(), and read and forget until the client ends, too.',
  ],
  anchor: 'gateway/README.md#what-nobody-read',
  lenient: [
    'the connection may be kept or closed, announced or not',
    'the whole body may be read before the application is called',
  ],
  byHand: 'printf $REQUEST | nc -q 1 127.0.0.1 $PORT',
  solution: '3j',
  seconds: 20,
  async run(trial) {
    const server = await trial.start({ app: CONTRACT });
    for (const one of everyCase()) await isNotTheNext(trial, server, one);
    for (const isChunked of [false, true]) await answersWhoStillSends(trial, server, isChunked);
  },
  mistakes: [
    {
      name: 'body-is-a-request',
      says: 'POST /ignores with a body of N bytes, with a length, all at once: the body was answered as if it were the next request',
      file: 'part3/server/connection.ts',
      edits: [
        [
          'readonly #parser: RequestParser;',
          '#parser: RequestParser;\n  #packet = Buffer.alloc(0);',
        ],
        ['this.#parser.receive(bytes);', 'this.#packet = bytes;\n    this.#parser.receive(bytes);'],
        [
          "else this.#state = { kind: 'discarding', leftBytes: this.#service.limits.maxDrainBytes };",
          `else {
      this.#parser = new RequestParser(this.#service.limits); // behind the head comes the next one
      this.#parser.receive(this.#packet.subarray(this.#packet.indexOf('\\r\\n\\r\\n') + 4));
      this.#state = READING;
    }`,
        ],
      ],
    },
    {
      name: 'next-is-lost',
      says: 'POST /ignores with a body of N bytes, with a length, all at once: the request behind the body had no answer in 3 s, and the connection is still open',
      file: 'part3/server/connection.ts',
      edits: [
        ['readonly #parser: RequestParser;', '#parser: RequestParser;'],
        [
          "else this.#state = { kind: 'discarding', leftBytes: this.#service.limits.maxDrainBytes };",
          `else {
      this.#parser = new RequestParser(this.#service.limits); // and what is here is forgotten
      this.#state = READING;
    }`,
        ],
      ],
    },
    {
      name: 'rest-is-a-request',
      says: 'POST /ignores with a body of N bytes, with a length, the body behind the answer: the body was answered as if it were the next request',
      file: 'part3/server/connection.ts',
      edits: [
        ['readonly #parser: RequestParser;', '#parser: RequestParser;'],
        [
          'if (event) return true;\n    this.#clock',
          `if (event) return true;
    this.#parser = new RequestParser(this.#service.limits); // all that is here is read
    this.#state = READING;
    this.#clock`,
        ],
      ],
    },
    {
      name: 'next-begins-too-early',
      says: 'POST /ignores with a body of N bytes, in chunks, all at once: the request behind the body was answered 400 "400 Bad Request: a character that cannot": expected its own answer',
      file: 'part3/server/connection.ts',
      edits: [
        [
          'readonly #parser: RequestParser;',
          '#parser: RequestParser;\n  #packet = Buffer.alloc(0);',
        ],
        ['this.#parser.receive(bytes);', 'this.#packet = bytes;\n    this.#parser.receive(bytes);'],
        [
          'else if (body.hasEnded) this.#state = READING;',
          `else if (body.hasEnded) this.#state = READING;
    else if (request.framing.kind === 'chunked') {
      this.#parser = new RequestParser(this.#service.limits); // no length, no body
      this.#parser.receive(this.#packet.subarray(this.#packet.indexOf('\\r\\n\\r\\n') + 4));
      this.#state = READING;
    }`,
        ],
      ],
    },
    {
      name: 'answer-is-lost',
      says: 'POST /ignores with a length, and a client that sends on without reading: its answer was lost, the connection was reset',
      file: 'part3/server/connection.ts',
      edits: [
        [
          "this.#socket.end(() => this.#clock.start('client: FIN'));\n    this.#socket.resume();",
          'this.#socket.destroySoon();',
        ],
      ],
    },
  ],
};

interface Case {
  readonly path: string;
  readonly isChunked: boolean;
  readonly size: number;
  readonly arrival: (typeof ARRIVALS)[number];
}

const LATE = 'the body behind the answer';
const ARRIVALS = ['all at once', LATE, 'half of it behind the answer'] as const;

/** Short ones, and one that is longer than most servers care to read on for. */
function* everyCase(): Generator<Case> {
  for (const size of [1, 5_000]) {
    for (const arrival of ARRIVALS) {
      for (const isChunked of [false, true]) {
        yield { path: '/ignores', isChunked, size, arrival };
        if (arrival !== LATE) yield { path: '/reads-some', isChunked, size, arrival };
      }
    }
  }
}

async function isNotTheNext(trial: Trial, server: ServerProcess, one: Case): Promise<void> {
  const body = BEGIN + SMUGGLED.repeat(one.size);
  const framing = one.isChunked ? 'in chunks' : 'with a length';
  const what = `POST ${one.path} with a body of ${body.length.toLocaleString('en')} bytes, ${framing}, ${one.arrival}`;
  const sent = one.isChunked ? inChunks(body) : body;
  const first = { [ARRIVALS[0]]: sent.length, [LATE]: 0, [ARRIVALS[2]]: sent.length >> 1 }[
    one.arrival
  ];
  const client = await trial.connect(server);
  const head = headOf(one.path, one.isChunked ? undefined : body.length);
  const pour = (text: string) => client.pour(Buffer.from(text)); // what is wrong shows in what comes back
  if (first === sent.length) {
    void pour(head + sent + NEXT);
  } else {
    void pour(head + sent.slice(0, first));
    await comesTrue(() => hasAnswer(client) || client.ending !== 'open', AT_ONCE);
    if (client.ending === 'open') void pour(sent.slice(first) + NEXT);
  }
  const isOver = () =>
    client.ending !== 'open' || Boolean(finals(client)[1]?.isWhole) || isLast(client);
  const isTold = await comesTrue(isOver, SOON);
  judge(server, client, one, what, isTold);
  client.leave();
}

function judge(
  server: ServerProcess,
  client: RawClient,
  { path, arrival }: Case,
  what: string,
  isTold: boolean,
): void {
  const [answer, next, ...more] = finals(client);
  const { rest } = seriesIn(client.received, client.ending);
  const told = { received: client.received.subarray(0, 4096), at: next?.at ?? 0 };
  const wrong = (why: string, mistake?: string) =>
    new Failure(`${what}: ${why}`, { ...told, ...(mistake && { mistake }) });
  const all = [answer, next, ...more];
  if (all.some((one) => `${one?.body}` === 'smuggled') || /^smuggled$/m.test(printed(server))) {
    const isLate = arrival !== ARRIVALS[0];
    const name = isLate ? 'rest-is-a-request' : 'body-is-a-request';
    throw wrong('the body was answered as if it were the next request', name);
  }
  if (!answer?.isWhole) {
    const cut = client.ending === 'rst' ? 'the connection was reset' : 'none came';
    throw wrong(`expected a whole answer, and ${client.size === 0 ? cut : 'it was cut'}`);
  }
  const wanted = path === '/ignores' ? 'not read\n' : BEGIN;
  if (answer.status !== 200 || `${answer.body}` !== wanted)
    throw wrong(`expected 200 ${JSON.stringify(wanted)}, got ${tell(answer)}`);
  if (rest.length > 0 || more.length > 0) throw wrong('behind its answers there is more');
  if (next?.isWhole && `${next.body}` !== 'five\n') {
    const why = `the request behind the body was answered ${tell(next)}: expected its own answer`;
    throw wrong(why, next.status === 400 ? 'next-begins-too-early' : undefined);
  }
  if (isTold) return;
  const silence =
    'the request behind the body had no answer in 3 s, and the connection is still open';
  throw timedOut(`${what}: ${silence}`, 'next-is-lost');
}

/** A client that reads nothing while it sends still gets the answer, though the server has closed in the meantime. */
async function answersWhoStillSends(
  trial: Trial,
  server: ServerProcess,
  isChunked: boolean,
): Promise<void> {
  const body = 'x'.repeat(LONG);
  const sent = Buffer.from(isChunked ? inChunks(body) : body);
  const client = await trial.connect(server);
  client.pause();
  void client.pour(Buffer.from(headOf('/ignores', isChunked ? undefined : body.length)));
  const pieces = Array.from({ length: Math.ceil(sent.length / PIECE) }, (_, i) =>
    sent.subarray(i * PIECE, (i + 1) * PIECE),
  );
  // The first pieces find the server answering; the others find that it has answered, and what it did then.
  for (const some of [pieces.slice(0, 5), pieces.slice(5)]) {
    const pouring = new Pouring(client, some);
    await comesToRest(
      server,
      () => pouring.taken,
      () => pouring.isOver,
    );
    await takeTurn(trial, server);
  }
  client.resume();
  await comesTrue(() => hasAnswer(client) || client.ending !== 'open', SOON);
  const [answer] = finals(client);
  const how = isChunked ? 'in chunks' : 'with a length';
  const what = `POST /ignores ${how}, and a client that sends on without reading`;
  client.leave();
  if (answer?.isWhole && `${answer.body}` === 'not read\n') return;
  const isReset = client.ending === 'rst';
  const why = isReset ? 'its answer was lost, the connection was reset' : 'it had no answer in 3 s';
  throw new Failure(`${what}: ${why}`, {
    cause: isReset ? 'reset' : 'timed out',
    ...(isReset && { mistake: 'answer-is-lost' }),
  });
}

function headOf(path: string, length: number | undefined): string {
  const framing = length === undefined ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`;
  return `POST ${path} HTTP/1.1\r\nHost: localhost\r\n${framing}\r\n\r\n`;
}

/** The beginning in a chunk of its own, so that the next one begins with a request, too. */
function inChunks(body: string): string {
  const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
  return chunk(body.slice(0, BEGIN.length)) + chunk(body.slice(BEGIN.length)) + chunk('');
}

/** The answers so far, the last of which may be cut. */
function finals({ received, ending }: RawClient): readonly Reply[] {
  return seriesIn(received, ending).replies.filter(({ status }) => status >= 200);
}

function hasAnswer(client: RawClient): boolean {
  return Boolean(finals(client)[0]?.isWhole);
}

/** Whether the first answer is whole, and says that no other follows. */
function isLast(client: RawClient): boolean {
  const [answer] = finals(client);
  return Boolean(answer?.isWhole && saysClose(answer));
}

function tell({ status, body }: Reply): string {
  return `${status} ${JSON.stringify(body.toString().slice(0, 40))}`;
}

function printed({ stdout, stderr }: ServerProcess): string {
  return stdout + stderr;
}
