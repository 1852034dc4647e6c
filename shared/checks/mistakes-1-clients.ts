/** What goes wrong from 1-05 on: goodbyes, and clients that do not behave. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is the text of a program
import type { Mistake } from './mistake.ts';
import {
  COLLECT,
  changing,
  END,
  GREETING,
  LINES,
  LOOK,
  LOOP,
  make,
  ON_ERROR,
  PRINT,
  RESPOND,
  unnamed,
} from './mistakes-1-edits.ts';

const SHOWN = 'expected "< GET /shown HTTP/1.1"';

const GOODBYE: readonly Mistake[] = [
  make(
    '1-05',
    'destroy-after-write',
    'The connection was closed after N of 16777216 bytes: expected all, and then the end',
    [END, 'socket.write(body); socket.destroy();'],
  ),
  make(
    '1-05',
    'never-closing',
    'All bytes came, and 1 s later the connection is still open: expected it to end',
    [END, 'socket.write(body);'],
  ),
  make(
    '1-05',
    'no-page',
    'Started with --page FILE, your program answers "Hello, World! (Hallo, schöne Welt! 👋)\\n": expected the bytes of the file',
    ['readFileSync(values.page)', GREETING],
  ),
  make(
    '1-05',
    'unknown-option',
    'Started with --page FILE, your program ended: expected it to answer with that file',
    [', page: option', ''],
  ),
];

const SHOWS: readonly Mistake[] = [
  make('1-06', 'prints-nothing', `Nothing is printed of the request: ${SHOWN}`, [LOOP, '']),
  make(
    '1-06',
    'only-first-line',
    'Only the first line of the request is printed: expected "< Host: localhost", too',
    [LINES, `${LINES}.slice(0, 1)`],
  ),
  make(
    '1-06',
    'one-arrow',
    'Only the first line has "< " before it: expected "< Host: localhost"',
    [LOOP, 'console.log(`< ${head}`);'],
  ),
  make('1-06', 'no-arrow', `The request is printed without "< " before its lines: ${SHOWN}`, [
    PRINT,
    'console.log(line);',
  ]),
  make('1-06', 'no-space', `The space behind the "<" is missing: ${SHOWN}`, [
    PRINT,
    PRINT.replace('< ', '<'),
  ]),
  make('1-06', 'prints-buffer', `What is printed is a Buffer, not text: ${SHOWN}`, [
    LOOP,
    "console.log('<', head);",
  ]),
  make('1-06', 'prints-value', `What is printed is a value of the program, not lines: ${SHOWN}`, [
    LOOP,
    `console.log('<', ${LINES});`,
  ]),
  make('1-06', 'prints-to-stderr', `It is printed on standard error: ${SHOWN} on standard output`, [
    PRINT,
    PRINT.replace('log', 'error'),
  ]),
  make('1-06', 'other-sign', `The request is printed behind "> ": ${SHOWN}`, [
    PRINT,
    PRINT.replace('<', '>'),
  ]),
  make('1-06', 'no-line-ends', `The lines are printed without an end: ${SHOWN}`, [
    PRINT,
    PRINT.replace('console.log', 'process.stdout.write'),
  ]),
  make('1-06', 'two-spaces-printed', `There are two spaces behind the "<": ${SHOWN}`, [
    PRINT,
    "console.log('< ', visible(line));",
  ]),
  make(
    '1-06',
    'forgets-the-last',
    'Line 5 of the request is not printed: expected "< Connection: close"',
    [LINES, `${LINES}.slice(0, -1)`],
  ),
];

const EMPTY = 'head = Buffer.alloc(0);';
const SERVER = 'const server = createServer(';
const SHARED =
  'What two clients send comes together in one place: expected a place for each connection';
const BLANK_LINE = 'expected none before the empty line that ends the head';

const DRIBBLE: readonly Mistake[] = [
  make(
    '1-07',
    'answers-unasked',
    `The answer came before the first byte of the request: ${BLANK_LINE}`,
    [ON_ERROR, `${ON_ERROR}\n  ${RESPOND}`],
    ['if (socket.writableEnded) return;', ''],
    [`\n      ${RESPOND}`, ''],
  ),
  changing(
    '1-07',
    'shared-buffer',
    SHARED,
    [`let ${EMPTY}`, ''],
    [SERVER, `let ${EMPTY}\n${SERVER}`],
  ),
  make(
    '1-07',
    'shared-buffer',
    SHARED,
    [`let ${EMPTY}`, ''],
    [SERVER, `let ${EMPTY}\n${SERVER}`],
    [RESPOND, `${RESPOND} ${EMPTY}`],
  ),
  make(
    '1-07',
    'looks-at-the-end',
    'A request with 5 bytes behind its blank line got no answer in 1 s: expected the blank line to be found wherever it is',
    [LOOK, "const end = `${head}`.endsWith('\\r\\n\\r\\n') ? head.length - 4 : -1;"],
  ),
  make('1-07', 'first-data', `The answer came after the first byte of the request: ${BLANK_LINE}`, [
    LOOK,
    'const end = head.length;',
  ]),
  make('1-07', 'first-line', `The answer came after the first line of the request: ${BLANK_LINE}`, [
    LOOK,
    "const end = head.includes('\\r\\n') ? head.length : -1;",
  ]),
  unnamed(
    '1-07',
    'any-empty-line',
    `The answer came before the end of the blank line: ${BLANK_LINE}`,
    [LOOK, "const end = head.indexOf('\\r\\n\\r');"],
  ),
  make(
    '1-07',
    'looks-in-each-read',
    'A request that came byte by byte got no answer in 1 s: expected it to be put together',
    [COLLECT, 'head = packet;'],
  ),
  make(
    '1-07',
    'decodes-each-read',
    'Bytes were lost: a character that came in two reads is printed as "< X-Name: J\\\\xef\\\\xbf\\\\xbd\\\\xef\\\\xbf\\\\xbdrg"',
    [COLLECT, 'head = Buffer.from(head.toString() + packet.toString());'],
  ),
  make(
    '1-07',
    'prints-each-read',
    'Each read is printed for itself, not each line: expected "< GET /dribble HTTP/1.1"',
    [COLLECT, `${COLLECT} for (const line of packet.toString().split('\\r\\n')) ${PRINT}`],
    [LOOP, ''],
  ),
];

const RUDE = 'expected it to serve the next one';

const TOUGH: readonly Mistake[] = [
  make(
    '1-08',
    'no-error-listener',
    `A client that connects and resets the connection ends your program: Error: read ECONNRESET; ${RUDE}`,
    [ON_ERROR, ''],
  ),
  unnamed(
    '1-08',
    'trusts-the-request-line',
    `A client that connects and leaves ends your program: TypeError: Cannot read properties of null (reading '1'); ${RUDE}`,
    [ON_ERROR, `${ON_ERROR}\n  socket.on('end', () => /GET (.*) HTTP/.exec(head.toString())[1]);`],
  ),
  unnamed(
    '1-08',
    'leaves-with-its-client',
    `A client that leaves in the middle of its request ends your program; ${RUDE}`,
    [
      ON_ERROR,
      `${ON_ERROR}\n  socket.on('close', () => { if (head.length > 0 && !head.includes('\\r\\n\\r\\n')) process.exit(1); });`,
    ],
  ),
  unnamed(
    '1-08',
    'one-bad-client-blocks-all',
    'After a client that connects and resets the connection, the next one is not served: Nothing came for 1 s: expected the status line, "HTTP/1.1 200 OK"',
    [ON_ERROR, "socket.on('error', () => server.removeAllListeners('connection'));"],
  ),
];

export const CLIENTS: readonly Mistake[] = [...GOODBYE, ...SHOWS, ...DRIBBLE, ...TOUGH];
