/**
 * Starts a stage, or whatever program SERVER names, as a process of its own, and answers for it: it is ready
 * when its "Serving ..." line is there, and stopped when nothing of its process group is left.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import nodeModule from 'node:module';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Agent, Dispatcher } from 'undici';
import type { Stage } from '../stages.ts';
import { hasLivingMember, openSockets } from './proc.ts';
import { type Address, type Door, makeDoor, type Transport } from './transport.ts';

export const ROOT = path.join(import.meta.dirname, '..', '..');

/** What makes Node.js run TypeScript, in half the time that tsx needs: see quick.cjs. */
export const QUICK = [
  ...('registerHooks' in nodeModule
    ? []
    : ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning']),
  '--require',
  path.join(import.meta.dirname, 'quick.cjs'),
];

const TCP: Door = makeDoor('tcp');
/** Milliseconds after which a process that says nothing is given up. Generous: it bounds, it does not measure. */
const PATIENCE = 20_000;

/** What undici takes, and a test may leave out: a method, headers, a body. */
export type RequestOptions = Partial<Dispatcher.RequestOptions> & { dispatcher?: Dispatcher };

export interface StartOptions {
  /** `module:callable`, for stages that run applications. */
  readonly app?: string;
  readonly args?: readonly string[];
}

/** A stage, and what to reach it over: TCP, if nothing is said. */
export interface Target extends Stage {
  readonly transport?: Transport;
  /** Processes that serve, if they are to be several. */
  readonly workers?: number;
}

interface CommandOptions {
  readonly isOurs?: boolean;
  readonly door?: Door;
  readonly ready?: RegExp;
  /** Seconds to be ready in. */
  readonly patience?: number;
}

/** Starts a stage on a free port, or its like, and resolves when clients can connect. */
export async function startServer(
  target: Target,
  options: StartOptions = {},
): Promise<ServerProcess> {
  const door = makeDoor(target.transport ?? 'tcp');
  const workers = target.workers ? ['--workers', `${target.workers}`] : [];
  const command = [...commandFor(target, options), ...workers, ...door.args];
  return startCommand(command, { isOurs: target.file !== '', door });
}

/**
 * The same for any command, which is ready when it prints what `ready` matches, the port in its first group.
 * Of a program that `isOurs` we demand that it leaves nothing behind.
 */
export async function startCommand(
  command: readonly string[],
  { isOurs = true, door = TCP, ready = door.ready, patience }: CommandOptions = {},
): Promise<ServerProcess> {
  const server = new ServerProcess(spawnProgram(command), isOurs, door);
  try {
    const [, port = '0'] = await server.waitForOutput(ready, patience);
    server.address = door.toAddress(Number(port));
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** Runs a command to its end; for all that is not a server, or should fail to become one. */
export async function runToEnd(
  command: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const server = new ServerProcess(spawnProgram(command, env), true);
  const { code } = await server.exited;
  await server.stop();
  return { code, stdout: server.stdout, stderr: server.stderr };
}

/** Starts a command and waits for nothing. */
export function launch(command: readonly string[], isOurs = true): ServerProcess {
  return new ServerProcess(spawnProgram(command), isOurs);
}

/** The command that runs a TypeScript file of ours. */
export function tsx(file: string, ...args: string[]): string[] {
  return [process.execPath, '--import', 'tsx', file, ...args];
}

/** The same for tests, in half the time. */
export function quick(file: string, ...args: string[]): string[] {
  return [process.execPath, ...QUICK, file, ...args];
}

/** The same in whichever of the two ways this process was started itself. */
export function sameWay(file: string, ...args: string[]): string[] {
  const isQuick = process.execArgv.includes(QUICK.at(-1) ?? '');
  return isQuick ? quick(file, ...args) : tsx(file, ...args);
}

/** What a reader types for a command that runs a file of ours. */
export function asTyped(command: readonly string[]): readonly string[] {
  const [first, setting, ...rest] = command;
  if (first === 'env' && setting?.includes('=')) return [first, setting, ...asTyped(rest)];
  for (const loader of [tsx(''), quick('')].map((words) => words.slice(0, -1))) {
    const isSo = loader.every((word, index) => command[index] === word);
    if (isSo) return ['npx', 'tsx', ...command.slice(loader.length)];
  }
  return command;
}

function commandFor(stage: Stage, { app, args = [] }: StartOptions): string[] {
  const program = stage.file === '' ? (process.env.SERVER ?? '').split(' ') : quick(stage.file);
  return [...program, ...(app === undefined ? [] : [app]), ...args];
}

function spawnProgram(command: readonly string[], env: Record<string, string> = {}): ChildProcess {
  const [file = '', ...args] = command;
  const { NODE_ENV: _, NODE_OPTIONS: __, ...inherited } = process.env; // set by the test runner, not by a user
  return spawn(file, args, {
    cwd: ROOT,
    env: { ...inherited, PORT: '0', PYTHONUNBUFFERED: '1', PYTHONHASHSEED: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a process group of its own, so that all of it can be stopped
  });
}

/** Whatever becomes of a test, or of its process, its servers go with it. */
const running = new Set<ServerProcess>();
const killAll = () => {
  for (const server of running) server.killGroup();
};
process.once('exit', killAll);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    killAll();
    process.kill(process.pid, signal);
  });
}

export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #isOurs: boolean;
  readonly #door: Door;
  #agent: Promise<Agent> | undefined;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  stdout = '';
  stderr = '';
  /** Port 0 until the server has said where it listens. */
  address: Address = { transport: 'tcp', port: 0 };
  #hasExited = false;
  readonly #onChange = new Set<() => void>();

  /** Of a program that is not `isOurs` no more is asked than that its process group ends when told to. */
  constructor(child: ChildProcess, isOurs: boolean, door: Door = TCP) {
    this.#child = child;
    this.#isOurs = isOurs;
    this.#door = door;
    child.stdout?.setEncoding('utf8').on('data', (text) => this.#note('stdout', text));
    child.stderr?.setEncoding('utf8').on('data', (text) => this.#note('stderr', text));
    this.exited = new Promise((resolve) => {
      const done = (code: number | null, signal: NodeJS.Signals | null) => {
        this.#hasExited = true;
        this.#note('stderr', '');
        resolve({ code, signal });
      };
      child.once('close', done);
      child.once('error', (error) => {
        this.stderr += `${error.message}\n`;
        done(null, null);
      });
    });
    running.add(this);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get port(): number {
    return this.address.port;
  }

  get origin(): string {
    const { transport, port } = this.address;
    if (transport === 'unix') return 'http://localhost';
    return `${transport === 'tls' ? 'https' : 'http'}://127.0.0.1:${port}`;
  }

  /** An undici client of its own that reaches this server. It is loaded here: most who start a server ask it otherwise. */
  async openAgent(options: Agent.Options = {}): Promise<Agent> {
    const { Agent } = await import('undici');
    const { socketPath, ca } = this.address;
    const connect = { ...(socketPath && { socketPath }), ...(ca && { ca }) };
    return new Agent({ ...options, connect });
  }

  /** Asks this server, over whatever it listens on, with a strict client that keeps its connections. */
  async request(target: string, options: RequestOptions = {}): Promise<Dispatcher.ResponseData> {
    this.#agent ??= this.openAgent();
    const [{ request }, dispatcher] = await Promise.all([import('undici'), this.#agent]);
    return request(this.origin + target, { dispatcher, ...options } as object);
  }

  /** Resolves as soon as what the server printed matches; rejects, with all it printed, if it never will. */
  async waitForOutput(pattern: RegExp, seconds = PATIENCE / 1000): Promise<RegExpMatchArray> {
    const find = () => pattern.exec(this.stdout) ?? pattern.exec(this.stderr) ?? undefined;
    const match = await this.waitFor(find, seconds);
    if (match) return match;
    const fate = this.#hasExited ? 'exited' : 'went on';
    const printed = `${this.stdout}${this.stderr}`;
    throw new Error(`the server ${fate} without printing ${pattern}:\n${printed}`);
  }

  /** Looks again whenever something is printed; undefined if there is nothing at its end, or when the time is over. */
  async waitFor<T>(find: () => T | undefined, seconds = PATIENCE / 1000): Promise<T | undefined> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#note('stderr', '');
    }, seconds * 1000);
    try {
      for (;;) {
        const found = find();
        if (found !== undefined || this.#hasExited || isLate) return found;
        await new Promise<void>((resolve) => this.#onChange.add(resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  get hasExited(): boolean {
    return this.#hasExited;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** What the end of a pipeline does to it: nobody reads any more what it prints to its standard output. */
  stopReading(): void {
    this.#child.stdout?.destroy();
  }

  /** What Ctrl-C does in a terminal: all of its process group gets it. */
  interrupt(): void {
    if (this.#groupExists()) process.kill(-this.pid, 'SIGINT');
  }

  /** Descriptors of the server that are sockets; undefined where there is no /proc to ask. */
  openSockets(): number | undefined {
    return openSockets(this.pid);
  }

  /** Ends all of it without asking, for a server that would sleep on. */
  async kill(): Promise<void> {
    this.killGroup();
    await this.stop();
  }

  /** Ends the process, and rejects if it leaves anything of its group behind. */
  async stop(): Promise<void> {
    if (!this.#isOurs && this.#groupExists()) process.kill(-this.pid, 'SIGTERM');
    else if (!this.#hasExited) this.#child.kill('SIGTERM');
    await this.waitFor(() => undefined);
    // tsx may have its compiler running, a child that goes a moment after the process that started it.
    const deadline = Date.now() + PATIENCE;
    while (this.#groupExists() && Date.now() < deadline) await delay(5);
    running.delete(this);
    this.#door.remove();
    if (this.#groupExists()) {
      this.killGroup();
      throw new Error(`process ${this.pid} did not stop, or left a child behind`);
    }
  }

  #note(stream: 'stdout' | 'stderr', text: string): void {
    this[stream] += text;
    for (const wake of this.#onChange) wake();
    this.#onChange.clear();
  }

  #groupExists(): boolean {
    if (this.pid === 0) return false; // it never started; and group 0 is our own
    try {
      process.kill(-this.pid, 0);
    } catch {
      return false;
    }
    return hasLivingMember(this.pid) ?? true;
  }

  /** Ends the process and its children without asking. */
  killGroup(): void {
    if (this.pid === 0) return; // it never started; and group 0 is our own
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch {
      // all of it has gone already
    }
  }
}
