import type { Lesson } from '../../shared/checks/check.ts';
import { CONTRACT } from '../../shared/checks/run/contract.ts';
import {
  cutsOf,
  Dialogue,
  echoOf,
  expectNotWhole,
  expectRefusal,
  SMUGGLED,
  saysClose,
  toRequest,
} from '../../shared/checks/run/messages.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

const CHUNKED = 'Transfer-Encoding: chunked';
const END = '0\r\n\r\n';
const toChunk = (data: string) => `${data.length.toString(16)}\r\n${data}\r\n`;
const NEXT = toRequest('GET /echo/next');

/** A body, and what it is in chunks; the mistake of who reads something else, and of who goes on in the wrong place. */
interface Body {
  readonly what: string;
  readonly chunks: string;
  readonly body: string;
  readonly mistake?: string;
  readonly behind?: string;
}

const LIKE_AN_END = `0\r\n\r\n${SMUGGLED}`;
const LARGE = 'x'.repeat(70_000);
const LETTERS = [...'many of one byte'];

const BODIES: readonly Body[] = [
  { what: 'one chunk', chunks: `5\r\nhello\r\n${END}`, body: 'hello', mistake: 'knows-no-chunks' },
  { what: 'many chunks', chunks: LETTERS.map(toChunk).join('') + END, body: LETTERS.join('') },
  {
    what: 'a chunk whose size is in small letters',
    chunks: `b\r\nhello world\r\n${END}`,
    body: 'hello world',
    mistake: 'decimal-size',
  },
  {
    what: 'a chunk whose size is in capitals',
    chunks: `B\r\nhello world\r\n${END}`,
    body: 'hello world',
    mistake: 'small-letters-only',
  },
  {
    what: 'chunks whose sizes have leading zeros',
    chunks: '0005\r\nhello\r\n000\r\n\r\n',
    body: 'hello',
    mistake: 'one-zero-only',
  },
  { what: 'a chunk of 70,000 bytes', chunks: toChunk(LARGE) + END, body: LARGE },
  {
    what: 'a chunk that looks like an end',
    chunks: toChunk(LIKE_AN_END) + END,
    body: LIKE_AN_END,
    mistake: 'reads-to-the-line-end',
  },
  {
    what: 'chunks with an extension',
    chunks: '5;a\r\nhello\r\n0;b=c\r\n\r\n',
    body: 'hello',
    mistake: 'refuses-extensions',
  },
  {
    what: 'a chunk with an extension in quotes',
    chunks: `5;a="; \\"b"\r\nhello\r\n${END}`,
    body: 'hello',
    mistake: 'refuses-extensions',
  },
  {
    what: 'chunks with trailers',
    chunks: '5\r\nhello\r\n0\r\nX-One: 1\r\nX-Two: 2\r\n\r\n',
    body: 'hello',
    behind: 'trailers-as-a-request',
  },
];

/** With all that can be cut: a size of several digits, an extension, data, two chunks, trailers. */
const CUT: Body = {
  what: 'chunks',
  chunks: '5;a=b\r\nhello\r\n0B\r\n, and world\r\n0\r\nX-One: 1\r\n\r\n',
  body: 'hello, and world',
  mistake: 'cut-in-a-chunk',
};

/** A size that is none; and data as long as it is to those who take it for one, each in its own way. */
const NO_SIZES: readonly (readonly [size: string, data: string, mistake: string])[] = [
  ['', 'hello', 'guesses-the-end'],
  ['1g', 'x', 'parse-int'],
  ['0x10', 'x'.repeat(16), 'parse-int'],
  ['+5', 'hello', 'parse-int'],
  ['-1', 'x', 'parse-int'],
  ['1_0', 'x', 'parse-int'], // to Number.parseInt
  ['1_0', 'x'.repeat(16), 'parse-int'], // to int() of Python
  ['5 5', 'hello', 'parse-int'],
  ['g', 'hello', 'guesses-the-end'],
];

/** Chunks that are not as long as they say: the data may be on its way to the application when that shows. */
const NO_CHUNKS: readonly (readonly [what: string, chunks: string, mistake: string])[] = [
  ['A chunk that is longer than its size', `3\r\nhello\r\n${END}`, 'skips-a-line'],
  ['A chunk with two other bytes where CR LF must be', `3\r\nhello${END}`, 'skips-two-bytes'],
  ['A chunk that is shorter than its size', `7\r\nhello\r\n${END}`, 'skips-two-bytes'],
  ['A chunk with nothing behind it where CR LF must be', `5\r\nhello${END}`, 'skips-two-bytes'],
  ['A chunk with CR and another byte behind it', `5\r\nhello\rX${END}`, 'skips-two-bytes'],
  ['A chunk with another byte and LF behind it', `5\r\nhelloX\n${END}`, 'skips-two-bytes'],
  ['A second size that is none', `5\r\nhello\r\n1g\r\nx\r\n${END}`, 'parse-int'],
  ['A size line that ends in LF alone', `5\nhello\r\n${END}`, 'bare-lf'],
];

/** 16 digits fill 64 bits: to who counts in those, one more is 5. To others it is much, and so are waiting for it. */
const HUGE = `10000000000000005\r\nhello\r\n${END}`;

export const check: Lesson = {
  title: 'A body in chunks reaches the application without its framing',
  goal: 'A body may have no length: it has an end. Chunks are framing, not data.',
  hints: [
    'Where does a chunk end, if its packet ends in the middle of it? And what if its size is "1g", or "-1"?',
    'RFC 9112 §7.1: size in hex, maybe an extension, CR LF, so many bytes, CR LF; a chunk of size 0, trailers, an empty line; §7.1.1: extensions are ignored; §6.3: Transfer-Encoding in any letter case. Number.parseInt and int() take more than hex: match /^[0-9a-f]{1,16}$/i first.',
    'A state machine over the buffer of the connection: size line -> data, so many bytes -> CR LF -> size line ...; size 0 -> lines until an empty one, all forgotten -> the next request. What does not fit: 400, close, and read no request from what is left.',
  ],
  anchor: 'http/README.md#chunks',
  lenient: [
    'which 4xx refuses a bad size',
    'bad chunks behind good data: a 4xx, or an answer that is cut, but never a whole 200',
    'space around ";" and "=" in an extension',
    'an empty body in chunks: a body, or none',
    'the next request behind a body, where the answer has said that it is the last',
    'a reset behind the answer, as long as the answer is there',
  ],
  byHand:
    "curl -H 'Transfer-Encoding: chunked' --data-binary @README.md http://127.0.0.1:$PORT/echo",
  solution: '3i',
  seconds: 20,
  run: checkChunks,
  mistakes: [
    {
      name: 'knows-no-chunks',
      says: 'A body in one chunk: expected 200, got 501',
      file: 'part3/http/body-framing.ts',
      edits: [
        ['    return toChunked(transferEncoding);', "    throw new HttpError(501, 'chunks');"],
        ['function toChunked(', 'export function toChunked('],
      ],
    },
    {
      name: 'decimal-size',
      says: 'A body in a chunk whose size is in small letters: expected 200, got 400',
      file: 'part3/http/grammar.ts',
      edits: [['^([\\\\dA-Fa-f]{1,16})$', '^(\\\\d{1,16})$']],
    },
    {
      name: 'small-letters-only',
      says: 'A body in a chunk whose size is in capitals: expected 200, got 400',
      file: 'part3/http/grammar.ts',
      edits: [['^([\\\\dA-Fa-f]{1,16})$', '^([\\\\da-f]{1,16})$']],
    },
    {
      name: 'one-zero-only',
      says: 'A body in chunks whose sizes have leading zeros: the last chunk, of length 0, is missing',
      file: 'part3/http/body-framing.ts',
      edits: [
        [
          "    if (size === 0) return { at: 'trailers'",
          "    if (/^0(?!0)/.test(line) && size === 0) return { at: 'trailers'",
        ],
      ],
    },
    {
      name: 'reads-to-the-line-end',
      says: 'A body in a chunk that looks like an end: the last chunk, of length 0, is missing',
      file: 'part3/http/body-framing.ts',
      edits: [
        [
          '        const data = buffer.takeBytes(before.left);\n        before.left -= data?.length ?? 0;\n        if (before.left === 0) this.#state = AT_DATA_END;\n        return data;',
          "        const line = buffer.takeLine(1_000_000, 400);\n        if (line === undefined) return undefined;\n        this.#state = AT_SIZE;\n        return Buffer.from(line, 'latin1');",
        ],
      ],
    },
    {
      name: 'refuses-extensions',
      says: 'A body in chunks with an extension: expected 200, got 400',
      file: 'part3/http/grammar.ts',
      edits: [['{1,16})${chunkExt}$`', '{1,16})$`']],
    },
    {
      name: 'trailers-as-a-request',
      says: 'A request behind a body in chunks with trailers: expected 200, got 400',
      file: 'part3/http/body-framing.ts',
      edits: [["  if (line === '') return AT_END;", '  if (line !== undefined) return AT_END;']],
    },
    {
      name: 'chunked-in-small-letters',
      says: 'A body behind "transfer-encoding: Chunked": expected 200, got 400',
      file: 'part3/http/body-framing.ts',
      edits: [["codings.toLowerCase() === 'chunked'", "codings === 'chunked'"]],
    },
    {
      name: 'cut-in-a-chunk',
      says: 'A body in chunks, cut behind "b\\r\\nhello": the last chunk, of length 0, is missing',
      file: 'part3/http/body-framing.ts',
      edits: [
        ['buffer.takeLineEnd() ? AT_SIZE : undefined', 'buffer.takeLineEnd() ? AT_SIZE : AT_SIZE'],
      ],
    },
    {
      name: 'guesses-the-end',
      says: 'A chunk of size "": expected 400, got 200; RFC 9112 §7.1',
      file: 'part3/http/body-framing.ts',
      edits: [
        [
          "if (!digits) throw new HttpError(400, 'not a chunk size');",
          'if (!digits) return AT_END;',
        ],
      ],
    },
    {
      name: 'parse-int',
      says: 'A chunk of size "1g": expected 400, got 200, and the request behind it was answered; RFC 9112 §7.1',
      file: 'part3/http/grammar.ts',
      edits: [['^([\\\\dA-Fa-f]{1,16})$', '^([^;]+)$']],
    },
    {
      name: 'skips-a-line',
      says: 'A chunk that is longer than its size: expected 400, got 200, and the request behind it was answered; RFC 9112 §7.1',
      file: 'part3/http/body-framing.ts',
      edits: [
        ['buffer.takeLineEnd() ? AT_SIZE', 'buffer.takeLine(100, 400) !== undefined ? AT_SIZE'],
      ],
    },
    {
      name: 'skips-two-bytes',
      says: 'A chunk with two other bytes where CR LF must be: expected 400, got 200, and the request behind it was answered; RFC 9112 §7.1',
      file: 'part3/http/receive-buffer.ts',
      edits: [
        [
          "    if (!isOne) throw new HttpError(400, 'no CR LF where one must be');",
          '    if (!isOne && this.byteAt(0) === LF) throw new HttpError(400, "LF");',
        ],
      ],
    },
    {
      name: 'bare-lf',
      says: 'A size line that ends in LF alone: expected 400, got 200, and the request behind it was answered; RFC 9112 §7.1',
      file: 'part3/http/receive-buffer.ts',
      edits: [
        [
          "    if (line.charCodeAt(line.length - 1) !== CR) throw new HttpError(400, 'a LF without a CR');\n    return line.slice(0, -1);",
          "    return line.replace(/\\r$/, '');",
        ],
      ],
    },
    {
      name: 'refuses-and-stays',
      says: 'A chunk of size "": refused, and the connection is still open after 3 s; what comes next cannot be understood',
      file: 'part3/server/connection.ts',
      edits: [
        [
          '    this.#log(request, refusal);\n    this.#close();',
          '    this.#log(request, refusal);',
        ],
      ],
    },
    {
      name: 'wraps-around',
      says: 'A chunk whose size has 17 digits, and FIN behind its five bytes: expected a 400, or no answer, got 200 and "hello"; RFC 9112 §8',
      file: 'part3/http/body-framing.ts',
      edits: [
        ['CHUNK_LINE.exec(line)', '(CHUNK_LINE.exec(line) ?? /^([\\dA-F]+)$/i.exec(line))'],
        ['Number.parseInt(digits, 16)', 'Number(BigInt.asUintN(64, BigInt(`0x${digits}`)))'],
      ],
    },
    {
      name: 'half-a-body',
      says: 'A body whose last chunk never comes, and FIN: expected a 400, or no answer, got 200 and "hello"; RFC 9112 §8',
      file: 'part3/server/connection.ts',
      edits: [
        [
          "else if (this.#socket.readableEnded) throw new HttpError(400, 'the body ended in its middle');",
          'else if (this.#socket.readableEnded) body.giveEnd();',
        ],
      ],
    },
  ],
};

async function checkChunks(trial: Trial): Promise<void> {
  const server = await trial.start({ app: CONTRACT });
  for (const body of BODIES) await expectBody(trial, server, `in ${body.what}`, body);
  for (const name of ['Chunked', 'CHUNKED']) {
    const [{ chunks, body }] = BODIES as [Body];
    const coding = `transfer-encoding: ${name}`;
    const same = { chunks, body, mistake: 'chunked-in-small-letters' };
    await expectBody(trial, server, `behind "${coding}"`, same, coding);
  }
  await expectCuts(trial, server);
  await expectNoBody(trial, server);
  for (const [size, data, mistake] of NO_SIZES) {
    const bytes = toRequest('POST /echo/bad', [CHUNKED], `${size}\r\n${data}\r\n${END}`);
    const what = `A chunk of size "${size}"`;
    await expectRefusal(trial, server, { what, bytes, mistake, clause: 'RFC 9112 §7.1' });
  }
  for (const [what, chunks, mistake] of NO_CHUNKS) {
    const bytes = toRequest('POST /echo/bad', [CHUNKED], chunks);
    const doubt = { what, bytes, mistake, clause: 'RFC 9112 §7.1', mayBegin: true };
    await expectRefusal(trial, server, doubt);
    const cutAt = bytes.indexOf('\rX') + 1;
    const inTwo = `${what}, in another packet`;
    if (cutAt > 0) await expectRefusal(trial, server, { ...doubt, what: inTwo, cutAt });
  }
  await expectEnds(trial, server);
}

/** The body comes back, and a request behind it is the next one. */
async function expectBody(
  trial: Trial,
  server: ServerProcess,
  what: string,
  { chunks, body, mistake, behind }: Omit<Body, 'what'>,
  coding = CHUNKED,
): Promise<void> {
  const talk = await Dialogue.open(trial, server);
  await talk.say(toRequest('POST /echo', [coding], chunks) + NEXT);
  const answer = await talk.expect(`A body ${what}`, body, mistake);
  if (!saysClose(answer)) {
    await talk.expect(`A request behind a body ${what}`, echoOf('GET /echo/next'), behind);
  }
  talk.leave();
}

/** A body that is cut at each of its places. Its beginning comes with the request before it: the cut is seen. */
async function expectCuts(trial: Trial, server: ServerProcess): Promise<void> {
  const { what, chunks, body, mistake } = CUT;
  const head = toRequest('POST /echo', [CHUNKED]);
  let talk = await Dialogue.open(trial, server);
  for (const [before, after] of cutsOf(chunks)) {
    const where = `${what}, cut behind ${JSON.stringify(before.slice(-8))}`;
    await talk.say(NEXT + head + before);
    await talk.expect(`A request before a body in ${where}`, echoOf('GET /echo/next'));
    await talk.say(after);
    const answer = await talk.expect(`A body in ${where}`, body, mistake);
    if (!saysClose(answer)) continue;
    talk.leave();
    talk = await Dialogue.open(trial, server);
  }
  talk.leave();
}

/** Chunks of no data at all: to an application that is no body, or an empty one. */
async function expectNoBody(trial: Trial, server: ServerProcess): Promise<void> {
  const what = 'An empty body in chunks';
  const talk = await Dialogue.open(trial, server);
  await talk.say(toRequest('POST /echo/none', [CHUNKED], END) + NEXT);
  const answer = await talk.take(what);
  if (answer.text !== '') talk.compare(answer, what, echoOf('POST /echo/none'));
  if (!saysClose(answer)) {
    await talk.expect('A request behind an empty body in chunks', echoOf('GET /echo/next'));
  }
  talk.leave();
}

/** FIN comes before the last chunk does. */
async function expectEnds(trial: Trial, server: ServerProcess): Promise<void> {
  const head = toRequest('POST /echo/bad', [CHUNKED]);
  const ends = [
    ['A chunk whose size has 17 digits, and FIN behind its five bytes', HUGE, 'wraps-around'],
    ['A body whose last chunk never comes, and FIN', '5\r\nhello\r\n', 'half-a-body'],
    ['A chunk that is cut by FIN', '5\r\nhel', 'half-a-body'],
  ] as const;
  for (const [what, chunks, mistake] of ends) {
    await expectNotWhole(trial, server, { what, bytes: head + chunks, mistake });
  }
}
