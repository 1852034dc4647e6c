import type { Lesson } from '../../shared/checks/check.ts';
import { type Answer, ask, quote, REACTION, wrong } from '../../shared/checks/run/first-answer.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import { END, JOIN, LAST_LINES, RESPOND, STATUS_LINE, WANTED } from './lines.ts';

export const check: Lesson = {
  title: 'It says hello in HTTP',
  goal: 'A response is text that you could type',
  hints: [
    'What four things does a response have, in which order?',
    'RFC 9112 §2.1: a status line, fields (as many as you like, or none), an empty line, the body. socket.end(text) sends it - send(2), then shutdown(2).',
    "socket.end('HTTP/1.1 200 OK' + two line ends + 'Hello, World!'): the first line end ends the line, the second is an empty line.",
  ],
  anchor: 'a-first-answer',
  lenient: [
    'lines that end in LF alone (that is 1-03)',
    'the fields, and HTTP/1.0 instead of HTTP/1.1',
    'the words behind the number 200',
    'what else the page says; "Hello world" in any letter case',
    'whether the connection ends',
  ],
  byHand: "printf 'GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' | nc 127.0.0.1 $PORT",
  solution: '1b',
  seconds: 3,
  run: hello,
  mistakes: [
    {
      name: 'echo',
      says: `Your answer is the request, sent back: ${WANTED} "GET / HTTP/1.1\\r\\n"`,
      edits: [[RESPOND, 'socket.end(packet);']],
    },
    {
      name: 'no-status-line',
      says: `Your answer has no status line before the body: ${WANTED} "Hello, World! (Hallo, schöne Welt! 👋)\\n"`,
      edits: [[`socket.write(${JOIN});`, '']],
    },
    {
      name: 'leading-newline',
      says: `Your answer begins with space or an empty line: ${WANTED} "\\r\\n"`,
      edits: [[STATUS_LINE, STATUS_LINE.replace('[', "['', ")]],
    },
    {
      name: 'lower-case-http',
      says: `Your answer names the protocol in small letters: ${WANTED} "http/1.1 200 OK\\r\\n"`,
      edits: [[STATUS_LINE, STATUS_LINE.replace('HTTP', 'http')]],
    },
    {
      name: 'missing-space',
      says: `Your answer lacks a space: ${WANTED} "HTTP/1.1200 OK\\r\\n"`,
      edits: [[STATUS_LINE, STATUS_LINE.replace(' $', '$')]],
    },
    {
      name: 'no-status-code',
      says: `Your answer has no number behind the version: ${WANTED} "HTTP/1.1 OK\\r\\n"`,
      edits: [[RESPOND, RESPOND.replace('200 ', '')]],
    },
    {
      name: 'no-version',
      says: `Your answer does not say which version: 1.1: ${WANTED} "HTTP 200 OK\\r\\n"`,
      edits: [[STATUS_LINE, STATUS_LINE.replace('/1.1', '')]],
    },
    {
      name: 'escaped-line-ends',
      says: `Your answer has a backslash and a letter where a line should end: ${WANTED} "HTTP/1.1 200 OK\\\\r\\\\nContent-Type: text/ht..."`,
      edits: [[JOIN, "head.join('\\\\r\\\\n')"]],
    },
    {
      name: 'no-blank-line',
      says: 'There is no blank line between head and body: expected an empty line before "Hello, World!..."',
      edits: [[LAST_LINES, "'Connection: close', '');"]],
    },
    {
      name: 'two-blank-lines',
      says: 'The body begins with an empty line: one blank line ends the head, expected no second one',
      edits: [[LAST_LINES, "'Connection: close', '', '', '');"]],
    },
    {
      name: 'indented',
      says: 'Line 2 of your answer begins with 6 spaces: expected a field name or an empty line',
      edits: [[JOIN, "head.join('\\n      ')"]],
    },
    {
      name: 'missing-slash',
      says: `Your answer lacks the slash behind "HTTP": ${WANTED} "HTTP1.1 200 OK\\r\\n"`,
      edits: [[STATUS_LINE, STATUS_LINE.replace('/', '')]],
    },
    {
      name: 'other-version',
      says: `Your answer names another version than 1.1: ${WANTED} "HTTP/2 200 OK\\r\\n"`,
      edits: [[STATUS_LINE, STATUS_LINE.replace('1.1', '2')]],
    },
    {
      name: 'colon-behind-version',
      says: `Your answer has a colon behind the version: ${WANTED} "HTTP/1.1: 200 OK\\r\\n"`,
      edits: [[STATUS_LINE, STATUS_LINE.replace('1.1', '1.1:')]],
    },
    {
      name: 'two-spaces',
      says: `Your answer has two spaces behind the version: ${WANTED} "HTTP/1.1  200 OK\\r\\n"`,
      edits: [[STATUS_LINE, STATUS_LINE.replace('1.1', '1.1 ')]],
    },
    {
      name: 'spaces-in-blank-line',
      says: 'Line 5 of your answer is 1 space: expected an empty line, nothing before its end',
      edits: [[LAST_LINES, "'Connection: close', ' ', '');"]],
    },
    {
      name: 'chunked-without-chunks',
      says: 'The head says "chunked", and the body is in no chunks: expected "2a\\r\\n", the size in hex, before "Hello, World!..."',
      edits: [[LAST_LINES, "'Connection: close', 'Transfer-Encoding: chunked', '', '');"]],
    },
    {
      name: 'not-awaited',
      says: 'The body is a promise, not what it brings: expected it to be awaited',
      edits: [['socket.end(body,', 'socket.end(String(Promise.resolve(body)),']],
    },
    {
      name: 'destroys-between',
      says: 'There is no body: behind the head the connection ended; expected "Hello, World!"',
      edits: [['socket.end(body,', 'socket.destroySoon(); socket.end(body,']],
      isNamed: false,
    },
    {
      name: 'head-alone',
      says: 'There is no body: behind the head nothing came for 1 s; expected "Hello, World!"',
      edits: [[END, '']],
      isNamed: false,
    },
    {
      name: 'throws-before-the-body',
      says: 'There is no body: behind the head the connection ended; expected "Hello, World!"; your program ended',
      edits: [[END, 'setTimeout(() => socket.end(page_), 50);']],
      isNamed: false,
    },
    {
      name: 'not-found',
      says: 'Expected status 200, got 404',
      edits: [[RESPOND, RESPOND.replace('200 OK', '404 Not Found')]],
      isNamed: false,
    },
    {
      name: 'echo',
      file: 'part1/1a-echo-once.ts',
      says: 'Your answer is the request, sent back: expected the status line, "HTTP/1.1 200 OK", got "GET / HTTP/1.1\\r\\n"',
    },
  ],
};

async function hello(trial: Trial): Promise<void> {
  const answer = await ask(trial, await trial.start());
  const { bytes, status, bodyAt, body } = answer;
  if (status !== 200) throw wrong(`Expected status 200, got ${status}`, bytes, 9);
  expectSomeBody(answer);
  const blank = /^\r?\n/.exec(body.toString('latin1'));
  if (blank) {
    const message =
      'The body begins with an empty line: one blank line ends the head, expected no second one';
    throw wrong(message, bytes, bodyAt, 'two-blank-lines');
  }
  if (!/hello,? *world/i.test(body.toString())) {
    throw wrong(`Expected a body that says "Hello, World!", got ${quote(body)}`, bytes, bodyAt);
  }
}

/** What makes a page unreadable before its words matter. */
function expectSomeBody({ bytes, bodyAt, body, headers, ending }: Answer): void {
  if (bytes.length === bodyAt) {
    const why =
      ending === 'open' ? `nothing came for ${REACTION / 1000} s` : 'the connection ended';
    const message = `There is no body: behind the head ${why}; expected "Hello, World!"`;
    throw wrong(message, bytes, bodyAt);
  }
  const sent = bytes.subarray(bodyAt);
  if (headers.has('transfer-encoding') && !/^[\da-f]+\r\n/i.test(sent.toString('latin1'))) {
    const size = `"${sent.length.toString(16)}\\r\\n"`;
    const message = `The head says "chunked", and the body is in no chunks: expected ${size}, the size in hex, before ${quote(sent, 13)}`;
    throw wrong(message, bytes, bodyAt, 'chunked-without-chunks');
  }
  if (body.includes('[object Promise]')) {
    const message = 'The body is a promise, not what it brings: expected it to be awaited';
    throw wrong(message, bytes, bodyAt, 'not-awaited');
  }
}
