/**
 * What the checks of this part let pass, of `npm run mutants`: changes that no client and no application can tell, or that
 * nothing lets a check demand of a reader's server. Each with its reason.
 */
import type { Excuse } from '../../shared/checks/proof/fates.ts';

const file = 'part2/webserver2.ts';
const NEVER = 'a default for what cannot be missing behind a match';
const FOR_PEOPLE = 'what is printed, and how, is for people';
const TIE = 'only a body of exactly so many bytes could tell';
const ANY_4XX =
  'any 4xx is an answer to a head that is too long, and how long that is, is for the server to say';
const GOODBYE =
  'it shows after five seconds, and nobody waits for it: the next client is served meanwhile';
const OR_TYPE_ERROR = 'what is not refused here fails a line later, and is a 500 all the same';

const OPTION = 'an option of ours; shared/harness/command-line.test.ts asks it of every stage';
const LEFT = 'what is said to a client that has left is heard by nobody';

/** Lines on which everything that survives has one reason. */
const LINES: readonly (readonly [line: string, why: string, change?: string])[] = [
  [
    "let response: Response = { socket, method: ''",
    'the method of a request that could not be read matters to nobody',
  ],
  [
    'const result = await this.#application?.(environ',
    'it is set before the first connection is taken',
  ],
  [
    'await this.#answerError(response, error).catch',
    'a socket that fails is destroyed by Node.js itself',
  ],
  ['socket.end(() => setTimeout(() => socket.destroy()', GOODBYE],
  [
    "const packets = on(socket, 'data', { signal",
    'a FIN is an end and a close: one of the two names is enough',
    "'close'",
  ],
  ['while (!bytes.includes(', TIE, '<'],
  ['if (headEnd === -1 || headEnd > MAX_HEAD_BYTES)', ANY_4XX],
  ["show('<', ", FOR_PEOPLE],
  ["show('>', ", FOR_PEOPLE],
  [
    'if (missing > 0 && expectsContinue(request))',
    'no client may ask so without a body; RFC 9110 §10.1.1',
    'missing',
  ],
  [
    '    } finally {',
    'what comes behind a request is in the way of an answer on some kernels, and not on Linux',
    'packets.return',
  ],
  ['await packets.return?.();', 'it is always there'],
  ["const [requestLine = '', ...fieldLines]", NEVER],
  ["const [, method = '', target = '', protocol = '']", NEVER],
  [
    'if (!/1\\.[01]$/.test(protocol))',
    'the pattern of the request line has seen to the end of it',
    '/1\\.[01]/',
  ],
  ["const [, name = '', padded = ''] =", NEVER],
  ['if (Number(length) > MAX_BODY_BYTES)', TIE, '>='],
  ["const [, path = '', query = ''] =", NEVER],
  [
    '/^(?:https?:\\/\\/[^/?]*)?([^?]*)\\??(.*)$/.exec',
    'it cannot match later, nor end earlier',
    '?([^?]*)',
  ],
  ['/^(?:https?:\\/\\/[^/?]*)?([^?]*)\\??(.*)$/.exec', NEVER, '[]'],
  [
    "PATH_INFO: percentDecode(path || '/')",
    'PEP 3333 allows the path of a bare host to be empty',
    "'/'",
  ],
  [
    "SERVER_NAME: socket.localAddress ?? 'localhost'",
    'any name of the server will do; a connection that was cut has none',
    'localhost',
  ],
  ["REMOTE_ADDR: socket.remoteAddress ?? ''", 'only a connection that was cut has none', "''"],
  ['REMOTE_PORT: `', 'only a connection that was cut has none', "''"],
  ['if (!Array.isArray(headers)) breach(', OR_TYPE_ERROR],
  ["const isString = typeof name === 'string'", OR_TYPE_ERROR, 'typeof name'],
  ['if (!isSafe) breach(`malformed header', FOR_PEOPLE, 'name'],
  ['const isIterable = Symbol.iterator in body', OR_TYPE_ERROR, 'true'],
  [
    'const close = () => (closed ??=',
    'an error of ours is printed, and nothing else',
    'body.close()',
  ],
  ['if (!isIterable) breach(', OR_TYPE_ERROR],
  [
    "if (length > 0 || response.method !== 'HEAD')",
    'the answer to HEAD may leave the length out; RFC 9110 §8.6',
    'length > 0',
  ],
  ["if (response.socket.destroyed) throw new ClientLeft('before its answer", FOR_PEOPLE],
  [
    'if (!response.headSent) await this.#send(response, Buffer.alloc(0))',
    'it sends nothing',
    '!response.headSent',
  ],
  ["response.socket.off('close', close);", 'who is called twice finds it done', "'close'"],
  ['for (let start = 0; start < all.length', 'it sends nothing', '<='],
  ['if (error instanceof ClientLeft) return console.log', FOR_PEOPLE],
  ['if (!(error instanceof Refusal)) console.error(error)', FOR_PEOPLE],
  [
    "if (error instanceof Error && error.name === 'ResponseDestroyed')",
    'a convention of our adapter; shared/adapters/adapters.test.ts asks it',
  ],
  ['const detail = error instanceof Refusal', FOR_PEOPLE],
  ["const head = { status, headers: [['Content-Type', 'text/plain']]", FOR_PEOPLE],
  ['await this.finishResponse({ ...response, head }', FOR_PEOPLE],
  ['timeouts: Timeouts = { read: READ_TIMEOUT', 'main always gives them'],
  ['const listener = createServer({ allowHalfOpen', 'it is a matter of milliseconds', 'false'],
  [
    "socket.on('error', () => socket.destroy());",
    'a socket that fails is destroyed by Node.js itself',
    'undefined',
  ],
  ['() => socket.readableEnded && socket.destroy()', GOODBYE],
  ['if (!done) return value[0]', LEFT],
  ["if ((error as Error).name === 'AbortError')", LEFT],
  ["if (typeof chunk === 'string' || chunk instanceof Uint8Array)", OR_TYPE_ERROR],
  ["return protocol !== 'HTTP/1.0' && ", NEVER, "''"],
  ["return method === 'HEAD' || isBodiless(head?.status ?? '')", NEVER, "''"],
  ["process.once('SIGINT'", 'Ctrl-C ends it in any case; with which exit status is for the shell'],
  ["if (!name) throw new Error('Provide", 'the loader says it in other words'],
  ['if (surplus) throw new Error', OPTION],
  ['const application = await loadApplication(name', OPTION],
  ["workers: positive(values, 'workers')", OPTION],
  ["requestTimeout: positive(values, 'request-timeout')", OPTION],
  ['const port = values.port ??', OPTION],
  ["const address = { host: values.host ?? '127.0.0.1'", OPTION],
  ["const isWhole = option !== 'workers'", OPTION],
  ['if (Number(value) > 0 && isWhole)', OPTION],
  ["const what = option === 'workers'", OPTION],
  [
    'if (process.argv[1] && realpathSync',
    'whether it serves when it is imported is for our own tests',
  ],
];

/** The same in http.ts. */
const IN_HTTP: typeof LINES = [
  ['export function show(mark', FOR_PEOPLE],
  ['if (bytes.length === 0) return;', FOR_PEOPLE],
  ['const text = bytes.length > MAX_HEAD_BYTES + 4', FOR_PEOPLE],
  ["const lines = text.replace(/\\r?\\n$/, '')", FOR_PEOPLE],
  [
    'console.log(lines.map((line)',
    `${FOR_PEOPLE}; that control characters do not reach a terminal, 1-08 asks`,
  ],
  ['return Math.min(2 ** 31 - 1', 'a deadline of 24 days and some hours'],
  ['function escapeChar(char', FOR_PEOPLE],
  ["charCodeAt(0).toString(16).padStart(2, '0')", FOR_PEOPLE],
];

const HINT = 'the hint of readlines() may be ignored; PEP 3333 "Input and Error Streams"';
/** The same in input-stream.ts. */
const IN_INPUT: typeof LINES = [
  ['total += line.length;', HINT],
  ['if (hint > 0 && total >= hint) break;', HINT],
];

export const SURVIVORS: readonly Excuse[] = [
  ...LINES.map((one) => [file, ...one] as const),
  ...IN_HTTP.map((one) => ['part2/http.ts', ...one] as const),
  ...IN_INPUT.map((one) => ['part2/input-stream.ts', ...one] as const),
].map(([where, line, why, change]) => ({
  file: where,
  line,
  why,
  ...(change !== undefined && { change }),
}));
