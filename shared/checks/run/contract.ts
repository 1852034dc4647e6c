/**
 * What the checks of part 2 ask with and look through: requests as bytes, answers read as leniently as a client may,
 * and every wait bounded. What is wrong becomes a Failure that shows the bytes and points at one.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { RawClient } from '../../harness/raw-client.ts';
import type { ServerProcess } from '../../harness/server-process.ts';
import { Failure } from './failure.ts';
import { type Answer, headerOf, parseAnswer, quote, quoteBytes } from './response.ts';
import type { Trial } from './trial.ts';

export const CONTRACT = 'shared/harness/contract-app:app';

/** Seconds for an answer that should take milliseconds: it bounds, it does not measure. */
export const PATIENCE = 3;

/** The bytes of a request; a Host and `Connection: close` of ours, where the lines have none. */
export function request(line: string, ...fields: string[]): Buffer {
  const has = (name: RegExp) => fields.some((field) => name.test(field));
  const lines = [line, ...fields];
  if (!has(/^host/i)) lines.push('Host: localhost');
  if (!has(/^connection:/i)) lines.push('Connection: close');
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

/** The promise, or the failure if it takes longer. */
export async function within<T>(
  promise: Promise<T>,
  late: () => Failure,
  seconds = PATIENCE,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), seconds * 1000);
  });
  return Promise.race([promise, expired]).finally(() => clearTimeout(timer));
}

/** Sends a request, in the pieces given, and reads its answer to the end. */
export async function ask(
  trial: Trial,
  server: ServerProcess,
  ...pieces: Uint8Array[]
): Promise<Answer> {
  const client = await trial.connect(server);
  client.send(...pieces).catch(() => {}); // what is wrong shows in what comes back
  const answer = await readAnswer(server, client, nameOf(pieces));
  const hasBody = !/^HEAD /.test(nameOf(pieces)) && answer.status !== 204 && answer.status !== 304;
  if (answer.status === 500) await delay(50); // what the server prints on it may come behind it
  if (hasBody && !answer.isWhole && answer.ending === 'fin') throw notWhole(answer, nameOf(pieces));
  return answer;
}

/** The answer is over, and not as long as it says. */
function notWhole(answer: Answer, what: string): Failure {
  const length = headerOf(answer, 'content-length');
  const { body, bytes } = answer;
  if (length === undefined)
    return wrongAnswer(`${what}: the last chunk, of length 0, is missing`, answer, {
      at: bytes.length,
    });
  const isChars = Number(length) === body.toString().length;
  const why = isChars ? ', which are as many characters: a length is in bytes' : '';
  return wrongAnswer(
    `${what}: Content-Length says ${length}, and ${body.length} bytes came${why}`,
    answer,
    {
      at: bytes.toString('latin1').search(/^content-length/im),
      mistake: isChars ? 'chars-for-bytes' : 'wrong-length',
    },
  );
}

/** A request as a failure names it: its first line. */
function nameOf(pieces: readonly Uint8Array[]): string {
  const [line = ''] = Buffer.from(pieces[0] ?? [])
    .toString('latin1')
    .split('\r\n');
  return line.replace(/ HTTP\/1\.1$/, '').slice(0, 60);
}

export async function readAnswer(
  server: ServerProcess,
  client: RawClient,
  what: string,
): Promise<Answer> {
  const { bytes, ending } = await within(client.readToEnd(), () => {
    const received = client.received;
    if (received.length === 0) {
      const message = `${what}: no answer in ${PATIENCE} s`;
      return new Failure(message, { cause: 'timed out', stderr: server.stderr });
    }
    const message = `${what}: the answer has begun, and after ${PATIENCE} s the connection is still open, though it was asked to close`;
    return new Failure(message, { cause: 'timed out', received, at: received.length });
  });
  if (bytes.length > 0) {
    return parseAnswer(bytes, ending, what);
  }
  await Promise.race([server.exited, delay(300)]); // a crash is heard on the connection first
  throw ending === 'rst'
    ? new Failure(`${what}: the connection was reset before a byte of an answer`, {
        cause: 'reset',
        stderr: server.stderr,
      })
    : new Failure(`${what}: the connection was closed without an answer`, {
        cause: 'wrong',
        received: bytes,
        at: 0,
        stderr: server.stderr,
      });
}

/** A failure about an answer that came. */
export function wrongAnswer(
  message: string,
  answer: Answer,
  {
    at = answer.bytes.indexOf('\r\n\r\n') + 4,
    mistake,
    server,
  }: { at?: number; mistake?: string | undefined; server?: ServerProcess } = {},
): Failure {
  return new Failure(message, {
    cause: 'wrong',
    received: answer.bytes,
    at: Math.max(0, at),
    ...(mistake && { mistake }),
    ...(server?.stderr && { stderr: server.stderr }),
  });
}

/** The status is as wanted; if not, the server's own words on it go along. */
export function expectStatus(
  answer: Answer,
  wanted: number,
  what: string,
  server: ServerProcess,
  mistake?: string,
): void {
  if (answer.status === wanted) return;
  const said = `${what}: expected ${wanted}, got ${answer.status} ${answer.reason}`.trim();
  const error = answer.status === 500 ? lastError(server) : undefined;
  const message = error ? `${said}; your server printed: ${error}` : said;
  throw wrongAnswer(message, answer, { at: 9, server, mistake });
}

/** Another client is served: the server does not wait for the one before it. `what` that one did. */
export async function expectNext(
  trial: Trial,
  server: ServerProcess,
  what: string,
  mistake: string,
  byHand?: string,
): Promise<void> {
  const asked = ask(trial, server, request('GET /hello HTTP/1.1'));
  const answer = await asked.catch(({ message, details }: Failure) => {
    const told = { ...details, mistake, ...(byHand && { byHand }) };
    throw new Failure(`${what}, and the next one still waits: ${message}`, told);
  });
  expectStatus(answer, 200, `${what}, and the next one`, server);
}

/** The last line that a program has printed of an error. */
function lastError({ stdout, stderr }: ServerProcess): string | undefined {
  const lines = `${stdout}\n${stderr}`
    .split('\n')
    .filter((line) => /^\s*\w*Error\b.*: ./.test(line));
  return lines.at(-1)?.trim().slice(0, 200);
}

/** What an application saw of a request. */
export class Seen {
  readonly environ: Readonly<Record<string, unknown>>;
  readonly #answer: Answer;

  constructor(environ: Record<string, unknown>, answer: Answer) {
    this.environ = environ;
    this.#answer = answer;
  }

  /** A variable has this value. `known`: values that betray a mistake. */
  expect(key: string, wanted: string | undefined, known: Record<string, string> = {}): void {
    const got = this.environ[key];
    if (got === wanted) return;
    const expected = wanted === undefined ? 'none' : quoteBytes(wanted);
    const letters = (name: string) => name.toUpperCase().replaceAll('-', '_');
    const near = Object.keys(this.environ).find((name) => letters(name) === key && name !== key);
    const none = near ? `none; there is ${near}` : 'none';
    const message = `${key}: expected ${expected}, got ${got === undefined ? none : quoteBytes(got)}`;
    throw this.wrong(key, message, known[got === undefined ? 'none' : String(got)]);
  }

  /** A failure that points at the variable. */
  wrong(key: string, message: string, mistake?: string): Failure {
    const at = this.#answer.bytes.indexOf(`"${key}":`);
    return wrongAnswer(message, this.#answer, { ...(at > 0 && { at }), mistake });
  }
}

/** Sends a request for /environ, an application that answers with its environ as JSON. */
export async function environOf(
  trial: Trial,
  server: ServerProcess,
  line: string,
  ...fields: string[]
): Promise<Seen> {
  return environIn(await ask(trial, server, request(line, ...fields)), line, server);
}

/** The environ in an answer of /environ. */
export function environIn(answer: Answer, line: string, server: ServerProcess): Seen {
  expectStatus(answer, 200, line, server);
  try {
    return new Seen(JSON.parse(answer.body.toString()), answer);
  } catch {
    const text = answer.body.toString().slice(0, 40);
    const why =
      text === 'Hello, World!\n'
        ? 'the app was given another PATH_INFO than /environ, and greets'
        : `expected the environ as JSON, which the app has for the path /environ; got ${quote(text)}`;
    const message = `${line}: ${why}`;
    throw wrongAnswer(message, answer);
  }
}

/** The body is this text. `mistake`: what it betrays if it is not. */
export function expectBody(answer: Answer, wanted: string, what: string, mistake?: string): void {
  const got = answer.body.toString();
  if (got === wanted) return;
  throw wrongAnswer(`${what}: expected ${quote(wanted)}, got ${quote(got)}`, answer, { mistake });
}
