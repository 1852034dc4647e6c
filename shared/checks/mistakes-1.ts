/**
 * What goes wrong in part 1, and what its checks say to it. Each is the finished server with a few words changed: so
 * much is right that all checks before are passed.
 */
import type { Mistake } from './mistake.ts';
import { CLIENTS, LENGTHS } from './mistakes-1-clients.ts';
import {
  JOIN,
  LAST_LINES,
  LENGTH,
  make,
  RESPOND,
  SERVING,
  STATUS_LINE,
  unnamed,
  WANTED,
} from './mistakes-1-edits.ts';

const LISTENS: readonly Mistake[] = [
  make(
    '1-01',
    'frozen',
    'The kernel took the connection, and your program did not pick it up in 1 s: is it busy or asleep?',
    [SERVING, `${SERVING}\nAtomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);`],
  ),
  unnamed(
    '1-01',
    'no-reaction',
    'Connected, a request sent, and in 1 s nothing came back: expected any reaction at all',
    [RESPOND, ''],
  ),
  make(
    '1-01',
    'waits-for-end',
    'Your program answers only when the client has hung up: expected it to speak as soon as a request is there',
    ['createServer((socket)', 'createServer({ allowHalfOpen: true }, (socket)'],
    [RESPOND, `socket.once('end', () => ${RESPOND.slice(0, -1)});`],
  ),
  make(
    '1-01',
    'prints-port-0',
    'Your program says "port 0": expected the port it got, server.address().port',
    [SERVING, 'console.log("Serving HTTP on port", process.env.PORT);'],
  ),
  make(
    '1-01',
    'ignores-port',
    'Your program takes the same port whatever PORT says: expected any free one, for PORT=0',
    ['values.port ?? (process.env.PORT || 8888)', '7000 + (process.ppid % 1000)'],
  ),
  unnamed('1-01', 'prints-another-port', 'Nobody accepts connections on port 65000', [
    SERVING,
    'console.log("Serving HTTP on port 65000");',
  ]),
  unnamed('1-01', 'does-not-start', 'Your program ended before it was ready', [
    'server.listen({',
    'server.lisen({',
  ]),
  unnamed('1-01', 'dies-on-a-request', 'A request ends your program', [
    RESPOND,
    'socket.send(page);',
  ]),
];

const HELLO: readonly Mistake[] = [
  make('1-02', 'echo', `Your answer is the request, sent back: ${WANTED} "GET / HTTP/1.1\\r\\n"`, [
    RESPOND,
    'socket.end(packet);',
  ]),
  make(
    '1-02',
    'no-status-line',
    `Your answer has no status line before the body: ${WANTED} "Hello, World! (Hallo, schöne Welt! 👋)\\n"`,
    [`socket.write(${JOIN});`, ''],
  ),
  make(
    '1-02',
    'leading-newline',
    `Your answer begins with space or an empty line: ${WANTED} "\\r\\n"`,
    [STATUS_LINE, STATUS_LINE.replace('[', "['', ")],
  ),
  make(
    '1-02',
    'lower-case-http',
    `Your answer names the protocol in small letters: ${WANTED} "http/1.1 200 OK\\r\\n"`,
    [STATUS_LINE, STATUS_LINE.replace('HTTP', 'http')],
  ),
  make('1-02', 'missing-space', `Your answer lacks a space: ${WANTED} "HTTP/1.1200 OK\\r\\n"`, [
    STATUS_LINE,
    STATUS_LINE.replace(' $', '$'),
  ]),
  make(
    '1-02',
    'no-status-code',
    `Your answer has no number behind the version: ${WANTED} "HTTP/1.1 OK\\r\\n"`,
    [RESPOND, RESPOND.replace('200 ', '')],
  ),
  make(
    '1-02',
    'no-version',
    `Your answer does not say which version: 1.1: ${WANTED} "HTTP 200 OK\\r\\n"`,
    [STATUS_LINE, STATUS_LINE.replace('/1.1', '')],
  ),
  make(
    '1-02',
    'escaped-line-ends',
    `Your answer has a backslash and a letter where a line should end: ${WANTED} "HTTP/1.1 200 OK\\\\r\\\\nContent-Type: text/ht..."`,
    [JOIN, "head.join('\\\\r\\\\n')"],
  ),
  make(
    '1-02',
    'no-blank-line',
    'There is no blank line between head and body: expected an empty line before "Hello, World!..."',
    [LAST_LINES, "'Connection: close', '');"],
  ),
  make(
    '1-02',
    'two-blank-lines',
    'The body begins with an empty line: one blank line ends the head, expected no second one',
    [LAST_LINES, "'Connection: close', '', '', '');"],
  ),
  make(
    '1-02',
    'indented',
    'Line 2 of your answer begins with 6 spaces: expected a field name or an empty line',
    [JOIN, "head.join('\\n      ')"],
  ),
  unnamed('1-02', 'not-found', 'Expected status 200, got 404', [
    RESPOND,
    RESPOND.replace('200 OK', '404 Not Found'),
  ]),
];

const CRLF: readonly Mistake[] = [
  make('1-03', 'lf-only', 'Line 1 of the head ends in \\n: expected \\r\\n', [
    JOIN,
    "head.join('\\n')",
  ]),
  make('1-03', 'lf-cr', 'Line 1 of the head ends in \\n\\r: expected \\r\\n, the other way round', [
    JOIN,
    "head.join('\\n\\r')",
  ]),
  make(
    '1-03',
    'mixed-line-ends',
    'Line 4 of the head ends in \\n: expected \\r\\n, as the others do',
    [LAST_LINES, "'Connection: close\\n', '');"],
  ),
  make(
    '1-03',
    'space-before-colon',
    'There is a space before the colon: expected "Content-Length:", got "Content-Length :"',
    ['Content-Length: ', 'Content-Length : '],
  ),
  make('1-03', 'no-field', 'Expected a field, "Name: value", got "Content-Type text/html"', [
    'Content-Type: text/html; charset=utf-8',
    'Content-Type text/html',
  ]),
  make('1-03', 'length-is-no-number', 'Content-Length is "undefined": expected a number', [
    LENGTH,
    LENGTH.replace('body.length', 'Object(body).size'),
  ]),
];

const SOLUTION = 'shared/checks/solutions/part1.ts';

const EXERCISES: readonly Mistake[] = [
  {
    ...make(
      '1-x1',
      'unescaped',
      'The page has the markup of a stranger: expected "&lt;b&gt;" where the request says "<b>"',
      ['escapeHtml(requestLine)}', 'requestLine}'],
    ),
    file: SOLUTION,
  },
  {
    ...make('1-x2', 'query-in-path', 'Expected status 200 for /?colour=blue, got 404', [
      'const [pathname] = target',
      'const pathname = target; target',
    ]),
    file: SOLUTION,
  },
  {
    ...make(
      '1-x3',
      'logs-200',
      'The answer was 404, and the log says "GET /no/such/page 200": expected a line with "GET /no/such/page 404" in it',
      ['status.slice(0, 3)', '200'],
    ),
    file: SOLUTION,
  },
];

export const MISTAKES1: readonly Mistake[] = [
  ...LISTENS,
  ...HELLO,
  ...CRLF,
  ...LENGTHS,
  ...CLIENTS,
  ...EXERCISES,
];
