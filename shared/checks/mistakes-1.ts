/**
 * What goes wrong in part 1, and what its checks say to it. Each is the finished server with a few words changed: so
 * much is right that all checks before are passed.
 */
import type { Mistake } from './mistake.ts';
import { CRLF, HELLO } from './mistakes-1-answers.ts';
import { CLIENTS } from './mistakes-1-clients.ts';
import { LOOK, make, RESPOND, SERVING, unnamed } from './mistakes-1-edits.ts';
import { LENGTHS } from './mistakes-1-lengths.ts';

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
    'Connected, a request sent, and in 1 s nothing came back; your program reads, and says nothing: expected any reaction at all',
    [RESPOND, ''],
  ),
  make(
    '1-01',
    'no-listener',
    'Connected, a request sent, and in 1 s nothing came back, nor a FIN when the client hung up: does your program read what it is sent?',
    ["socket.on('data', (packet) => {", "socket.on('date', (packet) => {"],
  ),
  ...['\\n\\n', '\\n\\r\\n\\r', '\\\\r\\\\n\\\\r\\\\n'].map((end) =>
    make(
      '1-01',
      'wrong-end-of-head',
      `Your program takes "${end}" for the end of a head: expected it to speak at "\\r\\n\\r\\n"`,
      [LOOK, `const end = head.indexOf('${end}');`],
    ),
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
    'Your program says "port 0": expected the port it got, server.address().port - getsockname(2)',
    [SERVING, 'console.log("Serving HTTP on port", process.env.PORT);'],
  ),
  make(
    '1-01',
    'ignores-port',
    'Your program takes the same port whatever PORT says: expected any free one, for PORT=0',
    ['values.port ?? (process.env.PORT || 8888)', '7000 + (process.ppid % 1000)'],
  ),
  make(
    '1-01',
    'prints-a-constant',
    'Your program prints "port 8888", whichever it has: expected the port it got, server.address().port - getsockname(2)',
    [SERVING, 'console.log("Serving HTTP on port 8888");'],
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
