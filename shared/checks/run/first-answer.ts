/**
 * An answer as a person would read it: in comes whatever a beginner's server sends, out come its parts, or a Failure that
 * says what is in the wrong place. Lenient where it does not matter (yet); the harness has the strict reader.
 */
import { readChunks } from '../../harness/chunks.ts';
import type { Ending, RawClient } from '../../harness/raw-client.ts';
import type { ServerProcess } from '../../harness/server-process.ts';
import { Failure } from './failure.ts';
import type { Trial } from './trial.ts';

/** Milliseconds in which a server must react at all. */
export const REACTION = 1_000;
/** Milliseconds of silence after a whole answer, in which we wait for what should not come. */
const BEHIND = 150;

export interface Answer {
  readonly bytes: Buffer;
  readonly ending: Ending;
  /** Text of the head, without the blank line. */
  readonly head: string;
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** Where the body begins. */
  readonly bodyAt: number;
  /** Whatever came behind the head; if it was chunked, what is in the chunks. */
  readonly body: Buffer;
}

/** A polite GET, which asks the server to close: then all servers end their answers in the same way. */
export function get(target = '/', ...fields: string[]): string {
  const lines = [`GET ${target} HTTP/1.1`, 'Host: localhost', ...fields, 'Connection: close'];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** Sends a request and reads its answer, as far as one comes. Throws if that is no answer. */
export async function ask(trial: Trial, server: ServerProcess, request = get()): Promise<Answer> {
  const client = await trial.connect(server);
  await client.send(request);
  return readAnswer(client);
}

export async function readAnswer(client: RawClient): Promise<Answer> {
  await client.settle(REACTION, () => isWhole(client.received));
  if (client.ending === 'open' && isWhole(client.received)) await client.settle(BEHIND);
  return parseAnswer(client.received, client.ending);
}

/** Bytes that came, for a message: at most so many, on one line. */
export function quote(bytes: Buffer | string, most = 40): string {
  const text = bytes.toString().replaceAll('\0', '\\0');
  return JSON.stringify(text.length > most ? `${text.slice(0, most)}...` : text);
}

export function wrong(message: string, received: Buffer, at: number, mistake?: string): Failure {
  return new Failure(message, { cause: 'wrong', received, at, ...(mistake && { mistake }) });
}

/** Bytes in which a head has ended; a page behind it may be large, and comes in a thousand pieces. */
const MOST_HEAD = 64 * 1024;

/** Takes an answer apart whose lines may end in LF alone. */
export function parseAnswer(bytes: Buffer, ending: Ending): Answer {
  expectStatusLine(bytes, ending);
  const text = bytes.toString('latin1', 0, MOST_HEAD);
  const end = /\r?\n\r?\n/.exec(text);
  if (!end) throw noBlankLine(bytes, text);
  const head = text.slice(0, end.index);
  const indent = /\n([ \t]+)\S/.exec(head);
  if (indent) throw indented(bytes, text, indent);
  const [statusLine = '', ...lines] = head.split(/\r?\n/);
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, name = '', value = ''] = /^\s*([^:]*?)\s*:\s*(.*?)\s*$/.exec(line) ?? [];
    headers.set(name.toLowerCase(), value);
  }
  const bodyAt = end.index + end[0].length;
  const isChunked = /chunked/i.test(headers.get('transfer-encoding') ?? '');
  const body = isChunked ? readChunks(bytes.subarray(bodyAt)).body : bytes.subarray(bodyAt);
  const status = Number(/ (\d{3})/.exec(statusLine)?.[1]);
  return { bytes, ending, head, status, headers, bodyAt, body };
}

function isWhole(bytes: Buffer): boolean {
  try {
    const { headers, bodyAt, body } = parseAnswer(bytes, 'open');
    const length = headers.get('content-length');
    if (length !== undefined) return body.length >= Number(length);
    return headers.has('transfer-encoding') && readChunks(bytes.subarray(bodyAt)).isWhole;
  } catch {
    return false; // not yet, or never: the end of the connection tells
  }
}

const EXPECTED = 'expected the status line, "HTTP/1.1 200 OK"';

/** status-line = HTTP-version SP status-code SP [ reason-phrase ]; RFC 9112 §4. The last SP may be missing. */
const STATUS_LINE = /^HTTP\/1\.[01] \d{3}(?: [^\r\n\\]*)?[\r\n]/;

/** What people write where the status line should be: the first that fits is meant. */
const NO_STATUS_LINES: readonly (readonly [looks: RegExp, says: string, mistake: string])[] = [
  [/^HTTP[^\n]*\\n/, 'has a backslash and a letter where a line should end', 'escaped-line-ends'],
  [/^\s+HTTP\//i, 'begins with space or an empty line', 'leading-newline'],
  [/^GET /, 'is the request, sent back', 'echo'],
  [/^http|^Http/, 'names the protocol in small letters', 'lower-case-http'],
  [/^HTTP\/1\.[01]\d{3}|^HTTP\/1\.[01] \d{3}[^\s]/, 'lacks a space', 'missing-space'],
  [/^HTTP\/1\.[01] [a-z]/i, 'has no number behind the version', 'no-status-code'],
  [/^HTTP1/, 'lacks the slash behind "HTTP"', 'missing-slash'],
  [/^HTTP\/(?!1\.[01]\D)[\d.]+ \d{3}/, 'names another version than 1.1', 'other-version'],
  [/^HTTP\/1\.[01]:/, 'has a colon behind the version', 'colon-behind-version'],
  [/^HTTP\/1\.[01]\s{2,}\d/, 'has two spaces behind the version', 'two-spaces'],
  [/^HTTP(\/1)? /, 'does not say which version: 1.1', 'no-version'],
  [/^\d{3} /, 'has a status and no "HTTP/1.1" before it', 'no-version'],
  [/^[\w-]+: /, 'has fields and no status line before them', 'no-status-line'],
  [/^(?!HTTP)/, 'has no status line before the body', 'no-status-line'],
];

/** For mistakes that are not at the very beginning, what is right before them. */
const RIGHT_UP_TO: Readonly<Record<string, RegExp>> = {
  'missing-space': /^HTTP\/1\.\d( \d{3})?/,
  'missing-slash': /^HTTP/,
  'other-version': /^HTTP\//,
  'colon-behind-version': /^HTTP\/1\.\d/,
  'two-spaces': /^HTTP\/1\.\d /,
};

function expectStatusLine(bytes: Buffer, ending: Ending): void {
  const text = bytes.toString('latin1', 0, MOST_HEAD);
  if (STATUS_LINE.test(text)) return;
  if (text === '') throw nothing(ending);
  const [, says = 'begins with something else', mistake] =
    NO_STATUS_LINES.find(([looks]) => looks.test(text)) ?? [];
  const right = RIGHT_UP_TO[mistake ?? '']?.exec(text) ?? [''];
  throw wrong(
    `Your answer ${says}: ${EXPECTED}, got ${quote(firstLine(bytes))}`,
    bytes,
    right[0].length,
    mistake,
  );
}

function nothing(ending: Ending): Failure {
  if (ending === 'open')
    return new Failure(`Nothing came for ${REACTION / 1000} s: ${EXPECTED}`, {
      cause: 'timed out',
    });
  const received = Buffer.alloc(0);
  return ending === 'rst'
    ? new Failure(`Connection reset before a byte came: ${EXPECTED}`, { cause: 'reset', received })
    : wrong(`The connection ended without a byte: ${EXPECTED}`, received, 0);
}

function firstLine(bytes: Buffer): string {
  return /[^\r\n]*(\r?\n)?/.exec(bytes.toString())?.[0] || bytes.toString();
}

function noBlankLine(bytes: Buffer, text: string): Failure {
  const spaces = /\n([ \t]+)(?=\r?\n|\S)/.exec(text);
  if (spaces) return indented(bytes, text, spaces);
  const body = text.search(/Hello|</);
  if (body === -1)
    return wrong('The head does not end: expected an empty line behind it', bytes, bytes.length);
  const says = 'There is no blank line between head and body: expected an empty line before';
  return wrong(`${says} ${quote(text.slice(body), 13)}`, bytes, body, 'no-blank-line');
}

/** Spaces of the program's own layout, between the quotes of a template. */
function indented(
  bytes: Buffer,
  text: string,
  { index, 1: spaces = '' }: RegExpExecArray,
): Failure {
  const at = index + 1;
  const line = `Line ${lineOf(text, at)} of your answer`;
  const width = spaces.length === 1 ? '1 space' : `${spaces.length} spaces`;
  if (/^\s*\n/.test(text.slice(at))) {
    const message = `${line} is ${width}: expected an empty line, nothing before its end`;
    return wrong(message, bytes, at, 'spaces-in-blank-line');
  }
  const says = `${line} begins with ${width}`;
  return wrong(`${says}: expected a field name or an empty line`, bytes, at, 'indented');
}

/** The number of the line that has this byte. */
export function lineOf(text: string, at: number): number {
  return text.slice(0, at).split('\n').length;
}

/** Behind a client of bad manners, the next one is served; `who` tells the manners: "that connects and leaves". */
export async function expectService(
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
      throw new Failure(`After a client ${who}, the next one is not served: ${message}`, {
        ...details,
        ...(byHand && { byHand }),
      });
    }
    const said = server.stderr;
    const [reason] = /^.*(?:Error|Exception)\b.*$/m.exec(said) ?? [];
    const isReset = /ECONNRESET|EPIPE|ConnectionResetError|BrokenPipeError/.test(said);
    throw new Failure(
      `A client ${who} ends your program${reason ? `: ${reason.trim()}` : ''}; expected it to serve the next one`,
      {
        cause: 'exited',
        stderr: said,
        ...(byHand && { byHand }),
        ...(isReset && { mistake: 'no-error-listener' }),
      },
    );
  }
}
