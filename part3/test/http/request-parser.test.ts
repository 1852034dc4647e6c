/** The parser, sentence by sentence of RFC 9112 and of its own promises. The rest of the cases are fixtures. */
import { describe, expect, test } from 'vitest';
import { HttpError } from '../../http/http-error.ts';
import { LIMITS } from '../../http/limits.ts';
import { ReceiveBuffer } from '../../http/receive-buffer.ts';
import { type RequestHead, RequestParser } from '../../http/request-parser.ts';
import { cutEach, latin1, parse } from './outcome.ts';

const GET = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';
const chunked = (body: string) =>
  `POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;

function parserWith(text: string, limits = LIMITS): RequestParser {
  const parser = new RequestParser(limits);
  parser.receive(latin1(text));
  return parser;
}

function headOf(text: string): RequestHead {
  const event = parserWith(text).next();
  if (event?.kind !== 'head') throw new Error(`${event?.kind} instead of a head`);
  return event.head;
}

/** The status of the refusal, whole and byte by byte. */
function statusOf(text: string, limits = LIMITS): number | undefined {
  const { status } = parse([latin1(text)], limits);
  expect(parse(cutEach(latin1(text)), limits).status).toBe(status);
  return status;
}

describe('the head', () => {
  test('is given in full', () => {
    const text = 'PUT /a%20b?c=d HTTP/1.1\r\nHOST: x.example:81\r\nContent-Length: 2\r\n\r\n';
    expect(headOf(text)).toEqual({
      method: 'PUT',
      target: '/a%20b?c=d',
      path: '/a%20b',
      query: 'c=d',
      version: 'HTTP/1.1',
      host: 'x.example:81',
      headers: [
        ['HOST', 'x.example:81'],
        ['Content-Length', '2'],
      ],
      framing: { kind: 'length', length: 2 },
      keepAlive: true,
      expectContinue: false,
    });
  });

  test('has its fields as sent and in order, without the whitespace around their values', () => {
    const fields = 'b: 2\r\nA:\t 1 \t\r\nb:  two  words\r\nn: \xa0\x85\r\nc:\r\n';
    expect(headOf(`GET / HTTP/1.1\r\nHost: h\r\n${fields}\r\n`).headers).toEqual([
      ['Host', 'h'],
      ['b', '2'],
      ['A', '1'],
      ['b', 'two  words'],
      ['n', '\xa0\x85'],
      ['c', ''],
    ]);
  });

  test('has the target\'s host in place of Host\'s: "MUST ignore the received Host"; RFC 9112 §3.2.2', () => {
    const { target, host, headers } = headOf(
      'GET http://a:1/x HTTP/1.1\r\nhost: b\r\nx: y\r\n\r\n',
    );
    expect({ target, host }).toEqual({ target: 'http://a:1/x', host: 'a:1' });
    expect(headers).toEqual([
      ['host', 'a:1'],
      ['x', 'y'],
    ]);
  });

  test('has only names of its own: a field called __proto__ or constructor is a field', () => {
    const { headers } = headOf(
      'GET / HTTP/1.1\r\nHost: h\r\n__proto__: 1\r\nconstructor: 2\r\n\r\n',
    );
    expect(headers.map(([name]) => name)).toEqual(['Host', '__proto__', 'constructor']);
  });

  test('expects a 100 only if there is a body to wait for; RFC 9110 §10.1.1', () => {
    const withLength = (n: number) =>
      headOf(`PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: ${n}\r\n\r\n`);
    expect(withLength(1).expectContinue).toBe(true);
    expect(withLength(0).expectContinue).toBe(false);
  });
});

describe('the state', () => {
  test('goes from idle over head and body back to idle', () => {
    const parser = new RequestParser(LIMITS);
    const states: string[] = [parser.state];
    for (const slice of cutEach(latin1('POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi'))) {
      parser.receive(slice);
      states.push(parser.state);
      while (parser.next()) if (states.at(-1) !== parser.state) states.push(parser.state);
    }
    expect(states.filter((state, i) => state !== states[i - 1])).toEqual([
      'idle',
      'head',
      'body',
      'idle',
    ]);
  });

  test('is idle while nothing but an empty line has come', () => {
    const parser = parserWith('\r');
    for (const slice of ['', '\n']) {
      parser.receive(latin1(slice));
      expect(parser.state).toBe('idle');
      expect(parser.next()).toBeUndefined();
      expect(parser.state).toBe('idle');
    }
    parser.receive(latin1('\r'));
    expect(parser.state).toBe('head'); // a second one is no longer nothing
    expect(() => parser.next()).toThrow(HttpError);
  });

  test('is head as soon as bytes of the next request are there, asked for or not', () => {
    const parser = parserWith(`${GET}G`);
    expect([parser.next()?.kind, parser.next()?.kind]).toEqual(['head', 'end']);
    expect(parser.state).toBe('head');
  });

  test('is body until the end is given, even if there is no body', () => {
    const parser = parserWith(GET);
    parser.next();
    expect(parser.state).toBe('body');
    expect(parser.next()).toEqual({ kind: 'end' });
    expect(parser.state).toBe('idle');
  });
});

describe('what is not asked for', () => {
  test('is not read: who does not call next() has the bytes wait', () => {
    const parser = parserWith(GET + GET);
    expect(parser.bufferedBytes).toBe(2 * GET.length);
    parser.next();
    expect(parser.bufferedBytes).toBe(GET.length);
  });

  test('counts as buffered while its head is not given, however much of it is read', () => {
    const parser = parserWith(GET.slice(0, -1));
    expect(parser.next()).toBeUndefined();
    expect(parser.bufferedBytes).toBe(GET.length - 1);
    parser.receive(latin1('\n'));
    parser.next();
    expect(parser.bufferedBytes).toBe(0);
  });

  test("is the network's own memory: data are not copied", () => {
    const parser = parserWith('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6000\r\n\r\n');
    const [first, second] = [Buffer.alloc(4000, 'a'), Buffer.from(`${'b'.repeat(2000)}GET`)];
    parser.next();
    parser.receive(first);
    parser.receive(second);
    const events = [parser.next(), parser.next(), parser.next()];
    expect(events).toEqual([
      { kind: 'data', data: first },
      { kind: 'data', data: second.subarray(0, 2000) },
      { kind: 'end' },
    ]);
    expect(events[0]?.kind === 'data' && events[0].data.buffer === first.buffer).toBe(true);
    expect(parser.bufferedBytes).toBe(3);
  });

  test('is one piece of data, if it came in crumbs, whatever stands behind them', () => {
    const crumbs = 'abc'.replace(/./g, '1\r\n$&\r\n');
    for (const rest of ['', '1\r\n', '0\r\n\r\n', 'zz\r\n']) {
      const parser = parserWith(chunked(crumbs + rest));
      expect(parser.next()?.kind).toBe('head');
      expect(parser.next()).toEqual({ kind: 'data', data: Buffer.from('abc') });
      if (rest === 'zz\r\n') expect(() => parser.next()).toThrow('not a chunk size');
      else expect(parser.next()?.kind).toBe(rest === '0\r\n\r\n' ? 'end' : undefined);
    }
  });

  test('may be cut anywhere: a body of either framing goes on in the next piece', () => {
    const text = 'x'.repeat(10_000);
    const withLength = `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10000\r\n\r\n${text}`;
    const inOneChunk = chunked(`2710\r\n${text}\r\n0\r\n\r\n`);
    for (const sent of [withLength, inOneChunk]) {
      const { requests, state } = parse(cutEach(latin1(sent), 999));
      expect([requests[0]?.body, state]).toEqual([text, 'idle']);
    }
  });

  test('can be much: 100,000 tiny chunks and 100,000 requests in one buffer', () => {
    const chunks = parse([latin1(chunked(`${'1\r\nx\r\n'.repeat(100_000)}0\r\n\r\n`))]);
    expect(chunks.requests[0]?.body.length).toBe(100_000);
    expect(parse([latin1(GET.repeat(100_000))]).requests.length).toBe(100_000);
  });
});

describe('a refusal', () => {
  test('stands for ever: the same error again, and nothing behind it is kept', () => {
    const parser = parserWith('GET / HTTP/1.1\r\n\r\n');
    const errors = [1, 2, 3].map(() => {
      parser.receive(latin1(GET));
      try {
        return parser.next();
      } catch (error) {
        return error;
      }
    });
    expect(errors[0]).toBeInstanceOf(HttpError);
    expect(new Set(errors).size).toBe(1);
    expect([parser.state, parser.bufferedBytes]).toEqual(['refused', 0]);
  });

  test('never quotes the client', () => {
    const secret = 'S3CRET';
    for (const text of [`${secret}(`, `GET ${secret} HTTP/1.1\r\n`, `GET / ${secret}\r\n`]) {
      expect(() => parserWith(text).next()).toThrow(HttpError);
      expect(() => parserWith(text).next()).not.toThrow(secret);
    }
  });

  test.each([
    ['a TLS client says hello', '\x16', 400],
    ['the first byte is no tchar', '{', 400],
    ['a method has a NUL', 'GE\0', 400],
    ['a LF stands alone', 'GET / HTTP/1.1\n', 400],
    ['a CR stands alone', 'GET / HTTP/1.1\rx', 400],
    ['a line of HTTP/0.9 has come', 'GET /\r', 400],
    ['a target is wrong', 'GET x HTTP/1.1\r\n', 400],
    ['a version is not ours', 'GET / HTTP/3.0\r\n', 505],
    ['a value has a NUL', 'GET / HTTP/1.1\r\nHost: \0', 400],
    ['a field line is none', 'GET / HTTP/1.1\r\nHost : h\r\n', 400],
    ['a line is folded', 'GET / HTTP/1.1\r\nHost: h\r\n h\r\n', 400],
    ['a target is too long', `GET /${'a'.repeat(8000)}`, 414],
    ['a field line is too long', `GET / HTTP/1.1\r\nX: ${'a'.repeat(16 * 1024 - 19)}`, 431],
    ['a method is too long', 'A'.repeat(16 * 1024), 431],
    ['there are too many fields', `GET / HTTP/1.1\r\n${'a:\r\n'.repeat(101)}`, 431],
    ['a chunk size is none', chunked('x\r\n'), 400],
    ['a chunk-size line has a LF', chunked('5\n'), 400],
    ['data do not end where they should', chunked('1\r\nab'), 400],
    ['a chunk-size line is too long', chunked(`1;${'a'.repeat(4096 - 2)}`), 400],
    ['trailers are too long', chunked(`0\r\na: ${'a'.repeat(8192 - 3)}`), 431],
  ])('comes as soon as %s, without waiting for the rest', (_, text, status) => {
    expect(statusOf(text)).toBe(status);
    expect(statusOf(text.slice(0, -1))).toBeUndefined(); // so it is the last byte that decides
  });

  test('is decided by what comes first: target too long, then a NUL; a NUL, then too long', () => {
    expect(statusOf(`GET /${'a'.repeat(8000)}\0 HTTP/1.1\r\n\r\n`)).toBe(414);
    expect(statusOf(`GET /\0${'a'.repeat(8000)} HTTP/1.1\r\n\r\n`)).toBe(400);
    expect(statusOf(`${GET.slice(0, -2)}X: ${'a'.repeat(16 * 1024)}\0\r\n\r\n`)).toBe(431);
    expect(statusOf(`${GET.slice(0, -2)}X: \0${'a'.repeat(16 * 1024)}\r\n\r\n`)).toBe(400);
  });
});

describe('limits are kept to the byte', () => {
  const withTarget = (length: number) => GET.replace('/ ', `/${'a'.repeat(length - 1)} `);
  const padded = (length: number) => {
    const rest = GET.length + 'X: \r\n'.length;
    return `${GET.slice(0, -2)}X: ${'a'.repeat(length - rest)}\r\n\r\n`;
  };
  const withFields = (count: number) => `${GET.slice(0, -2)}${'X: 1\r\n'.repeat(count - 1)}\r\n`;
  const withTrailers = (count: number) => chunked(`0\r\n${'X: 1\r\n'.repeat(count)}\r\n`);
  const trailing = (length: number) => chunked(`0\r\nX: ${'a'.repeat(length - 7)}\r\n\r\n`);
  const withSizeLine = (length: number) => chunked(`1;${'a'.repeat(length - 4)}\r\nx\r\n0\r\n\r\n`);
  const withLength = (n: number) =>
    `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${n}\r\n\r\n${'x'.repeat(n)}`;
  const inChunks = (n: number) => chunked(`${'1\r\nx\r\n'.repeat(n)}0\r\n\r\n`);
  const small = { ...LIMITS, maxBodyBytes: 10 };

  test.each([
    ['maxTargetBytes', withTarget, 8000, 414, LIMITS],
    ['maxHeadBytes', padded, 16 * 1024, 431, LIMITS],
    ['maxFieldLines in the head', withFields, 100, 431, LIMITS],
    ['maxFieldLines in trailers', withTrailers, 100, 431, LIMITS],
    ['maxTrailerBytes', trailing, 8 * 1024, 431, LIMITS],
    ['maxChunkLineBytes', withSizeLine, 4096, 400, LIMITS],
    ['maxBodyBytes by its length', withLength, 10, 413, small],
    ['maxBodyBytes in chunks', inChunks, 10, 413, small],
  ])('%s', (_, text, limit, status, limits) => {
    expect(statusOf(text(limit), limits)).toBeUndefined();
    expect(statusOf(text(limit + 1), limits)).toBe(status);
  });

  test('chunk extensions that no data makes up for, together: as much as one such line may have', () => {
    const talkative = (n: number) =>
      chunked(`${`1;${'a'.repeat(115)}\r\nx\r\n`.repeat(n)}0\r\n\r\n`);
    expect(statusOf(talkative(40))).toBeUndefined(); // 117 chars, of which 16 are free, and one byte pays for itself
    expect(statusOf(talkative(41))).toBe(400);
    const generous = chunked(
      `${`64;${'a'.repeat(100)}\r\n${'x'.repeat(100)}\r\n`.repeat(1000)}0\r\n\r\n`,
    );
    expect(parse([latin1(generous)], LIMITS).status).toBeUndefined();
  });

  test('a chunk that would be too much is refused before any of it is given', () => {
    const { requests, status } = parse([latin1(chunked('5\r\nhello\r\n6\r\n world'))], small);
    expect([requests[0]?.body, status]).toEqual(['hello', 413]);
  });
});

test('bytes that nobody asks for yet are held in large pieces, however small they come', () => {
  const buffer = new ReceiveBuffer();
  const bytes = Buffer.from('0123456789'.repeat(2000));
  for (let i = 0; i < bytes.length; i++) buffer.append(bytes.subarray(i, i + 1));
  const pieces: Buffer[] = [];
  for (let piece = buffer.takeBytes(2 ** 20); piece; piece = buffer.takeBytes(2 ** 20))
    pieces.push(piece);
  expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
  expect(pieces.length).toBeLessThanOrEqual(1 + bytes.length / 512);
});

test('hostile text takes linear time: runs of whitespace, of commas, of semicolons, of quotes', () => {
  const run = (text: string) => text.repeat(Math.floor(100_000 / text.length));
  const limits = {
    ...LIMITS,
    maxHeadBytes: 2 ** 20,
    maxTargetBytes: 2 ** 20,
    maxChunkLineBytes: 2 ** 20,
  };
  const withField = (name: string, value: string) =>
    `GET / HTTP/1.1\r\nHost: h\r\n${name}: x${value}x\r\n\r\n`;
  const runs = [
    ' ',
    '\t ',
    'a ',
    ', ',
    'close ,',
    'chunked ,',
    ';',
    ' ;',
    ';a',
    ';a=',
    ';a ',
    ';"',
    ';a="\\"',
    '?',
  ];
  const texts = runs
    .map(run)
    .flatMap((text) => [
      ...['X', 'Connection', 'Transfer-Encoding', 'Host'].map((name) => withField(name, text)),
      `GET /${text.replaceAll(/[\t ]/g, '/')}# HTTP/1.1\r\n\r\n`,
      chunked(`1${text}x"\r\n`),
    ]);
  const start = process.cpuUsage();
  for (const text of texts) parse([latin1(text)], limits);
  const { user } = process.cpuUsage(start);
  expect(user / 1000).toBeLessThan(3000); // all of them take 100 ms or so; a quadratic one, many seconds
});
