/**
 * Side by side: `npm run bench -- python` measures applications in Python on our server and on those that people
 * deploy, with one Python process each. All stand ready at once and take turns, round after round, so that
 * what the machine does besides falls on everybody; quote the ratios, not the figures.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Pool } from 'undici';
import { hasPeer, PEERS, startPeer } from '../harness/python-servers.ts';
import { runToEnd, type ServerProcess, startServer } from '../harness/server-process.ts';
import { STAGES, type Stage } from '../stages.ts';

const USAGE = `Usage: npm run bench -- python [options]

  --apps a,b        of wsgiapp,flaskapp,pyramidapp,djangoapp (default: all)
  --rounds N        measured rounds for each server (default: 3)
  --seconds S       length of a round (default: 1)
  --warm-up S       before the first round, for each server (default: 3)
  --connections N   clients at a time (default: 8)
  --help            this text

wrk generates the load where it is installed; otherwise undici does, and takes much of the machine for itself.`;

const text = { type: 'string' } as const;
const { values, positionals } = parseArgs({
  options: {
    apps: text,
    rounds: text,
    seconds: text,
    'warm-up': text,
    connections: text,
    help: { type: 'boolean', short: 'h' },
  },
  allowPositionals: true,
});
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
if (positionals.join() !== 'python') {
  console.error(`What is to be measured? There is: python\n\n${USAGE}`);
  process.exit(1);
}

const OURS = 'part 2';
const stage = STAGES.find(({ id }) => id === '2b') as Stage;
const connections = Number(values.connections ?? 8);
const hasWrk = spawnSync('wrk', ['--version']).error === undefined;

/** Two ways to be a client: keep the connection, or close it each time. */
const MANNERS = ['keep-alive', 'close'] as const;
type Manner = (typeof MANNERS)[number];

interface Round {
  /** Requests per second of the clock, and of the processors that all processes of the server used. */
  readonly perSecond: number;
  readonly perCpuSecond: number;
}

for (const app of values.apps?.split(',') ?? ['wsgiapp', 'flaskapp', 'pyramidapp', 'djangoapp']) {
  await measureApp(app);
}

async function measureApp(app: string): Promise<void> {
  const servers = new Map<string, ServerProcess>();
  const module = app === 'wsgiapp' ? 'wsgiapp.py' : app;
  try {
    servers.set(OURS, await startServer(stage, { app: `${module}:app` }));
    for (const name of Object.keys(PEERS)) {
      if (hasPeer(name)) servers.set(name, await startPeer(name, app));
      else
        console.log(
          `${name}: not installed; .venv/bin/pip install -r shared/harness/requirements.txt`,
        );
    }
    for (const manner of MANNERS) {
      const rounds = new Map([...servers.keys()].map((name) => [name, [] as Round[]]));
      for (const server of servers.values())
        await load(server, manner, Number(values['warm-up'] ?? 3));
      for (let round = 0; round < Number(values.rounds ?? 3); round++) {
        for (const [name, server] of servers) {
          rounds.get(name)?.push(await load(server, manner, Number(values.seconds ?? 1)));
        }
      }
      print(app, manner, rounds);
    }
  } finally {
    await Promise.all([...servers.values()].map((server) => server.stop()));
  }
}

/** One round of load; counts only answers that were 200. */
async function load(server: ServerProcess, manner: Manner, seconds: number): Promise<Round> {
  const url = `${server.origin}/hello`;
  const before = cpuSeconds(server.pid);
  const started = performance.now();
  const requests = await (hasWrk ? loadByWrk : loadByUndici)(url, manner, seconds);
  const elapsed = (performance.now() - started) / 1000;
  const cpu = cpuSeconds(server.pid) - before;
  return { perSecond: requests / elapsed, perCpuSecond: cpu > 0 ? requests / cpu : Number.NaN };
}

async function loadByWrk(url: string, manner: Manner, seconds: number): Promise<number> {
  const header = manner === 'close' ? ['-H', 'Connection: close'] : [];
  const command = ['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, ...header, url];
  const { stdout } = await runToEnd(command);
  const [, requests] = /(\d+) requests in/.exec(stdout) ?? [];
  const [, failed = '0'] = /Non-2xx or 3xx responses: (\d+)/.exec(stdout) ?? [];
  if (!requests) throw new Error(`wrk did not say how many requests it made:\n${stdout}`);
  return Number(requests) - Number(failed);
}

async function loadByUndici(url: string, manner: Manner, seconds: number): Promise<number> {
  const { origin, pathname } = new URL(url);
  const pool = new Pool(origin, { connections });
  const end = performance.now() + seconds * 1000;
  let requests = 0;
  const client = async () => {
    while (performance.now() < end) {
      const options = { path: pathname, method: 'GET', reset: manner === 'close' } as const;
      const answer = await pool.request(options).catch(() => undefined);
      await answer?.body.dump().catch(() => {});
      if (answer?.statusCode === 200) requests++;
    }
  };
  await Promise.all(Array.from({ length: connections }, client));
  await pool.close();
  return requests;
}

/** Processor time of a whole process group so far, from /proc; its clock ticks 100 times a second. */
function cpuSeconds(group: number): number {
  let ticks = 0;
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (Number(fields[2]) === group) ticks += Number(fields[11]) + Number(fields[12]);
    } catch {
      // ended in the meantime
    }
  }
  return ticks / 100;
}

function print(app: string, manner: Manner, rounds: Map<string, Round[]>): void {
  const ours = rounds.get(OURS) ?? [];
  console.log(`\n${app}, ${manner}, ${connections} clients (${hasWrk ? 'wrk' : 'undici'})`);
  console.log(
    `${''.padEnd(18)}${'req/s'.padStart(8)}  ours / it (spread)    ${'req/CPU s'.padStart(9)}  ours / it`,
  );
  for (const [name, theirs] of rounds) {
    const ratios = ours.map((round, i) => round.perSecond / (theirs[i]?.perSecond ?? Number.NaN));
    const cpuRatios = ours.map(
      (round, i) => round.perCpuSecond / (theirs[i]?.perCpuSecond ?? Number.NaN),
    );
    const spread = `${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)})`;
    const perSecond = median(theirs.map((round) => round.perSecond)).toFixed(0);
    const perCpu = median(theirs.map((round) => round.perCpuSecond)).toFixed(0);
    console.log(
      `${name.padEnd(18)}${perSecond.padStart(8)}  ${(name === OURS ? '' : spread).padEnd(20)}  ` +
        `${perCpu.padStart(9)}  ${name === OURS ? '' : median(cpuRatios).toFixed(2)}`,
    );
  }
}

function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
