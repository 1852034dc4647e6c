/**
 * One request and its answer: calls the application, holds it to PEP 3333, and hands what it says to the
 * ResponseWriter at the client's pace. An application that is synchronous costs no promise. It must not know
 * sockets; whatever goes wrong is thrown, for the one place that turns errors into answers.
 */
import { inspect } from 'node:util';
import type { ResponseWriter } from '../http/response-writer.ts';
import type * as wsgi from './wsgi.ts';

/**
 * The client's pace, after so many bytes for it: undefined when it can take more, else a promise of that, which rejects
 * if it leaves.
 */
export type Ready = (bytes: number) => Promise<void> | undefined;

/** Bytes we write at a time. The write deadline starts anew with each piece: slow is not stalled. */
const WRITE_SIZE = 64 * 1024;

/** tchar, RFC 9110 §5.6.2 */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** field-value, RFC 9110 §5.5; and no CR, LF or NUL, with which one answer could be made two. */
const FIELD_VALUE = /^[\t -~\x80-\xff]*$/;
/**
 * A final code, a space, the reason; PEP 3333 "The start_response() Callable", whose example has 999. The reason may
 * be empty, the space before it not; RFC 9112 §4.
 */
const STATUS = /^[2-9]\d\d [\t -~\x80-\xff]*$/;
/**
 * About the connection, which is the server's affair; PEP 3333 "Other HTTP Features". An answer is right without
 * them, so they are left out. The list is that of RFC 9110 §7.6.1, which has no Proxy-Authenticate any more: a 407
 * would mean nothing without it.
 */
const HOP_BY_HOP = /^((proxy-)?connection|keep-alive|te|trailers?|transfer-encoding|upgrade)$/i;

/** What the application said it will answer, and the length it promised. */
interface Head {
  readonly status: string;
  readonly headers: wsgi.Headers;
  readonly promised: number | undefined;
}

export class Exchange {
  readonly #writer: ResponseWriter;
  readonly #ready: Ready;
  readonly #environ: wsgi.Environ;
  /** Held here: the application may do with its environ what it likes. */
  readonly #errors: wsgi.ErrorStream;
  #head: Head | undefined;
  /** Whether startResponse was called: what it refused was a call, too. */
  #isStarted = false;
  #result: { close?(): unknown } | undefined;
  /** The application's calls of write() that are still under way: done when the last one is. */
  #writes: Promise<void> | undefined;
  #isOver = false;

  constructor(environ: wsgi.Environ, writer: ResponseWriter, ready: Ready) {
    this.#environ = environ;
    this.#errors = environ['wsgi.errors'];
    this.#writer = writer;
    this.#ready = ready;
  }

  /**
   * Runs the application to the end of its answer, and calls the close() of its result. Returns a promise only if
   * the application makes us wait, or its client does. Throws, or rejects with, what went wrong.
   */
  run(application: wsgi.Application): Promise<void> | undefined {
    const result = application(this.#environ, (status, headers, excInfo) =>
      this.#startResponse(status, headers, excInfo),
    );
    return isPromise(result) ? this.#sendLater(result) : this.#send(result as wsgi.Result);
  }

  /** The client left: nobody waits for the rest, and the application is told at once. */
  abort(): void {
    this.#isOver = true;
    this.#close();
  }

  async #sendLater(promised: Promise<wsgi.Result>): Promise<void> {
    await this.#send(await promised);
  }

  #send(result: wsgi.Result): Promise<void> | undefined {
    this.#result = Object(result) as object;
    if (this.#isOver) return void this.#close(); // the client left while the application thought
    if (!Array.isArray(result)) return this.#sendSlowly(result, undefined);
    try {
      const length = totalLength(result);
      if (length > WRITE_SIZE || this.#writes) return this.#sendSlowly(result, length);
      this.#sendHead(length, length); // it is here already, and small: in one go
      for (const chunk of result) this.#writer.sendBody(chunk);
      this.#writer.end();
    } catch (error) {
      this.#close();
      throw error;
    }
    this.#close();
  }

  /** Sends piece by piece, each when the client can take it. The length is that of the whole body, if we know it. */
  async #sendSlowly(result: wsgi.Result, length: number | undefined): Promise<void> {
    try {
      await this.#writes;
      const body = Object(result);
      if (Symbol.asyncIterator in body) {
        for await (const chunk of body) if (await this.#write(chunk, length)) break;
      } else if (Symbol.iterator in body) {
        for (const chunk of body) if (await this.#write(chunk, length)) break;
      } else {
        breach('an application returns something to iterate over');
      }
      if (this.#isOver) return;
      if (!this.#writer.headSent) this.#sendHead(length ?? 0, 0);
      this.#writer.end();
    } finally {
      this.#close();
    }
  }

  /** Sends a piece of the body and waits until the client can take more. True: it wants no more of it. */
  async #write(chunk: wsgi.Chunk, length?: number): Promise<boolean> {
    const size = lengthOf(chunk);
    if (this.#isOver) return true;
    if (size > 0 && !this.#writer.headSent) this.#sendHead(length, size);
    this.#writer.checkFits(size);
    for (const piece of size > WRITE_SIZE ? cut(chunk) : [chunk]) {
      if (this.#writer.hasNoBody) break;
      this.#writer.sendBody(piece);
      const wait = this.#ready(size); // a piece without bytes counts, too: the application is still at it
      if (wait) await wait;
    }
    return this.#isOver || this.#writer.hasNoBody;
  }

  /** What the application calls to begin its answer. Nothing leaves yet: it may still think again. */
  #startResponse(status: string, headers: wsgi.Headers, excInfo?: unknown): wsgi.Write {
    if (this.#writer.headSent && excInfo) throw excInfo;
    if (this.#isStarted && !excInfo) breach('a second startResponse needs excInfo');
    this.#isStarted = true;
    if (!STATUS.test(status)) breach('a status looks like "200 OK"');
    if (!Array.isArray(headers)) breach('headers are a list of [name, value]');
    let promised: string | undefined;
    const copy: wsgi.Headers = [];
    for (const [name, value] of headers) {
      checkHeader(name, value);
      if (HOP_BY_HOP.test(name)) {
        const rule = 'PEP 3333 "Other HTTP Features"';
        this.#errors.write(`left out: ${name} is the server's to send; ${rule}\n`);
        continue;
      }
      if (name.length === 14 && name.toLowerCase() === 'content-length') {
        if (promised !== undefined || !/^\d+$/.test(value)) breach('one Content-Length');
        promised = value;
      }
      copy.push([name, value]);
    }
    this.#head = {
      status,
      headers: copy,
      promised: promised === undefined ? undefined : Number(promised),
    };
    return (chunk) => this.#writeNow(chunk);
  }

  /** PEP 3333 "The write() Callable": an older way to say the body, for those who can't return it. */
  #writeNow(chunk: wsgi.Chunk): Promise<void> {
    const before = this.#writes;
    const written = (async () => {
      await before;
      if (this.#isOver) throw new Error('the client left before its answer was whole');
      if (!this.#writer.headSent) this.#sendHead(undefined, lengthOf(chunk)); // even for nothing
      await this.#write(chunk);
    })();
    written.catch(() => {}); // who does not wait for it has the failure from the end of the body
    this.#writes = written;
    return written;
  }

  /** The head leaves with the first bytes of a body that is `length` bytes long, if we know that. */
  #sendHead(length: number | undefined, first: number): void {
    const { status, headers, promised } =
      this.#head ?? breach('startResponse comes before the body');
    const hasBody = this.#environ.REQUEST_METHOD !== 'HEAD' && !/^(204|304)/.test(status);
    if (promised !== undefined && hasBody && promised !== (length ?? Math.max(first, promised))) {
      breach(`a body is as long as its Content-Length, ${promised}, and not ${length ?? first}`);
    }
    // An empty list as the answer to HEAD says nothing about the body of GET; RFC 9110 §8.6.
    this.#writer.sendHead(status, headers, length === 0 && !hasBody ? undefined : length);
  }

  /** Calls the result's close(), once. No answer waits for its promise; a failure is told, but the answer stands. */
  #close(): void {
    const result = this.#result;
    this.#result = undefined;
    try {
      const closing = result?.close?.();
      if (isPromise(closing)) closing.then(undefined, (error) => this.#tell(error));
    } catch (error) {
      this.#tell(error);
    }
  }

  #tell(error: unknown): void {
    this.#errors.write(`${inspect(error)}\n`);
  }
}

/** The application's mistake: it is told which rule it broke, its client sees a 500. */
function breach(rule: string): never {
  throw new Error(`the application broke a rule of PEP 3333: ${rule}`);
}

function checkHeader(name: string, value: string): void {
  const isString = typeof name === 'string' && typeof value === 'string';
  if (!isString || !TOKEN.test(name) || !FIELD_VALUE.test(value)) {
    breach(`malformed header ${JSON.stringify([name, value])}`);
  }
}

function lengthOf(chunk: wsgi.Chunk): number {
  if (typeof chunk === 'string') return Buffer.byteLength(chunk);
  return chunk instanceof Uint8Array
    ? chunk.byteLength
    : breach('a body is made of strings and Uint8Arrays');
}

/** A large piece, in such as are written at a time. */
function* cut(chunk: wsgi.Chunk): Generator<wsgi.Chunk> {
  const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
  for (let start = 0; start < bytes.length; start += WRITE_SIZE) {
    yield bytes.subarray(start, start + WRITE_SIZE);
  }
}

function totalLength(chunks: readonly wsgi.Chunk[]): number {
  let total = 0;
  for (const chunk of chunks) total += lengthOf(chunk);
  return total;
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | undefined)?.then === 'function';
}
