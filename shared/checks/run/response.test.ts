/** How the checks of part 2 read an answer that is none. */
import { expect, test } from 'vitest';
import { parseAnswer } from './response.ts';

test.each([
  ['Hello\n', 'an answer begins with a status line, not with "Hello\\n"', 0],
  ['HTTP/1.1 200 OK\nA: b\n\nHello\n', 'a line of the head ends in LF alone, not in CR LF', 15],
  ['HTTP/1.1 200 OK\r\nA: b\n\r\nHello', 'a line of the head ends in LF alone, not in CR LF', 21],
  [
    'HTTP/1.1 200 OK\r\nA: b\r\nHello\n',
    'there is no blank line behind the head: "Hello" is no header',
    23,
  ],
  ['HTTP/1.1 200 OK\r\nA: b\r\n', 'the head has no end: a blank line is missing', 23],
  ['HTTP/1.1 200 OK\r\nA b\r\n\r\n', 'this is no header: "A b"', 17],
])('%j', (text, message, at) => {
  const read = () => parseAnswer(Buffer.from(text), 'fin', 'GET /');
  expect(read).toThrow(
    expect.objectContaining({
      message: `GET /: ${message}`,
      details: expect.objectContaining({ at }),
    }),
  );
});
