/**
 * WSGI applications in real CPython. In comes a Python file and the name of a callable, out goes an Application;
 * behind it stand worker processes (python_worker.py), each joined to us by a pair of sockets that nobody else
 * can reach. A worker has one request at a time; one that dies costs that request alone, and is replaced.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Socket } from 'node:net';
import path from 'node:path';
import type { Application, Chunk, Environ, Headers, StartResponse } from '../wsgi.ts';

const WORKER = path.join(import.meta.dirname, 'python_worker.py');
const VENV = path.join(import.meta.dirname, '..', '..', '.venv', 'bin', 'python');
/** Seconds in which an application has to come up with the next piece of its answer. gunicorn: 30. */
const REQUEST_TIMEOUT = 30;
/** Milliseconds in which it has to let go of an answer that nobody waits for. */
const LEAVE_TIMEOUT = 5_000;
/** The same for the last words of a worker that has ended, where another process holds its socket open. */
const REST_TIMEOUT = 500;
/** How a frame begins: `length:number kind`. The rest follows, and a comma. */
const FRAME = /^(\d{1,8}):(\d{1,15}) ([+!RHBEX])/;
const MAX_START = 26;
/** What can still become such a beginning: shorter, all of it. */
const UNFINISHED = /^\d{0,8}(:\d{0,15} ?)?$/;
const COMMA = Buffer.from(',');

export interface PythonOptions {
  /** Processes that run the application: so many requests are under way at most. */
  readonly workers?: number | undefined;
  /** Seconds in which the application has to come up with the next piece of its answer. */
  readonly requestTimeout?: number | undefined;
}

/** Why there is no application; its message is for the person who named it. */
export class PythonError extends Error {}

/** Starts the workers and resolves when each has imported the application; rejects with a PythonError. */
export async function loadPythonApplication(
  file: string,
  name: string,
  { workers = 1, requestTimeout = REQUEST_TIMEOUT }: PythonOptions = {},
): Promise<Application> {
  const pool = new Pool(() => Worker.start(file, name), workers);
  await pool.fill();
  const isShared = workers > 1;
  return (environ, startResponse) => {
    const exchange = new Exchange(pool, toRequest(environ, isShared), environ, startResponse);
    exchange.timeout = requestTimeout * 1000;
    return { [Symbol.asyncIterator]: () => exchange, close: () => exchange.close() };
  };
}

/** The part of the environ that can travel; the streams stay, and the worker adds its own. */
function toRequest(environ: Environ, isShared: boolean): string {
  const isMultiprocess = isShared || environ['wsgi.multiprocess'];
  const strings = Object.entries(environ).filter(([, value]) => typeof value === 'string');
  return JSON.stringify({ ...Object.fromEntries(strings), 'wsgi.multiprocess': isMultiprocess });
}

/** One request on its way through a worker, read piece by piece, as fast as the client takes it. */
class Exchange implements AsyncIterator<Chunk> {
  readonly #pool: Pool;
  readonly #request: string;
  readonly #environ: Environ;
  readonly #startResponse: StartResponse;
  #worker: Worker | undefined;
  #state: 'waiting' | 'underway' | 'left' | 'done' = 'waiting';
  #isReading = false;
  timeout = 0;

  constructor(pool: Pool, request: string, environ: Environ, startResponse: StartResponse) {
    this.#pool = pool;
    this.#request = request;
    this.#environ = environ;
    this.#startResponse = startResponse;
  }

  async next(): Promise<IteratorResult<Chunk>> {
    this.#isReading = true;
    try {
      const isReady = this.#state !== 'waiting' || (await this.#begin());
      return isReady ? await this.#advance() : this.#answerForWorker();
    } finally {
      this.#isReading = false;
    }
  }

  /** The client has left, or the server wants no more. Lets the worker close the application's result. */
  close(): void {
    if (this.#state === 'waiting') {
      this.#state = 'done';
      this.#pool.forget(this);
    }
    if (this.#state !== 'underway') return;
    this.#leave();
    if (!this.#isReading) this.#advance().catch(() => {});
  }

  /** False when no worker can be had. */
  async #begin(): Promise<boolean> {
    const worker = await this.#pool.take(this).catch(() => undefined);
    if (this.#state === 'done') {
      if (worker) this.#pool.give(worker); // the client left while it waited
    } else if (worker) {
      this.#worker = worker;
      this.#state = 'underway';
      worker.send('Q', this.#request);
    }
    return this.#state === 'done' || worker !== undefined;
  }

  /** Goes on until there is something for the client; after it has left, until the worker is free again. */
  async #advance(): Promise<IteratorResult<Chunk>> {
    for (;;) {
      if (this.#state === 'done' || !this.#worker) return { done: true, value: undefined };
      const hasLeft = this.#state === 'left';
      const frame = await this.#worker.receive(hasLeft ? LEAVE_TIMEOUT : this.timeout);
      if (!frame) return this.#answerForWorker();
      if (frame.kind === 'E' || frame.kind === 'X') this.#finish();
      if (frame.kind === 'X' && !hasLeft) throw new ApplicationFailed();
      if (this.#state !== 'underway') continue;
      if (frame.kind === 'R') await this.#feed(Number(frame.rest));
      if (frame.kind === 'H') this.#startResponse(...(JSON.parse(`${frame.rest}`) as Head));
      if (frame.kind === 'B' && frame.rest.length > 0) return { done: false, value: frame.rest };
    }
  }

  /** The worker's application wants bytes of the body. */
  async #feed(size: number): Promise<void> {
    const bytes = await this.#environ['wsgi.input'].read(size).catch(() => undefined);
    if (this.#state !== 'underway') return; // given up meanwhile
    if (bytes) this.#worker?.send('B', bytes);
    else this.#leave();
  }

  #leave(): void {
    this.#state = 'left';
    this.#worker?.send('A');
    this.#worker?.hurry(LEAVE_TIMEOUT);
  }

  /** The worker has ended, or was ended because it took too long. Once bytes have left, this cuts the answer. */
  #answerForWorker(): IteratorResult<Chunk> {
    const worker = this.#worker;
    const hasLeft = this.#state === 'left';
    this.#finish();
    if (hasLeft) return { done: true, value: undefined };
    const status = worker?.isOverdue ? '504 Gateway Timeout' : '502 Bad Gateway';
    const reason = new Error(`${status}: ${worker?.fate ?? 'no worker could be started'}`);
    this.#environ['wsgi.errors'].write(`${reason.message}\n`);
    this.#startResponse(status, [['Content-Type', 'text/plain']], reason);
    return { done: false, value: `${status}\n` };
  }

  #finish(): void {
    this.#state = 'done';
    if (this.#worker) this.#pool.give(this.#worker);
  }
}

type Head = [status: string, headers: Headers];

/** An exception in Python: its traceback went to stderr, where this one has nothing to add. */
class ApplicationFailed extends Error {
  override readonly name = 'ApplicationFailed';

  constructor() {
    super('the Python application raised; its traceback is above');
    this.stack = `${this.name}: ${this.message}`;
  }
}

interface Waiting {
  readonly exchange: Exchange;
  resolve(worker: Worker): void;
  reject(reason: unknown): void;
}

/** The workers of one application: those that are free, and the requests that wait for one. */
class Pool {
  readonly #start: () => Promise<Worker>;
  readonly #size: number;
  #alive = 0;
  readonly #free: Worker[] = [];
  readonly #waiting: Waiting[] = [];

  constructor(start: () => Promise<Worker>, size: number) {
    this.#start = start;
    this.#size = size;
  }

  async fill(): Promise<void> {
    await Promise.all(Array.from({ length: this.#size }, () => this.#spawn()));
  }

  /** A worker for one request, first come, first served. Rejects when none can be started any more. */
  take(exchange: Exchange): Promise<Worker> {
    const worker = this.#free.shift();
    if (worker) return Promise.resolve(worker);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ exchange, resolve, reject });
      if (this.#alive < this.#size) this.#respawn();
    });
  }

  /** Its client has left: it does not wait any more, if it did. */
  forget(exchange: Exchange): void {
    const index = this.#waiting.findIndex((waiting) => waiting.exchange === exchange);
    if (index >= 0) this.#waiting.splice(index, 1)[0]?.reject(new Error('the client left'));
  }

  /** Takes a worker back. One that has ended is not missed: its replacement is on the way. */
  give(worker: Worker): void {
    if (worker.fate) return;
    const next = this.#waiting.shift();
    if (next) next.resolve(worker);
    else this.#free.push(worker);
  }

  async #spawn(): Promise<void> {
    this.#alive++;
    const worker = await this.#start().catch((error) => {
      this.#alive--;
      throw error;
    });
    worker.ended.then(() => this.#bury(worker));
    this.give(worker);
  }

  #bury(worker: Worker): void {
    this.#alive--;
    const index = this.#free.indexOf(worker);
    if (index >= 0) this.#free.splice(index, 1);
    // One that dies young would only be followed by others: it is replaced when somebody asks.
    if (worker.hasServed || this.#waiting.length > 0) this.#respawn();
  }

  #respawn(): void {
    this.#spawn().catch((error) => {
      console.error((error as Error).message);
      if (this.#alive === 0) for (const { reject } of this.#waiting.splice(0)) reject(error);
    });
  }
}

interface Frame {
  readonly kind: string;
  readonly rest: Buffer;
}

/** One CPython process and the socket that leads to it. */
class Worker {
  readonly #child: ChildProcess;
  readonly #socket: Socket;
  readonly #packets: AsyncIterator<Buffer>;
  #buffer: Buffer = Buffer.alloc(0);
  /** Whether somebody waits for its next frame, and the clock that says for how long. */
  #isAwaited = false;
  #timer: NodeJS.Timeout | undefined;
  readonly ended: Promise<void>;
  /** How it ended; empty while it lives. */
  fate = '';
  isOverdue = false;
  /** Of its request: what it says of any other is not for this one's client. */
  #number = 0;

  get hasServed(): boolean {
    return this.#number > 0;
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#socket = child.stdio[3] as Socket;
    this.#packets = this.#socket[Symbol.asyncIterator]();
    this.#socket.on('error', () => {}); // the end of the process says more
    child.stdin?.on('error', () => {});
    this.ended = new Promise((resolve) => {
      const end = (fate: string) => {
        this.fate ||= fate;
        this.hurry(REST_TIMEOUT);
        resolve();
      };
      child.once('error', (error) => end(error.message));
      child.once('exit', (code, signal) =>
        end(`the worker ended with ${signal ?? `code ${code}`}`),
      );
    });
  }

  /** Resolves when the worker has imported the application; rejects with a PythonError. */
  static async start(file: string, name: string): Promise<Worker> {
    const python = existsSync(VENV) ? VENV : (process.env.PYTHON ?? 'python3');
    const child = spawn(python, ['-u', WORKER, file, name], {
      stdio: ['pipe', 'inherit', 'inherit', 'pipe'],
    });
    const worker = new Worker(child);
    const frame = await worker.receive();
    if (frame?.kind === '+') return worker;
    await worker.ended;
    throw new PythonError(
      frame
        ? explain(JSON.parse(`${frame.rest}`), file, name, python)
        : noPython(python, worker.fate),
    );
  }

  send(kind: string, rest: string | Uint8Array = ''): void {
    if (kind === 'Q') this.#number++;
    const bytes = Buffer.from(rest);
    const start = `${this.#number} ${kind}`;
    const frame = [Buffer.from(`${start.length + bytes.length}:${start}`), bytes, COMMA];
    this.#socket.write(Buffer.concat(frame));
  }

  /** The next frame; undefined when the worker has ended, as it has to after `timeout` ms of silence. */
  async receive(timeout?: number): Promise<Frame | undefined> {
    this.#startTimer(this.fate ? REST_TIMEOUT : timeout);
    try {
      this.#isAwaited = true;
      for (;;) {
        const frame = this.#take();
        if (frame) return frame;
        const { done, value } = await this.#packets.next();
        if (done) break;
        this.#buffer = this.#buffer.length === 0 ? value : Buffer.concat([this.#buffer, value]);
      }
    } catch {
      // A reset of this socket is one way in which the end of the process shows; nonsense is as bad.
    } finally {
      this.#isAwaited = false;
      this.#startTimer(undefined);
    }
    this.#child.kill('SIGKILL'); // a worker that cannot be talked to is none
    await this.ended;
    return undefined;
  }

  /** If its next frame is waited for, then from now on for no longer than this. */
  hurry(timeout: number): void {
    if (this.#isAwaited) this.#startTimer(timeout);
  }

  #startTimer(timeout: number | undefined): void {
    clearTimeout(this.#timer);
    if (timeout !== undefined) this.#timer = setTimeout(() => this.#expire(), timeout);
  }

  /** A netstring of this request, as soon as it is whole. Throws at anything else: its sender cannot be trusted any more. */
  #take(): Frame | undefined {
    const start = this.#buffer.toString('latin1', 0, MAX_START);
    const [header = '', size = '', number, kind = ''] = FRAME.exec(start) ?? [];
    if (header === '') return UNFINISHED.test(start) ? undefined : this.#distrust();
    const end = size.length + 1 + Number(size);
    if (this.#buffer.length <= end) return undefined;
    const isOurs = Number(number) === this.#number && this.#buffer[end] === COMMA[0];
    if (!isOurs) return this.#distrust();
    const rest = this.#buffer.subarray(header.length, end);
    this.#buffer = this.#buffer.subarray(end + 1);
    return { kind, rest };
  }

  #distrust(): never {
    this.fate ||= 'the worker said what is no part of its answer';
    throw new Error(this.fate);
  }

  #expire(): void {
    this.isOverdue = !this.fate;
    this.fate ||= 'the application took too long';
    this.#child.kill('SIGKILL');
    this.#socket.destroy(); // somebody else may hold its other end
  }
}

/** What python_worker.py tells of an application that it could not load. */
interface Problem {
  readonly missing?: string | null;
  readonly traceback?: string;
  readonly names?: readonly string[];
  readonly type?: string;
}

function explain(problem: Problem, file: string, name: string, python: string): string {
  const shown = path.relative(process.cwd(), file);
  if (problem.missing) {
    return (
      `${shown} needs the Python package '${problem.missing}', which ${python} does not have; ` +
      'npm run setup:python installs what the example apps need'
    );
  }
  if (problem.traceback)
    return `${shown} was found, but failed to load:\n${problem.traceback.trimEnd()}`;
  if (problem.names)
    return `No '${name}' in ${shown}; it has ${problem.names.join(', ') || 'nothing'}`;
  return `'${name}' in ${shown} is not callable: it is of type ${problem.type}`;
}

function noPython(python: string, fate: string): string {
  return `No Python to run the app with: ${python}: ${fate}. Install Python 3.8 or newer, or say where it is: PYTHON=/path/to/python3`;
}
