/** What holds for every request, not only for those we thought of. A failure prints its seed and its smallest case. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cutAt, latin1, parse, readFixtures } from './outcome.ts';

const TCHARS = [..."!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"];
const VCHARS = charsBetween(0x21, 0x7e);
const VALUE_CHARS = ['\t', ' ', ...VCHARS, ...charsBetween(0x80, 0xff)];
/** These mean something, and then not everything goes. */
const MEANT = /^(host|content-length|transfer-encoding|connection|expect|content-type)$/i;

const textOf = (chars: string[], minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...chars), minLength, maxLength });
const token = textOf(TCHARS, 1, 12);
const ows = textOf([' ', '\t'], 0, 3);
const urlChars = VCHARS.filter((char) => !'#?'.includes(char));

const places = fc.array(fc.nat(2000), { maxLength: 8 });

interface Sent {
  method: string;
  path: string;
  query: string | undefined;
  fields: (readonly [name: string, before: string, value: string, after: string])[];
  body: { kind: 'none' } | { kind: 'length'; text: string } | { kind: 'chunked'; chunks: Chunk[] };
  trailers: string[];
}

interface Chunk {
  text: string;
  zeros: number;
  isUpperCase: boolean;
  extension: string;
}

const bytes = fc
  .uint8Array({ minLength: 1, maxLength: 40 })
  .map((array) => Buffer.from(array).toString('latin1'));
const quoted = textOf(VALUE_CHARS, 0, 8).map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`);
const extension = fc
  .array(fc.tuple(ows, ows, token, fc.option(fc.tuple(ows, ows, fc.oneof(token, quoted)))), {
    maxLength: 3,
  })
  .map((list) =>
    list
      .map(
        ([a, b, name, value]) =>
          `${a};${b}${name}${value ? `${value[0]}=${value[1]}${value[2]}` : ''}`,
      )
      .join(''),
  );
const chunk: fc.Arbitrary<Chunk> = fc.record({
  text: bytes,
  zeros: fc.nat(3),
  isUpperCase: fc.boolean(),
  extension,
});
const value = textOf(VALUE_CHARS, 0, 30).map((text) => text.replace(/^[\t ]+|[\t ]+$/g, ''));

const request: fc.Arbitrary<Sent> = fc.record({
  method: token.filter((method) => method !== 'CONNECT'),
  path: textOf(urlChars, 0, 30).map((path) => `/${path}`),
  query: fc.option(textOf([...urlChars, '?'], 0, 30), { nil: undefined }),
  fields: fc.array(
    fc.tuple(
      token.filter((name) => !MEANT.test(name)),
      ows,
      value,
      ows,
    ),
    { maxLength: 6 },
  ),
  body: fc.oneof(
    fc.constant({ kind: 'none' as const }),
    fc.record({ kind: fc.constant('length' as const), text: fc.oneof(fc.constant(''), bytes) }),
    fc.record({ kind: fc.constant('chunked' as const), chunks: fc.array(chunk, { maxLength: 5 }) }),
  ),
  trailers: fc.array(
    fc.tuple(token, value).map(([name, text]) => `${name}: ${text}\r\n`),
    { maxLength: 3 },
  ),
});

function serialize({ method, path, query, fields, body, trailers }: Sent): string {
  const lines = fields.map(([name, before, text, after]) => `${name}:${before}${text}${after}\r\n`);
  const target = query === undefined ? path : `${path}?${query}`;
  const start = `${method} ${target} HTTP/1.1\r\nHost: localhost\r\n${lines.join('')}`;
  if (body.kind === 'none') return `${start}\r\n`;
  if (body.kind === 'length')
    return `${start}Content-Length: ${body.text.length}\r\n\r\n${body.text}`;
  const chunks = [...body.chunks.map(toChunk), `0\r\n${trailers.join('')}\r\n`];
  return `${start}Transfer-Encoding: chunked\r\n\r\n${chunks.join('')}`;
}

function toChunk({ text, zeros, isUpperCase, extension: ext }: Chunk): string {
  const hex = text.length.toString(16);
  return `${'0'.repeat(zeros)}${isUpperCase ? hex.toUpperCase() : hex}${ext}\r\n${text}\r\n`;
}

function bodyOf({ body }: Sent): string {
  if (body.kind === 'chunked') return body.chunks.map(({ text }) => text).join('');
  return body.kind === 'length' ? body.text : '';
}

describe('what is sent is what is read', () => {
  test('requests in a row, with bodies of every framing, under any cuts', () => {
    const property = fc.property(
      fc.array(request, { minLength: 1, maxLength: 4 }),
      places,
      (sent, at) => {
        const { requests, status, state } = parse(slicesOf(sent.map(serialize).join(''), at));
        expect({ status, state }).toEqual({ status: undefined, state: 'idle' });
        expect(requests.length).toBe(sent.length);
        for (const [i, one] of sent.entries()) {
          const { head, body } = requests[i] ?? {};
          expect(body).toBe(bodyOf(one));
          expect(head).toMatchObject({
            method: one.method,
            path: one.path,
            query: one.query ?? '',
          });
          expect(head?.framing.kind).toBe(one.body.kind);
          expect(head?.headers.slice(1, one.fields.length + 1)).toEqual(
            one.fields.map(([name, , text]) => [name, text]),
          );
        }
      },
    );
    fc.assert(property, { numRuns: 300 });
  });
});

describe('what is not right', () => {
  const fixtures = fc.constantFrom(
    ...readFixtures('valid').values(),
    ...readFixtures('invalid').values(),
  );
  const bad = '\0\t\n\r "#%(),/:;=?@[]\x7f\x80\xff019afA';

  test('a valid request with some bytes changed, lost or added is read or refused, the same under any cuts', () => {
    const edit = fc.record({
      at: fc.nat(1500),
      lost: fc.nat(3),
      added: fc.oneof(textOf([...bad], 0, 3), fc.constantFrom('\r\n', '\r\n\r\n', 'Host: x\r\n')),
    });
    const edits = fc.array(edit, { minLength: 1, maxLength: 3 });
    const source = fc.oneof(
      fixtures.map((fixture) => fixture.toString('latin1')),
      request.map(serialize),
    );
    const property = fc.property(source, edits, places, (text, changes, at) => {
      const mutant = changes.reduce((before, { at: place, lost, added }) => {
        const start = place % (before.length + 1);
        return before.slice(0, start) + added + before.slice(start + lost);
      }, text);
      expectSame(mutant, at);
    });
    fc.assert(property, { numRuns: 2000 });
  });

  test('any bytes at all are read or refused, the same under any cuts', () => {
    const noise = fc
      .uint8Array({ maxLength: 200 })
      .map((array) => Buffer.from(array).toString('latin1'));
    const inHead = noise.map((text) => `GET / HTTP/1.1\r\nHost: h\r\n${text}`);
    const inChunks = noise.map(
      (text) => `PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n${text}`,
    );
    const almost = textOf([...bad, '\r\n', 'GET ', '/ ', 'HTTP/1.1', 'Host: ', '0', '5'], 0, 60);
    const property = fc.property(fc.oneof(noise, inHead, inChunks, almost), places, expectSame);
    fc.assert(property, { numRuns: 2000 });
  });

  test('behind a refusal nothing is read, whatever comes', () => {
    const property = fc.property(fixtures, request, (fixture, next) => {
      const before = parse([fixture]);
      if (before.status === undefined) return;
      expect(parse([fixture, latin1(serialize(next))])).toEqual(before);
      expect(parse([Buffer.concat([fixture, latin1(serialize(next))])])).toEqual(before);
    });
    fc.assert(property, { numRuns: 500 });
  });
});

/** Whole, in slices, and byte by byte: one outcome, or an HttpError. `parse` throws at anything else. */
function expectSame(text: string, at: number[]): void {
  const whole = parse([latin1(text)]);
  expect(parse(slicesOf(text, at))).toEqual(whole);
  expect(
    parse(
      slicesOf(
        text,
        [...text].map((_, i) => i),
      ),
    ),
  ).toEqual(whole);
}

function slicesOf(text: string, at: readonly number[]): Buffer[] {
  return cutAt(
    latin1(text),
    at.map((place) => place % (text.length + 1)),
  );
}

function charsBetween(first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, i) => String.fromCharCode(first + i));
}
