/**
 * Load, and fairness in measuring it: servers that stand ready at once are warmed up and then take turns, round after
 * round, so that what the machine does besides falls on everybody. Only answers that are 200 count.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { Pool, request } from 'undici';
import { cpuSeconds } from '../harness/proc.ts';
import { Progress } from '../harness/progress.ts';
import { ROOT, runToEnd, type ServerProcess } from '../harness/server-process.ts';

/** What the command line says; what it leaves out, each table knows for itself. */
export interface Settings {
  readonly rounds?: number | undefined;
  readonly seconds?: number | undefined;
  readonly warmUp?: number | undefined;
  readonly connections?: number | undefined;
  readonly apps?: readonly string[] | undefined;
  /** Takes what the chart shows, where one is to be drawn. */
  readonly draw?: ((panel: Panel) => void) | undefined;
}

/** One comparison in the chart: the rounds of all, by name, and who of them is ours. */
export interface Panel {
  readonly title: string;
  readonly ours: string;
  readonly rounds: ReadonlyMap<string, readonly Round[]>;
}

/** A server, with those it passes requests on to: they are stopped with it, and what they use counts as its own. */
export type Peer = ServerProcess & { readonly behind?: readonly ServerProcess[] };

/** Servers side by side, by the names they have in the table. */
export type Peers = ReadonlyMap<string, Peer>;
export type Starters = Readonly<Record<string, () => Promise<Peer>>>;

export interface Load {
  readonly connections: number;
  readonly path?: string;
  /** Clients that open a connection for each request, and close it. */
  readonly isClosing?: boolean;
  /** Requests that a client sends before it waits for the first answer. */
  readonly pipelining?: number;
}

export interface Round {
  /** Requests per second of the clock, and of the processors that all processes of the server used. */
  readonly perSecond: number;
  readonly perCpuSecond: number;
  /** Milliseconds in which half, and 99 of 100, had their answer. */
  readonly p50: number;
  readonly p99: number;
}

export interface Turns {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUp: number;
}

const PIPELINE = path.join(ROOT, 'shared', 'bench', 'pipeline.lua');
const hasWrk = spawnSync('wrk', ['--version']).error === undefined;

/** wrk counts in whole seconds, so parts of one are left to undici. */
export function generatorFor(seconds: number): 'wrk' | 'undici' {
  return hasWrk && Number.isInteger(seconds) && seconds > 0 ? 'wrk' : 'undici';
}

/** What was asked for, and what is usual where nothing was. */
export function turnsFor(asked: Settings, usual: Turns): Turns {
  return {
    rounds: asked.rounds ?? usual.rounds,
    seconds: asked.seconds ?? usual.seconds,
    warmUp: asked.warmUp ?? usual.warmUp,
  };
}

/** How it was measured, for a title. */
export function terms({ rounds, seconds }: Turns): string {
  return `(${generatorFor(seconds)}, ${rounds} x ${seconds} s)`;
}

/** Runs `measure` with the servers, and stops them whatever comes of it. */
export async function withServers<T>(
  starters: Starters,
  measure: (peers: Peers) => Promise<T>,
): Promise<T> {
  const peers = new Map<string, Peer>();
  try {
    for (const [name, start] of Object.entries(starters)) peers.set(name, await start());
    return await measure(peers);
  } finally {
    const all = [...peers.values()].flatMap((server) => [server, ...(server.behind ?? [])]);
    await Promise.all(all.map((server) => server.stop()));
  }
}

/** Warms all of them up, and lets them take turns. The rounds of each come out, in their order. */
export async function takeTurns(
  peers: Peers,
  load: Load,
  { rounds, seconds, warmUp }: Turns,
): Promise<Map<string, Round[]>> {
  const results = new Map([...peers.keys()].map((name) => [name, [] as Round[]]));
  const progress = new Progress(peers.size * (rounds + (warmUp > 0 ? 1 : 0)));
  for (const [name, server] of peers) {
    await expectService(name, server, load);
    if (warmUp > 0) await progress.during(name, () => runRound(server, load, warmUp));
  }
  for (let round = 0; round < rounds; round++) {
    for (const [name, server] of peers) {
      const measured = await progress.during(name, () => runRound(server, load, seconds));
      results.get(name)?.push(measured);
    }
  }
  return results;
}

async function expectService(name: string, server: ServerProcess, { path = '/hello' }: Load) {
  const { statusCode, body } = await request(`${server.origin}${path}`, { reset: true });
  await body.dump();
  if (statusCode !== 200) throw new Error(`${name} answers ${path} with ${statusCode}`);
}

export async function runRound(server: Peer, load: Load, seconds: number): Promise<Round> {
  const url = `${server.origin}${load.path ?? '/hello'}`;
  const groups = [server, ...(server.behind ?? [])].map(({ pid }) => pid);
  const cpuSoFar = () => groups.reduce((sum, group) => sum + cpuSeconds(group), 0);
  const before = cpuSoFar();
  const generate = generatorFor(seconds) === 'wrk' ? loadByWrk : loadByUndici;
  const { requests, elapsed, p50, p99 } = await generate(url, load, seconds);
  if (requests === 0) throw new Error(`no answer of ${url} was a 200:\n${server.stderr}`);
  const cpu = cpuSoFar() - before;
  const perCpuSecond = cpu > 0 ? requests / cpu : Number.NaN;
  return { perSecond: requests / elapsed, perCpuSecond, p50, p99 };
}

interface Outcome {
  readonly requests: number;
  readonly elapsed: number;
  readonly p50: number;
  readonly p99: number;
}

async function loadByWrk(url: string, load: Load, seconds: number): Promise<Outcome> {
  const { connections, isClosing, pipelining = 1 } = load;
  const command = ['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--latency'];
  if (isClosing) command.push('-H', 'Connection: close');
  if (pipelining > 1) command.push('-s', PIPELINE);
  const script = pipelining > 1 ? ['--', `${pipelining}`] : [];
  const { stdout } = await runToEnd([...command, url, ...script]);
  const [, requests, elapsed] = /(\d+) requests in (\S+),/.exec(stdout) ?? [];
  const [, failed = '0'] = /Non-2xx or 3xx responses: (\d+)/.exec(stdout) ?? [];
  if (!requests) throw new Error(`wrk did not say how many requests it made:\n${stdout}`);
  return {
    requests: Number(requests) - Number(failed),
    elapsed: toMilliseconds(elapsed) / 1000,
    p50: toMilliseconds(/^\s*50%\s+(\S+)/m.exec(stdout)?.[1]),
    p99: toMilliseconds(/^\s*99%\s+(\S+)/m.exec(stdout)?.[1]),
  };
}

/** wrk writes 12.34us, 1.23ms, 1.20s or 1.00m. */
function toMilliseconds(text = ''): number {
  const [, figure, unit = ''] = /^([\d.]+)(us|ms|s|m)$/.exec(text) ?? [];
  const factors: Record<string, number> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };
  return Number(figure) * (factors[unit] ?? Number.NaN);
}

async function loadByUndici(url: string, load: Load, seconds: number): Promise<Outcome> {
  const { connections, isClosing = false, pipelining = 1 } = load;
  const { origin, pathname } = new URL(url);
  const pool = new Pool(origin, { connections, pipelining });
  const start = performance.now();
  const end = start + seconds * 1000;
  const times: number[] = [];
  const client = async () => {
    while (performance.now() < end) {
      const options = { path: pathname, method: 'GET', reset: isClosing } as const;
      const asked = performance.now();
      const answer = await pool.request(options).catch(() => undefined);
      await answer?.body.dump().catch(() => {});
      if (answer?.statusCode === 200) times.push(performance.now() - asked);
    }
  };
  await Promise.all(Array.from({ length: connections * pipelining }, client));
  const elapsed = (performance.now() - start) / 1000;
  await pool.close();
  times.sort((a, b) => a - b);
  const percentile = (share: number) => times[Math.floor(times.length * share)] ?? Number.NaN;
  return { requests: times.length, elapsed, p50: percentile(0.5), p99: percentile(0.99) };
}
