/**
 * What a check is: one step of the ladder, proved over real sockets on a server of anybody's, in any language. It says
 * what it wants, helps in the right order, and when it fails, names what it saw. It knows no test framework and no
 * terminal; it starts programs through the harness, as all tests do.
 */
import { connect } from 'node:net';
import { RawClient } from '../harness/raw-client.ts';
import {
  launch,
  type ServerProcess,
  type StartOptions,
  startCommand,
  tsx,
} from '../harness/server-process.ts';
import type { Evidence } from './evidence.ts';

export type Part = 'part1' | 'part2' | 'part3';

export interface Check {
  /** `1-03`. Exercises have a letter: `1-x1`. */
  readonly id: string;
  /** In a word: `crlf`. */
  readonly name?: string;
  readonly part: Part;
  /** A sentence about the server: `A strict client accepts your answer`. */
  readonly title: string;
  /** What is understood by who passes it. */
  readonly goal: string;
  /** A question; the API to read; the shape of the answer. */
  readonly hints: readonly [question: string, api: string, shape: string];
  /** Where the chapter tells it: an anchor of the part's README. */
  readonly anchor: string;
  /** What it does not demand, though one might think so. */
  readonly lenient: readonly string[];
  /** A command that shows the same by hand, `$PORT` being the server's. */
  readonly byHand: string;
  /** Of the reader's files the one it looks at, without its extension; `server`, if nothing is said. */
  readonly file?: string;
  /** The stage of ours that solves it: an id of shared/stages.ts. */
  readonly solution: string;
  /** Seconds until it is given up. */
  readonly seconds: number;
  /** What the machine must have: said where it is skipped. */
  readonly needs?: 'Linux';
  /** Resolves, or throws a Failure. */
  run(trial: Trial): Promise<void>;
}

/** How a check can fail, told apart. */
export type Cause =
  | 'did not start' // or ended before it was ready
  | 'not ready' // it runs, and has not printed `Serving HTTP on port N`
  | 'exited' // in the middle of the check
  | 'refused' // no connection
  | 'reset' // a RST where a FIN should be
  | 'timed out'
  | 'wrong'; // bytes, or facts about the process

interface Details {
  readonly cause?: Cause;
  /** What came back, all of it, and where in it the fault is. */
  readonly received?: Buffer;
  readonly at?: number;
  /** The name of a known mistake whose signature this is. */
  readonly mistake?: string;
  /** What the program said on its standard error. */
  readonly stderr?: string;
}

/** Why a check is not passed. Its message is one line for the person who wrote the server: expected this, got that. */
export class Failure extends Error {
  readonly details: Details;

  constructor(message: string, details: Details = {}) {
    super(message);
    this.details = details;
  }
}

/** A program under examination: the reader's, a stage of ours, or a mistake. */
export interface Subject {
  /** The command for a file of the part (`server`, `3c`), without application and options. */
  command(file: string): readonly string[];
  /** Whether it must leave nothing behind: yes for what was written for this project. */
  readonly isOurs?: boolean;
}

/** How a program came to its end, and all that it printed. */
export interface Ended {
  readonly code: number | null;
  readonly printed: string;
}

/** Seconds a program has to be ready. */
const START_TIMEOUT = 10;

interface TrialOptions extends StartOptions {
  /** How many descriptors the program may have. */
  readonly descriptors?: number;
}

/** One run of one check: starts the program as often as the check needs it, and ends all that it started. */
export class Trial {
  readonly #subject: Subject;
  readonly #file: string;
  readonly #servers: ServerProcess[] = [];
  readonly #clients: RawClient[] = [];
  readonly #refusing: ServerProcess[] = [];
  #command: readonly string[] = [];
  #ended = '';
  /** Set by a check in which the program is told to end: that it did explains nothing then. */
  mayEnd = false;

  constructor(subject: Subject, file: string) {
    this.#subject = subject;
    this.#file = file;
  }

  /** Starts the program on a free port. A second call starts a second one. */
  async start({ app, args = [], descriptors }: TrialOptions = {}): Promise<ServerProcess> {
    const program = [...this.#subject.command(this.#file), ...(app ? [app] : []), ...args];
    const limited = ['sh', '-c', `ulimit -n ${descriptors}; exec "$@"`, 'sh', ...program];
    const command = descriptors === undefined ? program : limited;
    const { isOurs = false } = this.#subject;
    this.#command = command;
    try {
      const server = await startCommand(command, { isOurs, patience: START_TIMEOUT });
      this.#servers.push(server);
      server.exited.then(({ code, signal }) => {
        this.#ended = signal ?? `exit code ${code}`;
      });
      return server;
    } catch (error) {
      const { message } = error as Error;
      const [, fate, printed = ''] = /^the server (\w+)[^\n]*\n(.*)$/s.exec(message) ?? [];
      if (fate === 'exited') {
        throw new Failure('Your program ended before it was ready', {
          cause: 'did not start',
          stderr: printed,
        });
      }
      throw new Failure(
        `Your program runs, but has not printed "Serving HTTP on port N" in ${START_TIMEOUT} s`,
        { cause: 'not ready', stderr: printed },
      );
    }
  }

  /** Starts our own server of part 2 with the program under examination as its application. */
  async startAsApp(): Promise<ServerProcess> {
    const file = this.#subject.command(this.#file).at(-1);
    const host = new Trial({ command: () => tsx('part2/webserver2.ts') }, '');
    try {
      const server = await host.start({ app: `${file}:app` });
      this.#servers.push(server);
      return server;
    } finally {
      this.#command = host.evidence.command;
    }
  }

  /** Runs the program where it should not serve: how it ended, or nothing if it serves all the same. */
  async runToEnd({ app, args = [] }: StartOptions = {}): Promise<Ended | undefined> {
    const command = [...this.#subject.command(this.#file), ...(app ? [app] : []), ...args];
    this.#command = command;
    const program = launch(command, this.#subject.isOurs);
    this.#refusing.push(program);
    try {
      await program.waitForOutput(/Serving HTTP on port \d+/, START_TIMEOUT);
      return undefined;
    } catch {
      if (!program.hasExited) {
        const message = `Your program neither serves nor ends in ${START_TIMEOUT} s`;
        throw new Failure(message, { cause: 'timed out', stderr: program.stderr });
      }
      const { code } = await program.exited;
      return { code, printed: program.stdout + program.stderr };
    } finally {
      await program.kill().catch(() => {});
    }
  }

  /** A client with no manners of its own. It goes when the trial ends. */
  async connect(server: ServerProcess): Promise<RawClient> {
    try {
      const client = await RawClient.connect(server);
      this.#clients.push(client);
      return client;
    } catch {
      throw this.#isGone(server)
        ? new Failure('Your program has ended', { cause: 'exited', stderr: server.stderr })
        : new Failure(`Nobody accepts connections on port ${server.port}`, { cause: 'refused' });
    }
  }

  /** Connects, sends the pieces, reads to the end: the whole answer and how it ended. */
  async exchange(server: ServerProcess, ...pieces: (string | Uint8Array)[]) {
    const client = await this.connect(server);
    await client.send(...pieces).catch(() => {}); // what is wrong shows in what comes back
    return client.readToEnd();
  }

  /** Ends it all, whatever state it is in, and forgets it: a check may begin anew. */
  async end(): Promise<void> {
    for (const client of this.#clients.splice(0)) client.leave();
    const programs = [...this.#servers.splice(0), ...this.#refusing.splice(0)];
    await Promise.all(programs.map((program) => program.kill().catch(() => {})));
  }

  /** What the programs have said on standard error: why one is gone, most of all. */
  get stderr(): string {
    return this.#servers.map(({ stderr }) => stderr).join('');
  }

  /** A crash is heard of a moment after the connections it cuts: gives the programs that moment. */
  async settle(milliseconds = 150): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const moment = new Promise((resolve) => {
      timer = setTimeout(resolve, milliseconds);
    });
    await Promise.race([moment, ...this.#servers.map(({ exited }) => exited)]);
    clearTimeout(timer);
  }

  get hasExited(): boolean {
    return this.#servers.some((server) => this.#isGone(server));
  }

  /** What was done and seen, for whoever reports. */
  get evidence(): Evidence {
    const [server] = this.#servers.slice(-1);
    return {
      command: this.#command,
      ...(server && { port: server.port }),
      talks: this.#clients.map(({ sent, received, ending }) => ({ sent, received, ending })),
      ...(this.#ended && { ended: this.#ended }),
      printed: this.#servers.map(({ stdout, stderr }) => stdout + stderr).join(''),
    };
  }

  #isGone(server: ServerProcess): boolean {
    return server.hasExited;
  }
}

export interface Verdict {
  readonly check: Check;
  readonly state: 'passed' | 'failed' | 'skipped';
  readonly failure?: Failure;
  /** Why it was skipped, where that is not what it needs. */
  readonly reason?: string;
  /** Nothing where nothing was started. */
  readonly evidence?: Evidence;
  /** Milliseconds, with the start of the program. */
  readonly took: number;
}

/** Runs one check. Whatever happens in it, it is over in its time, and nothing of it is left. */
export async function runCheck(
  check: Check,
  subject: Subject,
  trial = new Trial(subject, check.file ?? 'server'),
): Promise<Verdict> {
  const start = performance.now();
  const verdict = (state: Verdict['state'], failure?: Failure): Verdict => ({
    check,
    state,
    ...(failure && { failure }),
    ...(state !== 'skipped' && { evidence: trial.evidence }),
    took: performance.now() - start,
  });
  if (check.needs === 'Linux' && process.platform !== 'linux') return verdict('skipped');
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const message = `This took longer than the ${check.seconds} s it has`;
    const giveUp = () => reject(new Failure(message, { cause: 'timed out' }));
    timer = setTimeout(giveUp, (check.seconds + START_TIMEOUT) * 1000);
  });
  try {
    await Promise.race([check.run(trial), late]);
    return verdict('passed');
  } catch (error) {
    await trial.settle();
    return verdict('failed', toFailure(error, trial));
  } finally {
    clearTimeout(timer);
    await trial.end();
  }
}

function toFailure(error: unknown, trial: Trial): Failure {
  const isTold = error instanceof Failure && error.details.cause === 'did not start';
  if (trial.hasExited && !trial.mayEnd && !isTold) {
    const known = error instanceof Failure ? error.details : {};
    const message =
      known.cause === 'exited'
        ? (error as Failure).message
        : 'Your program ended in the middle of the check';
    return new Failure(message, { ...known, cause: 'exited', stderr: trial.stderr });
  }
  if (error instanceof Failure) return error;
  const { message, stack } = error as Error;
  return new Failure(message, { cause: 'wrong', stderr: trial.stderr || (stack ?? '') });
}

/** Whether a port accepts connections; for programs that are expected to be gone. */
export async function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
