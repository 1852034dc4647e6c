/** What goes wrong in an answer's head, at 1-02 and 1-03. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is the text of a program
import type { Mistake } from './mistake.ts';
import {
  changing,
  END,
  FIELD,
  JOIN,
  LAST_LINES,
  LENGTH,
  make,
  RESPOND,
  STATUS_LINE,
  unnamed,
  WANTED,
} from './mistakes-1-edits.ts';

export const HELLO: readonly Mistake[] = [
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
  make(
    '1-02',
    'missing-slash',
    `Your answer lacks the slash behind "HTTP": ${WANTED} "HTTP1.1 200 OK\\r\\n"`,
    [STATUS_LINE, STATUS_LINE.replace('/', '')],
  ),
  make(
    '1-02',
    'other-version',
    `Your answer names another version than 1.1: ${WANTED} "HTTP/2 200 OK\\r\\n"`,
    [STATUS_LINE, STATUS_LINE.replace('1.1', '2')],
  ),
  make(
    '1-02',
    'colon-behind-version',
    `Your answer has a colon behind the version: ${WANTED} "HTTP/1.1: 200 OK\\r\\n"`,
    [STATUS_LINE, STATUS_LINE.replace('1.1', '1.1:')],
  ),
  make(
    '1-02',
    'two-spaces',
    `Your answer has two spaces behind the version: ${WANTED} "HTTP/1.1  200 OK\\r\\n"`,
    [STATUS_LINE, STATUS_LINE.replace('1.1', '1.1 ')],
  ),
  make(
    '1-02',
    'spaces-in-blank-line',
    'Line 5 of your answer is 1 space: expected an empty line, nothing before its end',
    [LAST_LINES, "'Connection: close', ' ', '');"],
  ),
  make(
    '1-02',
    'chunked-without-chunks',
    'The head says "chunked", and the body is in no chunks: expected "2a\\r\\n", the size in hex, before "Hello, World!..."',
    [LAST_LINES, "'Connection: close', 'Transfer-Encoding: chunked', '', '');"],
  ),
  make(
    '1-02',
    'not-awaited',
    'The body is a promise, not what it brings: expected it to be awaited',
    ['socket.end(body,', 'socket.end(String(Promise.resolve(body)),'],
  ),
  unnamed(
    '1-02',
    'destroys-between',
    'There is no body: behind the head the connection ended; expected "Hello, World!"',
    ['socket.end(body,', 'socket.destroySoon(); socket.end(body,'],
  ),
  unnamed(
    '1-02',
    'head-alone',
    'There is no body: behind the head nothing came for 1 s; expected "Hello, World!"',
    [END, ''],
  ),
  unnamed(
    '1-02',
    'throws-before-the-body',
    'There is no body: behind the head the connection ended; expected "Hello, World!"; your program ended',
    [END, 'setTimeout(() => socket.end(page_), 50);'],
  ),
  unnamed('1-02', 'not-found', 'Expected status 200, got 404', [
    RESPOND,
    RESPOND.replace('200 OK', '404 Not Found'),
  ]),
];

export const CRLF: readonly Mistake[] = [
  make(
    '1-03',
    'length-and-chunks',
    'Content-Length and Transfer-Encoding are both there: expected one of the two',
    [FIELD, `${FIELD}'Transfer-Encoding: chunked', `],
    [
      'socket.end(body,',
      'socket.write(`${body.length.toString(16)}\\r\\n`); socket.write(body); socket.end("\\r\\n0\\r\\n\\r\\n",',
    ],
  ),
  changing(
    '1-03',
    'one-shot',
    'Your program takes one client and no other: expected it to go on listening',
    [RESPOND, `${RESPOND} server.close();`],
  ),
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
