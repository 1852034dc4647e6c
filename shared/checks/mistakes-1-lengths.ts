/** What goes wrong with a length, at 1-04. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is the text of a program
import type { Mistake } from './mistake.ts';
import { END, FIELD, GREETING, JOIN, LENGTH, make, unnamed } from './mistakes-1-edits.ts';

export const LENGTHS: readonly Mistake[] = [
  make(
    '1-04',
    'no-length',
    'There is no Content-Length: expected "Content-Length: 42" in the head',
    [FIELD, 'head.push('],
  ),
  make(
    '1-04',
    'string-length',
    'Content-Length is 39, and the body has 42 bytes: 39 is how many UTF-16 units it has',
    [LENGTH, '${body.toString().length}'],
  ),
  make(
    '1-04',
    'counts-characters',
    'Content-Length is 38, and the body has 42 bytes: 38 is how many characters it has',
    [LENGTH, '${[...body.toString()].length}'],
  ),
  make(
    '1-04',
    'length-of-all',
    'Content-Length is 141, and the body has 42 bytes: 141 is head and body together',
    [
      LENGTH,
      '${`${head.join("  ")}  Content-Length: 141  Connection: close    `.length + body.length}',
    ],
  ),
  make(
    '1-04',
    'one-too-short',
    'Content-Length is 41, and the body has 42 bytes: the last one is not counted',
    [LENGTH, '${body.length - 1}'],
  ),
  make(
    '1-04',
    'one-too-long',
    'Content-Length is 43, and the body has 42 bytes: one is counted that never comes',
    [LENGTH, '${body.length + 1}'],
  ),
  unnamed(
    '1-04',
    'half-a-body',
    'Content-Length is 42, and the body has 20 bytes: expected the same number',
    [END, 'socket.end(body.subarray(0, 20));'],
  ),
  unnamed(
    '1-04',
    'half-a-body-then-silence',
    '20 of the 42 bytes that Content-Length promises came, then nothing for 1 s: expected the others, or a smaller number',
    [END, 'socket.write(body.subarray(0, 20));'],
  ),
  unnamed(
    '1-04',
    'half-a-body-then-reset',
    'The connection was reset after N of the 42 bytes that Content-Length promises: expected all of them, and then a FIN',
    [
      END,
      'socket.write(body.subarray(0, 20), () => setTimeout(() => socket.resetAndDestroy(), 50));',
    ],
  ),
  make(
    '1-04',
    'cut-character',
    'The body ends in the middle of a character: expected all bytes of the last one',
    [LENGTH, '${body.toString().length}'],
    [END, 'socket.end(body.subarray(0, body.toString().length));'],
  ),
  make(
    '1-04',
    'latin1-body',
    'The body is not UTF-8: byte f6 stands alone; expected the ö as c3 b6',
    [GREETING, GREETING.replace("')", "', 'latin1')")],
  ),
  make(
    '1-04',
    'answers-twice',
    'Content-Length is 42, and the body has 182 bytes: another answer follows the first',
    [END, `socket.write(body); socket.write(${JOIN}); ${END}`],
  ),
  make(
    '1-04',
    'ascii-only',
    'The body is "Hello, World!\\n", where bytes and characters are the same in number: expected an ö and an emoji behind the "Hello, World!"',
    [GREETING, "Buffer.from('Hello, World!\\n')"],
  ),
];
