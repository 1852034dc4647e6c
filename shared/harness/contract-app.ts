/**
 * An application for the tests: each path does one thing the contract allows, or one that it forbids, so that
 * a test can see what the server makes of it. What a client should not see is reported on wsgi.errors.
 */
import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { validator } from '../adapters/validator.ts';
import type { Application, Environ, Headers, Result, StartResponse } from '../wsgi.ts';

const TEXT: Headers = [['Content-Type', 'text/plain; charset=utf-8']];
/** Bytes of memory at which a body without an end ends all the same: before the machine does. */
const TOO_MUCH = 1024 ** 3;
/** For what TypeScript would not let an application do. */
const anything = (value: unknown) => value as Result;

/** What the test says into its end of this connection is the body, as it comes, until it ends it. */
const wordsFrom = (environ: Environ) =>
  environ.QUERY_STRING ? connect(Number(environ.QUERY_STRING), '127.0.0.1') : words();

/** For who looks by hand, and has no other end. */
async function* words() {
  yield 'first, ';
  await new Promise((resolve) => setTimeout(resolve, 1000));
  yield 'second\n';
}

type Case = (environ: Environ, startResponse: StartResponse) => Result | Promise<Result>;

/** A body that has these words to say, and then waits for its close(): for ever, if nobody calls it. */
function waiting(environ: Environ, start: StartResponse, words: string[]): Result {
  start('200 OK', TEXT);
  let leave = () => {};
  const left = new Promise<void>((resolve) => {
    leave = resolve;
  });
  return {
    async *[Symbol.asyncIterator]() {
      yield* words;
      await left;
    },
    close: () => {
      environ['wsgi.errors'].write(`waits closed, ${words.length} said\n`);
      leave();
    },
  };
}

const escapeChar = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;

const cases: Record<string, Case> = {
  '/hello': (_, start) => {
    start('200 OK', TEXT);
    return ['Hello, ', 'World!\n'];
  },
  '/environ': (environ, start) => {
    start('200 OK', [['Content-Type', 'application/json']]);
    const text = JSON.stringify(environ, (_, value) => (typeof value === 'function' ? '' : value));
    return [text.replace(/[^\0-\x7f]/g, escapeChar)]; // so that nobody on its way can mistake it
  },
  '/pid': (_, start) => {
    start('200 OK', TEXT);
    return [`${process.pid}`];
  },
  '/stuck': (environ, start) => {
    environ['wsgi.errors'].write(`${process.pid} is stuck\n`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); // for ever, and with the whole process
    start('200 OK', TEXT);
    return [];
  },
  '/sha256': async (environ, start) => {
    const hash = createHash('sha256');
    for (;;) {
      const bytes = await environ['wsgi.input'].read(10_000);
      if (bytes.length === 0) break;
      hash.update(bytes);
    }
    start('200 OK', TEXT);
    return [hash.digest('hex')];
  },
  '/lines': async (environ, start) => {
    const input = environ['wsgi.input'];
    const [line, part] = [await input.readline(), await input.readline(3)];
    const hinted = await input.readlines(9);
    const rest: Uint8Array[] = [];
    for await (const one of input) rest.push(one);
    start('200 OK', TEXT);
    const text = (lines: Uint8Array[]) => lines.map((one) => Buffer.from(one).toString());
    return [JSON.stringify({ line: text([line, part]), hinted: text(hinted), rest: text(rest) })];
  },
  '/async': async (_, start) => {
    await new Promise((resolve) => setImmediate(resolve));
    start('201 Created', TEXT);
    return (async function* () {
      yield 'from ';
      yield 'a promise\n';
    })();
  },
  '/generator': (_, start) =>
    (function* () {
      start('200 OK', TEXT); // not called before the first piece is asked for
      yield '';
      yield Buffer.from([0xff, 0x00]);
      yield 'é👋';
    })(),
  '/text': (_, start) => {
    start('200 OK', TEXT);
    return ['Zoë ', '👋\n'];
  },
  '/write': async (_, start) => {
    const write = start('200 OK', TEXT);
    await write('written, ');
    return ['then returned\n'];
  },
  '/headers': (_, start) => {
    start('200 OK', [
      ['X-First', '1'],
      ['Set-Cookie', 'a=1'],
      ['date', 'Tue, 15 Nov 1994 08:12:31 GMT'],
      ['SERVER', 'my own'],
      ['Set-Cookie', 'b=2'],
      ['X-Last', 'caf\xe9'],
    ]);
    return ['x'];
  },
  '/relay': (environ, start) => {
    start('200 OK', [...TEXT, ['X-Process', `${process.pid}`]]);
    return wordsFrom(environ);
  },
  '/big': (_, start) => {
    start('200 OK', [...TEXT, ['Content-Length', `${16 * 1024 * 1024}`]]);
    return Array.from({ length: 256 }, () => 'x'.repeat(64 * 1024));
  },
  '/endless': (environ, start) => {
    start('200 OK', TEXT);
    const body = (function* () {
      for (let pieces = 0; ; pieces++) {
        if (pieces % 256 === 0 && process.memoryUsage.rss() > TOO_MUCH)
          throw new Error('an endless body is being collected: send each piece before the next');
        yield 'x'.repeat(64 * 1024);
      }
    })();
    return Object.assign(body, { close: () => environ['wsgi.errors'].write('endless closed\n') });
  },
  '/close': (environ, start) => {
    start('200 OK', TEXT);
    const close = () => environ['wsgi.errors'].write(`closed ${environ.QUERY_STRING}\n`);
    return Object.assign(['x'], { close });
  },
  '/relay-and-throw': (environ, start) => {
    start('200 OK', TEXT);
    const body = {
      async *[Symbol.asyncIterator]() {
        yield* wordsFrom(environ);
        throw new Error('no other half');
      },
      close: () => environ['wsgi.errors'].write('relay closed\n'),
    };
    return body;
  },
  '/close-throws': (_, start) => {
    start('200 OK', TEXT);
    return Object.assign(['x'], {
      close: () => {
        throw new Error('close() itself failed');
      },
    });
  },
  '/204': (_, start) => {
    start('204 No Content', []);
    return [];
  },
  '/304': (_, start) => {
    start('304 Not Modified', [['ETag', '"x"']]);
    return ['not for the wire'];
  },
  '/replaced': (_, start) => {
    start('200 OK', [['X-Mistaken', 'yes']]);
    start('503 Service Unavailable', TEXT, new Error('thought again'));
    return ['sorry\n'];
  },
  '/replaced-behind-nothing': (_, start) =>
    (function* () {
      start('200 OK', [['X-Mistaken', 'yes']]);
      yield ''; // no bytes: the head is still here
      start('503 Service Unavailable', TEXT, new Error('thought again'));
      yield 'sorry\n';
    })(),
  '/waits': (environ, start) => waiting(environ, start, ['waiting']),
  '/late-waits': async (environ, start) => {
    environ['wsgi.errors'].write('asleep\n');
    await new Promise((resolve) => setTimeout(resolve, 300));
    return waiting(environ, start, []);
  },
  '/unawaited': async (_, start) => {
    const write = start('200 OK', TEXT);
    for (let i = 0; i < 100; i++) {
      write('x'.repeat(1000)); // as one would in Python
      await new Promise((resolve) => setImmediate(resolve));
    }
    return [];
  },
  '/mutates': (_, start) => {
    const headers: Headers = [...TEXT];
    start('200 OK', headers);
    headers.push(['X-Split', 'a\r\nSet-Cookie: stolen=1']);
    return ['x'];
  },
  '/empty-list': (_, start) => {
    start('200 OK', TEXT);
    return [];
  },
  '/obs-text': (_, start) => {
    start('200 \xc7a va', TEXT);
    return ['x'];
  },
  '/colon': (_, start) => {
    start('200 OK', [['Transfer-Encoding: chunked\t', 'x']]);
    return ['x'];
  },
  '/undefined-value': (_, start) => {
    start('200 OK', [['X-A', undefined as unknown as string]]);
    return ['x'];
  },
  '/bad-length': (_, start) => {
    start('200 OK', [['Content-Length', 'abc']]);
    return ['x'];
  },
  '/two-lengths': (_, start) => {
    start('200 OK', [
      ['Content-Length', '1'],
      ['content-length', '5'],
    ]);
    return ['x'];
  },
  '/too-late': async (environ, start) => {
    const write = start('200 OK', TEXT);
    for await (const word of wordsFrom(environ)) await write(word);
    start('500 Internal Server Error', TEXT, new Error('too late for another head'));
    return ['the other half'];
  },
  '/throws': () => {
    throw new Error('secret of the application');
  },
  '/throws-nothing': () => {
    throw undefined;
  },
  '/throws-after-start': (_, start) => {
    start('200 OK', [['X-Mistaken', 'yes']]);
    throw new Error('secret of the application');
  },
  '/rejects': async () => {
    throw new Error('secret of the application');
  },
  '/never-starts': () => ['a body without a head'],
  '/starts-twice': (_, start) => {
    start('200 OK', TEXT);
    start('200 OK', TEXT);
    return ['x'];
  },
  '/starts-again': (_, start) => {
    try {
      start('200 OK', [['X-Split', 'a\r\nb']]);
    } catch {} // whatever the server said
    start('200 OK', TEXT);
    return ['x'];
  },
  '/returns-nothing': (_, start) => {
    start('200 OK', TEXT);
    return anything(undefined);
  },
  '/returns-numbers': (_, start) => {
    start('200 OK', TEXT);
    return anything([1, 2, 3]);
  },
  '/bad-status': (_, start) => {
    start('OK', TEXT);
    return ['x'];
  },
  '/splits': (_, start) => {
    start('200 OK', [['X-Split', 'a\r\nSet-Cookie: stolen=1']]);
    return ['x'];
  },
  '/splits-unicode': (_, start) => {
    start('200 OK', [['X-Split', 'a\u010d\u010aSet-Cookie: stolen=1']]); // CR LF, cut to 8 bits
    return ['x'];
  },
  /** A middleware's way: it leaves something in the environ for the application inside. */
  '/leaves': (environ, start) => {
    Object.assign(environ, { 'app.left': 'here' });
    start('200 OK', TEXT);
    return ['x'];
  },
  '/read-zero': async (environ, start) => {
    const input = environ['wsgi.input'];
    const parts = [await input.read(0), await input.readline(0), await input.read()];
    start('200 OK', TEXT);
    return [JSON.stringify(parts.map((bytes) => Buffer.from(bytes).toString()))];
  },
  /** The status is what the query says. */
  '/status': (environ, start) => {
    start(decodeURIComponent(environ.QUERY_STRING), TEXT);
    return ['x'];
  },
  /** A header, `["name","value"]` in the query. */
  '/header': (environ, start) => {
    start('200 OK', [JSON.parse(decodeURIComponent(environ.QUERY_STRING))]);
    return ['x'];
  },
  '/logs': (environ, start) => {
    environ['wsgi.errors'].write('a word ');
    environ['wsgi.errors'].writelines(['for ', 'the operator\n']);
    environ['wsgi.errors'].flush();
    start('200 OK', TEXT);
    return ['said'];
  },
  /** What HEAD is spared the work for. */
  '/brief': (environ, start) => {
    start('200 OK', TEXT);
    return environ.REQUEST_METHOD === 'HEAD' ? [] : ['five\n'];
  },
  '/map-headers': (_, start) => {
    start('200 OK', new Map([['X-A', '1']]) as unknown as Headers);
    return ['x'];
  },
  '/407': (_, start) => {
    start('407 Proxy Authentication Required', [['Proxy-Authenticate', 'Basic']]);
    return [];
  },
  '/hop-by-hop': (_, start) => {
    start('200 OK', [
      ['Transfer-Encoding', 'chunked'],
      ['Keep-Alive', 'timeout=5'],
    ]);
    return ['x'];
  },
};

export const app: Application = (environ, startResponse) => {
  const [path = ''] = environ.PATH_INFO.match(/^\/[\w-]*/) ?? []; // what follows is for the test to look at
  const found = cases[path] ?? cases['/hello'];
  return (found as Case)(environ, startResponse);
};

/** The same behind the validator: whatever the server does wrong becomes a 500. */
export const validated = validator(app);
