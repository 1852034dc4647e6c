/** The validator names the broken rule, and whose it is; who keeps the rules does not notice it. */
import { describe, expect, test } from 'vitest';
import type { Application, Chunk, Environ, Headers, Result } from '../wsgi.ts';
import { validator } from './validator.ts';

const TEXT: Headers = [['Content-Type', 'text/plain']];

function goodEnviron(): Environ {
  return {
    REQUEST_METHOD: 'GET',
    SCRIPT_NAME: '',
    PATH_INFO: '/',
    QUERY_STRING: '',
    REQUEST_URI: '/',
    SERVER_NAME: 'localhost',
    SERVER_PORT: '80',
    SERVER_PROTOCOL: 'HTTP/1.1',
    REMOTE_ADDR: '127.0.0.1',
    REMOTE_PORT: '50000',
    HTTP_HOST: 'localhost',
    'wsgi.version': [1, 0],
    'wsgi.url_scheme': 'http',
    'wsgi.input': {
      read: async () => Buffer.from('body'),
      readline: async () => Buffer.from('line\n'),
      readlines: async () => [Buffer.from('line\n')],
      async *[Symbol.asyncIterator]() {
        yield Buffer.from('line\n');
      },
    },
    'wsgi.errors': { write: () => {}, writelines: () => {}, flush: () => {} },
    'wsgi.multithread': false,
    'wsgi.multiprocess': false,
    'wsgi.run_once': false,
  };
}

/** A server in the small: calls, iterates, closes. Rejects with what the validator throws. */
async function serve(app: Application, environ = goodEnviron()): Promise<string> {
  const body: Chunk[] = [];
  const write = async (chunk: Chunk) => void body.push(chunk);
  const result = await validator(app)(environ, () => write);
  for await (const chunk of result) body.push(chunk);
  await result.close?.();
  return Buffer.concat(body.map((chunk) => Buffer.from(chunk))).toString();
}

const greets: Application = (_, start) => {
  start('200 OK', TEXT);
  return ['hello'];
};

describe('who keeps the rules does not notice', () => {
  test('a list stays a list, and its close() is called', async () => {
    let isClosed = false;
    const app: Application = (_, start) => {
      start('200 OK', TEXT);
      return Object.assign(['a', Buffer.from('b')], { close: () => (isClosed = true) });
    };
    const result = await validator(app)(goodEnviron(), () => async () => {});
    expect(Array.isArray(result)).toBe(true);
    expect([...(result as string[])]).toEqual(['a', Buffer.from('b')]);
    await result.close?.();
    expect(isClosed).toBe(true);
  });

  test('write, generators, a late startResponse, an empty reason, HEAD with a length, the whole of wsgi.input', async () => {
    const app: Application = async (environ, start) => {
      const input = environ['wsgi.input'];
      await input.read();
      await input.read(4);
      await input.readline(5);
      await input.readlines();
      for await (const _ of input);
      const write = start('200 OK', [...TEXT, ['Content-Length', '3']]);
      await write('a');
      return (function* () {
        yield 'b';
        yield 'c';
      })();
    };
    expect(await serve(app)).toBe('abc');
    const late: Application = (_, start) =>
      (function* () {
        start('200 OK', TEXT);
        yield 'late';
      })();
    expect(await serve(late)).toBe('late');
    const terse: Application = (_, start) => {
      start('200 ', TEXT); // the space stays; RFC 9112 §4
      return ['x'];
    };
    expect(await serve(terse)).toBe('x');
    const head: Application = (_, start) => {
      start('200 OK', [['Content-Length', '5']]);
      return [];
    };
    expect(await serve(head, { ...goodEnviron(), REQUEST_METHOD: 'HEAD' })).toBe('');
  });
});

describe('the application broke a rule', () => {
  const answering =
    (status: unknown, headers: unknown, result: unknown = ['x']): Application =>
    (_, start) => {
      start(status as string, headers as Headers);
      return result as Result;
    };

  test.each<[string, Application, string]>([
    ['returns a string', answering('200 OK', TEXT, 'text'), 'return [text] instead'],
    ['returns bytes', answering('200 OK', TEXT, Buffer.from('x')), 'return [bytes] instead'],
    ['returns nothing', answering('200 OK', TEXT, null), 'returns an iterable'],
    ['puts a number in the body', answering('200 OK', TEXT, [1]), 'strings and Uint8Arrays'],
    ['gives a status as a number', answering(200, TEXT), 'a status is a string'],
    ['gives a status without a reason', answering('200', TEXT), 'a code, a space and a reason'],
    ['gives headers as an object', answering('200 OK', { a: 'b' }), 'a list of [name, value]'],
    ['gives a header as a string', answering('200 OK', ['a: b']), 'a header is [name, value]'],
    ['gives a name with a colon', answering('200 OK', [['a:', 'b']]), "a header's name is a token"],
    ['gives a number as a value', answering('200 OK', [['a', 1]]), 'the value of a is a string'],
    ['splits the head', answering('200 OK', [['a', 'b\r\nc: d']]), 'without control characters'],
    ['gives a value beyond latin-1', answering('200 OK', [['a', '\u010a']]), 'of latin-1'],
    ['gives a Status header', answering('200 OK', [['Status', '200']]), 'not among the headers'],
    ['gives a hop-by-hop header', answering('200 OK', [['Connection', 'x']]), "the server's"],
    [
      'gives a length that is none',
      answering('200 OK', [['Content-Length', 'x']]),
      'a number of bytes',
    ],
    ['promises too much', answering('200 OK', [['Content-Length', '2']]), 'is 2, and 1 bytes came'],
    [
      'promises too little',
      answering('200 OK', [['Content-Length', '0']]),
      'is 0, and 1 bytes came',
    ],
    ['gives a 204 a body', answering('204 No Content', []), 'have no body'],
    ['never starts', () => ['x'], 'startResponse is called before the body begins'],
    ['never starts, and has no body', () => [], 'startResponse is called before the body ends'],
    [
      'starts twice',
      (environ, start) => {
        start('200 OK', TEXT);
        return greets(environ, start);
      },
      'again only with excInfo',
    ],
    [
      'leaves out the headers',
      (_, start) => {
        Reflect.apply(start, undefined, ['200 OK']);
        return [];
      },
      'startResponse takes status, headers',
    ],
    [
      'reads half a byte',
      async (environ, start) => {
        await environ['wsgi.input'].read(0.5);
        return greets(environ, start);
      },
      'one whole number of bytes',
    ],
  ])('%s', async (_title, app, rule) => {
    await expect(serve(app)).rejects.toMatchObject({
      name: 'Error',
      by: 'application',
      message: expect.stringContaining(rule),
    });
  });
});

describe('the server broke a rule', () => {
  const environs: [string, Record<string, unknown>, string][] = [
    ['no method', { REQUEST_METHOD: '' }, 'REQUEST_METHOD, and it is never empty'],
    ['no name of its own', { SERVER_NAME: undefined }, 'SERVER_NAME, and it is never empty'],
    ['a port as a number', { SERVER_PORT: 80 }, 'SERVER_PORT is a string'],
    ['HTTP_CONTENT_TYPE', { HTTP_CONTENT_TYPE: 'x' }, 'there is no HTTP_CONTENT_TYPE'],
    ['HTTP_CONTENT_LENGTH', { HTTP_CONTENT_LENGTH: '1' }, 'there is no HTTP_CONTENT_LENGTH'],
    ['a path of characters', { PATH_INFO: '/\u20ac' }, 'one byte (latin-1)'],
    ['a path without its slash', { PATH_INFO: 'x' }, 'PATH_INFO is empty or begins with /'],
    ['a script name of /', { SCRIPT_NAME: '/' }, 'is empty instead'],
    ['a script name without its slash', { SCRIPT_NAME: 'x' }, 'SCRIPT_NAME is empty or begins'],
    ['neither script name nor path', { PATH_INFO: '' }, 'are not both empty'],
    ['a method with a space', { REQUEST_METHOD: 'GET /' }, 'REQUEST_METHOD is a token'],
    ['a length that is none', { CONTENT_LENGTH: 'x' }, 'CONTENT_LENGTH is a number'],
    ['another version', { 'wsgi.version': [2, 0] }, 'wsgi.version is [1, 0]'],
    ['another scheme', { 'wsgi.url_scheme': 'ftp' }, 'http or https'],
    ['a maybe', { 'wsgi.multithread': 'maybe' }, 'whether wsgi.multithread'],
    ['no errors', { 'wsgi.errors': undefined }, 'wsgi.errors has write'],
    ['no input', { 'wsgi.input': {} }, 'wsgi.input has read'],
  ];

  test.each(environs)('the environ has %s', async (_title, change, rule) => {
    const environ = { ...goodEnviron(), ...change } as Environ;
    await expect(serve(greets, environ)).rejects.toMatchObject({
      by: 'server',
      message: expect.stringContaining(rule),
    });
  });

  test('an environ that is no plain object', async () => {
    class Special {}
    const environ = Object.assign(new Special(), goodEnviron());
    await expect(serve(greets, environ)).rejects.toThrow('environ is a plain object');
  });

  test('no startResponse, or one that returns no write', async () => {
    const app = validator(greets) as (...args: unknown[]) => Promise<Result>;
    await expect(app(goodEnviron())).rejects.toThrow('startResponse is something to call');
    await expect(app(goodEnviron(), () => {})).rejects.toThrow('startResponse returns write');
    await expect(app(goodEnviron(), () => {}, 3)).rejects.toThrow('called with two arguments');
  });

  test('more bytes than were asked for, or none at all', async () => {
    const reads: Application = async (environ, start) => {
      await environ['wsgi.input'].read(2);
      return greets(environ, start);
    };
    await expect(serve(reads)).rejects.toThrow('no more bytes than were asked for');
    const environ = goodEnviron();
    environ['wsgi.input'].read = async () => 'text' as unknown as Uint8Array;
    await expect(serve(reads, environ)).rejects.toThrow('read of wsgi.input gives bytes');
  });

  test('a result iterated over twice, or closed twice', async () => {
    const streams: Application = (_, start) => {
      start('200 OK', TEXT);
      return (function* () {
        yield 'x';
      })();
    };
    const result = await validator(streams)(goodEnviron(), () => async () => {});
    for await (const _ of result);
    await expect(
      (async () => {
        for await (const _ of result);
      })(),
    ).rejects.toThrow('iterated over once');
    result.close?.();
    expect(() => result.close?.()).toThrow('close() is called once');
  });
});
