/** The book as served: pages and their types, who may ask for what is live, and that nothing of it is left. No browser. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { childrenOf, isStopped } from '../../harness/proc.ts';
import { ROOT, type ServerProcess, startCommand, tsx } from '../../harness/server-process.ts';
import { followLinks } from './links.ts';

const RENDERER = path.join(ROOT, 'shared/book/node_modules/vitepress');

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

describe.skipIf(!existsSync(RENDERER))(
  'the book (its packages: npm ci --prefix shared/book)',
  () => {
    const home = mkdtempSync(path.join(tmpdir(), 'book-'));
    let book: ServerProcess;
    let token = '';
    const start = () =>
      startCommand(['env', `CHECK_HOME=${home}`, ...tsx('shared/book/cli.ts', '--port', '0')], {
        patience: 600,
      });

    /** Over node:http, which sends the Host and the Origin that it is given, and the path as it is. */
    const ask = (
      target: string,
      headers: Record<string, string> = {},
      body?: string,
      method = body ? 'POST' : 'GET',
    ) =>
      new Promise<Answer>((resolve, reject) => {
        const asked = request(
          {
            port: book.port,
            agent: false, // a connection of its own
            host: '127.0.0.1',
            path: target,
            method,
            headers: { Host: `localhost:${book.port}`, ...headers },
          },
          (answer) => {
            let text = '';
            answer.setEncoding('utf8').on('data', (piece) => {
              text += piece;
            });
            answer
              .on('error', () => {})
              .once('close', () =>
                resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }),
              );
          },
        );
        asked.once('error', reject).end(body);
      });
    const tokenOf = async (page: string) =>
      /name="book-token" content="(\w+)"/.exec((await ask(page)).text)?.[1] ?? '';
    const ours = () => ({ Origin: `http://localhost:${book.port}`, 'X-Book-Token': token });
    const wire = (server: string, script: string, clients = 1) =>
      ask('/live/run', ours(), JSON.stringify({ server, script, clients }));
    const events = ({ text }: Answer) =>
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));

    beforeAll(async () => {
      book = await start();
      token = await tokenOf('/');
    }, 660_000);
    afterAll(async () => {
      await book?.stop();
      rmSync(home, { recursive: true, force: true });
    });

    test('pages have the right types, and say what may be loaded', async () => {
      const script = /src="(\/assets\/[^"]+\.js)"/.exec((await ask('/')).text)?.[1] ?? '';
      const figure = /(\/assets\/[\w.-]+\.svg)/.exec((await ask('/part1/')).text)?.[1] ?? '';
      const expected = {
        '/': 'text/html; charset=utf-8',
        '/part1/': 'text/html; charset=utf-8',
        '/part3/operating': 'text/html; charset=utf-8',
        [script]: 'text/javascript; charset=utf-8',
        [figure]: 'image/svg+xml',
        '/book.json': 'application/json',
      };
      for (const [name, type] of Object.entries(expected)) {
        const { status, headers } = await ask(name);
        expect([name, status, headers['content-type']]).toEqual([name, 200, type]);
      }
      expect((await ask('/')).headers['content-security-policy']).toContain("default-src 'self'");
    });

    test('every link inside the book leads to a page, and to a place on it', async () => {
      const { faults, pages } = await followLinks(async (name) => {
        const { status, text } = await ask(name);
        return status === 200 ? text : undefined;
      });
      expect(faults).toEqual([]);
      expect(pages).toBeGreaterThan(60);
    });

    test('what the client has is not sent again; HEAD is the head alone; nothing else is understood', async () => {
      const { headers, text } = await ask('/part1/');
      const again = await ask('/part1/', { 'If-None-Match': String(headers.etag) });
      expect([again.status, again.text]).toEqual([304, '']);
      expect((await ask('/part1/', { 'If-None-Match': '"other"' })).status).toBe(200);
      const head = await ask('/part1/', {}, undefined, 'HEAD');
      expect([head.status, head.text, head.headers['content-length']]).toEqual([
        200,
        '',
        `${Buffer.byteLength(text)}`,
      ]);
      expect((await ask('/part1/', ours(), 'x')).status).toBe(405);
    });

    test.each([
      '/../package.json',
      '/%2e%2e/package.json',
      '/..%2fpackage.json',
      '/part1/../../app.ts',
      '//etc/passwd',
      '/.digest',
      '/part1',
      '/nowhere',
    ])('there is no page %s', async (target) => {
      const { status, text } = await ask(target);
      expect(status).toBe(404);
      expect(text).not.toContain('"scripts"');
    });

    describe('is live for its own pages alone', () => {
      const order = JSON.stringify({ server: 'part1 -- 1b', script: 'send x', clients: 1 });
      test.each([
        ['without the token', { 'X-Book-Token': '' }, 403],
        ['with another token of the same length', { 'X-Book-Token': 'a'.repeat(64) }, 403],
        ['a page elsewhere', { Origin: 'http://evil.example' }, 403],
        ['a page of another program on this machine', { Origin: 'http://localhost:1' }, 403],
        ['a page in a frame without an origin', { Origin: 'null' }, 403],
        ['a page that the browser calls another site', { 'Sec-Fetch-Site': 'cross-site' }, 403],
        ['a rebound name', { Host: 'evil.example' }, 421],
      ])('refused: %s', async (_, headers, status) => {
        expect((await ask('/live/run', { ...ours(), ...headers }, order)).status).toBe(status);
      });

      test('refused: a form, which cannot say the token; and a request that says no origin', async () => {
        const form = {
          'Content-Type': 'application/x-www-form-urlencoded',
          Origin: 'http://evil.example',
        };
        expect((await ask('/live/run', form, 'server=part1')).status).toBe(403);
        expect((await ask('/live/run', { 'X-Book-Token': token }, order)).status).toBe(403);
      });

      test('a rebound name does not even get a page, and so no token', async () => {
        const { status, text } = await ask('/', { Host: `evil.example:${book.port}` });
        expect([status, text]).toEqual([421, 'Misdirected Request\n']);
      });

      test.each([
        [
          'a server that no chapter names',
          { server: 'part1 -- 1b --page /etc/passwd', script: '', clients: 1 },
        ],
        ['a program', { server: 'sh', script: '', clients: 1 }],
        ['a check that there is not', { check: '9-99' }],
        ['something for a shell', { check: '1-01; ls' }],
        ['no clients', { server: 'part1 -- 1b', script: '', clients: 0 }],
        ['nothing', null],
      ])('not understood: %s', async (_, what) => {
        expect((await ask('/live/run', ours(), JSON.stringify(what))).status).toBe(400);
      });
    });

    test('the wire shows both directions, what the server prints, and how it ended', async () => {
      const told = events(await wire('part1 -- 1b', 'send GET /he\\r\\n\nfin'));
      expect(told.map(({ kind }) => kind)).toEqual(
        expect.arrayContaining([
          'ready',
          'syn',
          'open',
          'sent',
          'said',
          'read',
          'fin-sent',
          'fin',
          'over',
        ]),
      );
      expect(told.find(({ kind }) => kind === 'read')?.text).toContain('Hello, World!\n');
      expect(told.find(({ kind }) => kind === 'said')?.text).toBe('< GET /he\n');
    });

    test('a pause is waited for, and a silence behind it is not; a reset ends a connection', async () => {
      const told = events(await wire('part1 -- 1c', 'pause 5\nsend GET\nreset'));
      const kinds = told.map(({ kind }) => kind);
      expect(kinds).toEqual(['ready', 'syn', 'open', 'sent', 'rst-sent', 'over']);
      const silent = events(await wire('part1 -- 1c', 'send GET'));
      expect(silent.map(({ text }) => text)).toContain(
        'nothing has come for 4 s: the book hangs up',
      );
    });

    test('64 KiB each way, and not one packet more', async () => {
      const told = events(
        await wire(
          'part2 -- 2d shared/harness/contract-app:app',
          'send GET /endless HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n',
        ),
      );
      const read = told
        .filter(({ kind }) => kind === 'read')
        .reduce((sum, { text }) => sum + text.length, 0);
      expect(read).toBeLessThan(64 * 1024 + 64 * 1024 + 1);
      expect(told.map(({ text }) => text)).toContain(
        'more than 64 KiB have come: the book hangs up',
      );
      const sent = events(await wire('part1 -- 1a', `send ${'x'.repeat(70_000)}`)).find(
        ({ kind }) => kind === 'sent',
      );
      expect(sent?.text).toHaveLength(64 * 1024);
    });

    test("the reader's own programs are found where the checks find them", async () => {
      const own = {
        'my part1': ['part1', '1b-hello', 'server'],
        'my part3 3a': ['part3', '3a-iterative', '3a'],
      };
      writeFileSync(path.join(home, 'package.json'), '{"type":"module"}');
      for (const [name, [part = '', ours, mine]] of Object.entries(own)) {
        const before = events(await wire(name, 'send x'));
        expect(before[0].text).toContain(`There is no server to start for: ${name}`);
        mkdirSync(path.join(home, part, 'my'), { recursive: true });
        cpSync(path.join(ROOT, part, `${ours}.ts`), path.join(home, part, 'my', `${mine}.ts`));
        const told = events(await wire(name, 'send GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'));
        expect(told.find(({ kind }) => kind === 'read')?.text, name).toMatch(/^HTTP\/1\.1 200 OK/);
      }
      const { servers } = JSON.parse((await ask('/book.json')).text);
      expect(servers).toEqual(expect.arrayContaining([...Object.keys(own), 'my part3 3h']));
    });

    test('workers share a token, which is that of their start; and a page that listens does not keep one alive', {
      timeout: 120_000,
    }, async () => {
      const single = book;
      const tokens: string[] = [];
      for (const _ of [1, 2]) {
        const args = 'part3 book:app --port 0 --workers 2 --drain-timeout 600'.split(' ');
        book = await startCommand(tsx('shared/run.ts', ...args), { patience: 600 });
        try {
          await expect.poll(() => childrenOf(book.pid).length, { timeout: 60_000 }).toBe(2);
          const workers = childrenOf(book.pid).map(({ pid }) => pid);
          for (const [index, other] of workers.entries()) {
            process.kill(other, 'SIGSTOP'); // now the one beside it answers
            await expect.poll(() => isStopped(other)).toBe(true);
            const given = await tokenOf('/');
            if (index === 0) token = given;
            expect(given).toBe(token);
            expect(events(await wire('part1 -- 1b', 'send x')).at(-1)?.kind).toBe('over');
            process.kill(other, 'SIGCONT');
          }
          tokens.push(token);
          const news = await fetch(`http://localhost:${book.port}/live/progress?token=${token}`);
          expect(news.status).toBe(200);
          await book.stop();
          expect(await news.text()).toContain('data: '); // and so it has an end
        } finally {
          await book.kill();
          book = single;
        }
      }
      expect(new Set(tokens).size).toBe(2);
      token = await tokenOf('/');
    });

    test('four at a time, and when the book is killed all they started ends', async () => {
      const asked = Array.from({ length: 4 }, () =>
        wire('part3 -- 3b', 'send GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n', 3).catch(
          () => undefined,
        ),
      );
      const running = (program: string) =>
        descendants(book.pid).filter((pid) => commandOf(pid).includes(program));
      await expect.poll(() => running('book/live.ts').length, { timeout: 20_000 }).toBe(4);
      expect((await wire('part1 -- 1b', 'send x')).status).toBe(503);
      await expect.poll(() => running('3b-sleeping').length, { timeout: 20_000 }).toBe(4);
      const pids = descendants(book.pid);
      expect(pids.length).toBeGreaterThanOrEqual(8);
      process.kill(book.pid, 'SIGKILL');
      await Promise.all(asked);
      await expect
        .poll(() => pids.filter((pid) => commandOf(pid) !== ''), { timeout: 20_000 })
        .toEqual([]);
      await book.stop().catch(() => {});
      book = await start();
    });
  },
);

/** All processes that a process has started, and theirs. */
function descendants(pid: number): number[] {
  const file = `/proc/${pid}/task/${pid}/children`;
  const own = existsSync(file)
    ? readFileSync(file, 'utf8').trim().split(' ').filter(Boolean).map(Number)
    : [];
  return own.flatMap((child) => [child, ...descendants(child)]);
}

/** Empty for a process that has gone, or is only waiting to be asked about. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
