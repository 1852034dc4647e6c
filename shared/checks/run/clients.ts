/**
 * What the checks of part 3 do over and over: ask, wait for what they can see and never longer than they may, and take
 * the first answer out of what came. Whatever does not come in time is a Failure in the words of the check.
 */
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { readChunks } from '../../harness/chunks.ts';
import { hasProc, isReadUp } from '../../harness/proc.ts';
import type { RawClient } from '../../harness/raw-client.ts';
import type { ServerProcess } from '../../harness/server-process.ts';
import { Failure } from './failure.ts';
import type { Trial } from './trial.ts';

export const GET = 'GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n';
/** Seconds of sleep that no check waits for: what it looks at happens during it. */
export const LONG = '600';
/** Seconds a program has for what it should do at once. It bounds, it does not measure. */
export const PATIENCE = 15;
/** Milliseconds between two looks. */
const GLANCE = 3;
/** Seconds for what was sent to be read, by a program that does not wait for something else. */
const READ = 1;

export interface Answer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  readonly text: string;
  /** Bytes that it took, with its head and with what frames its body. */
  readonly size: number;
  /** Which process says that it has answered. */
  readonly pid: number | undefined;
}

/** Looks until it is so, for so many seconds. */
export async function until(
  isSo: () => boolean,
  seconds: number,
  otherwise: () => Failure,
): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const isLate = performance.now() > deadline; // asked first: where this process was busy itself, it looks once more
    if (isSo()) return;
    if (isLate) throw otherwise();
    await delay(GLANCE);
    await turn();
  }
}

/** The same, where it is no failure if it never is. */
export async function comesTrue(isSo: () => boolean, seconds: number): Promise<boolean> {
  return until(isSo, seconds, () => new Failure('')).then(
    () => true,
    () => false,
  );
}

/** Resolves when all is read that was sent, or answered, so that what comes next is a read of its own; where nobody can tell, at once. */
export async function untilRead(client: RawClient, server: ServerProcess): Promise<void> {
  const isOver = () => client.size > 0 || client.ending !== 'open';
  if (hasProc) await comesTrue(() => isReadUp(server.port, client.port) || isOver(), READ);
}

export async function ask(
  trial: Trial,
  server: ServerProcess,
  request: string = GET,
): Promise<RawClient> {
  const client = await trial.connect(server);
  await client.send(request).catch(() => {}); // what is wrong shows in what comes back
  return client;
}

/** Several clients at once. */
export function askAll(
  trial: Trial,
  server: ServerProcess,
  count: number,
  request?: string,
): Promise<RawClient[]> {
  return Promise.all(Array.from({ length: count }, () => ask(trial, server, request)));
}

export const hasBegun = ({ received }: RawClient) => received.length > 0;
export const isWhole = (client: RawClient) => answerOf(client) !== undefined;

/** The first byte of the answer is here: from here on, a handler that sleeps is asleep. */
export async function begins(client: RawClient, who: string): Promise<void> {
  await until(
    () => hasBegun(client) || client.ending !== 'open',
    PATIENCE,
    () =>
      new Failure(
        `${who} asked, and in ${PATIENCE} s not even the head of an answer came: send it before you sleep`,
        { cause: 'timed out' },
      ),
  );
  if (!hasBegun(client)) {
    throw new Failure(`${who} asked, and was hung up on without an answer`, {
      cause: client.ending === 'rst' ? 'reset' : 'wrong',
    });
  }
}

/** The whole answer. Whether the connection then ends is not asked here. */
export async function takeAnswer(
  client: RawClient,
  who: string,
  seconds: number = PATIENCE,
): Promise<Answer> {
  await until(
    () => isWhole(client) || client.ending !== 'open',
    seconds,
    () =>
      new Failure(`${who} asked, and had no whole answer in ${seconds} s`, {
        cause: 'timed out',
        received: client.received,
      }),
  );
  const answer = answerOf(client);
  if (answer) return answer;
  throw new Failure(`${who} expected a whole answer, and was cut after ${sizeOf(client)}`, {
    cause: client.ending === 'rst' ? 'reset' : 'wrong',
    received: client.received,
    at: client.received.length,
  });
}

/** The whole answer, and that it is a page: a 200, whose end the client can see. */
export async function takePage(
  client: RawClient,
  who: string,
  seconds: number = PATIENCE,
): Promise<Answer> {
  const answer = await takeAnswer(client, who, seconds);
  const { received } = client;
  if (answer.status !== 200)
    throw new Failure(`${who} expected 200, got ${answer.status}`, { received, at: 9 });
  if (answer.body.length === 0)
    throw new Failure(`${who} expected a page, got none`, { received, at: received.length });
  expectNoMore(answer, received, who);
  return answer;
}

/** A field that nobody has for the beginning of a page. */
const FIELD = /^(?:Connection|Content-Length|Content-Type|Date|Server): *[^\r\n]*(?=\r?\n)/i;

/** The head ends where the page begins, and the page where Content-Length says. */
function expectNoMore({ headers, body }: Answer, received: Buffer, who: string): void {
  const start = received.indexOf('\r\n\r\n') + 4;
  const [field] = FIELD.exec(body.toString('latin1')) ?? [];
  if (field) {
    throw new Failure(
      `${who} expected a page, got ${JSON.stringify(field)}: there is a blank line before the last field`,
      { received, at: start, mistake: 'blank-line-in-the-head' },
    );
  }
  const length = Number(headerIn({ headers }, 'Content-Length') ?? Number.NaN);
  const more = received.subarray(start + length);
  if (!(length >= 0) || more.length === 0 || /^HTTP\/1/.test(more.toString())) return;
  throw new Failure(
    `${who} got a page of ${body.length + more.length} bytes, and Content-Length says ${length}`,
    { received, at: start + length, mistake: 'more-than-it-says' },
  );
}

/** The process that answered, by the answer's own word. */
export async function takePid(client: RawClient, who: string): Promise<number> {
  const answer = await takePage(client, who);
  if (answer.pid !== undefined) return answer.pid;
  throw new Failure(
    `${who} expected a body with "This is process N.", got ${JSON.stringify(answer.text.slice(0, 60))}`,
    { received: client.received, at: client.received.length - answer.body.length },
  );
}

/** Milliseconds that a client who is alone has to wait for its answer. */
export async function usualTime(trial: Trial, server: ServerProcess): Promise<number> {
  const start = performance.now();
  const client = await ask(trial, server);
  await takePage(client, 'A client that was alone');
  client.leave();
  return performance.now() - start;
}

export function sizeOf({ received }: RawClient): string {
  return received.length === 1 ? '1 byte' : `${received.length} bytes`;
}

/** The first answer in what a client has got; undefined as long as it is not whole. */
export function answerOf(
  { received, ending }: Pick<RawClient, 'received' | 'ending'>,
  method = 'GET',
): Answer | undefined {
  const end = received.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const [statusLine = '', ...lines] = received.toString('latin1', 0, end).split('\r\n');
  const status = Number(/^HTTP\/1\.[01] (\d{3})\b/.exec(statusLine)?.[1]);
  if (!status) {
    const message = `Expected a status line as HTTP/1.1 200 OK, got ${JSON.stringify(statusLine)}`;
    throw new Failure(message, { received, at: 0 });
  }
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  const rest = received.subarray(end + 4);
  const found = bodyIn({ status, headers, rest, isOver: ending !== 'open', method });
  if (!found) return undefined;
  const text = found.body.toString();
  const pid = Number(/process (\d+)/.exec(text)?.[1]) || undefined;
  return { status, headers, body: found.body, text, size: end + 4 + found.used, pid };
}

export function headerIn({ headers }: Pick<Answer, 'headers'>, name: string): string | undefined {
  return headers.find(([given]) => given.toLowerCase() === name.toLowerCase())?.[1];
}

interface Framed extends Pick<Answer, 'status' | 'headers'> {
  readonly rest: Buffer;
  readonly isOver: boolean;
  readonly method: string;
}

interface Found {
  readonly body: Buffer;
  readonly used: number;
}

/** RFC 9112 §6.3, as a client reads it. */
function bodyIn({ status, headers, rest, isOver, method }: Framed): Found | undefined {
  const upTo = (end: number): Found => ({ body: rest.subarray(0, end), used: end });
  if (method === 'HEAD' || status === 204 || status === 304) return upTo(0);
  if (/chunked/i.test(headerIn({ headers }, 'Transfer-Encoding') ?? '')) {
    const { body, used, isWhole, fault } = readChunks(rest);
    if (fault) throw new Failure(`In the body ${fault.message}`, { received: rest, at: fault.at });
    return isWhole ? { body, used } : undefined;
  }
  const length = headerIn({ headers }, 'Content-Length');
  if (length === undefined) return isOver ? upTo(rest.length) : undefined;
  return rest.length >= Number(length) ? upTo(Number(length)) : undefined;
}
