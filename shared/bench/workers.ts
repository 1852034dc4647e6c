/** One process of ours against two: with nothing to compute, with much to compute, and with many clients that wait. */
import type { Socket } from 'node:net';
import {
  type Peers,
  type Settings,
  type Starters,
  type Turns,
  takeTurns,
  terms,
  turnsFor,
  withServers,
} from './load.ts';
import { openIdle } from './memory.ts';
import { startGateway } from './peers.ts';
import { median, printRates, printTable, ratio, show } from './table.ts';

const ONE = '--workers 1';
const TWO = '--workers 2';
/** Connections that are kept and say nothing, and clients that are busy meanwhile. */
const IDLE = 200;
const BUSY = 50;

export async function measureWorkers(settings: Settings): Promise<void> {
  const { connections = 64 } = settings;
  // Each of two has half the requests to become warm with.
  const turns = turnsFor(settings, { rounds: 3, seconds: 1, warmUp: 2 });
  const measure = async (peers: Peers, what: string) => {
    const title = `workers: ${what}, ${connections} connections kept alive ${terms(turns)}`;
    printRates(title, await takeTurns(peers, { connections }, turns), TWO);
  };
  await withServers(startersFor('wsgiapp:app', '--keep-alive-timeout', '0'), async (peers) => {
    await measure(peers, 'GET /hello');
    await measureIdling(peers, settings.connections ?? BUSY, { ...turns, warmUp: 0 });
  });
  await withServers(startersFor('shared/bench/busyapp:app'), async (peers) => {
    await measure(peers, 'a handler that computes for about 2 ms');
  });
}

/** Answering times of the busy ones, while the others only have to be kept. */
async function measureIdling(peers: Peers, connections: number, turns: Turns): Promise<void> {
  const idle: Socket[] = [];
  try {
    for (const { port } of peers.values()) await openIdle(port, IDLE, idle);
    const rounds = await takeTurns(peers, { connections }, turns);
    const all = (name: string, figure: 'p50' | 'p99') =>
      rounds.get(name)?.map((round) => round[figure]) ?? [];
    const rows = [...rounds.keys()].map((name) => [
      name,
      ...(['p50', 'p99'] as const).flatMap((figure) => [
        show(median(all(name, figure)), 2),
        name === TWO ? '' : ratio(all(TWO, figure), all(name, figure)),
      ]),
    ]);
    const title = `workers: GET /hello, ${connections} busy clients while ${IDLE} connections idle`;
    const versus = `${TWO} / it (spread)`;
    const head = ['', 'p50, ms', versus, 'p99, ms', versus];
    printTable(`${title} ${terms(turns)}`, [head, ...rows]);
  } finally {
    for (const socket of idle) socket.destroy();
  }
}

function startersFor(app: string, ...args: string[]): Starters {
  return {
    [ONE]: () => startGateway(app, '--workers', '1', ...args),
    [TWO]: () => startGateway(app, '--workers', '2', ...args),
  };
}
