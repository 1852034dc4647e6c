/** What no socket can be made to show every time: the streams and the exchange, piece by piece, and the clock. */

import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { HOP_BY_HOP } from '../../../shared/adapters/environ.ts';
import { InputStream } from '../../gateway/input-stream.ts';
import { Exchange } from '../../gateway/run-application.ts';
import type { Application, Chunk, Environ, Result } from '../../gateway/wsgi.ts';
import { LIMITS, type Limits } from '../../http/limits.ts';
import { ResponseWriter } from '../../http/response-writer.ts';
import { Connection } from '../../server/connection.ts';
import { HELLO, head, splitAnswers, statusesOf } from './gateway.ts';

describe('wsgi.input', () => {
  /** A stream of these pieces, and the number of those that were asked for. */
  function streamOf(...pieces: string[]) {
    const asked = { count: 0 };
    const input = new InputStream(async () => Buffer.from(pieces[asked.count++] ?? ''));
    return { input, asked };
  }
  const texts = (lines: Uint8Array[]) => lines.map((line) => `${Buffer.from(line)}`);
  const text = async (bytes: Promise<Uint8Array>) => `${Buffer.from(await bytes)}`;

  test('read(size) gives what there is, at most size, and asks for no more than that takes', async () => {
    const { input, asked } = streamOf('hello', ' world');
    expect(await text(input.read(2))).toBe('he');
    expect(await text(input.read(100))).toBe('llo');
    expect(asked.count).toBe(1);
    expect(await text(input.read(0))).toBe('');
    expect(asked.count).toBe(1);
    expect(await text(input.read(100))).toBe(' world');
    expect([await text(input.read(1)), await text(input.read())]).toEqual(['', '']);
    expect(asked.count).toBe(3); // behind the end it asks no more
  });

  test('read() gives all that is left', async () => {
    const { input } = streamOf('a', 'b', 'c');
    await input.read(1);
    expect(await text(input.read())).toBe('bc');
  });

  test('a line ends with its LF, in however many pieces it came, or with the body', async () => {
    for (const pieces of [
      ['one\ntwo\r\n\nend'],
      [...'one\ntwo\r\n\nend'],
      ['one', '\ntw', 'o\r\n\nend'],
    ]) {
      expect(texts(await streamOf(...pieces).input.readlines())).toEqual([
        'one\n',
        'two\r\n',
        '\n',
        'end',
      ]);
    }
  });

  test('readline(size) stops at size, and the rest of the line comes next', async () => {
    const { input } = streamOf('abc', 'def\nrest');
    expect(await text(input.readline(4))).toBe('abcd');
    expect(await text(input.readline(0))).toBe('');
    expect(await text(input.readline(9))).toBe('ef\n');
    expect(await text(input.readline())).toBe('rest');
  });

  test('readlines(hint) stops behind the line that reaches it', async () => {
    const { input } = streamOf('a\nbb\nccc\n');
    expect(texts(await input.readlines(3))).toEqual(['a\n', 'bb\n']);
    expect(await text(input.read())).toBe('ccc\n');
  });

  test('a body whose rest never comes rejects, and what was there is not taken for all', async () => {
    const failing = () => {
      const pieces = [Buffer.from('half')];
      return new InputStream(async () => pieces.shift() ?? Promise.reject(new Error('gone')));
    };
    await expect(failing().read()).rejects.toThrow('gone');
    await expect(failing().readline()).rejects.toThrow('gone');
    expect(await text(failing().read(10))).toBe('half');
  });
});

describe('an exchange', () => {
  /** Runs it, and gives what was sent, what went wrong, and what was said on wsgi.errors. */
  async function run(
    application: Application,
    { method = 'GET', ready = () => undefined as Promise<void> | undefined } = {},
  ) {
    const said: string[] = [];
    const seen = { sent: '', failure: undefined as unknown };
    const question = { method, version: 'HTTP/1.1', keepAlive: true } as const;
    const writer = new ResponseWriter(question, (piece) => {
      seen.sent += typeof piece === 'string' ? piece : Buffer.from(piece).toString('latin1');
    });
    const environ = {
      REQUEST_METHOD: method,
      'wsgi.errors': { write: (text: string) => void said.push(text) },
    } as unknown as Environ;
    const exchange = new Exchange(environ, writer, ready);
    try {
      await exchange.run(application);
    } catch (error) {
      seen.failure = error;
    }
    return { ...seen, errors: said.join('') };
  }
  const TEXT: [string, string][] = [['Content-Type', 'text/plain']];

  /** A result that counts its close(). */
  function closing(chunks: Iterable<Chunk> | AsyncIterable<Chunk>) {
    const closed = { count: 0 };
    const result = Object.assign(chunks, { close: () => void closed.count++ }) as Result;
    return { closed, result };
  }

  test.each([
    ['a list', () => ['x']],
    ['an empty list', () => []],
    [
      'a generator',
      () =>
        (function* () {
          yield 'x';
        })(),
    ],
    ['a list that is too long', () => ['x'.repeat(99)]],
    [
      'a generator that throws',
      () =>
        (function* () {
          yield '';
          throw new Error('no');
        })(),
    ],
    ['a list of what is no body', () => [1 as unknown as string]],
  ])('close() is called once: %s', async (_, make) => {
    const { closed, result } = closing(make());
    await run((_environ, start) => {
      start('200 OK', [['Content-Length', '1']]);
      return result;
    });
    expect(closed.count).toBe(1);
  });

  test('close() is called once also by an abort, at once, and the rest is not asked for', async () => {
    let asked = 0;
    let leave = () => {};
    const body = (function* () {
      for (;;) {
        asked++;
        yield 'x';
      }
    })();
    const { closed, result } = closing(body);
    const environ = { REQUEST_METHOD: 'GET' } as unknown as Environ;
    const writer = new ResponseWriter(
      { method: 'GET', version: 'HTTP/1.1', keepAlive: true },
      () => {},
    );
    const exchange = new Exchange(
      environ,
      writer,
      () =>
        new Promise((resolve) => {
          leave = resolve;
        }),
    );
    const running = exchange.run((_, start) => {
      start('200 OK', TEXT);
      return result;
    });
    await turn();
    exchange.abort();
    expect([asked, closed.count]).toEqual([1, 1]);
    leave();
    await running;
    expect([asked, closed.count]).toEqual([1, 1]); // nothing is asked of what is closed
  });

  test('a synchronous application with a list costs no promise', () => {
    const writer = new ResponseWriter(
      { method: 'GET', version: 'HTTP/1.1', keepAlive: true },
      () => {},
    );
    const exchange = new Exchange({ REQUEST_METHOD: 'GET' } as Environ, writer, () => undefined);
    const running = exchange.run((_, start) => {
      start('200 OK', TEXT);
      return ['x'];
    });
    expect(running).toBeUndefined();
  });

  test('a large piece leaves in blocks, each when the client can take it', async () => {
    let waits = 0;
    const ready = () => {
      waits++;
      return turn();
    };
    const { sent, failure } = await run(
      (_, start) => {
        start('200 OK', TEXT);
        return ['é'.repeat(100_000)];
      },
      { ready },
    );
    expect(failure).toBeUndefined();
    expect(`${splitAnswers(Buffer.from(sent, 'latin1'))[0]?.body}`).toBe('é'.repeat(100_000));
    expect(waits).toBe(4); // 200,000 bytes in blocks of 64 KiB
  });

  test('a promised length counts bytes, not chars', async () => {
    const { failure, sent } = await run((_, start) => {
      start('200 OK', [['Content-Length', '2']]);
      return ['é'];
    });
    expect([failure, sent.endsWith('\r\n\r\n\xc3\xa9')]).toEqual([undefined, true]);
  });

  test('what does not fit the promise never leaves, and the exchange fails', async () => {
    const { failure, sent } = await run((_, start) => {
      start('200 OK', [['Content-Length', '5']]);
      return (function* () {
        yield 'four';
        yield 'more';
      })();
    });
    expect(`${failure}`).toMatch(/longer than its Content-Length, by 3 bytes/);
    expect(sent.endsWith('\r\n\r\nfour')).toBe(true);
  });

  test('the first write sends the head, also when it writes nothing; PEP 3333', async () => {
    const sent: unknown[] = [];
    const writer = new ResponseWriter(
      { method: 'GET', version: 'HTTP/1.1', keepAlive: true },
      (piece) => void sent.push(piece),
    );
    const exchange = new Exchange({ REQUEST_METHOD: 'GET' } as Environ, writer, () => undefined);
    let first = '';
    await exchange.run(async (_, start) => {
      await start('200 OK', TEXT)('');
      first = sent.join('');
      return [];
    });
    expect(first).toMatch(/^HTTP\/1\.1 200 OK\r\n.*\r\n\r\n$/s);
  });

  test('writes that nobody waits for leave in their order, and the end behind them', async () => {
    const words = ['one ', 'two ', 'three '].map((word) => word.repeat(40_000)); // several blocks each
    const { sent, failure } = await run(
      (_, start) => {
        const write = start('200 OK', TEXT);
        for (const word of words) write(word);
        return ['end'];
      },
      { ready: () => turn() },
    );
    expect(failure).toBeUndefined();
    expect(`${splitAnswers(Buffer.from(sent, 'latin1'))[0]?.body}`).toBe(`${words.join('')}end`);
  });

  test.each([
    ['a status without a reason', '200', TEXT],
    ['an interim status', '100 Continue', TEXT],
    ['a status of two lines', '200 OK\r\nX: 1', TEXT],
    ['a name that is none', '200 OK', [['X Y', '1']]],
    ['a value with a LF', '200 OK', [['X', '1\n2']]],
    ['a value beyond latin-1', '200 OK', [['X', '\u010a']]],
    ['a length with a sign', '200 OK', [['Content-Length', '+1']]],
  ] as [string, string, [string, string][]][])(
    '%s is a breach, and nothing leaves',
    async (_, status, headers) => {
      const { failure, sent } = await run((_environ, start) => {
        start(status, headers);
        return ['x'];
      });
      expect(`${failure}`).toContain('PEP 3333');
      expect(sent).toBe('');
    },
  );

  test('excInfo behind the head is thrown as it is; before it, it replaces the head', async () => {
    const reason = new Error('too late');
    const late = await run((_, start) =>
      (function* () {
        start('200 OK', TEXT);
        yield 'x';
        start('500 No', TEXT, reason);
      })(),
    );
    expect(late.failure).toBe(reason);
  });

  test('a reason may be empty, the space before it not; RFC 9112 §4', async () => {
    const answer = (status: string) =>
      run((_, start) => {
        start(status, TEXT);
        return ['x'];
      });
    expect((await answer('200 ')).sent).toMatch(/^HTTP\/1\.1 200 \r\n/);
    expect((await answer('200')).failure).toMatchObject({
      message: expect.stringContaining('a status looks like'),
    });
  });

  test('a 407 of a JavaScript handler keeps its Proxy-Authenticate', () => {
    expect(['Proxy-Authenticate', 'Proxy-Connection'].map((name) => HOP_BY_HOP.test(name))).toEqual(
      [false, true],
    );
  });

  test('a close() that fails is told, and the answer stands', async () => {
    for (const close of [
      () => {
        throw new Error('bad end');
      },
      () => Promise.reject(new Error('bad end')),
    ]) {
      const { failure, errors, sent } = await run((environ, start) => {
        environ['wsgi.errors'] = undefined as never; // it has been told already where to tell
        start('200 OK', TEXT);
        return Object.assign(['x'], { close });
      });
      expect([failure, sent.endsWith('x')]).toEqual([undefined, true]);
      expect(errors).toContain('bad end');
    }
  });
});

describe('the clock of a connection', () => {
  /** A client that takes nothing until it is told to. */
  function makeClient(application: Application, changed: Partial<Limits> = {}) {
    let sent = '';
    let take = () => {};
    const socket = new Duplex({
      allowHalfOpen: true,
      read: () => {},
      write: (chunk, _, done) => {
        sent += chunk;
        take = () => done();
      },
    });
    const times = {
      writeTimeout: 60,
      requestTimeout: 60,
      keepAliveTimeout: 5,
      halfCloseTimeout: 1,
    };
    const limits = { ...LIMITS, ...times, ...changed };
    const peer = {
      scheme: 'http',
      serverName: '',
      serverPort: '',
      remoteAddress: '',
      remotePort: '',
    } as const;
    const connection = new Connection(socket as unknown as Socket, {
      ...{ application, limits, trace: undefined, log: undefined, canReset: false },
      toPeer: () => ({ ...peer, isProxy: false, isMultiprocess: false }),
      stats: { requests: 0, underWay: 0 },
    });
    return { socket, connection, take: () => take(), sent: () => sent };
  }
  const later = (seconds: number) => performance.now() + seconds * 1000;

  const slow: Application = (environ, start) => {
    if (environ.PATH_INFO === '/slow') return new Promise(() => {});
    start('200 OK', []);
    return [HELLO];
  };

  test('an answer not yet taken has its own time, and then the application goes on with its own', async () => {
    const { socket, connection, take, sent } = makeClient(slow);
    socket.push(head('GET /hello') + head('GET /slow'));
    await turn();
    expect(sent()).toContain(HELLO);
    connection.checkDeadline(later(61)); // the application is late, but its client has not taken what there was
    take();
    await turn();
    connection.checkDeadline(later(61)); // the client has: from here the application's time counts
    connection.checkDeadline(later(122));
    await turn();
    take();
    expect(statusesOf(splitAnswers(Buffer.from(sent())))).toEqual([200, 504]);
  });

  test('a client that takes nothing is cut off when that time is up', async () => {
    const { socket, connection } = makeClient(slow);
    socket.push(head('GET /hello') + head('GET /slow'));
    await turn();
    connection.checkDeadline(later(61));
    expect(socket.destroyed).toBe(false);
    connection.checkDeadline(later(122));
    expect(socket.destroyed).toBe(true);
  });

  test('behind a FIN the application has less time, and what it did not say is not said for it', async () => {
    const { socket, connection, sent } = makeClient(slow);
    socket.push(head('GET /slow'));
    await turn();
    connection.checkDeadline(later(59));
    socket.push(null);
    await turn();
    connection.checkDeadline(later(0.5));
    expect(socket.writableEnded).toBe(false);
    connection.checkDeadline(later(2));
    expect([socket.writableEnded, sent()]).toEqual([true, '']);
  });

  test('a half-close timeout of 0 takes no FIN for a goodbye', async () => {
    const { socket, connection, take, sent } = makeClient(slow, { halfCloseTimeout: 0 });
    socket.push(head('GET /slow'));
    socket.push(null);
    await turn();
    connection.checkDeadline(later(59));
    expect(socket.writableEnded).toBe(false);
    connection.checkDeadline(later(61));
    take();
    expect(statusesOf(splitAnswers(Buffer.from(sent())))).toEqual([504]);
  });

  test('a client that has said FIN has its whole time to take its answer', async () => {
    const { socket, connection } = makeClient(slow);
    socket.push(head('GET /hello') + head('GET /slow'));
    socket.push(null);
    await turn();
    connection.checkDeadline(later(2)); // it has not taken what there is
    connection.checkDeadline(later(59));
    expect([socket.destroyed, socket.writableEnded]).toEqual([false, false]);
    connection.checkDeadline(later(122));
    expect(socket.destroyed).toBe(true);
  });

  test('who reads on when its client has left must not take half a body for all of it', async () => {
    let read = (): Promise<unknown> => Promise.resolve();
    const { socket, connection } = makeClient((environ) => {
      read = () => environ['wsgi.input'].read(4);
      return new Promise(() => {});
    });
    socket.push(`${head('POST /', 'Content-Length: 9')}four`);
    await turn();
    expect(`${await read()}`).toBe('four');
    socket.push(null);
    await turn();
    connection.checkDeadline(later(2));
    await expect(read()).rejects.toThrow('while the application was silent');
  });

  test('a request that has not come is not waited for longer than it takes to say goodbye', async () => {
    const { socket, connection, take } = makeClient(slow);
    socket.push(head('GET /hello'));
    await turn();
    take();
    connection.checkDeadline(later(4));
    expect(socket.writableEnded).toBe(false);
    connection.checkDeadline(later(6));
    expect([socket.writableEnded, socket.destroyed]).toEqual([true, false]);
    await turn();
    connection.checkDeadline(later(9));
    expect(socket.destroyed).toBe(true);
  });
});
