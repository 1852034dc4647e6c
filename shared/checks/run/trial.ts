/** A program under examination, and one run of one check on it: programs are started, clients connect, all is ended. */
import { connect } from 'node:net';
import { RawClient } from '../../harness/raw-client.ts';
import {
  launch,
  quick,
  type ServerProcess,
  type StartOptions,
  startCommand,
} from '../../harness/server-process.ts';
import type { Evidence } from './evidence.ts';
import { Failure } from './failure.ts';

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
export const START_TIMEOUT = 10;

export interface TrialOptions extends StartOptions {
  /** How many descriptors the program may have. */
  readonly descriptors?: number;
  /** What it finds in its environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** One run of one check: starts the program as often as the check needs it, and ends all that it started. */
export class Trial {
  readonly #subject: Subject;
  readonly #file: string;
  readonly #servers: ServerProcess[] = [];
  readonly #clients: RawClient[] = [];
  readonly #refusing: ServerProcess[] = [];
  readonly #commands = new Map<ServerProcess, readonly string[]>();
  #command: readonly string[] = [];
  /** The one that was started or asked last. */
  #server: ServerProcess | undefined;
  #ended = '';
  /** Set by a check in which the program is told to end: that it did explains nothing then. */
  mayEnd = false;

  constructor(subject: Subject, file: string) {
    this.#subject = subject;
    this.#file = file;
  }

  /** Starts the program on a free port. A second call starts a second one. */
  async start({ app, args = [], descriptors, env }: TrialOptions = {}): Promise<ServerProcess> {
    const program = [...this.#subject.command(this.#file), ...(app ? [app] : []), ...args];
    const limited = ['sh', '-c', `ulimit -n ${descriptors}; exec "$@"`, 'sh', ...program];
    const settings = Object.entries(env ?? {}).map(([name, value]) => `${name}=${value}`);
    const command = [
      ...(env ? ['env', ...settings] : []),
      ...(descriptors === undefined ? program : limited),
    ];
    const { isOurs = false } = this.#subject;
    this.#command = command;
    try {
      const server = await startCommand(command, { isOurs, patience: START_TIMEOUT });
      this.#servers.push(server);
      this.#commands.set(server, command);
      this.#server = server;
      server.exited.then(({ code, signal }) => {
        this.#ended = signal ?? `exit code ${code}`;
      });
      return server;
    } catch (error) {
      const { message } = error as Error;
      const [, fate, printed = ''] = /^the server (\w+)[^\n]*\n(.*)$/s.exec(message) ?? [];
      if (fate === 'exited') {
        const isSilent = printed.trim() === '';
        const [, unknown] = /^spawn (\S+) ENOENT/.exec(printed) ?? [];
        throw new Failure(
          isSilent
            ? 'Your program ended before it was ready, and printed nothing: expected it to listen and stay'
            : 'Your program ended before it was ready',
          {
            cause: 'did not start',
            stderr: unknown ? `There is no command "${unknown}"` : printed,
          },
        );
      }
      throw new Failure(
        `Your program runs, but has not printed "Serving HTTP on port N" in ${START_TIMEOUT} s`,
        { cause: 'not ready', stderr: printed },
      );
    }
  }

  /** Starts a server of ours, that of part 2 if nothing is said, with the program under examination as its application. */
  async startAsApp(
    stage = 'part2/webserver2.ts',
    env?: Readonly<Record<string, string>>,
  ): Promise<ServerProcess> {
    const file = this.#subject.command(this.#file).at(-1);
    const host = new Trial({ command: () => quick(stage) }, '');
    try {
      const server = await host.start({ app: `${file}:app`, ...(env && { env }) });
      this.#servers.push(server);
      this.#server = server;
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
    this.#server = server;
    this.#command = this.#commands.get(server) ?? this.#command;
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

  /** Lets all clients go; the programs stay. */
  leave(): void {
    for (const client of this.#clients.splice(0)) client.leave();
  }

  /** Ends it all, whatever state it is in, and forgets it: a check may begin anew. */
  async end(): Promise<void> {
    this.leave();
    this.#server = undefined;
    const programs = [...this.#servers.splice(0), ...this.#refusing.splice(0)];
    await Promise.all(programs.map((program) => program.kill().catch(() => {})));
  }

  /** What the programs have said on standard error: why one is gone, most of all. */
  get stderr(): string {
    return this.#servers.map(({ stderr }) => stderr).join('');
  }

  /**
   * A crash is heard of a moment after the connections it cuts: gives the programs that moment; and a long one where a
   * connection was cut without an answer, as a busy machine is slow to tell of an end.
   */
  async settle(): Promise<void> {
    const isCut = this.#clients.some(
      ({ ending, size }) => ending === 'rst' || (ending === 'fin' && size === 0),
    );
    const milliseconds = isCut ? 1_000 : 150;
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
    return {
      command: this.#command,
      ...(this.#server && { port: this.#server.port }),
      talks: this.#clients.map(({ sent, received, ending }) => ({ sent, received, ending })),
      ...(this.#ended && { ended: this.#ended }),
      printed: this.#servers.map(({ stdout, stderr }) => stdout + stderr).join(''),
    };
  }

  #isGone(server: ServerProcess): boolean {
    return server.hasExited;
  }
}

/** Milliseconds in which a kernel says whether it takes a connection; one whose queue is full says nothing. */
const KNOCK = 500;

/** Whether a port takes connections, or lets callers wait for it; for programs that are expected to be gone. */
export async function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const tell = (isOpen: boolean) => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once('connect', () => tell(true)).once('error', () => tell(false));
    socket.setTimeout(KNOCK, () => tell(true));
  });
}
