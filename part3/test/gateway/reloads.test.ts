/**
 * Signals in any order, to a supervisor and to its workers, while the code changes and clients ask without a pause. A
 * sequence of them is played to real processes. What has to hold: as many listen as should, less those that were killed;
 * no request is lost but in a worker that was killed; and in the end all serve the newest code. A failure prints the
 * sequence and its seed.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, expect } from 'vitest';
import { describeStage } from '../../../shared/harness/describe-stages.ts';
import { childrenOf, listenersAmong } from '../../../shared/harness/proc.ts';
import { RawClient } from '../../../shared/harness/raw-client.ts';
import { quick, type ServerProcess, startCommand } from '../../../shared/harness/server-process.ts';
import { fileOf, linux } from '../ladder.ts';

const WORKERS = 2;
/** One that serves, one that starts, two that drain; see MAX_CROWD. */
const MAX_PROCESSES = 4 * WORKERS;
/** Requests on a connection, of clients that keep it and of others. */
const CLIENTS = [10, 10, 10, 1, 1, 1];

const folder = mkdtempSync(path.join(os.tmpdir(), 'reloads-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Says who it is, waits a moment, and says what it was asked for. */
const CODE = `export async function* app(environ, start) {
  start('200 OK', []);
  yield \`\${process.pid} version VERSION\\n\`;
  await new Promise((resolve) => setTimeout(resolve, 20));
  yield \`asked for \${environ.QUERY_STRING}\\n\`;
}`;

interface Step {
  readonly act: 'reload' | 'status' | 'replace' | 'kill' | 'break' | 'mend';
  /** Which of the workers, if it is to one. */
  readonly which: number;
  /** Milliseconds until the next step. */
  readonly pause: number;
}

/** A request that was not answered whole: by whom, if its client had heard of it, and since when it was connected. */
interface Loss {
  readonly pid: number | undefined;
  readonly connected: number;
  readonly reason: string;
}

class Trial {
  readonly #file = path.join(folder, `${performance.now()}.mjs`);
  #server!: ServerProcess;
  #version = 0;
  #isOver = false;
  readonly #kills: { pid: number; at: number }[] = [];
  /** The version that each process has answered with. */
  readonly #seen = new Map<number, number>();
  readonly #losses: Loss[] = [];
  /** Too few that listen, or too many processes. */
  readonly #shortages: string[] = [];

  async play(steps: readonly Step[]): Promise<void> {
    this.#write(CODE);
    const command = quick(fileOf('gateway'), `${this.#file}:app`, '--workers', `${WORKERS}`);
    this.#server = await startCommand(command);
    try {
      const work = [this.#watch(), ...CLIENTS.map((requests) => this.#ask(requests))];
      for (const step of steps) {
        this.#act(step);
        await delay(step.pause);
      }
      this.#write(CODE);
      this.#server.signal('SIGHUP');
      const isDone = () => this.#faults().length > 0 || this.#isSettled();
      await expect.poll(isDone, { timeout: 20_000 }).toBe(true);
      this.#isOver = true;
      await Promise.all(work);
    } finally {
      this.#isOver = true;
      await this.#server.stop(); // rejects if it leaves anything behind
    }
    expect(this.#faults()).toEqual([]);
    expect(await this.#server.exited).toEqual({ code: 0, signal: null });
  }

  #act({ act, which }: Step): void {
    if (act === 'reload') this.#server.signal('SIGHUP');
    if (act === 'status') this.#server.signal('SIGUSR2');
    if (act === 'break') this.#write('no program');
    if (act === 'mend') this.#write(CODE);
    if (act !== 'replace' && act !== 'kill') return;
    const workers = this.#workers();
    const pid = workers[which % workers.length];
    if (pid === undefined || (act === 'kill' && this.#kills.length === WORKERS - 1)) return;
    if (act === 'kill') this.#kills.push({ pid, at: performance.now() });
    try {
      process.kill(pid, act === 'kill' ? 'SIGKILL' : 'SIGTERM');
    } catch {
      // it had just ended
    }
  }

  #write(code: string): void {
    writeFileSync(this.#file, code.replace('VERSION', `${++this.#version}`));
  }

  #workers(): number[] {
    const children = childrenOf(this.#server.pid).filter(({ state }) => state !== 'Z');
    return children.map(({ pid }) => pid);
  }

  /** As many as there should be, nobody else, and all have answered with the newest code. */
  #isSettled(): boolean {
    const workers = this.#workers();
    const isNew = (pid: number) => this.#seen.get(pid) === this.#version;
    return workers.length === WORKERS && workers.every(isNew);
  }

  /** Counts those who listen. Twice, if they are too few: one may have come, and another gone, while we counted. */
  async #watch(): Promise<void> {
    while (!this.#isOver) {
      const least = WORKERS - this.#kills.length;
      const workers = this.#workers();
      const areFew = (pids: number[]) => listenersAmong(pids, this.#server.port).length < least;
      const isShort = areFew(workers) && areFew(this.#workers());
      if (isShort) this.#shortages.push(`fewer than ${least} listen`);
      if (workers.length > MAX_PROCESSES) this.#shortages.push(`${workers.length} processes`);
      await delay(40);
    }
  }

  /** Asks, so many times on a connection, until it is over. */
  async #ask(requests: number): Promise<void> {
    while (!this.#isOver) {
      let client: RawClient | undefined;
      const connected = performance.now();
      try {
        client = await RawClient.connect(this.#server.port);
        for (let number = 1; number <= requests; number++) {
          await client.send(`GET /?${number} HTTP/1.1\r\nHost: x\r\n\r\n`);
          const text = await client.readUntil(`asked for ${number}\n\r\n0\r\n\r\n`);
          const [, pid, version] = /(\d+) version (\d+)\n/.exec(text) ?? [];
          this.#seen.set(Number(pid), Number(version));
          if (text.includes('Connection: close')) break;
        }
      } catch (error) {
        const [pid] = /\d+(?= version)/.exec(`${client?.received ?? ''}`) ?? [];
        this.#losses.push({ pid: pid ? Number(pid) : undefined, connected, reason: `${error}` });
        await delay(40);
      }
      client?.leave();
    }
  }

  /** All that is against the promise, each kind once. */
  #faults(): string[] {
    const losses = this.#losses.filter((loss) => !this.#isExcused(loss));
    return [...new Set([...this.#shortages, ...losses.map(({ reason }) => reason)])];
  }

  /** Lost in a worker that was killed: one that its client knew, or maybe one that had just taken its connection. */
  #isExcused({ pid, connected, reason }: Loss): boolean {
    if (reason.includes('ECONNREFUSED')) return false;
    const isMaybe = (at: number) => pid === undefined && connected <= at;
    return this.#kills.some((kill) => kill.pid === pid || isMaybe(kill.at));
  }
}

const step: fc.Arbitrary<Step> = fc.record({
  act: fc.oneof(
    { weight: 4, arbitrary: fc.constant('reload' as const) },
    { weight: 2, arbitrary: fc.constantFrom('replace' as const, 'mend' as const) },
    { weight: 1, arbitrary: fc.constantFrom('break' as const, 'kill' as const, 'status' as const) },
  ),
  which: fc.nat(9),
  pause: fc.nat(300),
});
const toSteps = (...acts: [act: Step['act'], pause?: number, which?: number][]) =>
  acts.map(([act, pause = 0, which = 0]) => ({ act, pause, which }));

describeStage('gateway', 'reloads', () => {
  linux(
    'whatever signals come, as many serve as should, and no request is lost (needs /proc)',
    async () => {
      const sequence = fc.array(step, { minLength: 4, maxLength: 8 });
      const property = fc.asyncProperty(sequence, (steps) => new Trial().play(steps));
      const known = toSteps(['replace', 0, 0], ['replace', 150, 1], ['reload', 150], ['reload']);
      // A smaller case of a failure that depends on time would prove nothing, and costs seconds.
      await fc.assert(property, {
        numRuns: 3,
        endOnFailure: true,
        examples: [[known]],
      });
    },
    120_000,
  );
});
