import type { Lesson } from '../../shared/checks/check.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import { ask, lineOf, quote, REACTION, wrong } from '../../shared/checks/run/first-answer.ts';
import { accepts, type Trial } from '../../shared/checks/run/trial.ts';
import { FIELD, JOIN, LAST_LINES, LENGTH, RESPOND } from './lines.ts';

export const check: Lesson = {
  title: 'A strict client accepts your answer',
  goal: 'Lines end in CR LF, and strict clients check it',
  hints: [
    'Which byte does the caret point at, and what should stand before it?',
    "In a string '\\r' is CR (byte 0d) and '\\n' is LF (byte 0a). A template literal over several lines has LF alone.",
    "['HTTP/1.1 200 OK', 'Content-Type: text/html', '', ''].join('\\r\\n') + body: no line end can be forgotten.",
  ],
  anchor: 'line-endings',
  lenient: [
    'line ends in the body',
    'which fields there are, in which order and letter case',
    'whether the length is right (that is 1-04)',
  ],
  byHand: "printf 'GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' | nc 127.0.0.1 $PORT | od -c | head",
  solution: '1b',
  seconds: 4,
  run: crlf,
  mistakes: [
    {
      name: 'length-and-chunks',
      says: 'Content-Length and Transfer-Encoding are both there: expected one of the two',
      edits: [
        [FIELD, `${FIELD}'Transfer-Encoding: chunked', `],
        [
          'socket.end(body,',
          'socket.write(`${body.length.toString(16)}\\r\\n`); socket.write(body); socket.end("\\r\\n0\\r\\n\\r\\n",',
        ],
      ],
    },
    {
      name: 'one-shot',
      says: 'Your program takes one client and no other: expected it to go on listening',
      edits: [[RESPOND, `${RESPOND} server.close();`]],
      remembers: true,
    },
    {
      name: 'lf-only',
      says: 'Line 1 of the head ends in \\n: expected \\r\\n',
      edits: [[JOIN, "head.join('\\n')"]],
    },
    {
      name: 'lf-cr',
      says: 'Line 1 of the head ends in \\n\\r: expected \\r\\n, the other way round',
      edits: [[JOIN, "head.join('\\n\\r')"]],
    },
    {
      name: 'mixed-line-ends',
      says: 'Line 4 of the head ends in \\n: expected \\r\\n, as the others do',
      edits: [[LAST_LINES, "'Connection: close\\n', '');"]],
    },
    {
      name: 'space-before-colon',
      says: 'There is a space before the colon: expected "Content-Length:", got "Content-Length :"',
      edits: [['Content-Length: ', 'Content-Length : ']],
    },
    {
      name: 'no-field',
      says: 'Expected a field, "Name: value", got "Content-Type text/html"',
      edits: [['Content-Type: text/html; charset=utf-8', 'Content-Type text/html']],
    },
    {
      name: 'length-is-no-number',
      says: 'Content-Length is "undefined": expected a number',
      edits: [[LENGTH, LENGTH.replace('body.length', 'Object(body).size')]],
    },
  ],
};

async function crlf(trial: Trial): Promise<void> {
  const server = await trial.start();
  const { bytes, head, headers, bodyAt } = await ask(trial, server);
  const text = bytes.toString('latin1', 0, bodyAt);
  expectLineEnds(bytes, text);
  let at = head.indexOf('\r\n') + 2;
  for (const line of head.split('\r\n').slice(1)) {
    expectField(line, bytes, at);
    at += line.length + 2;
  }
  if (headers.has('content-length') && headers.has('transfer-encoding')) {
    const message = 'Content-Length and Transfer-Encoding are both there: expected one of the two';
    throw wrong(message, bytes, fieldAt(bytes, 'content-length'), 'length-and-chunks');
  }
  const dispatcher = await server.openAgent();
  const signal = AbortSignal.timeout(5 * REACTION); // the first request of all loads the client's parser, too
  try {
    const { body } = await server.request('/', { dispatcher, reset: true, signal });
    await body.dump().catch(() => {}); // how long it is, is asked later
  } catch (error) {
    const { message } = error as Error;
    if (!(await accepts(server.port))) throw await oneShot(trial);
    throw wrong(`A strict client (undici) refuses your answer: ${message}`, bytes, 0);
  } finally {
    await dispatcher.destroy();
  }
}

/** It has answered once, and listens no more. What it said when it ended, if it has, tells whether that was its will. */
async function oneShot(trial: Trial): Promise<Failure> {
  await trial.settle();
  const message = 'Your program takes one client and no other: expected it to go on listening';
  return new Failure(message, {
    cause: trial.hasExited ? 'exited' : 'refused',
    stderr: trial.stderr,
    ...(trial.stderr === '' && { mistake: 'one-shot' }),
  });
}

function expectLineEnds(bytes: Buffer, text: string): void {
  const at = /\n\r(?!\n)/.exec(text)?.index;
  if (at !== undefined) {
    const message = `Line ${lineOf(text, at)} of the head ends in \\n\\r: expected \\r\\n, the other way round`;
    throw wrong(message, bytes, at, 'lf-cr');
  }
  const bare = /(?<!\r)\n/.exec(text)?.index;
  if (bare === undefined) return;
  const isAll = !text.includes('\r\n');
  const message = `Line ${lineOf(text, bare)} of the head ends in \\n: expected \\r\\n${isAll ? '' : ', as the others do'}`;
  throw wrong(message, bytes, bare, isAll ? 'lf-only' : 'mixed-line-ends');
}

/** field-line = field-name ":" OWS field-value OWS; RFC 9112 §5. */
function expectField(line: string, bytes: Buffer, at: number): void {
  const [, name = '', space = '', colon, value = ''] =
    /^([^\s:]*)(\s*)(:?)\s*(.*)/.exec(line) ?? [];
  if (colon && space) {
    const message = `There is a space before the colon: expected ${quote(`${name}:`)}, got ${quote(`${name}${space}:`)}`;
    throw wrong(message, bytes, at + name.length, 'space-before-colon');
  }
  if (!colon || !/^[!#$%&'*+.^_`|~\w-]+$/.test(name)) {
    throw wrong(`Expected a field, "Name: value", got ${quote(line)}`, bytes, at, 'no-field');
  }
  if (name.toLowerCase() === 'content-length' && !/^\d+$/.test(value)) {
    const message = `Content-Length is ${quote(value)}: expected a number`;
    throw wrong(message, bytes, at + line.length - value.length, 'length-is-no-number');
  }
}

function fieldAt(bytes: Buffer, name: string): number {
  return bytes.toString('latin1').toLowerCase().indexOf(`\n${name}`) + 1;
}
