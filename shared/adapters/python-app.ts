/**
 * WSGI applications in real CPython. In comes a Python file and the name of a callable, out goes an Application; behind
 * it stand processes (python-workers.ts), which run python_worker.py. A slow client keeps none of them: a short body is
 * here before a worker is asked for, and a short answer is taken off its hands at once.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Application, Chunk, Environ, Headers, StartResponse } from '../wsgi.ts';
import { type Channel, type Client, type Frame, Pool } from './python-workers.ts';

const VENV = path.join(import.meta.dirname, '..', '..', '.venv', 'bin', 'python');
/** Seconds in which an application has to come up with the next piece of its answer. gunicorn: 30. */
const REQUEST_TIMEOUT = 30;
/** Seconds that a request waits for its turn; 503. haproxy's `timeout queue` is the like of it. */
const QUEUE_TIMEOUT = 10;
/** Milliseconds at most between two signs that it still waits. */
const HEARTBEAT = 1_000;
/** Bytes of a body that are read before its turn has come, and of an answer before its client takes them. */
const AHEAD = 64 * 1024;

export interface PythonOptions {
  /** Processes that run the application. */
  readonly workers?: number | undefined;
  /** Threads in each of them, which have one request at a time each. */
  readonly threads?: number | undefined;
  /** Seconds in which the application has to come up with the next piece of its answer. */
  readonly requestTimeout?: number | undefined;
  /** Seconds that a request waits for its turn. */
  readonly queueTimeout?: number | undefined;
}

/** Starts the workers and resolves when each has imported the application; rejects with a PythonError. */
export async function loadPythonApplication(
  file: string,
  name: string,
  options: PythonOptions = {},
): Promise<Application> {
  const { workers = 1, threads = 1, requestTimeout = REQUEST_TIMEOUT } = options;
  const python = existsSync(VENV) ? VENV : (process.env.PYTHON ?? 'python3');
  const pool = new Pool({ python, file, name, threads, timeout: requestTimeout * 1000 }, workers);
  await pool.fill();
  const patience: Patience = {
    timeout: (options.queueTimeout ?? QUEUE_TIMEOUT) * 1000,
    heartbeat: Math.min(HEARTBEAT, requestTimeout * 500),
  };
  return (environ, startResponse) => {
    const isMultiprocess = workers > 1 || environ['wsgi.multiprocess'];
    return new Exchange(pool, patience, isMultiprocess, environ, startResponse);
  };
}

/** How a request waits, in milliseconds. */
interface Patience {
  readonly timeout: number;
  readonly heartbeat: number;
}

type Step = IteratorResult<Chunk>;
const DONE: Step = { done: true, value: undefined };
/** PEP 3333 "Middleware Handling of Block Boundaries": what is yielded by who has nothing yet. */
const NOTHING_YET: Step = { done: false, value: '' };

/** One request on its way through a worker, and its answer, piece by piece, as fast as the client takes it. */
class Exchange implements Client, AsyncIterableIterator<Chunk> {
  readonly #pool: Pool;
  readonly #patience: Patience;
  readonly #isMultiprocess: boolean;
  readonly #environ: Environ;
  readonly #startResponse: StartResponse;
  #state: 'new' | 'waiting' | 'underway' | 'answered' | 'left' | 'done' = 'new';
  #channel: Channel | undefined;
  request: string | Uint8Array = '';
  #waitsUntil = 0;
  /** What has been heard, and not been taken; and how many bytes that is. */
  readonly #frames: Frame[] = [];
  #held = 0;
  #loss = '';
  #wake: (() => void) | undefined;

  constructor(
    pool: Pool,
    patience: Patience,
    isMultiprocess: boolean,
    environ: Environ,
    startResponse: StartResponse,
  ) {
    this.#pool = pool;
    this.#patience = patience;
    this.#isMultiprocess = isMultiprocess;
    this.#environ = environ;
    this.#startResponse = startResponse;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<Step> {
    if (this.#state === 'new') await this.#ask();
    for (;;) {
      if (this.#state === 'waiting') return this.#waitForTurn();
      const frame = this.#frames.shift();
      const step = frame && this.#take(frame);
      if (step) return step;
      if (frame) continue;
      if (this.#loss !== '') return this.#answerItself();
      if (this.#state !== 'underway') return DONE;
      await this.#news();
    }
  }

  /** The client has left, or the server wants no more. Lets the worker close the application's result. */
  close(): void {
    const before = this.#state;
    this.#state = before === 'underway' ? 'left' : 'done';
    this.#frames.length = 0;
    this.#loss = '';
    if (before === 'waiting') this.#pool.forget(this);
    if (before === 'underway') this.#channel?.leave();
    this.#wake?.();
  }

  get isWaiting(): boolean {
    return this.#state === 'waiting';
  }

  begin(channel: Channel): void {
    this.#channel = channel;
    if (this.#state === 'waiting') this.#state = 'underway';
    else channel.hurry(); // the client left while it waited in the channel
    this.#wake?.();
  }

  hear(frame: Frame): void {
    if (this.#state !== 'underway') return;
    if (frame.kind === 'R') return void this.#feed(Number(`${frame.rest}`));
    this.#frames.push(frame);
    this.#held += frame.rest.length;
    if (frame.kind === 'E' || frame.kind === 'X') this.#end();
    if (this.#held > AHEAD) this.#channel?.pause();
    this.#wake?.();
  }

  lose(status: string, reason: string): void {
    if (this.#state !== 'underway' && this.#state !== 'waiting') return;
    this.#end();
    this.#loss = `${status}: ${reason}`;
    this.#wake?.();
  }

  /** The channel, if it had one, is another's from now on. */
  #end(): void {
    this.#state = 'answered';
    this.#channel = undefined;
  }

  async #ask(): Promise<void> {
    const strings: Record<string, unknown> = { 'wsgi.multiprocess': this.#isMultiprocess };
    for (const name in this.#environ) {
      const value = this.#environ[name as keyof Environ];
      if (typeof value === 'string') strings[name] = value; // the streams stay, and the worker adds its own
    }
    const { CONTENT_LENGTH, HTTP_TRANSFER_ENCODING } = this.#environ;
    const isChunked = HTTP_TRANSFER_ENCODING !== undefined;
    const length = isChunked ? AHEAD : Number(CONTENT_LENGTH ?? 0);
    const body = length > 0 && length <= AHEAD ? await this.#readAhead(length) : [];
    const size = body.reduce((sum, piece) => sum + piece.length, 0);
    if (isChunked && size < AHEAD) {
      strings.CONTENT_LENGTH = `${size}`;
      delete strings.HTTP_TRANSFER_ENCODING;
    }
    if (this.#state !== 'new') return; // the client has left
    const head = `${JSON.stringify(strings)}\0`;
    this.request = size > 0 ? Buffer.concat([Buffer.from(head), ...body]) : head;
    this.#state = 'waiting';
    this.#waitsUntil = performance.now() + this.#patience.timeout;
    this.#pool.ask(this);
  }

  /** So much of the body, or all of it, in pieces: a client that is slow with a short one keeps no worker. */
  async #readAhead(length: number): Promise<Uint8Array[]> {
    const pieces: Uint8Array[] = [];
    for (let missing = length; missing > 0; ) {
      const piece = await this.#environ['wsgi.input'].read(missing);
      if (piece.length === 0) break;
      pieces.push(piece);
      missing -= piece.length;
    }
    return pieces;
  }

  /** Waits, and says so: this is not the application's time. */
  async #waitForTurn(): Promise<Step> {
    const left = this.#waitsUntil - performance.now();
    if (left <= 0) {
      this.#pool.forget(this);
      const seconds = this.#patience.timeout / 1000;
      this.lose('503 Service Unavailable', `no worker was free within ${seconds} s`);
      return this.#answerItself();
    }
    await this.#news(Math.min(left, this.#patience.heartbeat));
    return NOTHING_YET;
  }

  async #news(timeout?: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (timeout !== undefined) timer = setTimeout(resolve, timeout);
    });
    clearTimeout(timer);
  }

  #take({ kind, rest }: Frame): Step | undefined {
    this.#held -= rest.length;
    if (this.#held <= AHEAD) this.#channel?.resume();
    if (kind === 'E') return DONE;
    if (kind === 'X') throw new ApplicationFailed();
    if (kind === 'H') this.#startResponse(...readHead(rest.toString('latin1')));
    return kind === 'B' && rest.length > 0 ? { done: false, value: rest } : undefined;
  }

  /** The worker's application wants bytes of the body; until they are here it is the client's move. */
  async #feed(size: number): Promise<void> {
    this.#channel?.rest();
    const bytes = await this.#environ['wsgi.input'].read(size).catch(() => undefined);
    if (this.#state !== 'underway') return; // given up meanwhile
    if (bytes) this.#channel?.send('B', bytes);
    else this.close();
  }

  /** No worker could, or can. Once bytes have left, this cuts the answer. */
  #answerItself(): Step {
    const [status = ''] = this.#loss.split(':');
    const reason = new Error(this.#loss);
    this.#loss = '';
    this.#environ['wsgi.errors'].write(`${reason.message}\n`);
    this.#startResponse(status, [['Content-Type', 'text/plain']], reason);
    return { done: false, value: `${status}\n` };
  }
}

/** The status, and then names and values, with NULs between, as none of them has one. */
function readHead(text: string): [status: string, headers: Headers] {
  const [status = '', ...words] = text.split('\0');
  const headers: Headers = [];
  for (let i = 0; i < words.length; i += 2) headers.push([words[i] ?? '', words[i + 1] ?? '']);
  return [status, headers];
}

/** An exception in Python: its traceback went to stderr, where this one has nothing to add. */
class ApplicationFailed extends Error {
  override readonly name = 'ApplicationFailed';

  constructor() {
    super('the Python application raised; its traceback is above');
    this.stack = `${this.name}: ${this.message}`;
  }
}
