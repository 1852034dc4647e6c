/**
 * The ladder's experiments, on your machine, now: `npm run measure`. For each stage it prints what the original
 * says (Ruslan Spivak, Let's Build A Web Server, part 3, 2015), what Node does, and what came out here. Most of its
 * minute is spent waiting for servers that sleep. What needs /proc is measured on Linux only, and says so.
 */
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { childrenOf, hasProc, isStopped } from '../harness/proc.ts';
import { Progress } from '../harness/progress.ts';
import { RawClient } from '../harness/raw-client.ts';
import {
  ROOT,
  runToEnd,
  type ServerProcess,
  startCommand,
  tsx,
} from '../harness/server-process.ts';
import { STAGES } from '../stages.ts';

if (process.argv.length > 2) {
  const wantsHelp = /^(-h|--help)$/.test(process.argv[2] ?? '');
  console[wantsHelp ? 'log' : 'error'](
    "Usage: npm run measure\n\nRuns the experiments of part 3's ladder, in about a minute. It takes no options.",
  );
  process.exit(wantsHelp ? 0 : 1);
}

const GET = 'GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n';
const NEEDS_PROC = 'not measured: it needs /proc, which is Linux';
const start = performance.now();
/** All servers of an experiment; they go when it ends. */
const running = new Set<ServerProcess>();
/** One experiment for each rung. */
const progress = new Progress(STAGES.filter(({ id }) => /^3[a-h]$/.test(id)).length);

/** Prints the median price of a fork(2), in milliseconds. */
const PYTHON = `
import os, statistics, time
def price():
    r, w = os.pipe()
    start = time.perf_counter()
    if os.fork() == 0:
        os.write(w, b"here")
        os._exit(0)
    os.read(r, 4)
    price = time.perf_counter() - start
    os.wait()
    return price * 1000
print(statistics.median(price() for _ in range(5)))`;

const [{ model = 'unknown processor' } = {}] = os.cpus();
console.log(
  `${os.type()} ${os.release()}, ${os.cpus().length} x ${model}, Node ${process.version}`,
);

await experiment({
  title: '3a  one at a time',
  original: 'an iterative server: one client after the other',
  node: 'the same, once the accept loop is a loop again: for await (... of on(server, "connection"))',
  measure: async () => {
    const server = await serve('3a');
    const silent = await RawClient.connect(server.port);
    const others = client3(server, '--clients', '2');
    await delay(1000);
    await silent.send(GET);
    return ['The first to connect says nothing for a second. The next two:', ...(await others)];
  },
});

await experiment({
  title: '3b  a server that sleeps',
  original: 'time.sleep(60) in the handler: the second client hangs',
  node: 'Atomics.wait blocks as well. The kernel connects all the same, and queues',
  measure: async () => {
    const server = await serve('3b', '--sleep', '0.3');
    const table = await client3(server);
    const small = await serve('3b', '--sleep', '0.3', '--backlog', '1');
    return [...table, '', 'The same with --backlog 1, a queue for two:', ...(await client3(small))];
  },
});

await experiment({
  title: '3c  a process for each connection',
  original: 'os.fork(), and the child goes on with a copy of everything',
  node: 'no fork: child_process.fork starts a new Node.js, and the open connection is sent to it',
  measure: async () => {
    const table = await client3(await serve('3c', '--sleep', '1'));
    const careless = await serve('3c', '--sleep', '0', '--no-pause');
    const lost = await client3(careless, '--timeout', '2');
    return [
      ...table,
      `With --no-pause, after two seconds: ${lost.at(-1)}`,
      '',
      'From the call to the first sign of life, median of 3:',
      ...(await prices()),
    ];
  },
});

await experiment({
  title: '3d  descriptors',
  original: 'forgotten copies keep the connection open, until "Too many open files"',
  node: 'the same with keepOpen: true. At the limit a listener is silent: accepted, closed, no event',
  measure: async () => {
    const rows = [];
    for (const flag of [[], ['--keep-open']]) {
      const server = await serve('3d', ...flag);
      const before = server.openSockets() ?? 0;
      const served = (await client3(server, '--clients', '8', '--timeout', '4')).at(-1);
      while (hasProc && childrenOf(server.pid).length > 0) await delay(20);
      const grown = hasProc ? `${(server.openSockets() ?? 0) - before} left behind` : NEEDS_PROC;
      rows.push(` 8 clients ${flag.join(' ').padEnd(20)} ${served}; descriptors: ${grown}`);
    }
    for (const flag of [[], ['--max-connections', '8']]) {
      const command = ['sh', '-c', 'ulimit -n 64; exec "$@"', 'sh', ...command3('3d', ...flag)];
      const server = await track(startCommand(command));
      const seen = await client3(server, '--clients', '60');
      const served = seen.filter((row) => row.includes('  complete')).length;
      const told = server.stdout.match(/hung up/g)?.length ?? 0;
      const forks = server.stdout.match(/EMFILE/g)?.length ?? 0;
      rows.push(
        `60 clients ${flag.join(' ').padEnd(20)} ${served} served with 64 descriptors; turned away: ` +
          `${told} by the limit, ${forks} as fork failed, ${60 - served - told - forks} without a word`,
      );
    }
    return rows;
  },
});

await experiment({
  title: '3e  zombies',
  original: 'children that were not waited for stay in the table, as <defunct>',
  node: 'libuv waits for them, whenever the event loop turns',
  measure: async () => {
    if (!hasProc) return [NEEDS_PROC];
    const server = await serve('3e', '--blocked', '1.5');
    const zombies = () => childrenOf(server.pid).filter(({ state }) => state === 'Z').length;
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, zombies())), 10);
    const [summary] = (await client3(server, '--clients', '4')).slice(-1);
    while (childrenOf(server.pid).length > 0) await delay(20);
    clearInterval(watch);
    return [
      `4 clients (${summary}), loop blocked: ${most} zombies at a time; turned: ${zombies()}`,
    ];
  },
});

await experiment({
  title: '3f  signals',
  original: 'SIGCHLD does not queue: a handler that waits once misses children; so wait in a loop',
  node: 'libuv does that, and there is one "exit" event for each. EINTR never reaches JavaScript',
  measure: async () => {
    if (!hasProc) return [NEEDS_PROC];
    const deaths = 4;
    const server = await serve('3f', '--sleep', '600', '--count-signals');
    const hello = async () => (await RawClient.connect(server.port)).send(GET);
    for (let count = 0; count < deaths; count++) await hello();
    await server.waitForOutput(new RegExp(`(200 OK.*){${deaths}}`, 's'));
    server.signal('SIGSTOP');
    while (!isStopped(server.pid)) await delay(20);
    for (const { pid } of childrenOf(server.pid)) process.kill(pid, 'SIGKILL');
    while (childrenOf(server.pid).some(({ state }) => state !== 'Z')) await delay(20);
    server.signal('SIGCONT');
    await server.waitForOutput(new RegExp(`(ended: SIGKILL.*){${deaths}}`, 's'));
    await hello();
    const [, others] = await server.waitForOutput(/ended.*200 OK, (\d+) others/s);
    const signals = deaths - Number(others);
    return [
      `server stopped, ${deaths} children died, continued: ${signals} SIGCHLD, ${deaths} exits`,
    ];
  },
});

await experiment({
  title: '3g  the event loop',
  original: '(not in the original: what Node is made for)',
  node: '3b without one await; but one handler that computes stalls all',
  measure: async () => [
    'Handlers wait, 0.3 s each:',
    ...(await client3(await serve('3g', '--sleep', '0.3'))),
    '',
    'Handlers compute, 0.3 s each (--busy):',
    ...(await client3(await serve('3g', '--sleep', '0.3', '--busy'))),
  ],
});

await experiment({
  title: '3h  pre-fork',
  original: '(not in the original: how gunicorn, Apache and nginx do it)',
  node: 'cluster: the primary deals out connections in turn; SCHED_NONE leaves it to the kernel',
  measure: async () => {
    const server = await serve('3h', '--sleep', '0.2');
    const table = await client3(server, '--clients', '8');
    const inTurn = await durations(server);
    const unfair = await durations(await serve('3h', '--sleep', '0.2', '--sched-none'));
    const [, victim] = /worker (\d+) is here/.exec(server.stdout) ?? [];
    const death = performance.now();
    process.kill(Number(victim), 'SIGKILL');
    await server.waitForOutput(/(is here.*){5}/s);
    const replaced = Math.round(performance.now() - death);
    return [
      'Eight clients, four workers, handlers block 0.2 s each:',
      ...table,
      `Until the last of the eight had its answer, five runs: ${inTurn} ms`,
      `The same with --sched-none:                            ${unfair} ms`,
      `A worker was killed, and replaced after ${replaced} ms, 100 ms of them back-off`,
    ];
  },
});

console.log(`\nIn all ${Math.round((performance.now() - start) / 1000)} s.`);

/** What stands in the series, what Node makes of it, and what this machine says. */
interface Experiment {
  title: string;
  original: string;
  node: string;
  measure(): Promise<string[]>;
}

async function experiment({ title, original, node, measure }: Experiment): Promise<void> {
  console.log(`\n${title}\n    original  ${original}\n    Node      ${node}\n    here`);
  try {
    const lines = await progress.during(title, measure);
    for (const line of lines) console.log(line && `      ${line}`);
  } finally {
    for (const server of running) await server.kill();
    running.clear();
  }
}

function command3(id: string, ...args: string[]): string[] {
  return tsx(STAGES.find((stage) => stage.id === id)?.file ?? '', ...args);
}

async function track(starting: Promise<ServerProcess>): Promise<ServerProcess> {
  const server = await starting;
  running.add(server);
  return server;
}

function serve(id: string, ...args: string[]): Promise<ServerProcess> {
  return track(startCommand(command3(id, ...args)));
}

/** The lines that the load client prints. */
async function client3(server: ServerProcess, ...args: string[]): Promise<string[]> {
  const { stdout } = await runToEnd(command3('client3', '--port', `${server.port}`, ...args));
  return stdout.trimEnd().split('\n');
}

/** How long eight clients take together, in five runs, the quickest first. */
async function durations(server: ServerProcess): Promise<string> {
  const runs = [];
  for (let round = 0; round < 5; round++) {
    const start = performance.now();
    await Promise.all(Array.from({ length: 8 }, () => ask(server)));
    runs.push(Math.round(performance.now() - start));
  }
  return runs.sort((a, b) => a - b).join(', ');
}

async function ask(server: ServerProcess): Promise<void> {
  const client = await RawClient.connect(server.port);
  await client.send(GET);
  await client.readToEnd();
}

/** What a new process costs, by kind. */
async function prices(): Promise<string[]> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'measure-'));
  try {
    const program = 'process.send("here")';
    for (const name of ['child.mjs', 'child.ts']) writeFileSync(path.join(folder, name), program);
    const js = await median(() => timeToFork(path.join(folder, 'child.mjs'), []));
    const ts = await median(() => timeToFork(path.join(folder, 'child.ts'), ['--import', 'tsx']));
    const rows = [
      `child_process.fork, JavaScript         ${js.toFixed(0).padStart(5)} ms`,
      `child_process.fork, TypeScript by tsx  ${ts.toFixed(0).padStart(5)} ms`,
    ];
    const { status, stdout } = spawnSync('python3', ['-c', PYTHON], { encoding: 'utf8' });
    const python = status === 0 ? `${Number(stdout).toFixed(1).padStart(7)} ms` : 'no python3 here';
    return [`os.fork in Python                      ${python}`, ...rows];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function timeToFork(file: string, execArgv: string[]): Promise<number> {
  const start = performance.now();
  const child = fork(file, { execArgv, cwd: ROOT });
  await once(child, 'message');
  const price = performance.now() - start;
  await once(child, 'exit');
  return price;
}

async function median(measure: () => Promise<number>): Promise<number> {
  const figures = [];
  for (let round = 0; round < 3; round++) figures.push(await measure());
  return figures.sort((a, b) => a - b)[1] ?? Number.NaN;
}
