/**
 * The processes behind an application in Python, and who gets one of them when. A Pool knows them all, a Worker is one
 * process, a Channel the pair of sockets that leads to one of its threads. They must not know what is in a request.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import path from 'node:path';

const WORKER = path.join(import.meta.dirname, 'python_worker.py');
/** Milliseconds in which an application has to let go of an answer that nobody waits for. */
const LEAVE_TIMEOUT = 5_000;
/** The same for the last words of a worker that has ended, where another process holds its socket open. */
const REST_TIMEOUT = 500;
/** How a frame begins: `length:number kind`. The rest follows, and a comma. */
const FRAME = /^(\d{1,8}):(\d{1,15}) ([+!RHBEX])/;
const MAX_START = 26;
/** What can still become such a beginning: shorter, all of it. */
const UNFINISHED = /^\d{0,8}(:\d{0,15} ?)?$/;
/** The kinds behind which there is nothing: an answer ends, or all has been said at a worker's birth. */
const LAST = /[EX+!]/;
const COMMA = Buffer.from(',');
const NOTHING = Buffer.alloc(0);

export interface Frame {
  readonly kind: string;
  readonly rest: Buffer;
}

/** A request, for those who only carry it. */
export interface Client {
  /** All that its worker is told at first. */
  readonly request: string | Uint8Array;
  /** Whether it still waits for its turn. */
  readonly isWaiting: boolean;
  /** Its turn has come. */
  begin(channel: Channel): void;
  hear(frame: Frame): void;
  /** Its answer has no end: the worker has ended, or none could be started. */
  lose(status: string, reason: string): void;
}

/** What the workers run, with how many threads, and the milliseconds they may be silent while they do. */
export interface Program {
  readonly python: string;
  readonly file: string;
  readonly name: string;
  readonly threads: number;
  readonly timeout: number;
}

/** Why there is no application; its message is for the person who named it. */
export class PythonError extends Error {}

/** A worker was killed before it had loaded the application, of which that says nothing. */
class Killed extends PythonError {}

/** The workers of one application, those of their threads that are free, and the requests that wait for one. */
export class Pool {
  readonly #program: Program;
  readonly #size: number;
  #alive = 0;
  readonly #channels = new Set<Channel>();
  /** In the order in which they became free. */
  readonly #free = new Set<Channel>();
  readonly #waiting: Client[] = [];

  constructor(program: Program, size: number) {
    this.#program = program;
    this.#size = size;
    // Workers end when we do; but one that is stopped, or deep in C, does not notice.
    process.once('exit', () => {
      for (const { worker } of this.#channels) worker.end();
    });
  }

  /** Starts the workers. Rejects with a PythonError. */
  async fill(): Promise<void> {
    await Promise.all(Array.from({ length: this.#size }, () => this.#spawn()));
  }

  /** First come, first served. */
  ask(client: Client): void {
    const channel = this.#waiting.length === 0 ? this.#findPlace() : undefined;
    if (channel) return void channel.ask(client);
    this.#waiting.push(client);
    if (this.#alive < this.#size) this.#respawn();
  }

  /** Nobody waits for its answer any more. */
  forget(client: Client): void {
    const index = this.#waiting.indexOf(client);
    if (index >= 0) this.#waiting.splice(index, 1);
    else for (const channel of this.#channels) channel.forget(client);
  }

  /** A free thread, of the worker that has least to do. */
  #findPlace(): Channel | undefined {
    const [first, ...others] = this.#free;
    if (!first) return this.#isAlone ? [...this.#channels].find((one) => one.hasRoom) : undefined;
    const idlest = others.reduce((a, b) => (b.worker.busy < a.worker.busy ? b : a), first);
    this.#free.delete(idlest);
    return idlest;
  }

  /**
   * Whether there is one thread in all. Then the next request goes to it while it works, so that it need not wait for us:
   * no other could have taken that sooner.
   */
  get #isAlone(): boolean {
    return this.#size * this.#program.threads === 1;
  }

  /** A thread has come to the end of an answer. */
  give(channel: Channel): void {
    if (channel.worker.isEnding) return; // it is not missed: its replacement is on the way
    while (channel.isIdle || (this.#isAlone && channel.hasRoom)) {
      const next = this.#waiting.shift();
      if (!next) break;
      channel.ask(next);
    }
    if (channel.isIdle) this.#free.add(channel);
  }

  /** A worker has ended, and this one's turn had not come. */
  giveBack(client: Client): void {
    this.#waiting.unshift(client);
    if (this.#alive < this.#size) this.#respawn();
  }

  async #spawn(): Promise<void> {
    this.#alive++;
    const worker = await Worker.start(this.#program, this).catch((error) => {
      this.#alive--;
      throw error;
    });
    worker.ended.then(() => this.#bury(worker));
    for (const channel of worker.channels) {
      this.#channels.add(channel);
      this.give(channel);
    }
  }

  #bury(worker: Worker): void {
    this.#alive--;
    for (const channel of worker.channels) {
      this.#channels.delete(channel);
      this.#free.delete(channel);
    }
    // One that dies young would only be followed by others: it is replaced when somebody asks.
    if (worker.hasServed || this.#waiting.length > 0) this.#respawn();
  }

  #respawn(): void {
    this.#spawn().catch((error: Error) => {
      console.error(error.message);
      if (error instanceof Killed && this.#waiting.length > 0) this.#respawn();
      if (this.#alive > 0) return;
      for (const client of this.#waiting.splice(0)) {
        client.lose('502 Bad Gateway', 'no worker could be started');
      }
    });
  }
}

/** One CPython process. */
class Worker {
  readonly #child: ChildProcess;
  readonly channels: readonly Channel[];
  /** Why it ends. */
  fate = '';
  isEnding = false;
  hasEnded = false;
  readonly ended: Promise<void>;

  private constructor(child: ChildProcess, program: Program, pool: Pool) {
    this.#child = child;
    const sockets = child.stdio.slice(3) as Socket[];
    this.channels = sockets.map((socket) => new Channel(socket, this, program, pool));
    child.stdin?.on('error', () => {});
    this.ended = new Promise((resolve) => {
      const end = (fate: string) => {
        this.fate ||= fate;
        this.isEnding = true;
        this.hasEnded = true;
        for (const channel of this.channels) channel.finish();
        resolve();
      };
      child.once('error', (error) => end(error.message));
      child.once('exit', (code, signal) =>
        end(`the worker ended with ${signal ?? `code ${code}`}`),
      );
    });
  }

  /** Resolves when the worker has imported the application; rejects with a PythonError. */
  static async start(program: Program, pool: Pool): Promise<Worker> {
    const { python, file, name, threads } = program;
    const channels = Array.from({ length: threads }, () => 'pipe' as const);
    const child = spawn(python, ['-u', WORKER, file, name, `${threads}`], {
      stdio: ['pipe', 'inherit', 'inherit', ...channels],
    });
    const worker = new Worker(child, program, pool);
    const frame = await worker.channels[0]?.hearFirst();
    if (frame?.kind === '+') return worker;
    await worker.ended;
    if (frame) throw new PythonError(explain(JSON.parse(`${frame.rest}`), program));
    if (child.pid === undefined) throw new PythonError(noPython(python, worker.fate));
    const What = child.signalCode ? Killed : PythonError;
    throw new What(`${path.relative(process.cwd(), file)} was being loaded: ${worker.fate}`);
  }

  /** How many of its threads have a request. */
  get busy(): number {
    return this.channels.filter(({ isIdle }) => !isIdle).length;
  }

  get hasServed(): boolean {
    return this.channels.some(({ hasServed }) => hasServed);
  }

  /** Ends it. The reason may be left to how it ends. */
  end(fate = ''): void {
    this.fate ||= fate;
    this.isEnding = true;
    this.#child.kill('SIGKILL');
  }
}

/** The way to one thread of a worker. It has one request at a time; another may wait in the channel. */
export class Channel {
  readonly worker: Worker;
  readonly #socket: Socket;
  readonly #pool: Pool;
  readonly #timeout: number;
  readonly #leaveTimeout: number;
  #buffer: Buffer = NOTHING;
  /** Of the request under way: what is said of any other is not for this one's client. */
  #number = 0;
  /** Of the request that was sent last. Who has not heard it cannot guess it. */
  #lastNumber = 0;
  #current: Client | undefined;
  #next: Client | undefined;
  /** Runs while it is the worker's move. */
  #clock: NodeJS.Timeout | undefined;
  #isLeft = false;
  #isLate = false;
  #isNonsense = false;

  constructor(socket: Socket, worker: Worker, { timeout, threads }: Program, pool: Pool) {
    this.#socket = socket;
    this.worker = worker;
    this.#pool = pool;
    this.#timeout = timeout;
    // Where there are other threads, they need not suffer for one whose client has left.
    this.#leaveTimeout = threads === 1 ? LEAVE_TIMEOUT : timeout;
    socket.on('data', (bytes: Buffer) => this.#receive(bytes));
    socket.on('error', () => {}); // the end of the process says more
    socket.once('close', () => (worker.hasEnded ? this.#settle() : worker.end()));
  }

  get isIdle(): boolean {
    return this.#current === undefined;
  }

  get hasRoom(): boolean {
    return this.#next === undefined && !this.worker.isEnding;
  }

  get hasServed(): boolean {
    return this.#number > 0;
  }

  /** What a worker says at its birth; undefined if it ends without a word. */
  hearFirst(): Promise<Frame | undefined> {
    return new Promise((resolve) => {
      const [begin, lose] = [() => {}, () => resolve(undefined)];
      this.#current = { request: '', isWaiting: false, begin, hear: resolve, lose };
    });
  }

  /** Sends a request. If another is under way, this one waits in the channel until the thread comes to it. */
  ask(client: Client): void {
    this.#lastNumber += 1 + Math.floor(Math.random() * 1000);
    this.#write(this.#lastNumber, 'Q', client.request);
    if (this.#current) this.#next = client;
    else this.#start(client);
  }

  /** Says something to the request under way. */
  send(kind: string, rest: Uint8Array): void {
    this.#write(this.#number, kind, rest);
    this.#startClock(this.#timeout);
  }

  /** The client under way wants no more. */
  leave(): void {
    this.#write(this.#number, 'A');
    this.hurry();
  }

  /** As `leave`, where the worker knows it already. */
  hurry(): void {
    this.#isLeft = true;
    this.resume();
    this.#startClock(this.#leaveTimeout);
  }

  /** If this one waits here, it need not be begun. */
  forget(client: Client): void {
    if (this.#next === client) this.#write(this.#lastNumber, 'A');
  }

  /** It is not the worker's move. */
  rest(): void {
    clearTimeout(this.#clock);
    this.#clock = undefined;
  }

  /** The client has enough to take for now. */
  pause(): void {
    if (this.worker.hasEnded) return;
    this.#socket.pause();
    this.rest();
  }

  resume(): void {
    if (!this.#socket.isPaused()) return;
    this.#socket.resume();
    this.#startClock(this.#timeout);
  }

  /** The worker has ended. What it said before that may still be on its way. */
  finish(): void {
    if (this.#socket.closed) return void this.#settle();
    this.#socket.resume();
    this.#startClock(this.#timeout);
  }

  #start(client: Client): void {
    this.#number = this.#lastNumber;
    this.#current = client;
    this.#next = undefined;
    this.#isLeft = false;
    this.#startClock(this.#timeout);
    client.begin(this);
  }

  #write(number: number, kind: string, rest: string | Uint8Array = ''): void {
    const start = `${number} ${kind}`;
    const frame = `${start.length + Buffer.byteLength(rest)}:${start}`;
    if (typeof rest === 'string') return void this.#socket.write(`${frame}${rest},`);
    this.#socket.write(Buffer.concat([Buffer.from(frame), rest, COMMA]));
  }

  #receive(bytes: Buffer): void {
    if (!this.#isLeft) this.#clock?.refresh();
    this.#buffer = this.#buffer.length === 0 ? bytes : Buffer.concat([this.#buffer, bytes]);
    for (let frame = this.#take(); frame; frame = this.#take()) this.#deliver(frame);
  }

  #deliver(frame: Frame): void {
    const client = this.#current;
    const isEnd = LAST.test(frame.kind);
    if (isEnd) {
      this.rest();
      this.#current = undefined;
      this.#socket.resume();
      if (this.#next) this.#start(this.#next);
    }
    client?.hear(frame);
    if (isEnd && this.hasServed) this.#pool.give(this);
  }

  /** A netstring of the request under way, as soon as it is whole. */
  #take(): Frame | undefined {
    if (this.#isNonsense || this.#buffer.length === 0) return undefined;
    const start = this.#buffer.toString('latin1', 0, MAX_START);
    const [header = '', size = '', number, kind = ''] = FRAME.exec(start) ?? [];
    if (header === '') return UNFINISHED.test(start) ? undefined : this.#distrust();
    const end = size.length + 1 + Number(size);
    if (this.#buffer.length <= end) return undefined;
    const isOurs = this.#current !== undefined && Number(number) === this.#number;
    const isBirth = kind === '+' || kind === '!';
    if (!isOurs || isBirth === this.hasServed || this.#buffer[end] !== COMMA[0]) {
      return this.#distrust();
    }
    const rest = this.#buffer.subarray(header.length, end);
    this.#buffer = this.#buffer.subarray(end + 1);
    return { kind, rest };
  }

  /** Who says anything else cannot be trusted any more. */
  #distrust(): undefined {
    this.#isNonsense = true;
    this.worker.end('the worker said what is no part of its answer');
  }

  /** Of a worker that has ended, only what it said before is waited for. */
  #startClock(timeout: number): void {
    clearTimeout(this.#clock);
    this.#clock = setTimeout(() => this.#expire(), this.worker.hasEnded ? REST_TIMEOUT : timeout);
  }

  #expire(): void {
    if (this.worker.hasEnded) return void this.#socket.destroy(); // somebody else holds its other end
    this.#isLate = true;
    this.worker.end('the application took too long');
  }

  /** The worker has ended, and has said all. */
  #settle(): void {
    const [current, next] = [this.#current, this.#next];
    this.#current = undefined;
    this.#next = undefined;
    this.rest();
    const status = this.#isLate ? '504 Gateway Timeout' : '502 Bad Gateway';
    current?.lose(status, this.worker.fate);
    // One that waited has not begun, or the answer before it would have ended; so it can be begun elsewhere. Only where
    // we do not understand what was said, we do not know.
    if (next && this.#isNonsense) next.lose(status, this.worker.fate);
    else if (next?.isWaiting) this.#pool.giveBack(next);
  }
}

/** What python_worker.py tells of an application that it could not load. */
interface Problem {
  readonly missing?: string | null;
  readonly traceback?: string;
  readonly names?: readonly string[];
  readonly type?: string;
}

function explain(problem: Problem, { file, name, python }: Program): string {
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
