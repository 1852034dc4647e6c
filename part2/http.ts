/**
 * The text of HTTP/1.1 messages: what is well-formed, what is too much, how a refusal is said and how a
 * head is written. In and out go strings and bytes; it knows neither sockets nor applications.
 */

/** Bytes of request line and field lines; 431 beyond it. Node.js and h11: 16 KiB. */
export const MAX_HEAD_BYTES = 16 * 1024;
/** Bytes of a body, which is held in memory here; 413 beyond it. nginx: 1 MiB. */
export const MAX_BODY_BYTES = 8 * 1024 * 1024;
/** Seconds a client has to say its whole request while all others wait; then 408. Apache: 20 and more. */
export const READ_TIMEOUT = 10;
/** Seconds a client may take nothing of what we write. nginx: 60. */
export const WRITE_TIMEOUT = 60;
/** Bytes we write at a time. The clock starts anew with each piece: slow is not stalled. */
export const WRITE_SIZE = 64 * 1024;
/** Seconds of silence once one side has said goodbye with its FIN; then it is taken as gone. nginx: 5. */
export const GOODBYE_TIMEOUT = 5;

const TOKEN_CHARS = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
/** request-line = method SP request-target SP HTTP-version; RFC 9112 §3 */
export const REQUEST_LINE = new RegExp(
  `^(${TOKEN_CHARS}) (/[!-~]*|https?://[!-~]+|\\*) (HTTP/\\d\\.\\d)$`,
);
/** field-line = field-name ":" OWS field-value OWS, and no space before the colon; RFC 9112 §5 */
export const FIELD_LINE = new RegExp(`^(${TOKEN_CHARS}):([\\t -~\\x80-\\xff]*)$`);
export const TOKEN = new RegExp(`^${TOKEN_CHARS}$`);
export const FIELD_VALUE = /^[\t -~\x80-\xff]*$/;
/** A status as PEP 3333 writes it: a final code (its example has 999), a space, the reason. It may be empty; RFC 9112 §4. */
export const STATUS = /^[2-9]\d\d [\t -~\x80-\xff]*$/;
/** Host = uri-host [ ":" port ]; RFC 9110 §7.2 */
export const HOST = /^(\[[\da-f:.]+\]|[\w.~!$&'()*+;=%-]*)(:\d*)?$/i;

/** A request that is not for us, and the status that says so. */
export class Refusal extends Error {
  readonly status: string;

  constructor(status: string, detail: string) {
    super(detail);
    this.status = status;
  }
}

export function refuse(status: string, detail: string): never {
  throw new Refusal(status, detail);
}

/** Each %XX becomes one byte, shown as one latin-1 char; what is not %XX stays as it is. */
export function percentDecode(text: string): string {
  return text.replace(/%([\da-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** The application's headers first and in their order, then what is the server's to add. */
export function serializeHead(
  status: string,
  headers: [name: string, value: string][],
  length: number | undefined,
): Buffer {
  const given = new Set(headers.map(([name]) => name.toLowerCase()));
  const lines = [`HTTP/1.1 ${status}`, ...headers.map(([name, value]) => `${name}: ${value}`)];
  if (length !== undefined && !given.has('content-length')) lines.push(`Content-Length: ${length}`);
  if (!given.has('date')) lines.push(`Date: ${new Date().toUTCString()}`); // RFC 9110 §5.6.7
  if (!given.has('server')) lines.push('Server: WSGIServer/2.0');
  lines.push('Connection: close', '', ''); // where there is no length, this ends the body
  return Buffer.from(lines.join('\r\n'), 'latin1');
}

/** What travels, as `curl -v` shows it. A stranger's control characters are not for your terminal to obey. */
export function show(mark: '<' | '>', bytes: Buffer): void {
  if (bytes.length === 0) return;
  const text = bytes.length > MAX_HEAD_BYTES + 4 ? `[${bytes.length} bytes]` : bytes.toString();
  const lines = text.replace(/\r?\n$/, '').split(/\r?\n/);
  console.log(lines.map((line) => `${mark} ${line.replace(/\p{Cc}/gu, escapeChar)}`).join('\n'));
}

/** Seconds, as timers take them: whole milliseconds, and no more of them than fit. */
export function milliseconds(seconds: number): number {
  return Math.min(2 ** 31 - 1, Math.ceil(seconds * 1000));
}

function escapeChar(char: string): string {
  return `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
