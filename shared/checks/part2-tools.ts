/**
 * What the checks of part 2 ask with and look through: requests as bytes, answers read as leniently as a client may,
 * and every wait bounded. What is wrong becomes a Failure that shows the bytes and points at one.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Ending, RawClient } from '../harness/raw-client.ts';
import type { ServerProcess } from '../harness/server-process.ts';
import { Failure } from './failure.ts';
import type { Trial } from './trial.ts';

export const CONTRACT = 'shared/harness/contract-app:app';

/** Seconds for an answer that should take milliseconds: it bounds, it does not measure. */
export const PATIENCE = 3;

export interface Answer {
  readonly status: number;
  readonly reason: string;
  /** In their order, names as they were sent, values as latin-1. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Of a chunked one, what is in the chunks. */
  readonly body: Buffer;
  /** Whether it is as long as it says it is. */
  readonly isWhole: boolean;
  readonly bytes: Buffer;
  readonly ending: Ending;
}

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
  return readAnswer(server, client, nameOf(pieces));
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
  if (bytes.length > 0) return parseAnswer(bytes, ending, what);
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

/** Takes an answer apart. A fault is shown at its byte. */
export function parseAnswer(bytes: Buffer, ending: Ending, what: string): Answer {
  const wrong = (message: string, at: number, mistake?: string) =>
    new Failure(`${what}: ${message}`, {
      cause: 'wrong',
      received: bytes,
      at,
      ...(mistake && { mistake }),
    });
  const text = bytes.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  const bareLf = /(?<!\r)\n/.exec(end === -1 ? text : text.slice(0, end))?.index;
  if (!text.startsWith('HTTP/')) {
    throw wrong(`an answer begins with a status line, not with ${quote(text.slice(0, 30))}`, 0);
  }
  if (bareLf !== undefined) {
    throw wrong('a line of the head ends in LF alone, not in CR LF', bareLf, 'lf-only');
  }
  if (end === -1) throw wrong('the head has no end: a blank line is missing', bytes.length);
  const [statusLine = '', ...lines] = text.slice(0, end).split('\r\n');
  const [, status = '', reason = ''] = /^HTTP\/1\.[01] (\d{3})(?: (.*))?$/.exec(statusLine) ?? [];
  if (!status) throw wrong(`no status line: ${quote(statusLine)}`, 0);
  let at = statusLine.length + 2;
  const headers = lines.map((line): [string, string] => {
    const [, name, value = ''] = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (!name) throw wrong(`this is no header: ${quote(line)}`, at);
    at += line.length + 2;
    return [name, value];
  });
  const raw = bytes.subarray(end + 4);
  const answer = { status: Number(status), reason, headers, bytes, ending };
  const length = headerOf({ headers }, 'content-length');
  if (/^chunked$/i.test(headerOf({ headers }, 'transfer-encoding') ?? '')) {
    return { ...answer, ...takeChunks(raw, (message, offset) => wrong(message, end + 4 + offset)) };
  }
  return { ...answer, body: raw, isWhole: length === undefined || Number(length) === raw.length };
}

/** chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF; RFC 9112 §7.1 */
function takeChunks(
  raw: Buffer,
  wrong: (message: string, offset: number) => Failure,
): { body: Buffer; isWhole: boolean } {
  const chunks: Buffer[] = [];
  for (let start = 0; start < raw.length; ) {
    const lineEnd = raw.indexOf('\r\n', start);
    if (lineEnd === -1) break;
    const [, digits] =
      /^([\da-f]+)[ \t]*(?:;.*)?$/i.exec(raw.toString('latin1', start, lineEnd)) ?? [];
    if (!digits) throw wrong('a chunk begins with its size in hex', start);
    const size = Number.parseInt(digits, 16);
    if (size === 0) return { body: Buffer.concat(chunks), isWhole: true };
    chunks.push(raw.subarray(lineEnd + 2, lineEnd + 2 + size));
    start = lineEnd + 2 + size + 2;
    const behind = raw.toString('latin1', start - 2, start);
    if (!'\r\n'.startsWith(behind)) throw wrong('a chunk is longer than its size', start - 2);
  }
  return { body: Buffer.concat(chunks), isWhole: false };
}

/** The values of a header, in whatever letter case. */
export function allOf({ headers }: Pick<Answer, 'headers'>, name: string): string[] {
  return headers.filter(([given]) => given.toLowerCase() === name).map(([, value]) => value);
}

export function headerOf(answer: Pick<Answer, 'headers'>, name: string): string | undefined {
  return allOf(answer, name)[0];
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
  const message = `${what}: expected ${wanted}, got ${answer.status} ${answer.reason}`.trim();
  throw wrongAnswer(message, answer, { at: 9, server, mistake });
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
    const message = `${key}: expected ${expected}, got ${got === undefined ? 'none' : quoteBytes(got)}`;
    const at = this.#answer.bytes.indexOf(`"${key}":`);
    const mistake = known[got === undefined ? 'none' : String(got)];
    throw wrongAnswer(message, this.#answer, { ...(at > 0 && { at }), mistake });
  }
}

/** Sends a request for /environ, an application that answers with its environ as JSON. */
export async function environOf(
  trial: Trial,
  server: ServerProcess,
  line: string,
  ...fields: string[]
): Promise<Seen> {
  const answer = await ask(trial, server, request(line, ...fields));
  expectStatus(answer, 200, line, server);
  try {
    return new Seen(JSON.parse(answer.body.toString()), answer);
  } catch {
    const text = answer.body.toString().slice(0, 40);
    const message = `${line}: expected the environ as JSON, which the app has for the path /environ; got ${quote(text)}`;
    throw wrongAnswer(message, answer);
  }
}

/** A value as it is told in one line. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 90 ? `${text.slice(0, 87)}...` : text;
}

/** The same for text of which each char is a byte. */
export function quoteBytes(value: unknown): string {
  const asByte = (char: string) => `\\x${char.charCodeAt(0).toString(16)}`;
  return quote(value).replace(/[\x7f-\xff]/g, asByte);
}
