/** `npm run book` as a command: what it renders, and when; what it writes, says and leaves behind. No browser. */
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { childrenOf } from '../../harness/proc.ts';
import { testOnce } from '../../harness/proven.ts';
import { launch, ROOT, runToEnd, startCommand, tsx } from '../../harness/server-process.ts';
import { renderBook } from '../render.ts';
import { followLinks } from './links.ts';

const BOOK = tsx('shared/book/cli.ts');
/** What a chapter does not say yet. */
const NEW = 'A line that is new here.';
/** What a browser would load from another host: a link that a reader follows is none of these. */
const ABROAD =
  /<(?:link|script|img|image|use|iframe|source)\b[^>]*\s(?:href|src|srcset)="(?:https?:)?\/\/[^"]*"|url\(["']?(?:https?:)?\/\/[^)]*\)|@import[^;]*/g;
const RENDERER = path.join(ROOT, 'shared/book/node_modules/vitepress');

describe('the command line', () => {
  test('--help tells the options', async () => {
    const { code, stdout } = await runToEnd(['npm', 'run', '-s', 'book', '--', '--help']);
    expect(code).toBe(0);
    for (const option of ['--port N', '--open', '--build DIR']) expect(stdout).toContain(option);
  });

  test.each([
    [['--shout'], /^Unknown option '--shout' \(npm run book -- --help\)\n$/],
    [['chapter'], /^Unexpected argument 'chapter'[^\n]*\(npm run book -- --help\)\n$/],
    [['--build'], /^Option '--build <value>' argument missing \(npm run book -- --help\)\n$/],
  ])('%s is refused in one line', async (args, line) => {
    const { code, stdout, stderr } = await runToEnd([...BOOK, ...args]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(line);
  });
});

const needs = 'needs npm ci --prefix shared/book';
/** Milliseconds. A rendering takes a minute on a busy machine; this bounds a hang. */
const RENDERING = 600_000;
describe.skipIf(!existsSync(RENDERER))(`what it renders (${needs})`, { timeout: RENDERING }, () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'book-'));
  const copy = path.join(folder, 'project');
  const pages = path.join(folder, 'pages');
  const mine = path.join(copy, 'shared/book');
  /** Runs a file of the copy, which can be changed as this project may not be while others test it. */
  const inCopy = (file: string, ...args: string[]) => tsx(path.join(mine, file), ...args);

  beforeAll(async () => {
    const site = await renderBook();
    const isCopied = (name: string) => !/\/(node_modules|cache|my|\.git|\.venv)$/.test(name);
    cpSync(ROOT, copy, { recursive: true, filter: isCopied });
    for (const name of ['site', 'colours.json'])
      cpSync(path.join(site, '..', name), path.join(mine, 'cache', name), { recursive: true });
    for (const name of ['node_modules', 'shared/book/node_modules', 'shared/apps/node_modules'])
      if (existsSync(path.join(ROOT, name)))
        symlinkSync(path.join(ROOT, name), path.join(copy, name));
  }, RENDERING);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("nothing, where nothing has changed but what is installed, made or the reader's", async () => {
    expect(readFileSync(path.join(mine, 'cache/site/part1/index.html'), 'utf8')).not.toContain(NEW);
    for (const place of ['part1/my', 'shared/book/cache', 'shared/book/test']) {
      mkdirSync(path.join(copy, place), { recursive: true });
      writeFileSync(path.join(copy, place, 'new.ts'), 'export {};');
    }
    expect(await runToEnd(inCopy('render.ts'))).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test.skipIf(process.platform !== 'linux')(
    '--open asks for a browser when the book is served',
    async () => {
      const opener = path.join(folder, 'bin/xdg-open');
      mkdirSync(path.dirname(opener));
      writeFileSync(
        opener,
        `#!/bin/sh\ncurl -s -o "${folder}/page" "$1"; echo "$1" > "${folder}/opened"\n`,
      );
      chmodSync(opener, 0o755);
      const port = await freePort();
      const PATH = `PATH=${path.dirname(opener)}:${process.env.PATH}`;
      const book = await startCommand([
        'env',
        PATH,
        ...inCopy('cli.ts', '--open', '--port', `${port}`),
      ]);
      const opened = path.join(folder, 'opened');
      await until(() => (existsSync(opened) && readFileSync(opened, 'utf8')) || undefined);
      expect(readFileSync(opened, 'utf8')).toBe(`http://localhost:${port}/\n`);
      expect(readFileSync(path.join(folder, 'page'), 'utf8')).toContain('book-token');
      expect(book.stdout).toContain(`The book: http://localhost:${port}/`);
      await book.stop();
    },
  );

  test('a port that is taken is said in one line, and no address beside it', async () => {
    const taker = createServer().listen(0, '127.0.0.1');
    await once(taker, 'listening');
    const { port } = taker.address() as AddressInfo;
    const { code, stdout, stderr } = await runToEnd(inCopy('cli.ts', '--port', `${port}`));
    taker.close();
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(
      /^[^\n]*address already in use 127\.0\.0\.1:\d+ [^\n]*--port N[^\n]*\n$/,
    );
  });

  test('a signal while a changed chapter is rendered leaves no process, no lock, and the old pages', async () => {
    const chapter = path.join(copy, 'part1/README.md');
    writeFileSync(chapter, `${readFileSync(chapter, 'utf8')}\n${NEW}\n`);
    const rendering = launch(inCopy('render.ts'));
    const renderer = () =>
      childrenOf(rendering.pid).find(({ pid }) => commandOf(pid).includes('vitepress.js'));
    const child = await until(renderer, () => rendering.hasExited);
    expect(child, rendering.stderr).toBeDefined();
    expect(existsSync(path.join(mine, 'cache/lock'))).toBe(true);
    rendering.signal('SIGTERM');
    expect((await rendering.exited).code).toBe(128 + 15);
    expect(commandOf(child?.pid ?? 0)).toBe('');
    await rendering.stop(); // rejects if anything is left
    expect(readdirSync(path.join(mine, 'cache'))).toEqual(expect.not.arrayContaining(['lock']));
    expect(existsSync(path.join(mine, 'cache/site/index.html'))).toBe(true);
  });

  describe('--build', () => {
    testOnce(
      {
        group: 'the book',
        title:
          'writes all pages, as new as the chapters: each link leads to a place, and nothing is loaded from elsewhere',
        parts: ['part1', 'part2', 'part3'],
        withTexts: true,
        options: { concurrent: false },
      },
      async () => {
        const { code, stdout } = await runToEnd(inCopy('cli.ts', '--build', pages));
        expect([code, stdout]).toEqual([0, expect.stringContaining(`The pages are in ${pages}.`)]);
        expect(readFileSync(path.join(pages, 'part1/index.html'), 'utf8')).toContain(NEW);
        const { faults, pages: count } = await followLinks(async (name) => {
          const file = path.join(pages, name, name.endsWith('/') ? 'index.html' : '');
          return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
        });
        expect(faults).toEqual([]);
        expect(count).toBeGreaterThan(60);
        const files = readdirSync(pages, { recursive: true, encoding: 'utf8' });
        const abroad = files.flatMap((name) => {
          if (!/\.(html|css|svg)$/.test(name)) return [];
          const text = readFileSync(path.join(pages, name), 'utf8');
          return [...text.matchAll(ABROAD)].map(([found]) => `${name}: ${found}`);
        });
        expect(abroad).toEqual([]);
        expect(files.filter((name) => /\.(css|svg)$/.test(name)).length).toBeGreaterThan(5);
        expect(readFileSync(path.join(pages, 'index.html'), 'utf8')).toMatch(
          /These pages are a copy\..*npm run book.*makes them live/,
        );
      },
    );

    test('a folder that is there is not written into', async () => {
      const full = mkdtempSync(path.join(folder, 'full-'));
      writeFileSync(path.join(full, 'index.html'), 'mine');
      const { code, stderr } = await runToEnd(inCopy('cli.ts', '--build', full));
      expect([code, stderr]).toEqual([
        1,
        expect.stringMatching(/^[^\n]* is there already: [^\n]*\n$/),
      ]);
      expect(readFileSync(path.join(full, 'index.html'), 'utf8')).toBe('mine');
    });
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Resolves with what is found, or without it when it cannot come any more. */
async function until<T>(find: () => T | undefined, isOver = () => false): Promise<T | undefined> {
  let found: T | undefined;
  const look = () => {
    found = find();
    return found !== undefined || isOver();
  };
  await expect.poll(look, { timeout: 300_000 }).toBe(true);
  return found;
}

/** Empty for a process that has gone. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
