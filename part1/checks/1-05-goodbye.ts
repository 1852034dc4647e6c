import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Lesson } from '../../shared/checks/check.ts';
import { comesTrue } from '../../shared/checks/run/clients.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import { get, parseAnswer, quote, REACTION } from '../../shared/checks/run/first-answer.ts';
import { rest } from '../../shared/checks/run/rest.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import type { RawClient } from '../../shared/harness/raw-client.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';
import { END, GREETING, ON_ERROR } from './lines.ts';

/** More than the kernel takes off a server's hands: up to 4 MB on this side, 6 MB on the other. */
const PLENTY = 16 * 1024 * 1024;
/** Milliseconds for which a slow client takes nothing. */
const SLOW = 400;

export const check: Lesson = {
  title: 'It says goodbye when all is said',
  goal: 'end() finishes, destroy() cuts',
  hints: [
    'A large page, a slow client: which call waits until all is written, and which throws away what is not?',
    'socket.end(data) sends data, then a FIN: "no more will come" - send(2) until all is out, shutdown(2). socket.destroy() drops what is still in the queue - close(2) at once.',
    'socket.write(head); socket.end(body); and nothing else. Your program has to take --page FILE: node:util parseArgs.',
  ],
  anchor: 'saying-goodbye',
  lenient: [
    'how fast: a second without a byte is the limit, not the whole time',
    'whether others are served meanwhile',
    'keeping connections: the request says Connection: close',
  ],
  prepare: `head -c 16777216 /dev/zero > ${tmpdir()}/page.html`,
  byHand: 'curl -s --limit-rate 4M 127.0.0.1:$PORT | wc -c',
  solution: '1c',
  seconds: 8,
  run: goodbye,
  mistakes: [
    {
      name: 'destroy-after-write',
      says: 'The connection was closed after N of 16777216 bytes: expected all, and then the end',
      edits: [[END, 'socket.write(body); socket.destroy();']],
    },
    {
      name: 'never-closing',
      says: 'All bytes came, and 1 s later the connection is still open: expected it to end',
      edits: [[END, 'socket.write(body);']],
    },
    {
      name: 'no-page',
      says: 'Started with --page FILE, your program answers "Hello, World! (Hallo, schöne Welt! 👋)\\n": expected the bytes of the file',
      edits: [['readFileSync(values.page)', GREETING]],
    },
    {
      name: 'unknown-option',
      says: 'Started with --page FILE, your program ended: expected it to answer with that file',
      edits: [[', page: option', '']],
    },
    {
      name: 'destroy-after-write',
      says: 'The connection was closed after N of 16777216 bytes: expected all, and then the end',
      edits: [[END, 'socket.end(body); setTimeout(() => socket.destroy(), 100);']],
    },
    {
      name: 'ends-with-its-client',
      says: 'A client was served to the end, and the next one was not; your program ended',
      edits: [[END, 'socket.end(body, () => setImmediate(() => later()));']],
      isNamed: false,
    },
    {
      name: 'hangs-up-at-fin',
      says: 'A client asked, and said that it would say no more (FIN): expected all 16777216 bytes, got N',
      edits: [[ON_ERROR, `${ON_ERROR}\n  socket.on('end', () => socket.destroy());`]],
    },
  ],
};

async function goodbye(trial: Trial): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'page-'));
  try {
    const page = path.join(folder, 'page.html');
    writeFileSync(page, Buffer.alloc(PLENTY, 'The quick brown fox jumps over the lazy dog.\n'));
    const server = await startWithPage(trial, page);
    const client = await trial.connect(server);
    client.pause();
    await client.send(get());
    await rest(trial, server);
    await delay(SLOW); // whatever was begun by a timer is done by then
    await client.settle(REACTION);
    expectGoodbye(client);
    await trial.end(); // who serves one at a time is still busy with the client that only came to look
    await expectAllBehindFin(trial, await startWithPage(trial, page));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function startWithPage(trial: Trial, page: string): Promise<ServerProcess> {
  try {
    return await trial.start({ args: ['--page', page] });
  } catch (error) {
    await trial.start(); // if it does not start without it either, that is what is wrong
    const message =
      'Started with --page FILE, your program ended: expected it to answer with that file';
    throw new Failure(message, { ...(error as Failure).details, mistake: 'unknown-option' });
  }
}

function expectGoodbye(client: RawClient): void {
  const { ending } = client;
  const { body } = parseAnswer(client.received, ending);
  const came = `${body.length} of ${PLENTY} bytes`;
  const isReset = ending === 'rst';
  if (/hello,? *world/i.test(body.toString('latin1', 0, 100))) {
    const message = `Started with --page FILE, your program answers ${quote(body)}: expected the bytes of the file`;
    throw new Failure(message, { cause: 'wrong', mistake: 'no-page' });
  }
  if (isReset) {
    const message = `The connection was reset after ${came}: expected it to end with a FIN, as end() does it - shutdown(2)`;
    throw new Failure(message, { cause: 'reset', mistake: 'reset' });
  }
  if (body.length < PLENTY) {
    const message =
      ending === 'open'
        ? `${came} came, then nothing for ${REACTION / 1000} s: expected all`
        : `The connection was closed after ${came}: expected all, and then the end`;
    throw new Failure(message, {
      cause: ending === 'open' ? 'timed out' : 'wrong',
      ...(ending === 'fin' && { mistake: 'destroy-after-write' }),
    });
  }
  if (ending === 'open') {
    const message = `All bytes came, and ${REACTION / 1000} s later the connection is still open: expected it to end`;
    throw new Failure(message, { cause: 'timed out', mistake: 'never-closing' });
  }
}

/** Who has nothing more to say may say so, as `printf ... | nc -N` does, and listens all the same. */
async function expectAllBehindFin(trial: Trial, server: ServerProcess): Promise<void> {
  const client = await trial.connect(server);
  await client.send(get());
  client.halfClose();
  await client.settle(REACTION);
  const { body } = parseAnswer(client.received, client.ending);
  if (body.length >= PLENTY) return expectTheNext(trial, server);
  const message = `A client asked, and said that it would say no more (FIN): expected all ${PLENTY} bytes, got ${body.length}`;
  throw new Failure(message, {
    cause: client.ending === 'rst' ? 'reset' : 'wrong',
    mistake: 'hangs-up-at-fin',
    byHand: "printf 'GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' | nc -N 127.0.0.1 $PORT | wc -c",
  });
}

/** What follows a goodbye is the next client. */
async function expectTheNext(trial: Trial, server: ServerProcess): Promise<void> {
  const message = 'A client was served to the end, and the next one was not';
  const next = await trial.connect(server).catch(() => undefined); // it may end just now
  await next?.send(get()).catch(() => {});
  await next?.settle(REACTION, () => next.size > 0 || next.ending !== 'open');
  if (next && next.size > 0) return;
  await comesTrue(() => trial.hasExited, 1); // a crash is heard of a moment later
  throw new Failure(message, { cause: 'wrong' });
}
