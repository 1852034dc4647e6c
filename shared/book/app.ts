/**
 * The book as an application: pages as they were rendered, and for the page of this start alone how the checks stand, a
 * check run, bytes sent to a server. It starts processes and talks to them; sockets are the gateway's.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import cluster from 'node:cluster';
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import path from 'node:path';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import type { Application, Environ, Headers, Result, StartResponse } from '../wsgi.ts';
import { renderBook } from './render.ts';
import { Site } from './site.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');
const HOME = process.env.CHECK_HOME ?? ROOT;
const PARTS = ['part1', 'part2', 'part3'];
/** Live requests at a time in each worker; seconds for the longest, a check; bytes of what is asked for. */
const MAX_RUNNING = 4;
const MAX_SECONDS = 180;
const MAX_BYTES = 256 * 1024;
/** Milliseconds between two looks at the reader's progress. */
const LOOK = 300;

const TEXT: Headers = [
  ['Content-Type', 'text/plain; charset=utf-8'],
  ['X-Content-Type-Options', 'nosniff'],
  ['Cache-Control', 'no-store'],
];

const pages = await renderBook();
/** Whoever cannot read a page of this start does not know it. What workers share is their supervisor, and a secret. */
const TOKEN = cluster.isWorker
  ? createHmac('sha256', readFileSync(path.join(pages, '.secret')))
      .update(`${process.ppid}`)
      .digest('hex')
  : randomBytes(32).toString('hex');
const site = new Site(pages, TOKEN);
const { servers, checks, ladder }: { servers: string[]; checks: { id: string }[]; ladder: number } =
  JSON.parse(site.read('/book.json') ?? '{}');
const open = new Set<() => void>();
let running = 0;

// The gateway answers to the end what is under way. A page that listens for news would be that for ever.
const endAll = () => {
  for (const end of open) end();
};
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, endAll);
if (cluster.isWorker) process.on('message', endAll); // all that a supervisor says is: drain

export const app: Application = async (environ, startResponse) => {
  const refuse = (status: string) => {
    startResponse(status, TEXT);
    return [`${status.slice(4)}\n`];
  };
  const host = environ.HTTP_HOST ?? '';
  // A name that was made to lead here is not ours, and neither is a caller from elsewhere.
  if (![`localhost:${environ.SERVER_PORT}`, `127.0.0.1:${environ.SERVER_PORT}`].includes(host))
    return refuse('421 Misdirected Request');
  if (!['127.0.0.1', '::ffff:127.0.0.1', '::1'].includes(environ.REMOTE_ADDR))
    return refuse('403 Forbidden');
  const place = `${environ.REQUEST_METHOD} ${environ.PATH_INFO}`;
  if (!environ.PATH_INFO.startsWith('/live/')) return site.answer(environ, startResponse);
  if (!isOurPage(environ, host)) return refuse('403 Forbidden');
  if (place === 'GET /live/progress') return progress(startResponse);
  if (place !== 'POST /live/run') return refuse('404 Not Found');
  const order = await readOrder(environ);
  if (order === undefined) return refuse('400 Bad Request');
  if (running >= MAX_RUNNING) return refuse('503 Service Unavailable');
  return run(order, startResponse);
};

/** Knows the token of this start, and comes from a page of ours as far as the browser says. */
function isOurPage(
  { REQUEST_METHOD, QUERY_STRING, HTTP_ORIGIN, HTTP_X_BOOK_TOKEN, HTTP_SEC_FETCH_SITE }: Environ,
  host: string,
): boolean {
  const isGet = REQUEST_METHOD === 'GET';
  const given = Buffer.from(
    (isGet ? new URLSearchParams(QUERY_STRING).get('token') : HTTP_X_BOOK_TOKEN) ?? '',
  );
  if (given.length !== TOKEN.length || !timingSafeEqual(given, Buffer.from(TOKEN))) return false;
  if ((HTTP_SEC_FETCH_SITE ?? 'same-origin') !== 'same-origin') return false;
  return HTTP_ORIGIN === undefined ? isGet : HTTP_ORIGIN === `http://${host}`;
}

/** What a page asks for, if it is one of the checks or servers that there are. */
async function readOrder(environ: Environ): Promise<object | undefined> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of environ['wsgi.input']) {
    pieces.push(piece);
    size += piece.length;
    if (size > MAX_BYTES) return undefined;
  }
  try {
    const { check, server, script, clients } = JSON.parse(Buffer.concat(pieces).toString());
    if (checks.some(({ id }) => id === check)) return { check };
    const isSound = typeof script === 'string' && Number.isInteger(clients) && clients > 0;
    return servers.includes(server) && isSound ? { server, script, clients } : undefined;
  } catch {
    return undefined; // no JSON
  }
}

/** Runs it in a process, whose output is the answer; when nobody reads any more, its input ends and so does it. */
function run(order: object, startResponse: StartResponse): Result {
  const args = [...process.execArgv, path.join(import.meta.dirname, 'live.ts')]; // as we were started
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(process.execPath, args, {
    cwd: ROOT,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const end = () => child.stdin.end();
  const timer = setTimeout(end, MAX_SECONDS * 1000);
  running++;
  open.add(end);
  child.stdin.on('error', () => {}); // it has ended by itself
  child.once('close', () => {
    running--;
    open.delete(end);
    clearTimeout(timer);
  });
  child.stdin.write(`${JSON.stringify(order)}\n`);
  startResponse('200 OK', TEXT);
  return Object.assign(child.stdout, { close: end });
}

/** How the checks stand, now and at each change, as server-sent events. */
function progress(startResponse: StartResponse): Result {
  const out = new PassThrough();
  const files = PARTS.map((part) => path.join(HOME, part, 'my', '.progress.json'));
  const tell = () => out.write(`data: ${JSON.stringify(files.map(readJson))}\n\n`);
  const end = () => {
    for (const file of files) unwatchFile(file, tell);
    open.delete(end);
    out.end();
  };
  open.add(end);
  for (const file of files) watchFile(file, { interval: LOOK }, tell);
  tell();
  startResponse('200 OK', [
    ['Content-Type', 'text/event-stream'],
    ['Cache-Control', 'no-store'],
  ]);
  return Object.assign(out, { close: end });
}

function readJson(file: string): { passed: string[]; failed: Record<string, string> } {
  try {
    const { passed, failed, ladder: kept } = JSON.parse(readFileSync(file, 'utf8'));
    if (kept === ladder) return { passed, failed };
  } catch {
    // not begun yet
  }
  return { passed: [], failed: {} }; // nor under these numbers: the next check that is run carries them over
}
