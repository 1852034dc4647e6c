/**
 * From chapters to a folder of static pages: installs what renders them, where it is not there yet, and does nothing
 * when nothing has changed since. It prints how far it is.
 */
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const BOOK = import.meta.dirname;
const ROOT = path.join(BOOK, '..', '..');
const CACHE = path.join(BOOK, 'cache');
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const RENDERER = path.join(BOOK, 'node_modules', 'vitepress');
/** Neither sources nor shown: folders of what is installed, made, or the reader's own; and what serves the pages. */
const NOT_SOURCES =
  /\/(node_modules|cache|my|test|pictures|__pycache__|\w[\w-]*\.test\.ts)$|\/book\/(app|cli|live|site)\.ts$/;

/** The folder with the pages, as new as the chapters are. */
export async function renderBook(): Promise<string> {
  const site = path.join(CACHE, 'site');
  const note = path.join(site, '.digest');
  const digest = digestOfSources();
  const isNew = () => existsSync(note) && readFileSync(note, 'utf8') === digest;
  if (isNew()) return site;
  await alone(async () => {
    if (isNew()) return; // somebody else has just done it
    const fresh = `${site}.fresh`;
    await render(fresh);
    writeFileSync(path.join(fresh, '.secret'), randomBytes(32), { mode: 0o600 });
    writeFileSync(path.join(fresh, '.digest'), digest);
    rmSync(site, { recursive: true, force: true });
    renameSync(fresh, site);
  });
  return site;
}

/** Renders all pages into a folder, which is made. */
export async function renderTo(folder: string): Promise<void> {
  await alone(() => render(folder));
}

/** Renderers share a folder for what is half done: one of them works, the others wait. */
async function alone(work: () => Promise<void>): Promise<void> {
  const lock = path.join(CACHE, 'lock');
  mkdirSync(CACHE, { recursive: true });
  const take = () => {
    try {
      writeFileSync(lock, `${process.pid}`, { flag: 'wx' });
      return true;
    } catch {
      if (!isHeld(lock)) rmSync(lock, { force: true });
      return false;
    }
  };
  while (!take()) await delay(200);
  const leave = () => rmSync(lock, { force: true });
  process.once('exit', leave);
  try {
    await work();
  } finally {
    process.off('exit', leave);
    leave();
  }
}

/** Whether who took it is still there; one that has just gone is asked for again. */
function isHeld(lock: string): boolean {
  try {
    return process.kill(Number(readFileSync(lock, 'utf8')), 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

async function render(folder: string): Promise<void> {
  if (!existsSync(RENDERER)) {
    console.log('Installing what renders the book (once) ...');
    await run('npm', ['ci', '--omit=dev', '--no-audit', '--no-fund', '--loglevel=error']);
  }
  console.log('Rendering the chapters ...');
  const pages = path.join(CACHE, 'pages');
  rmSync(pages, { recursive: true, force: true });
  mkdirSync(pages, { recursive: true });
  await run(process.execPath, ['--import', 'tsx', path.join(BOOK, 'pages.ts'), pages]);
  // It makes much that soon is garbage: with room for that, little of it is copied.
  const vitepress = ['--max-semi-space-size=64', path.join(RENDERER, 'bin', 'vitepress.js')];
  await run(process.execPath, [...vitepress, 'build', '.'], { BOOK_OUT: folder });
}

function digestOfSources(): string {
  const hash = createHash('sha256');
  const sources = ['part1', 'part2', 'part3', 'shared'].flatMap(sourcesIn).sort();
  for (const file of ['README.md', 'LICENSE', ...sources])
    hash.update(`${file}\0`).update(readFileSync(path.join(ROOT, file)));
  return hash.digest('hex');
}

/** All that the pages are made of; what is installed is much more, and is not even listed. */
function sourcesIn(folder: string): string[] {
  return readdirSync(path.join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const name = `${folder}/${entry.name}`;
    if (NOT_SOURCES.test(name)) return [];
    return entry.isDirectory() ? sourcesIn(name) : entry.isFile() ? [name] : [];
  });
}

/** Runs a program of the book's folder to its end; rejects if that is not a good one. A signal ends it before us. */
async function run(
  command: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<void> {
  let stopped: number | undefined;
  const stop = (signal: NodeJS.Signals, number: number) => {
    stopped = 128 + number;
    child.kill(signal);
  };
  for (const signal of SIGNALS) process.on(signal, stop); // before there is anything that we could leave behind
  const child = spawn(command, args, {
    cwd: BOOK,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
  const [code] = await new Promise<[number | null]>((resolve, reject) => {
    child.once('error', reject).once('exit', (status) => resolve([status]));
  });
  for (const signal of SIGNALS) process.off(signal, stop);
  if (stopped !== undefined) process.exit(stopped);
  if (code !== 0)
    throw new Error(
      `The book could not be made: ${[command, ...args].join(' ')} ended with ${code}`,
    );
}

if (process.argv[1] === import.meta.filename) await renderBook();
