/** What checks 1-05 to 1-08 do on the wire: how connections end, and how clients misbehave. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { RawClient } from '../../shared/harness/raw-client.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';
import { ask, get, parseAnswer, quote, REACTION, readAnswer, wrong } from '../../shared/checks/answer.ts';
import { Failure } from '../../shared/checks/failure.ts';
import { expectPrinted } from '../../shared/checks/printed.ts';
import type { Trial } from '../../shared/checks/trial.ts';

/** More than the kernel takes off a server's hands: up to 4 MB on this side, 6 MB on the other. */
const PLENTY = 16 * 1024 * 1024;
/** Milliseconds that a server which serves one after the other is given to come to rest. */
const REST = 100;

/** 1-05 */
export async function goodbye(trial: Trial): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'page-'));
  try {
    const page = path.join(folder, 'page.html');
    writeFileSync(page, Buffer.alloc(PLENTY, 'The quick brown fox jumps over the lazy dog.\n'));
    const server = await startWithPage(trial, page);
    const client = await trial.connect(server);
    client.pause();
    await client.send(get());
    await rest(trial, server);
    await client.settle(REACTION);
    expectGoodbye(client);
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

/** Lets the server do all it has to do now: it has, when a second client has its first byte. Some serve one at a time. */
async function rest(trial: Trial, server: ServerProcess): Promise<boolean> {
  const second = await trial.connect(server);
  await second.send(get());
  await second.settle(REST, () => second.size > 0);
  second.pause();
  return second.size > 0;
}

/** 1-06 */
export async function shows(trial: Trial): Promise<void> {
  const server = await trial.start();
  const fields = ['X-Marker: seen', 'X-Colour: blue'];
  await ask(trial, server, get('/shown', ...fields));
  await expectPrinted(server, [
    'GET /shown HTTP/1.1',
    'Host: localhost',
    ...fields,
    'Connection: close',
  ]);
}

/** What is sent byte by byte. */
const DRIBBLED = Buffer.from(get('/dribble', 'X-Name: Jörg'));

/** 1-07 */
export async function dribble(trial: Trial): Promise<void> {
  const server = await trial.start();
  const client = await trial.connect(server);
  const request = DRIBBLED;
  const lineEnd = request.indexOf('\n');
  const last = request.length - 1;
  const letter = request.indexOf('ö') + 1; // between its two bytes
  let isServing = false;
  for (const [from, to, when, mistake] of [
    [0, 0, 'before the first byte of the request', 'answers-unasked'],
    [0, 1, 'after the first byte of the request', 'first-data'],
    [1, lineEnd + 1, 'after the first line of the request', 'first-line'],
    [lineEnd + 1, letter, 'in the middle of a line', undefined],
    [letter, last, 'before the end of the blank line', undefined],
  ] as const) {
    for (let at = from; at < to; at++) await client.send(request.subarray(at, at + 1));
    isServing = await rest(trial, server);
    client.resume();
    await client.settle(50, () => client.size > 0 || client.ending !== 'open'); // what has come may not be read yet
    if (client.size > 0 || client.ending !== 'open') {
      if (to > 0 && !(await isAnsweredAlone(trial, to))) throw shared(client.received);
      const message = `The answer came ${when}: expected none before the empty line that ends the head`;
      const { details } = wrong(message, client.received, 0, mistake);
      const byHand = 'nc -w 1 127.0.0.1 $PORT < /dev/null';
      throw new Failure(message, { ...details, ...(to === 0 && { byHand }) });
    }
  }
  await client.send(request.subarray(last));
  await client.settle(REACTION, () => client.size > 0);
  if (client.size === 0 && (await isAnsweredAlone(trial, request.length))) throw shared();
  await expectOneAnswer(client, isServing);
  await expectPrinted(server, ['GET /dribble HTTP/1.1', 'Connection: close', /X-Name: J.+rg/]);
  await expectAnswerToMore(trial, server);
}

/** Whether so many bytes bring an answer when no other client is there. */
async function isAnsweredAlone(trial: Trial, length: number): Promise<boolean> {
  const client = await trial.connect(await trial.start());
  for (let at = 0; at < length; at++) {
    if (at === length - 1) await client.settle(REST); // it comes in a read of its own
    await client.send(DRIBBLED.subarray(at, at + 1));
  }
  await client.settle(REACTION, () => client.size > 0);
  return client.size > 0;
}

function shared(received: Buffer = Buffer.alloc(0)): Failure {
  const message =
    'What two clients send comes together in one place: expected a place for each connection';
  const { details } = wrong(message, received, 0, 'shared-buffer');
  const rest = received.length > 0 ? 'TP' : 'TP/1.1\\r\\n\\r\\n';
  const byHand = `(printf 'GET / HT'; curl -s -m 1 127.0.0.1:$PORT >&2; printf '${rest}'; sleep 1) | nc -w 1 127.0.0.1 $PORT`;
  return new Failure(message, { ...details, byHand });
}

/** What is behind the blank line is not of the head, and need not be waited for. */
async function expectAnswerToMore(trial: Trial, server: ServerProcess): Promise<void> {
  const client = await trial.connect(server);
  await client.send(`${get('/more', 'Content-Length: 5')}hello`);
  await client.settle(REACTION, () => client.size > 0);
  if (client.size > 0 || client.ending !== 'open') return;
  const message = `A request with 5 bytes behind its blank line got no answer in ${REACTION / 1000} s: expected the blank line to be found wherever it is`;
  throw new Failure(message, {
    cause: 'timed out',
    mistake: 'looks-at-the-end',
    byHand: 'curl -s -m 2 -X GET -d hello 127.0.0.1:$PORT/more',
  });
}

async function expectOneAnswer(client: RawClient, isServing: boolean): Promise<void> {
  if (client.size === 0 && client.ending === 'open') {
    const message = `A request that came byte by byte got no answer in ${REACTION / 1000} s: expected it to be put together`;
    throw new Failure(message, {
      cause: 'timed out',
      ...(isServing && { mistake: 'looks-in-each-read' }),
    });
  }
  const { bytes } = await readAnswer(client);
  const answers = bytes.toString('latin1').split(/HTTP\/1\.[01] \d{3}/).length - 1;
  if (answers > 1)
    throw wrong(`Expected one answer, got ${answers}`, bytes, bytes.indexOf('HTTP/', 1));
}

/** 1-08 */
export async function tough(trial: Trial): Promise<void> {
  const server = await trial.start();
  const half = 'GET /half HTTP/1.1\r\nHost: loc';
  for (const [words, isReset, who] of [
    ['', false, 'connects and leaves'],
    ['', true, 'connects and resets the connection'],
    [half, false, 'leaves in the middle of its request'],
    [half, true, 'resets the connection in the middle of its request'],
    [get(), true, 'asks and resets the connection before the answer'],
  ] as const) {
    const client = await trial.connect(server);
    const byHand = isReset ? resetByHand(words) : undefined;
    if (words) await client.send(words);
    if (words !== get()) await rest(trial, server); // by now it knows this client
    if (isReset) await client.reset();
    else client.leave();
    await expectService(trial, server, who, byHand);
  }
}

/** No common tool sends a RST when it is told to. */
function resetByHand(words: string): string {
  const reset = 's.resetAndDestroy()';
  const said = JSON.stringify(words).replaceAll('"', "'");
  const then = words ? `s.write(${said}, () => ${reset})` : reset;
  const script = `const s = require('net').connect($PORT, '127.0.0.1', () => ${then})`;
  return `node -e "${script}"; curl -i 127.0.0.1:$PORT`;
}

async function expectService(
  trial: Trial,
  server: ServerProcess,
  who: string,
  byHand?: string,
): Promise<void> {
  try {
    const { status, bytes } = await ask(trial, server);
    if (status !== 200) throw wrong(`Expected status 200, got ${status}`, bytes, 9);
  } catch (error) {
    await trial.settle();
    const { message, details } = error as Failure;
    if (!trial.hasExited) {
      throw new Failure(`After a client that ${who}, the next one is not served: ${message}`, {
        ...details,
        ...(byHand && { byHand }),
      });
    }
    const said = server.stderr;
    const [reason] = /^.*(?:Error|Exception)\b.*$/m.exec(said) ?? [];
    const isReset = /ECONNRESET|EPIPE|ConnectionResetError|BrokenPipeError/.test(said);
    throw new Failure(
      `A client that ${who} ends your program${reason ? `: ${reason.trim()}` : ''}; expected it to serve the next one`,
      {
        cause: 'exited',
        stderr: said,
        ...(byHand && { byHand }),
        ...(isReset && { mistake: 'no-error-listener' }),
      },
    );
  }
}
