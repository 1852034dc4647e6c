/**
 * An application for the tests of the gateway: what the contract's does, and what takes its time or goes wrong in
 * the middle. What a test waits for is said on wsgi.errors; what the application waits for is a gate of the test's.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { app as contractApp } from '../../../shared/harness/contract-app.ts';
import type { Application, Environ, Headers } from '../../gateway/wsgi.ts';

const TEXT: Headers = [['Content-Type', 'text/plain']];
const BLOCK = 'x'.repeat(64 * 1024);

/** Waits at the gate whose port is in the query, until the test opens it. */
async function waitAtGate({ QUERY_STRING }: Environ): Promise<void> {
  const gate = connect(Number(QUERY_STRING), '127.0.0.1');
  await once(gate.resume(), 'end');
  gate.end();
}

async function countBody(environ: Environ): Promise<number> {
  let count = 0;
  for (;;) {
    const piece = await environ['wsgi.input'].read(64 * 1024);
    if (piece.length === 0) return count;
    count += piece.length;
  }
}

const tell = (environ: Environ, text: string) =>
  environ['wsgi.errors'].write(`${text} ${environ.QUERY_STRING}\n`);

const cases: Record<string, Application> = {
  '/later': async (environ, start) => {
    await waitAtGate(environ);
    start('200 OK', TEXT);
    return Object.assign(['later\n'], { close: () => tell(environ, 'later closed') });
  },
  '/block': (_, start) => {
    start('200 OK', TEXT);
    return [BLOCK];
  },
  '/reads-a-byte': async (environ, start) => {
    const piece = await environ['wsgi.input'].read(1);
    start('200 OK', TEXT);
    return [`read ${piece.length}\n`];
  },
  '/counts': async (environ, start) => {
    const count = await countBody(environ);
    start('200 OK', TEXT);
    return [`${count} bytes\n`];
  },
  '/counts-later': async (environ, start) => {
    await waitAtGate(environ);
    const count = await countBody(environ);
    start('200 OK', TEXT);
    return [`${count} bytes\n`];
  },
  '/tells-of-its-body': async (environ, start) => {
    tell(environ, 'reading');
    await countBody(environ).catch((error: Error) => {
      tell(environ, `rejected: ${error.message};`);
      throw error;
    });
    start('200 OK', TEXT);
    return ['whole\n'];
  },
  '/forgets': async (environ, start) => {
    environ['wsgi.input'].read(); // and nobody waits for it
    tell(environ, 'forgot');
    await waitAtGate(environ);
    start('200 OK', TEXT);
    return [];
  },
  '/answers-then-reads': async (environ, start) => {
    const write = start('200 OK', TEXT);
    await write('begun, ');
    return [`${await countBody(environ)} bytes\n`];
  },
  '/thinks': async (environ) => {
    tell(environ, 'thinking');
    await environ['wsgi.input'].read().catch((error: Error) => tell(environ, `${error.message};`));
    return new Promise(() => {});
  },
  '/too-long-a-length': (_, start) => {
    start('200 OK', [...TEXT, ['Content-Length', '100']]);
    return (function* () {
      yield 'too short';
    })();
  },
  '/keeps-its-word': (_, start) => {
    start('200 OK', [...TEXT, ['Content-Length', '10']]);
    return (function* () {
      yield 'first';
      yield '';
      yield 'later';
    })();
  },
  '/too-long-for-a-list': (_, start) => {
    start('200 OK', [...TEXT, ['Content-Length', '100']]);
    return ['too short'];
  },
  '/too-short-for-a-list': (_, start) => {
    start('200 OK', [...TEXT, ['Content-Length', '4']]);
    return ['four', 'SURPLUS'];
  },
  '/closes-for-ever': (_, start) => {
    start('200 OK', TEXT);
    return Object.assign(['x'], { close: () => new Promise(() => {}) });
  },
  '/surplus': (_, start) => {
    start('200 OK', [...TEXT, ['Content-Length', '4']]);
    return (function* () {
      yield 'four';
      yield 'SURPLUS';
    })();
  },
};

export const app: Application = (environ, startResponse) =>
  (cases[environ.PATH_INFO] ?? contractApp)(environ, startResponse);
