/**
 * An application for the tests: each path does one thing the contract allows, or one that it forbids, so that
 * a test can see what the server makes of it. What a client should not see is reported on wsgi.errors.
 */
import { createHash } from 'node:crypto';
import { connect, type Socket } from 'node:net';
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

/** The test's end of an application's work; for who looks by hand there is none. */
const callGate = ({ QUERY_STRING }: Environ) =>
  QUERY_STRING ? connect(Number(QUERY_STRING), '127.0.0.1').on('error', () => {}) : undefined;

/** Bytes that `/upload` reads at a time. */
const PIECE = 64 * 1024;
/** Pieces at which `/flood` ends all the same: 64 MiB, before the machine's memory does. */
const FLOOD = 1024;

function* flood(gate: Socket | undefined) {
  let isOver = false;
  gate?.resume().once('end', () => (isOver = true));
  for (let index = 0; index < FLOOD && !isOver; index++) {
    gate?.write('.');
    yield Buffer.alloc(PIECE, `${index}`.padStart(8)); // which one it is, in all of its bytes
  }
}

async function readExactly(environ: Environ, size: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for (let left = size; left > 0; ) {
    const piece = await environ['wsgi.input'].read(left);
    if (piece.length === 0) break;
    pieces.push(piece);
    left -= piece.length;
  }
  return Buffer.concat(pieces);
}

function promiseIn({ QUERY_STRING }: Environ) {
  const [code, length = '', ...pieces] = QUERY_STRING.split('&').map(decodeURIComponent);
  const headers: Headers = [...TEXT, ['Content-Length', length]];
  return { status: `${code} Promised`, headers, pieces };
}

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

const targetOf = ({ SCRIPT_NAME, PATH_INFO, QUERY_STRING }: Environ) =>
  `${SCRIPT_NAME}${PATH_INFO}${QUERY_STRING && `?${QUERY_STRING}`}`;

async function* piecesOf(input: Environ['wsgi.input'], first: Uint8Array) {
  for (let piece = first; piece.length > 0; piece = await input.read(10_000)) yield piece;
}

const escapeChar = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;

const cases: Record<string, Case> = {
  '/hello': (_, start) => {
    start('200 OK', TEXT);
    return ['Hello, ', 'World!\n'];
  },
  /** What was asked; or the body that came, piece by piece. Its length is said where the request has said it. */
  '/echo': async (environ, start) => {
    const { CONTENT_LENGTH = '', HTTP_TRANSFER_ENCODING } = environ;
    const input = environ['wsgi.input'];
    const first = await input.read(10_000);
    const text = `${environ.REQUEST_METHOD} ${targetOf(environ)}\n`;
    const isTold = HTTP_TRANSFER_ENCODING === undefined && /^\d+$/.test(CONTENT_LENGTH);
    const length = first.length === 0 ? `${text.length}` : isTold && CONTENT_LENGTH;
    start('200 OK', length === false ? TEXT : [...TEXT, ['Content-Length', length]]);
    return first.length > 0 ? piecesOf(input, first) : [text];
  },
  '/pieces': (_, start) => {
    start('200 OK', TEXT);
    return (function* () {
      yield* ['one, ', '', 'two, ', 'three\n']; // nobody knows its length before its end
    })();
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
  /** Answers, and leaves the body where it is. */
  '/ignores': (_, start) => {
    start('200 OK', TEXT);
    return ['not read\n'];
  },
  '/reads-some': async (environ, start) => {
    const bytes = await readExactly(environ, 10);
    start('200 OK', TEXT);
    return [bytes];
  },
  /** Nobody asks for it: it stands in bodies. */
  '/smuggled': (environ, start) => {
    environ['wsgi.errors'].write('smuggled\n');
    start('200 OK', TEXT);
    return ['smuggled'];
  },
  /** Reads a piece of the body for each byte it is told, and says so; and all the rest when there is no more to hear. */
  '/upload': async (environ, start) => {
    const [hash, input] = [createHash('sha256'), environ['wsgi.input']];
    const gate = callGate(environ);
    for await (const word of gate ?? []) {
      for (const _ of word as Buffer) {
        hash.update(await input.read(PIECE));
        gate?.write('.');
      }
    }
    for (let piece = await input.read(PIECE); piece.length > 0; piece = await input.read(PIECE)) {
      hash.update(piece);
    }
    start('200 OK', TEXT);
    return [hash.digest('hex')];
  },
  /** Begins its answer, and only then reads the body. */
  '/answers-first': (environ, start) => {
    start('200 OK', TEXT);
    return (async function* () {
      yield 'first, ';
      yield await environ['wsgi.input'].read();
    })();
  },
  /** `/promises?200&10&four`: a status, a Content-Length, and the pieces that are yielded. */
  '/promises': (environ, start) => {
    const { status, headers, pieces } = promiseIn(environ);
    start(status, headers);
    return pieces.values();
  },
  '/promises-list': (environ, start) => {
    const { status, headers, pieces } = promiseIn(environ);
    start(status, headers);
    return pieces;
  },
  '/promises-write': async (environ, start) => {
    const { status, headers, pieces } = promiseIn(environ);
    const write = start(status, headers);
    for (const piece of pieces) await write(piece);
    return [];
  },
  /** Pieces as they are asked for, each told to the other end of the gate, until that has heard enough of them. */
  '/flood': (environ, start) => {
    start('200 OK', TEXT);
    const gate = callGate(environ);
    const pieces = flood(gate);
    const told = () => new Promise((done) => (gate ? gate.write('', done) : setImmediate(done)));
    return {
      async *[Symbol.asyncIterator]() {
        for (const piece of pieces) {
          await told();
          yield piece;
        }
      },
      close: () => gate?.end(),
    };
  },
  /** The same, and it makes nobody wait: a server that does not turn to its client has all of it at once. */
  '/flood-now': (environ, start) => {
    start('200 OK', TEXT);
    const gate = callGate(environ);
    return Object.assign(flood(gate), { close: () => gate?.end() });
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
  /** Small enough to leave in one go. */
  '/sheet': (_, start) => {
    start('200 OK', TEXT);
    return ['x'.repeat(32 * 1024)];
  },
  '/large': (_, start) => {
    start('200 OK', TEXT);
    return ['é'.repeat(100_000), Buffer.from('é'.repeat(100_000))];
  },
  '/write': async (_, start) => {
    const write = start('200 OK', TEXT);
    await write('writ');
    await write('ten, ');
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
  '/close-slowly': (environ, start) => {
    start('200 OK', TEXT);
    const close = () => environ['wsgi.errors'].write('slowly closed\n');
    return Object.assign(['x', 'y'].values(), { close });
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
    const nothing = [await input.read(0), await input.readline(0)];
    const parts = [...nothing, await input.read(1), await input.read()];
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
