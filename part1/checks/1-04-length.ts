import type { Lesson } from '../../shared/checks/check.ts';
import { ask, quote, wrong } from '../../shared/checks/run/first-answer.ts';
import { expectLength, notUtf8 } from '../../shared/checks/run/length.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import { END, FIELD, GREETING, JOIN, LENGTH } from './lines.ts';

export const check: Lesson = {
  title: 'It says how long the page is, in bytes',
  goal: 'Bytes are not characters',
  hints: [
    "'ö'.length is 1, and an emoji's is 2: how many bytes are they on the wire?",
    'Buffer.from(text) makes the bytes (UTF-8); its length is what counts. Or: Buffer.byteLength(text).',
    "const body = Buffer.from('Hello, World! (schöne Welt 👋)\\n'); the field is Content-Length, its value body.length; then write body.",
  ],
  anchor: 'bytes-and-characters',
  lenient: [
    'what the page says beside "Hello, World!", if one character of it has two bytes or more',
    'a chunked body instead of a Content-Length',
    'a Content-Type (without charset=utf-8 a browser may guess wrong)',
  ],
  byHand:
    'curl -s -m 2 127.0.0.1:$PORT | wc -c; curl -si -m 2 127.0.0.1:$PORT | grep -i length  # the same number twice',
  solution: '1c',
  seconds: 4,
  run: length,
  mistakes: [
    {
      name: 'no-length',
      says: 'There is no Content-Length: expected "Content-Length: 42" in the head',
      edits: [[FIELD, 'head.push(']],
    },
    {
      name: 'string-length',
      says: 'Content-Length is 39, and the body has 42 bytes: 39 is how many UTF-16 units it has',
      edits: [[LENGTH, '${body.toString().length}']],
    },
    {
      name: 'counts-characters',
      says: 'Content-Length is 38, and the body has 42 bytes: 38 is how many characters it has',
      edits: [[LENGTH, '${[...body.toString()].length}']],
    },
    {
      name: 'length-of-all',
      says: 'Content-Length is 141, and the body has 42 bytes: 141 is head and body together',
      edits: [
        [
          LENGTH,
          '${`${head.join("  ")}  Content-Length: 141  Connection: close    `.length + body.length}',
        ],
      ],
    },
    {
      name: 'one-too-short',
      says: 'Content-Length is 41, and the body has 42 bytes: the last one is not counted',
      edits: [[LENGTH, '${body.length - 1}']],
    },
    {
      name: 'one-too-long',
      says: 'Content-Length is 43, and the body has 42 bytes: one is counted that never comes',
      edits: [[LENGTH, '${body.length + 1}']],
    },
    {
      name: 'half-a-body',
      says: 'Content-Length is 42, and the body has 20 bytes: expected the same number',
      edits: [[END, 'socket.end(body.subarray(0, 20));']],
      isNamed: false,
    },
    {
      name: 'half-a-body-then-silence',
      says: '20 of the 42 bytes that Content-Length promises came, then nothing for 1 s: expected the others, or a smaller number',
      edits: [[END, 'socket.write(body.subarray(0, 20));']],
      isNamed: false,
    },
    {
      name: 'half-a-body-then-reset',
      says: 'The connection was reset after N of the 42 bytes that Content-Length promises: expected all of them, and then a FIN',
      edits: [
        [
          END,
          'socket.write(body.subarray(0, 20), () => setTimeout(() => socket.resetAndDestroy(), 400));',
        ],
      ],
      isNamed: false,
    },
    {
      name: 'cut-character',
      says: 'The body ends in the middle of a character: expected all bytes of the last one',
      edits: [
        [LENGTH, '${body.toString().length}'],
        [END, 'socket.end(body.subarray(0, body.toString().length));'],
      ],
    },
    {
      name: 'latin1-body',
      says: 'The body is not UTF-8: byte f6 stands alone; expected the ö as c3 b6',
      edits: [[GREETING, GREETING.replace("')", "', 'latin1')")]],
    },
    {
      name: 'answers-twice',
      says: 'Content-Length is 42, and the body has 182 bytes: another answer follows the first',
      edits: [[END, `socket.write(body); socket.write(${JOIN}); ${END}`]],
    },
    {
      name: 'ascii-only',
      says: 'The body is "Hello, World!\\n", where bytes and characters are the same in number: expected an ö and an emoji behind the "Hello, World!"',
      edits: [[GREETING, "Buffer.from('Hello, World!\\n')"]],
    },
    {
      name: 'no-length',
      file: 'part1/1b-hello.ts',
      says: 'There is no Content-Length: expected "Content-Length: 14" in the head',
    },
  ],
};

async function length(trial: Trial): Promise<void> {
  const answer = await ask(trial, await trial.start());
  const { bytes, bodyAt, body, headers } = answer;
  const promised = headers.get('content-length');
  const text = body.toString();
  if (promised !== undefined) expectLength(Number(promised), answer);
  else if (!headers.has('transfer-encoding')) {
    const message = `There is no Content-Length: expected "Content-Length: ${body.length}" in the head`;
    throw wrong(message, bytes, bodyAt, 'no-length');
  }
  if (Buffer.compare(Buffer.from(text), body) !== 0) throw notUtf8(bytes, bodyAt);
  if (text.length < body.length) return;
  const message = `The body is ${quote(body)}, where bytes and characters are the same in number: expected an ö and an emoji behind the "Hello, World!"`;
  throw wrong(message, bytes, bodyAt, 'ascii-only');
}
