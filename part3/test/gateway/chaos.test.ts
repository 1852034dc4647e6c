/**
 * Faults of every kind in an application in Python, and clients that ask the same workers for healthy pages meanwhile.
 * What has to hold: a fault costs its own request only; no answer is ever another request's; and afterwards all is as
 * it was. A fault that poisons its worker may cost that worker's next requests, too, and the test ends it soon. The seed
 * is printed: FUZZ_SEED repeats the faults, CHAOS_FAULTS says how many, and CHAOS_ONLY, a pattern, which.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, expect } from 'vitest';
import { describeStage } from '../../../shared/harness/describe-stages.ts';
import { childrenOf } from '../../../shared/harness/proc.ts';
import { makeRandom, type Random, SEED } from '../../../shared/harness/random.ts';
import { parseResponse, RawClient } from '../../../shared/harness/raw-client.ts';
import { type ServerProcess, startServer } from '../../../shared/harness/server-process.ts';
import { linux } from '../ladder.ts';

const APP = 'shared/harness/chaos.py:app';
const FAULTS = Number(process.env.CHAOS_FAULTS ?? 60);
const ONLY = new RegExp(process.env.CHAOS_ONLY ?? '');
const WORKERS = 4;
/** Faults under way at a time: one worker is left for the others. */
const LANES = WORKERS - 1;
const CLIENTS = 6;
/** Seconds; the faults that hang do so for longer. */
const REQUEST_TIMEOUT = '2';
/** Milliseconds in which everything has to end, whatever had to be ended and started for it. */
const PATIENCE = 30_000;

const folder = mkdtempSync(path.join(os.tmpdir(), 'chaos-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What a fault costs; as shared/harness/chaos.py knows it. */
type Cost = 'nothing' | 'its request' | 'its worker' | 'no end';

/** What is done, and where in a request. */
interface Fault {
  readonly name: string;
  readonly cost: Cost;
  readonly body: string | undefined;
  /** Milliseconds until a thread does it, or its client leaves, and until a poisoned worker is ended. */
  readonly pause: number;
}

/** A request, and between which times it was under way. */
interface Asked {
  readonly name: string;
  readonly from: number;
  to: number;
  /** What it got instead of an answer that it had a right to. */
  loss: string;
}

/** A worker that may lose all it serves from one time on, and until it is gone what it was given and never began. */
interface Poisoned {
  readonly pid: number;
  readonly from: number;
  to: number;
}

class Chaos {
  readonly #server: ServerProcess;
  readonly #journal = path.join(folder, 'journal');
  /** All requests, by their tokens. */
  readonly #asked = new Map<string, Asked>();
  readonly #poisoned: Poisoned[] = [];
  readonly #breaches: string[] = [];
  #isOver = false;

  constructor(server: ServerProcess) {
    this.#server = server;
    writeFileSync(this.#journal, '');
  }

  async run(): Promise<void> {
    const { body } = await this.#server.request('/faults');
    const all = Object.entries((await body.json()) as Record<string, Record<string, Cost>>);
    const known = all.filter(([act]) => ONLY.test(act));
    const random = makeRandom(SEED);
    const faults = Array.from({ length: FAULTS }, () => drawFault(known, random));
    const lane = async () => {
      for (let fault = faults.shift(); fault; fault = faults.shift()) await this.#commit(fault);
    };
    const clients = Array.from({ length: CLIENTS }, (_, index) => this.#askOn(index));
    await Promise.all(Array.from({ length: LANES }, lane)).finally(() => {
      this.#isOver = true;
    });
    await Promise.all(clients);
  }

  /** Asks for a fault, and looks at what its own client gets. */
  async #commit({ name, cost, body, pause }: Fault): Promise<void> {
    const { token, target, asked } = this.#open(name, pause);
    const client = await RawClient.connect(this.#server.port);
    const length = body === undefined ? '' : `Content-Length: ${body.length}\r\n`;
    const line = `${body === undefined ? 'GET' : 'POST'} ${target} HTTP/1.1`;
    client.send(`${line}\r\nHost: x\r\nConnection: close\r\n${length}\r\n${body ?? ''}`);
    if (cost === 'no end') {
      await sip(client, pause);
    } else {
      const answer = await Promise.race([
        client.readToEnd(),
        delay(PATIENCE, undefined, { ref: false }),
      ]);
      const seen = answer ? describeAnswer(answer.bytes) : `no end in ${PATIENCE} ms`;
      if (!/^(cut|(200|204|500|502|504) )/.test(seen)) this.#breaches.push(`${name}: ${seen}`);
      // Who writes to its own channel may be told what it wrote.
      if (!name.startsWith('/scribbles')) this.#checkTokens(token, seen);
      if (cost === 'nothing' && seen !== `200 whole ${token}${token}`) asked.loss = seen;
    }
    client.leave();
    asked.to = performance.now();
    if (cost === 'its worker') await this.#endWorkers(token, asked.from, pause);
  }

  /** Ends a poisoned worker; but gives it some time first. */
  async #endWorkers(token: string, from: number, pause: number): Promise<void> {
    const poisoned = this.#servers(token).map((pid) => ({ pid, from, to: Infinity }));
    this.#poisoned.push(...poisoned);
    await delay(pause + 100); // a thread waits as long before it begins
    for (const each of poisoned) {
      kill(each.pid);
      while (childrenOf(this.#server.pid).some(({ pid }) => pid === each.pid)) await delay(10);
      each.to = performance.now();
    }
  }

  /** Asks for healthy pages until all is over: every other client keeps its connection. */
  async #askOn(index: number): Promise<void> {
    const random = makeRandom(SEED + 1 + index);
    const dispatcher = await this.#server.openAgent({ pipelining: index % 2 });
    while (!this.#isOver) {
      const pad = random.below(100_000);
      const { token, target, asked } = this.#open('/healthy', pad);
      const text = random.pick(['', 'z'.repeat(random.below(100_000))]);
      const body = random.pick([text, Readable.from(text.match(/.{1,30000}/g) ?? [])]); // chunked
      const method = body === '' ? 'GET' : 'POST';
      const options = { dispatcher, method, body, headersTimeout: PATIENCE } as const;
      try {
        const answer = await this.#server.request(target, { ...options, bodyTimeout: PATIENCE });
        const seen = await answer.body.text();
        this.#checkTokens(token, seen);
        const isRight = seen === `${token}${'x'.repeat(pad)}${text}${token}`;
        if (answer.statusCode !== 200 || !isRight) {
          asked.loss = `${answer.statusCode}, ${seen.length} bytes, ${seen.slice(0, 80)}`;
        }
      } catch (error) {
        asked.loss = `${error}`;
      }
      asked.to = performance.now();
      await delay(random.below(20));
    }
    await dispatcher.close();
  }

  #open(name: string, number: number) {
    const token = `~${this.#asked.size}~`;
    const asked: Asked = { name, from: performance.now(), to: Infinity, loss: '' };
    this.#asked.set(token, asked);
    return { token, asked, target: `${name}?${token},${this.#journal},${number}` };
  }

  /** No answer may have anything of another request's. */
  #checkTokens(token: string, seen: string): void {
    for (const [other] of seen.matchAll(/~\d+~|forged/g)) {
      if (other === token) continue;
      this.#breaches.push(this.#tell(token, `told ${other} ${this.#asked.get(other)?.name ?? ''}`));
      return;
    }
  }

  /** What the workers noted: who served what, in its order. */
  #entries(): { pid: number; token: string }[] {
    const lines = readFileSync(this.#journal, 'utf8').match(/.+/g) ?? [];
    return lines.map((line) => {
      const [pid, token = ''] = line.split(' ');
      return { pid: Number(pid), token };
    });
  }

  #servers(token: string): number[] {
    return this.#entries().flatMap((entry) => (entry.token === token ? entry.pid : []));
  }

  /** All processes that have served. */
  get pids(): number[] {
    return [...new Set(this.#entries().map(({ pid }) => pid))];
  }

  /** What was seen, and the faults that its worker had before; if no worker began it, those under way meanwhile. */
  #tell(token: string, seen: string): string {
    const [server] = this.#servers(token);
    const { name, from, to } = this.#asked.get(token) as Asked;
    const isUnderway = (other: Asked) => other.from <= to && other.to >= from;
    const served = this.#entries().filter(({ pid }) => pid === server);
    const tokens = served.map((entry) => entry.token);
    const before = server ? tokens.slice(0, tokens.indexOf(token)) : [...this.#asked.keys()];
    const faults = before
      .map((each) => this.#asked.get(each) as Asked)
      .filter((each) => each.name !== '/healthy' && (server || isUnderway(each)));
    const who = server ? `worker ${server} after` : 'no worker, during';
    return `${name}: ${seen}; ${who} ${faults.map((each) => each.name).join(' ')}`;
  }

  /** What is against the promise; and the losses that are not, as a poisoned worker had them, or may have had. */
  sort(): { excused: string[]; faults: string[] } {
    const losses = [...this.#asked].filter(([, { loss }]) => loss !== '');
    const isExcused = ([token, { from, to }]: [string, Asked]) => {
      const pids = this.#servers(token);
      return this.#poisoned.some((each) =>
        pids.length > 0
          ? pids.includes(each.pid) && each.from <= to
          : each.from <= to && each.to >= from,
      );
    };
    const tell = ([token, { loss }]: [string, Asked]) => this.#tell(token, loss);
    const excused = losses.filter(isExcused).map(tell);
    const unexcused = losses.filter((loss) => !isExcused(loss)).map(tell);
    return { excused, faults: [...this.#breaches, ...unexcused] };
  }

  get size(): number {
    return this.#asked.size;
  }
}

function drawFault(all: readonly [string, Record<string, Cost>][], random: Random): Fault {
  const [act, places] = random.pick(all);
  const [place, cost] = random.pick(Object.entries(places));
  const body = random.pick([undefined, 'y'.repeat(random.below(300_000))]);
  return { name: `/${act}/${place}`, cost, body, pause: random.below(300) };
}

/** Reads slowly what has no end, and leaves. */
async function sip(client: RawClient, pause: number): Promise<void> {
  for (let sips = pause % 10; sips > 0; sips--) {
    client.pause();
    await delay(sips);
    client.resume();
    await delay(1);
  }
  if (pause % 2) await client.reset();
}

/** `cut`, or the status, whether the rest is whole, and the beginning of its body. */
function describeAnswer(bytes: Buffer): string {
  if (bytes.length === 0) return 'cut';
  try {
    const { status, isWhole, body } = parseResponse(bytes);
    return `${status} ${isWhole ? 'whole' : 'cut'} ${body.toString('latin1', 0, 100)}`;
  } catch (error) {
    return `${error}`;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended already
  }
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describeStage('gateway', 'survives its applications in Python', (stage) => {
  linux(
    `a fault costs its own request only, seed ${SEED} (needs /proc)`,
    async () => {
      const args = ['--python-workers', `${WORKERS}`, '--request-timeout', REQUEST_TIMEOUT];
      const server = await startServer(stage, { app: APP, args });
      const descriptors = () => readdirSync(`/proc/${server.pid}/fd`).length;
      const before = descriptors();
      const chaos = new Chaos(server);
      try {
        await chaos.run();
        const { excused, faults } = chaos.sort();
        const counts = `${FAULTS} faults, ${chaos.size} requests, ${excused.length} excused`;
        console.log(`FUZZ_SEED=${SEED}: ${counts}, ${chaos.pids.length} workers`);
        expect(faults, `FUZZ_SEED=${SEED}`).toEqual([]);
        const states = () => childrenOf(server.pid).map(({ state }) => state);
        const isAtRest = { workers: Array(WORKERS).fill('S'), descriptors: before };
        await expect
          .poll(() => ({ workers: states(), descriptors: descriptors() }), { timeout: PATIENCE })
          .toEqual(isAtRest);
        await server.stop(); // rejects if it leaves anything behind
        expect(await server.exited).toEqual({ code: 0, signal: null });
        await expect.poll(() => chaos.pids.filter(isAlive), { timeout: PATIENCE }).toEqual([]);
      } finally {
        await server.kill();
      }
    },
    600_000,
  );
});
