/**
 * One response on its way out: status, headers and pieces of body come in, bytes in the right framing leave
 * through `send`. It counts, too: what does not fit the length that was promised is refused before it leaves.
 * It must not know where the bytes go, nor whose answer this is.
 */
import type { RequestHead } from './request-parser.ts';

/** The go-ahead for a client that asked before it sends its body; RFC 9110 §15.2.1. */
export const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';

/** Who answers: the field Server, RFC 9110 §10.2.4, and CGI's SERVER_SOFTWARE, RFC 3875 §4.1.17. */
export const SOFTWARE = 'webserver3';

/** Strings are latin-1: one char, one byte. They may be joined, which saves system calls. */
export type Send = (piece: string | Uint8Array) => void;

/** What has to be known of the request that is answered. */
export type Question = Pick<RequestHead, 'method' | 'version' | 'keepAlive'>;

/** How the client learns where the body ends; RFC 9112 §6.3. */
type Framing =
  | { kind: 'none' } // HEAD, 204, 304: with its head, whatever the head says
  | { kind: 'length'; left: number }
  | { kind: 'chunked' }
  | { kind: 'close' }; // HTTP/1.0 knows no chunks: where the connection ends

/** A length that was promised and not kept. It is the application's mistake. */
export class LengthError extends Error {}

export class ResponseWriter {
  readonly #question: Question;
  readonly #send: Send;
  #framing: Framing | undefined;
  /** Whether the connection can carry another response behind this one. What is said in the head, holds. */
  keepAlive: boolean;
  /** The code of the status line, once it has left; and bytes of body sent. */
  status = 0;
  bodyBytes = 0;

  constructor(question: Question, send: Send) {
    this.#question = question;
    this.#send = send;
    this.keepAlive = question.keepAlive;
  }

  get headSent(): boolean {
    return this.#framing !== undefined;
  }

  /** Whether all that is still to be said is the end. */
  get hasNoBody(): boolean {
    return this.#framing?.kind === 'none';
  }

  /** Whether a client that counts sees that more is to come: a connection that ends now is no end of this answer. */
  get showsItsEnd(): boolean {
    const framing = this.#framing;
    return framing?.kind === 'chunked' || (framing?.kind === 'length' && framing.left > 0);
  }

  /**
   * The status line and the field lines: the application's, in its order, then what is the server's to add.
   * `length` is what we know about the body where the application said nothing. Nothing is checked here.
   */
  sendHead(
    status: string,
    headers: readonly (readonly [name: string, value: string])[],
    length?: number,
  ): void {
    this.status = Number(status.slice(0, 3));
    const isBodiless = this.status === 204 || this.status === 304;
    let head = `HTTP/1.1 ${status}\r\n`;
    let [promised, hasDate, hasServer] = [isBodiless ? undefined : length, false, false];
    for (const [name, value] of headers) {
      const key = name.toLowerCase();
      if (key === 'content-length') {
        if (this.status === 204) continue; // RFC 9110 §8.6
        length = undefined;
        promised = Number(value);
      }
      hasDate ||= key === 'date';
      hasServer ||= key === 'server';
      head += `${name}: ${value}\r\n`;
    }
    this.#framing = this.#chooseFraming(isBodiless, promised);
    if (length !== undefined && !isBodiless) head += `Content-Length: ${length}\r\n`;
    if (this.#framing.kind === 'chunked') head += 'Transfer-Encoding: chunked\r\n';
    if (!hasDate) head += `Date: ${httpDate(Date.now())}\r\n`;
    if (!hasServer) head += `Server: ${SOFTWARE}\r\n`;
    if (!this.keepAlive) head += 'Connection: close\r\n';
    else if (this.#question.version === 'HTTP/1.0') head += 'Connection: keep-alive\r\n';
    this.#send(`${head}\r\n`);
  }

  /** Throws a LengthError if so many bytes are more than what is left of what was promised. */
  checkFits(size: number): void {
    if (this.#framing?.kind !== 'length' || size <= this.#framing.left) return;
    const surplus = size - this.#framing.left;
    throw new LengthError(`the body is longer than its Content-Length, by ${surplus} bytes`);
  }

  /** Sends a piece of the body, framed. Throws a LengthError, and sends nothing, if it does not fit. */
  sendBody(chunk: string | Uint8Array): void {
    const size = typeof chunk === 'string' ? Buffer.byteLength(chunk) : chunk.byteLength;
    const framing = this.#framing;
    if (size === 0 || framing === undefined || framing.kind === 'none') return;
    this.checkFits(size);
    if (framing.kind === 'length') framing.left -= size;
    this.bodyBytes += size;
    // As many bytes as chars: it is ASCII, which is latin-1 as well, and can join the head.
    const piece = typeof chunk === 'string' && size !== chunk.length ? Buffer.from(chunk) : chunk;
    if (framing.kind !== 'chunked') return void this.#send(piece);
    this.#send(`${size.toString(16)}\r\n`);
    this.#send(piece);
    this.#send('\r\n');
  }

  /** Says that this was all. Throws a LengthError if more was promised: only a cut tells the client so. */
  end(): void {
    const framing = this.#framing;
    if (framing?.kind === 'length' && framing.left > 0) {
      throw new LengthError(
        `the body is shorter than its Content-Length, by ${framing.left} bytes`,
      );
    }
    if (framing?.kind === 'chunked') this.#send('0\r\n\r\n');
  }

  #chooseFraming(isBodiless: boolean, length: number | undefined): Framing {
    if (this.#question.method === 'HEAD' || isBodiless) return { kind: 'none' };
    if (length !== undefined) return { kind: 'length', left: length };
    if (this.#question.version === 'HTTP/1.1') return { kind: 'chunked' };
    this.keepAlive = false;
    return { kind: 'close' };
  }
}

let second = 0;
let date = '';

/** The time (ms since 1970) as IMF-fixdate, RFC 9110 §5.6.7. Made once a second: formatting it takes a microsecond. */
function httpDate(now: number): string {
  const current = Math.floor(now / 1000);
  if (current !== second) {
    second = current;
    date = new Date(now).toUTCString();
  }
  return date;
}
