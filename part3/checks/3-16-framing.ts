import type { Lesson } from '../../shared/checks/check.ts';
import { headerIn } from '../../shared/checks/run/clients.ts';
import { CONTRACT } from '../../shared/checks/run/contract.ts';
import type { Failure } from '../../shared/checks/run/failure.ts';
import {
  Dialogue,
  echoOf,
  named,
  saysClose,
  type Turn,
  toRequest,
} from '../../shared/checks/run/messages.ts';
import { quote } from '../../shared/checks/run/response.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

const PIECES = 'one, two, three\n';
const NEXT = toRequest('GET /echo/next');
/** About the message and its connection, and no part of what HEAD asks for. */
const OF_THE_MESSAGE = /^(date|connection|keep-alive|transfer-encoding|content-length)$/i;

export const check: Lesson = {
  title: 'The server chooses how a client knows where an answer ends',
  goal: 'A length, chunks, the end of the connection, or nothing at all: each has its place, and no answer has two.',
  hints: [
    'The application gives you pieces and no length. How does the client know which was the last, if the connection goes on?',
    'RFC 9112 §6.1 and §7.1: Transfer-Encoding: chunked, to HTTP/1.1 only; §6.3: HEAD, 204 and 304 end with their head; RFC 9110 §8.6: no Content-Length in a 204. PEP 3333, "Handling the Content-Length Header".',
    'One function that takes method, version, status and length, and says none | length | chunked | close. For chunked: size in hex, CR LF, piece, CR LF; skip empty pieces; 0 CR LF CR LF at the end, also where the connection ends behind it.',
  ],
  anchor: 'http/README.md#where-an-answer-ends',
  lenient: [
    'a Content-Length, if it is right, where the whole body was there before its head left',
    'Content-Length and Transfer-Encoding in the answer to HEAD, and in a 304: left out, or those of GET',
    'chunks of which size',
    'HEAD, 204, 304: closed behind them, if the answer says so',
  ],
  byHand:
    'curl -iN http://127.0.0.1:$PORT/pieces; curl -iN0 http://127.0.0.1:$PORT/pieces; curl -I http://127.0.0.1:$PORT/pieces',
  solution: '3i',
  seconds: 10,
  run: checkFraming,
  mistakes: [
    {
      name: 'closes-instead',
      says: 'GET /pieces: expected chunks; it ends with its connection, and nobody can tell its end from a cut',
      file: 'part3/http/response-writer.ts',
      edits: [["    if (this.#question.version === 'HTTP/1.1') return { kind: 'chunked' };\n", '']],
    },
    {
      name: 'empty-chunk',
      says: 'GET /pieces: the body ends behind "one, ": an empty piece was sent as a chunk of length 0, which is the last; RFC 9112 §7.1',
      file: 'part3/http/response-writer.ts',
      edits: [
        ['if (size === 0 || framing === undefined', 'if (framing === undefined'],
        [
          '  checkFits(size: number): void {\n',
          "  checkFits(size: number): void {\n    if (size === 0 && this.#framing?.kind === 'chunked') this.#send('0\\r\\n\\r\\n');\n",
        ],
      ],
    },
    {
      name: 'length-and-chunks',
      says: 'GET /pieces: Content-Length beside Transfer-Encoding; RFC 9112 §6.2',
      file: 'part3/http/response-writer.ts',
      edits: [
        [
          "'Transfer-Encoding: chunked\\r\\n'",
          "'Transfer-Encoding: chunked\\r\\nContent-Length: 5\\r\\n'",
        ],
      ],
    },
    {
      name: 'no-last-chunk',
      says: 'GET /pieces with "Connection: close": the last chunk, of length 0, is missing',
      file: 'part3/http/response-writer.ts',
      edits: [
        [
          "if (framing?.kind === 'chunked') this.#send",
          "if (framing?.kind === 'chunked' && this.keepAlive) this.#send",
        ],
      ],
    },
    {
      name: 'chunks-to-old-clients',
      says: 'GET /pieces of HTTP/1.0: it knows no chunks; RFC 9112 §6.1',
      file: 'part3/http/response-writer.ts',
      edits: [
        ["if (this.#question.version === 'HTTP/1.1') return", 'if (this.#question.version) return'],
      ],
    },
    {
      name: 'no-length',
      says: 'GET /pieces of HTTP/1.0 with keep-alive: the answer has neither a length nor chunks, and its connection stays open: where does it end?',
      file: 'part3/http/response-writer.ts',
      edits: [
        [
          "    this.keepAlive = false;\n    return { kind: 'close' };",
          "    return { kind: 'close' };",
        ],
      ],
    },
    {
      name: 'head-with-body',
      says: 'HEAD /pieces: behind its head came "5\\r\\none, \\r\\n5", and not the next answer; RFC 9112 §6.3',
      file: 'part3/http/response-writer.ts',
      edits: [["this.#question.method === 'HEAD' || isBodiless", 'isBodiless']],
    },
    {
      name: 'length-of-nothing',
      says: 'HEAD /pieces: its Content-Length is that of GET, 16, or left out; got 0; RFC 9110 §8.6',
      file: 'part3/http/response-writer.ts',
      edits: [
        [
          'if (length !== undefined && !isBodiless) head += `Content-Length: ${length}\\r\\n`;',
          "if (length !== undefined && !isBodiless) head += `Content-Length: ${length}\\r\\n`;\n    else if (this.#question.method === 'HEAD') head += 'Content-Length: 0\\r\\n';",
        ],
      ],
    },
    {
      name: 'head-of-its-own',
      says: 'HEAD /pieces: Content-Type of GET is missing; RFC 9110 §9.3.2',
      file: 'part3/http/response-writer.ts',
      edits: [
        [
          'head += `${name}: ${value}\\r\\n`;',
          "if (this.#question.method !== 'HEAD') head += `${name}: ${value}\\r\\n`;",
        ],
      ],
    },
    {
      name: 'length-in-204',
      says: 'GET /204: Content-Length: 0, and a 204 has none; RFC 9110 §8.6',
      file: 'part3/http/response-writer.ts',
      edits: [
        [
          '    if (!hasDate) head',
          "    if (this.status === 204) head += 'Content-Length: 0\\r\\n';\n    if (!hasDate) head",
        ],
      ],
    },
    {
      name: 'chunks-in-204',
      says: 'GET /204: Transfer-Encoding: chunked, and a 204 has none; RFC 9112 §6.1',
      file: 'part3/http/response-writer.ts',
      edits: [
        [
          "if (this.#framing.kind === 'chunked') head",
          "if (this.#framing.kind === 'chunked' || this.status === 204) head",
        ],
      ],
    },
    {
      name: 'body-in-304',
      says: 'GET /304: behind its head came "not for the", and not the next answer; RFC 9112 §6.3',
      file: 'part3/http/response-writer.ts',
      edits: [['this.status === 204 || this.status === 304;', 'this.status === 204;']],
    },
  ],
};

async function checkFraming(trial: Trial): Promise<void> {
  const server = await trial.start({ app: CONTRACT });
  await expectChunks(trial, server);
  await expectOldWay(trial, server, 'GET /pieces of HTTP/1.0', []);
  await expectOldWay(trial, server, 'GET /pieces of HTTP/1.0 with keep-alive', [
    'Connection: keep-alive',
  ]);
  await expectHead(trial, server);
  const empty = await takeBodiless(trial, server, 'GET /204', 'body-in-204');
  for (const [name, value] of empty.headers) {
    const isLength = /^content-length$/i.test(name);
    if (!isLength && !/^transfer-encoding$/i.test(name)) continue;
    const [clause, mistake] = isLength
      ? ['RFC 9110 §8.6', 'length-in-204']
      : ['RFC 9112 §6.1', 'chunks-in-204'];
    throw empty.wrong(`GET /204: ${name}: ${value}, and a 204 has none; ${clause}`, name, mistake);
  }
  const known = await takeBodiless(trial, server, 'GET /304', 'body-in-304');
  if (headerIn(known, 'Content-Length') !== '0') return;
  const told = 'GET /304: its Content-Length is that of a 200, or left out; got 0; RFC 9110 §8.6';
  throw known.wrong(told, 'content-length', 'length-of-nothing');
}

/** To HTTP/1.1, whether the connection goes on behind it or ends. */
async function expectChunks(trial: Trial, server: ServerProcess): Promise<void> {
  const talk = await Dialogue.open(trial, server);
  await talk.say(toRequest('GET /pieces') + NEXT);
  const kept = await takePieces(talk, 'GET /pieces');
  if (!saysClose(kept)) await talk.expect('A request behind GET /pieces', echoOf('GET /echo/next'));
  talk.leave();

  const last = await Dialogue.open(trial, server);
  await last.say(toRequest('GET /pieces', ['Connection: close']));
  await takePieces(last, 'GET /pieces with "Connection: close"');
  await last.expectEnd('GET /pieces said close');
  last.leave();
}

/** The three pieces, to HTTP/1.1: in chunks, or with their length by who has gathered them. */
async function takePieces(talk: Dialogue, what: string): Promise<Turn> {
  const turn = await talk.take(what).catch((error: Failure) => {
    const isCut = /last chunk/.test(error.message);
    throw isCut ? named(error, 'no-last-chunk') : error;
  });
  const [coding, length] = [headerIn(turn, 'Transfer-Encoding'), headerIn(turn, 'Content-Length')];
  if (coding !== undefined && length !== undefined) {
    const told = `${what}: Content-Length beside Transfer-Encoding; RFC 9112 §6.2`;
    throw talk.wrong(told, placeOf(talk, turn, 'content-length'), 'length-and-chunks');
  }
  if (coding === undefined && length === undefined) {
    const told = `${what}: expected chunks; it ends with its connection, and nobody can tell its end from a cut`;
    throw talk.wrong(told, turn.at, 'closes-instead');
  }
  if (coding !== undefined && turn.text !== PIECES && PIECES.startsWith(turn.text)) {
    const told = `${what}: the body ends behind ${quote(turn.text)}: an empty piece was sent as a chunk of length 0, which is the last; RFC 9112 §7.1`;
    throw talk.wrong(told, turn.at + turn.size - 5, 'empty-chunk');
  }
  return talk.compare(turn, what, PIECES);
}

/** To HTTP/1.0: no chunks; what has no length ends with its connection, whatever the client has asked for. */
async function expectOldWay(
  trial: Trial,
  server: ServerProcess,
  what: string,
  fields: readonly string[],
): Promise<void> {
  const talk = await Dialogue.open(trial, server);
  await talk.say(toRequest('GET /pieces HTTP/1.0', fields));
  const turn = await talk.take(what);
  if (headerIn(turn, 'Transfer-Encoding') !== undefined) {
    const told = `${what}: it knows no chunks; RFC 9112 §6.1`;
    throw talk.wrong(told, placeOf(talk, turn, 'transfer-encoding'), 'chunks-to-old-clients');
  }
  talk.compare(turn, what, PIECES);
  if (headerIn(turn, 'Content-Length') === undefined) await talk.expectEnd(what);
  talk.leave();
}

/** The head of GET, and no body. */
async function expectHead(trial: Trial, server: ServerProcess): Promise<void> {
  const talk = await Dialogue.open(trial, server);
  await talk.say(toRequest('GET /pieces', ['Connection: close']));
  const full = await talk.take('GET /pieces');
  talk.leave();
  const head = await takeBodiless(trial, server, 'HEAD /pieces', 'head-with-body');
  const length = headerIn(head, 'Content-Length');
  if (length !== undefined && length !== `${PIECES.length}`) {
    const told = `HEAD /pieces: its Content-Length is that of GET, ${PIECES.length}, or left out; got ${length}; RFC 9110 §8.6`;
    throw head.wrong(told, 'content-length', 'length-of-nothing');
  }
  for (const [name, value] of full.headers) {
    if (OF_THE_MESSAGE.test(name) || headerIn(head, name) === value) continue;
    const told = `HEAD /pieces: ${name} of GET is ${headerIn(head, name) ? 'another' : 'missing'}; RFC 9110 §9.3.2`;
    throw head.wrong(told, 'http', 'head-of-its-own');
  }
}

interface Bodiless extends Turn {
  /** A failure that points at a field of it. */
  wrong(message: string, field: string, mistake: string): Failure;
}

/** An answer that ends with its head: the next one begins at once, unless this one has said that there is none. */
async function takeBodiless(
  trial: Trial,
  server: ServerProcess,
  what: string,
  mistake: string,
): Promise<Bodiless> {
  const talk = await Dialogue.open(trial, server);
  await talk.say(toRequest(what) + NEXT);
  const turn = await talk.take(what, 'HEAD');
  const wanted = /\d+$/.exec(what)?.[0] ?? '200';
  const { status, at, size } = turn;
  if (`${status}` !== wanted) {
    throw talk.wrong(`${what}: expected ${wanted}, got ${status}`, at + 9);
  }
  const next = await talk.peek(11);
  if (next !== '' && !next.startsWith('HTTP/1.')) {
    const told = `${what}: behind its head came ${quote(next.slice(0, 11))}, and not the next answer; RFC 9112 §6.3`;
    throw talk.wrong(told, at + size, mistake);
  }
  if (!saysClose(turn)) await talk.expect(`A request behind ${what}`, echoOf('GET /echo/next'));
  talk.leave();
  const wrong = (message: string, field: string, name: string) =>
    talk.wrong(message, placeOf(talk, turn, field), name);
  return { ...turn, wrong };
}

/** Where in all that came a field of an answer stands. */
function placeOf({ client }: Dialogue, { at, size }: Turn, field: string): number {
  const text = client.received.toString('latin1', at, at + size);
  return at + Math.max(0, text.search(new RegExp(`^${field}`, 'im')));
}
