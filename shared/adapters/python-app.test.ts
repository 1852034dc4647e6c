/** WSGI applications in real CPython: the contract, the faults, and that nothing is left behind. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { request } from 'undici';
import { afterAll, describe, expect, test } from 'vitest';
import { hasFrameworks } from '../harness/contract/every-app.ts';
import {
  describeStages,
  expectCut,
  expectHeldBack,
  hasOption,
  useServer,
  watched,
} from '../harness/describe-stages.ts';
import { openGate } from '../harness/gate.ts';
import { hasProc } from '../harness/proc.ts';
import { parseResponse, RawClient } from '../harness/raw-client.ts';
import {
  quick,
  ROOT,
  runToEnd,
  type ServerProcess,
  startServer,
} from '../harness/server-process.ts';
import { STAGES, type Stage } from '../stages.ts';
import type { Application, Chunk, Environ } from '../wsgi.ts';
import { loadPythonApplication } from './python-app.ts';

const FAULTS = 'shared/harness/faults.py';
const ONE_MIB = 1024 * 1024;

async function textOf(server: ServerProcess, target: string, options = {}): Promise<string> {
  return (await request(server.origin + target, options)).body.text();
}

/** Asks an application without a server between, and gives the last status it set. */
async function statusOf(
  app: Application,
  target: string,
  more = {},
  take: (piece: Chunk) => void = () => {},
): Promise<string> {
  let seen = '';
  const errors = { write: () => {}, writelines: () => {}, flush: () => {} };
  const environ = { ...more, PATH_INFO: target, 'wsgi.errors': errors } as unknown as Environ;
  const result = await app(environ, (status) => {
    seen = status;
    return async () => {};
  });
  for await (const piece of result) take(piece);
  await result.close?.();
  return seen;
}

for (const [module, greeting, needs] of [
  ['wsgiapp.py', 'WSGI', 'nothing'],
  ['flaskapp', 'Flask', 'npm run setup:python'],
  ['pyramidapp', 'Pyramid', 'npm run setup:python'],
  ['djangoapp', 'Django', 'npm run setup:python'],
] as const) {
  for (const app of [`${module}:app`, `shared/harness/validated.py:${module.replace('.py', '')}`]) {
    const isReady = needs === 'nothing' || hasFrameworks;
    describe.skipIf(!isReady)(`${app} (needs ${needs})`, () => {
      describeStages('in real CPython', 'contract', (stage) => {
        const server = useServer(stage, { app });

        test('greets, parses, takes 1 MiB, streams, sets cookies, fails, and goes on', async () => {
          const type = (name: string) => ({ 'Content-Type': name });
          const post = (kind: string, body: string | Buffer) =>
            ({ method: 'POST', headers: type(kind), body }) as const;
          expect(await textOf(server(), '/hello')).toBe(`Hello world from ${greeting}!\n`);
          const json = await textOf(server(), '/json', post('application/json', '{"name":"Zoë"}'));
          expect(JSON.parse(json)).toEqual({ hello: 'Zoë' });
          const form = post('application/x-www-form-urlencoded', 'name=Zo%C3%AB+B');
          expect(await textOf(server(), '/form', form)).toBe('hello Zoë B\n');
          const upload = post('application/octet-stream', randomBytes(ONE_MIB));
          expect(await textOf(server(), '/upload', upload)).toBe(`${ONE_MIB} bytes\n`);
          expect(await textOf(server(), '/stream')).toBe('3\n2\n1\nlift-off\n');
          const { headers } = await request(`${server().origin}/cookies`);
          expect(headers['set-cookie']).toHaveLength(2);
          expect((await request(`${server().origin}/error`)).statusCode).toBe(500);
          await server().waitForOutput(/RuntimeError: this app was asked to fail/);
          expect((await request(`${server().origin}/nope`)).statusCode).toBe(404);
          expect((await request(`${server().origin}/hello`)).statusCode).toBe(200);
        });
      });
    });
  }
}

for (const callable of ['app', 'validated']) {
  describeStages(`keeps PEP 3333 on the Python side (${callable})`, 'contract', (stage) => {
    const server = useServer(stage, { app: `${FAULTS}:${callable}` });

    test('the environ: native strings, latin-1, the truth about processes', async () => {
      const environ = JSON.parse(await textOf(server(), '/environ?q=%C3%A9', { method: 'POST' }));
      expect(environ).toMatchObject({
        REQUEST_METHOD: 'POST',
        PATH_INFO: '/environ',
        QUERY_STRING: 'q=%C3%A9',
        'wsgi.version': '(1, 0)',
        'wsgi.url_scheme': 'http',
        'wsgi.multithread': false,
        'wsgi.multiprocess': false,
        'wsgi.run_once': false,
        'wsgi.input_terminated': true,
        RAW_URI: '/environ?q=%C3%A9',
      });
    });

    test('a list has its length, a file comes whole through wsgi.file_wrapper', async () => {
      const { headers, body } = await request(`${server().origin}/pid`);
      const length = (await body.text()).length;
      // The validator makes of a list something that has to be read to its end.
      expect(headers['content-length']).toBe(callable === 'app' ? `${length}` : undefined);
      expect(await textOf(server(), '/file')).toBe(readFileSync(path.join(ROOT, FAULTS), 'utf8'));
    });

    test('wsgi.input: 1 MiB in pieces, and lines', async () => {
      const body = randomBytes(ONE_MIB);
      const digest = createHash('sha256').update(body).digest('hex');
      expect(await textOf(server(), '/sha256', { method: 'POST', body })).toBe(digest);
      const lines = await textOf(server(), '/lines', { method: 'POST', body: 'a\nb\n\nc' });
      expect(JSON.parse(lines)).toEqual(['a\n', 'b\n', '\n', 'c']);
    });

    test('write, a replaced head, wsgi.errors', async () => {
      expect(await textOf(server(), '/write')).toBe('written, then returned');
      const { statusCode, headers } = await request(`${server().origin}/replaced`);
      expect([statusCode, headers['x-mistaken']]).toEqual([503, undefined]);
      await textOf(server(), '/errors');
      await server().waitForOutput(/^told on wsgi\.errors$/m);
    });

    test('close() runs when the client leaves an endless answer, and the worker goes on', async () => {
      const pid = await textOf(server(), '/pid');
      const client = await RawClient.connect(server());
      await client.send('GET /endless HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      await client.readUntil('xxx');
      client.leave();
      await server().waitForOutput(/^endless closed$/m);
      expect(await textOf(server(), '/pid')).toBe(pid);
    });
  });
}

describeStages('a fault costs its own request only', 'contract', (stage) => {
  const server = useServer(stage, { app: `${FAULTS}:app`, args: ['--request-timeout', '1'] });
  const pid = () => textOf(server(), '/pid');

  test.each([
    ['/raise-before', 500, /RuntimeError: before the head/],
    ['/sys-exit', 500, /SystemExit: 3/],
    ['/starts-twice', 500, /a second start_response needs exc_info/],
    ['/no-start', 500, /start_response comes before the body/],
    ['/text', 500, /TypeError/],
    ['/splits', 500, /malformed header/],
  ])('%s: %i, a traceback in the log, the same worker goes on', async (target, status, reason) => {
    const before = await pid();
    expect((await request(server().origin + target)).statusCode).toBe(status);
    await server().waitForOutput(reason);
    expect(await pid()).toBe(before);
  });

  test('a body that the application never reads does not reach the next request', async () => {
    const before = await pid();
    const upload = { method: 'POST', body: randomBytes(ONE_MIB) };
    expect(await textOf(server(), '/ignores-body', upload)).toBe(before);
    expect(await pid()).toBe(before);
  });

  test.each([
    ['/die-before', 502],
    ['/hang', 504],
  ])('%s: %i, and another worker takes over', async (target, status) => {
    const before = await pid();
    expect((await request(server().origin + target)).statusCode).toBe(status);
    expect(await pid()).not.toBe(before);
  });

  test.each(['/raise-after', '/too-late', '/die-during'])(
    '%s: the answer is cut, not ended',
    async (target) => {
      const gate = await openGate();
      const client = await RawClient.connect(server());
      await client.send(
        `GET ${target}?${gate.port} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      );
      await client.readUntil('half of ');
      (await gate.opened).end();
      const answer = await client.readToEnd();
      expect(parseResponse(answer.bytes).body.toString()).toBe('half of ');
      expectCut(answer);
      expect(await pid()).toMatch(/^\d+$/);
      gate.close();
    },
  );

  test('descriptor 3 leads nowhere', async () => {
    expect(await textOf(server(), '/writes-to-3')).toBe('True');
  });

  test.runIf(hasProc).each([
    ['no frame', 'nonsense'],
    ['no frame, and silence', 'x:'],
    ['a length without an end', '123456789'],
    ['a frame of no kind', '3:9 Z,'],
    ['a frame without its comma', '3:9 E;'],
    ['the end of another answer', '3:1 E,'],
  ])(
    'a worker that says %s is replaced, and its request is a 502 (needs /proc)',
    async (_, said) => {
      const before = await pid(); // number 1, or higher
      const target = `/talks-nonsense?${said}`;
      expect((await request(server().origin + target)).statusCode).toBe(502);
      expect(await pid()).not.toBe(before);
    },
  );

  test.each([
    ['/fork-returns', 'parent'],
    ['/fork-raises', /^\d+$/],
    ['/fork-unseen', /^\d+$/],
  ])('%s: a fork that comes back says nothing to anybody', async (target, answer) => {
    const before = await pid();
    expect(await textOf(server(), target)).toMatch(answer);
    expect(await pid()).toBe(before);
  });

  test('a worker that dies while a child holds its channel is a 502 at once', async () => {
    const gate = await openGate();
    const { statusCode } = await request(`${server().origin}/die-with-heir?${gate.port}`);
    expect(statusCode).toBe(502);
    (await gate.opened).end('x');
    gate.close();
    expect(await pid()).toMatch(/^\d+$/);
  });

  test('a close() that raises is logged; the answer was complete, and stays so', async () => {
    const client = await RawClient.connect(server());
    await client.send('GET /close-raises HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await client.readUntil('done');
    await server().waitForOutput(/close\(\) itself failed/);
    expect((await client.readToEnd()).ending).toBe('fin');
  });

  test('a worker that dies behind its answer takes nothing with it', async () => {
    const client = await RawClient.connect(server());
    await client.send('GET /die-after HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await client.readUntil('done');
    client.leave();
    expect(await pid()).toMatch(/^\d+$/);
  });

  test('what an application keeps of a request is of no use to it later', async () => {
    const gate = await openGate();
    const upload = { method: 'POST', body: randomBytes(ONE_MIB) };
    const before = await textOf(server(), `/later?${gate.port}`, upload);
    (await gate.opened).end('x');
    const refusal = 'later: this request has been answered\n';
    await server().waitForOutput(new RegExp(`${refusal}${refusal}`));
    expect(await pid()).toBe(before);
    gate.close();
  });

  test.runIf(hasProc)(
    'a worker that speaks when it is not asked is replaced, and costs nothing (needs /proc)',
    async () => {
      const gate = await openGate();
      const before = Number(await textOf(server(), `/babbles-when-idle?${gate.port}`));
      (await gate.opened).end('x');
      await expect.poll(() => isAlive(before)).toBe(false);
      expect(Number(await pid())).not.toBe(before);
      gate.close();
    },
  );

  test('a worker that is killed while it waits is replaced', async () => {
    const before = Number(await pid());
    process.kill(before, 'SIGKILL');
    await expect.poll(() => isAlive(before)).toBe(false);
    expect(Number(await pid())).not.toBe(before);
  });
});

describe.skipIf(process.env.SERVER)('one worker, several requests at a time', () => {
  test('those that wait are served by the successor of a worker that dies', async () => {
    const app = await loadPythonApplication(path.join(ROOT, FAULTS), 'app');
    const answers = await Promise.all(
      ['/die-before', '/pid', '/pid'].map((target) => statusOf(app, target)),
    );
    expect(answers).toEqual(['502 Bad Gateway', '200 OK', '200 OK']);
  });
});

const gateway = STAGES.find(({ id }) => id === 'gateway') as Stage;

describe.skipIf(process.env.SERVER)('a slow client keeps no worker', () => {
  const server = useServer(gateway, { app: `${FAULTS}:app` });

  test.each([
    ['a length', 'Content-Length: 4', 'ab', 'cd'],
    ['chunks', 'Transfer-Encoding: chunked', '2\r\nab\r\n', '2\r\ncd\r\n0\r\n\r\n'],
  ])('with its body, with %s', async (_, header, half, rest) => {
    const slow = await RawClient.connect(server());
    const head = `POST /sha256 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${header}\r\n\r\n`;
    await slow.send(head + half);
    expect(await textOf(server(), '/pid')).toMatch(/^\d+$/);
    await slow.send(rest);
    const digest = createHash('sha256').update('abcd').digest('hex');
    expect(`${parseResponse((await slow.readToEnd()).bytes).body}`).toBe(digest);
  });

  test('with its answer', async () => {
    const app = await loadPythonApplication(path.join(ROOT, FAULTS), 'app');
    const environ = { PATH_INFO: '/pieces' } as unknown as Environ;
    const result = (await app(environ, () => async () => {})) as AsyncIterable<Buffer>;
    const pieces = result[Symbol.asyncIterator]();
    expect((await pieces.next()).value).toEqual(Buffer.alloc(20_000, 'x'));
    expect(await statusOf(app, '/pid')).toBe('200 OK');
    expect((await pieces.next()).value).toEqual(Buffer.alloc(20_000, 'y'));
    expect((await pieces.next()).done).toBe(true);
  });
});

describe.skipIf(process.env.SERVER)('the wait for a worker', () => {
  const start = (...args: string[]) => startServer(gateway, { app: `${FAULTS}:app`, args });

  /** A request that keeps its thread until it is let go; the answer's body is its worker's pid. */
  async function hold(server: ServerProcess) {
    const gate = await openGate();
    const answer = request(`${server.origin}/gate?${gate.port}`);
    const opened = await gate.opened;
    const letGo = async () => {
      opened.end('x');
      gate.close();
      const { statusCode, body } = await answer;
      expect(statusCode).toBe(200);
      return body.text();
    };
    return { letGo };
  }

  test('has a limit of its own: 503, and the application never hears of it', async () => {
    const server = await start('--queue-timeout', '0.1');
    const busy = await hold(server);
    const before = server.stderr.length;
    expect((await request(`${server.origin}/errors`)).statusCode).toBe(503);
    expect(await busy.letGo()).toMatch(/^\d+$/);
    expect(await textOf(server, '/pid')).toMatch(/^\d+$/);
    expect(server.stderr.slice(before)).toBe(
      '503 Service Unavailable: no worker was free within 0.1 s\n',
    );
    await server.stop();
  });

  test("is not the application's time", async () => {
    const server = await start('--request-timeout', '1');
    const hangs = request(`${server.origin}/hang`);
    await server.waitForOutput(/^hanging$/m);
    expect((await request(`${server.origin}/slow?0.6`)).statusCode).toBe(200);
    expect((await hangs).statusCode).toBe(504);
    await server.stop();
  });

  test('is none behind slow pages, as long as one worker is free', async () => {
    const server = await start('--python-workers', '4');
    const slow = await Promise.all([hold(server), hold(server), hold(server)]);
    const quick = Array.from({ length: 20 }, () => textOf(server, '/pid'));
    const fourth = new Set(await Promise.all(quick));
    expect(fourth.size).toBe(1);
    const pids = await Promise.all(slow.map(({ letGo }) => letGo()));
    expect(new Set([...pids, ...fourth]).size).toBe(4);
    await server.stop();
  });

  test('is over at once where a thread is free', async () => {
    const server = await start('--python-threads', '2');
    const busy = await hold(server);
    const environ = JSON.parse(await textOf(server, '/environ'));
    expect(environ).toMatchObject({ 'wsgi.multithread': true, 'wsgi.multiprocess': false });
    const pid = await textOf(server, '/pid');
    expect(await busy.letGo()).toBe(pid);
    await server.stop();
  });
});

describe.skipIf(process.env.SERVER)('workers that are killed under load', () => {
  test('cost what they had begun, and nothing is begun twice', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'python-'));
    const notes = path.join(folder, 'notes');
    const app = await loadPythonApplication(path.join(ROOT, FAULTS), 'app');
    const seen: string[] = [];
    let kills = 0;
    const ask = async (client: number) => {
      for (let n = 0; n < 50; n++) {
        const pids: string[] = [];
        const query = { QUERY_STRING: `${client}-${n}@${notes}` };
        seen.push(await statusOf(app, '/note', query, (piece) => pids.push(`${piece}`)));
        if (client > 0 || n % 5 > 0 || seen.at(-1) !== '200 OK') continue;
        process.kill(Number(pids.join('')), 'SIGKILL');
        kills++;
      }
    };
    await Promise.all([0, 1, 2, 3].map(ask));
    const begun = readFileSync(notes, 'utf8').trim().split('\n');
    expect(new Set(begun).size).toBe(begun.length);
    const lost = seen.filter((status) => status !== '200 OK');
    expect(new Set(lost)).toEqual(new Set(['502 Bad Gateway']));
    expect(lost.length).toBeLessThanOrEqual(kills);
    expect(begun.length).toBeGreaterThanOrEqual(seen.length - lost.length);
    rmSync(folder, { recursive: true });
  });
});

describe.skipIf(process.env.SERVER)('a worker that is busy', () => {
  const server = useServer(gateway, { app: `${FAULTS}:app` });
  const get = (target: string) => `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;

  test('is not waited for by those whose clients have left, and never hears of them', async () => {
    const before = server().stderr.length;
    const gate = await openGate();
    const busy = await RawClient.connect(server());
    await busy.send(get(`/gate?${gate.port}`));
    const opened = await gate.opened;
    const ghosts = await Promise.all([1, 2, 3, 4].map(() => RawClient.connect(server())));
    for (const ghost of ghosts) {
      await ghost.send(get('/errors'));
      ghost.halfClose(); // so that we see when it is given up
    }
    for (const ghost of ghosts) expect(`${(await ghost.readToEnd()).bytes}`).toBe('');
    opened.end('x');
    const pid = `${parseResponse((await busy.readToEnd()).bytes).body}`;
    expect(await textOf(server(), '/pid')).toBe(pid);
    expect(server().stderr.slice(before)).toBe('');
    gate.close();
  });
});

describe.skipIf(process.env.SERVER)('an application that broke while it ran', () => {
  test('costs its requests a 502 each, and is served again once it is mended', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'python-'));
    const file = path.join(folder, 'breaks.py');
    const working = `import os
def app(environ, start_response):
    start_response('200 OK', [])
    if environ['PATH_INFO'] == '/die':
        os._exit(1)
    return [b'x']
`;
    writeFileSync(file, working);
    const app = await loadPythonApplication(file, 'app');
    expect(await statusOf(app, '/')).toBe('200 OK');
    writeFileSync(file, 'this is not Python');
    expect(await statusOf(app, '/die')).toBe('502 Bad Gateway');
    expect(await statusOf(app, '/')).toBe('502 Bad Gateway');
    writeFileSync(file, working);
    expect(await statusOf(app, '/')).toBe('200 OK');
    rmSync(folder, { recursive: true });
  });
});

describe.skipIf(process.env.SERVER)('a worker that is killed while it loads', () => {
  test('is replaced as long as somebody waits', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'python-'));
    const file = path.join(folder, 'falls.py');
    writeFileSync(
      file,
      `import os, signal
MARK = __file__ + '.mark'
if os.path.exists(MARK):
    os.remove(MARK)
    os.kill(os.getpid(), signal.SIGKILL)
def app(environ, start_response):
    if environ['PATH_INFO'] == '/die':
        open(MARK, 'w').close()
        os._exit(1)
    start_response('200 OK', [])
    return [b'x']
`,
    );
    const app = await loadPythonApplication(file, 'app');
    const answers = await Promise.all([statusOf(app, '/die'), statusOf(app, '/')]);
    expect(answers).toEqual(['502 Bad Gateway', '200 OK']);
    rmSync(folder, { recursive: true });
  });
});

describe.skipIf(process.env.SERVER)('a body without a length', () => {
  test('is read to its end, and has a length for the application; a client that leaves costs nothing', async () => {
    const app = await loadPythonApplication(path.join(ROOT, FAULTS), 'app');
    const pieces = [randomBytes(70_000), randomBytes(10), randomBytes(200_000)];
    const digest = createHash('sha256').update(Buffer.concat(pieces)).digest('hex');
    let rest = Buffer.alloc(0);
    const read = async (size = Number.POSITIVE_INFINITY) => {
      if (rest.length === 0) rest = pieces.shift() ?? rest;
      const taken = rest.subarray(0, size);
      rest = rest.subarray(taken.length);
      return taken;
    };
    const environ = {
      PATH_INFO: '/sha256',
      HTTP_TRANSFER_ENCODING: 'chunked',
      'wsgi.input': { read },
    } as unknown as Environ;
    const answer = async (target: string) => {
      const body: Buffer[] = [];
      const result = await app({ ...environ, PATH_INFO: target }, () => async () => {});
      for await (const chunk of result) body.push(Buffer.from(chunk));
      await result.close?.();
      return Buffer.concat(body).toString();
    };
    expect(await answer('/sha256')).toBe(digest);
    pieces.push(randomBytes(600_000));
    const seen = JSON.parse(await answer('/environ'));
    expect(seen).toMatchObject({ CONTENT_LENGTH: '600000', 'wsgi.input_terminated': true });
    expect(seen).not.toHaveProperty('HTTP_TRANSFER_ENCODING');

    const left = { ...environ, 'wsgi.input': { read: () => Promise.reject(new Error('gone')) } };
    await expect(statusOf(app, '/pid', left)).rejects.toThrow('gone');
    expect(await answer('/pid')).toMatch(/^\d+$/);
  });
});

describeStages('holds a Python application back', 'contract', (stage) => {
  const server = useServer(stage, watched(stage, { app: `${FAULTS}:app` }));

  test('for a slow reader: what is on the way comes to rest, and stays small', async () => {
    const client = await RawClient.connect(server());
    client.pause();
    await client.send('GET /endless HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await expectHeldBack(server());
    client.leave();
    expect(await textOf(server(), '/pid')).toMatch(/^\d+$/);
  });
});

describeStages('leaves no worker behind', 'contract', (stage) => {
  test.each(['SIGTERM', 'SIGINT', 'SIGKILL'] as const)(
    'after %s, also if one hangs',
    async (signal) => {
      const drain = stage.can.includes('drains') ? ['--drain-timeout', '0.1'] : [];
      const perWorker = hasOption(stage, '--python-workers N') ? '--python-workers' : '--workers';
      const args = [perWorker, '2', ...drain];
      const server = await startServer(stage, { app: `${FAULTS}:app`, args });
      const environ = JSON.parse(await textOf(server, '/environ'));
      expect(environ['wsgi.multiprocess']).toBe(true);
      const workers = [Number(await textOf(server, '/pid')), Number(await textOf(server, '/pid'))];
      expect(new Set(workers).size).toBe(2); // they take turns, and the first one is next
      const client = await RawClient.connect(server);
      await client.send('GET /hang HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      await server.waitForOutput(/^hanging$/m);
      const isHeard = stage.can.includes('drains') && signal !== 'SIGKILL';
      if (isHeard) process.kill(workers[1] as number, 'SIGSTOP'); // it will not notice
      server.signal(signal);
      await server.exited;
      await expect.poll(() => workers.filter(isAlive), { timeout: 10_000 }).toEqual([]);
      client.leave();
      await server.stop();
    },
  );
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe.skipIf(process.env.SERVER)(
  'what cannot be loaded is said at the start, with exit 1',
  () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'python-'));
    afterAll(() => rmSync(folder, { recursive: true }));

    test.each([
      [
        'app = nothing.app',
        'app',
        /broken\.py was found, but failed to load:\nTraceback[\s\S]*NameError/,
      ],
      ['def app(:', 'app', /failed to load:\nTraceback[\s\S]*SyntaxError/],
      [
        'import not_installed_here',
        'app',
        /^\S+ needs the Python package 'not_installed_here', .*\n$/,
      ],
      ['def one(): pass', 'two', /^No 'two' in \S+; it has one\n$/],
      ['app = 42', 'app', /^'app' in \S+ is not callable: it is of type int\n$/],
    ])('%s', async (source, name, message) => {
      const file = path.join(folder, 'broken.py');
      writeFileSync(file, `${source}\n`);
      const run = await runToEnd(quick('shared/run.ts', 'part2', `${file}:${name}`));
      expect(run).toEqual({ code: 1, stdout: '', stderr: expect.stringMatching(message) });
    });
  },
);
