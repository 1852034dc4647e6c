/** What a connection costs that says nothing: each has made one request, and is kept open. */
import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { descriptorLimit, hasProc, residentBytes } from '../harness/proc.ts';
import { Progress } from '../harness/progress.ts';
import type { ServerProcess } from '../harness/server-process.ts';
import { runRound, type Settings, withServers } from './load.ts';
import { startGateway, startPeer } from './peers.ts';
import { median, OURS, printTable, ratio, show } from './table.ts';

const REQUEST = 'GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n';
/** Descriptors that client and server need for other things. */
const SPARE = 200;
/** Connections being made at a time: fewer than a kernel queues. */
const AT_A_TIME = 100;
/** One address has about 28,000 ports to connect from; we take another one before that. */
const PER_ADDRESS = 20_000;

export async function measureMemory(settings: Settings): Promise<void> {
  if (!hasProc) return console.log('\nmemory: not measured, as it needs /proc, which is Linux');
  const { rounds = 3, connections: wanted = 10_000 } = settings;
  const connections = Math.min(wanted, descriptorLimit() - SPARE);
  if (connections < wanted)
    console.log(`\nmemory: ulimit -n allows for ${connections} of ${wanted}`);
  const starters = {
    [OURS]: () =>
      startGateway('wsgiapp:app', '--max-connections', `${wanted}`, '--keep-alive-timeout', '0'),
    'node:http': () => startPeer('http'),
  };
  const costs = new Map<string, number[]>(Object.keys(starters).map((name) => [name, []]));
  const progress = new Progress(rounds * costs.size);
  for (let round = 0; round < rounds; round++) {
    // Each round with fresh servers: memory that was used once is not given back.
    await withServers(starters, async (peers) => {
      for (const [name, server] of peers) {
        await runRound(server, { connections: 64 }, settings.warmUp ?? 1);
        const cost = await progress.during(name, () => costOfIdling(server, connections));
        costs.get(name)?.push(cost);
      }
    });
  }
  const ours = costs.get(OURS);
  printTable(
    `memory: resident bytes for each of ${connections} idle connections (${rounds} rounds, each with new servers)`,
    [
      ['', 'bytes', 'ours / it (spread)', 'aim'],
      ...[...costs].map(([name, bytes]) => {
        const isOurs = bytes === ours;
        return [name, show(median(bytes)), isOurs ? '' : ratio(ours, bytes), isOurs ? '' : '<= 1'];
      }),
    ],
  );
}

async function costOfIdling(server: ServerProcess, connections: number): Promise<number> {
  const before = await settledBytes(server.pid);
  const others = server.openSockets() ?? 0;
  const sockets: Socket[] = [];
  try {
    await openIdle(server.port, connections, sockets);
    const after = await settledBytes(server.pid);
    const kept = (server.openSockets() ?? 0) - others;
    if (kept < connections) throw new Error(`of ${connections} connections, ${kept} were kept`);
    return (after - before) / connections;
  } finally {
    for (const socket of sockets) socket.resetAndDestroy(); // leaves no port waiting for late bytes
  }
}

/** So many more connections in `sockets`, even if one fails: each has made a request, and says nothing more. */
export async function openIdle(port: number, count: number, sockets: Socket[]): Promise<void> {
  for (let left = count; left > 0; left -= AT_A_TIME) {
    const localAddress = `127.0.0.${1 + Math.floor(sockets.length / PER_ADDRESS)}`;
    const length = Math.min(AT_A_TIME, left);
    const more = Array.from({ length }, () => askOnce(port, localAddress));
    sockets.push(...(await Promise.all(more)));
  }
}

async function askOnce(port: number, localAddress: string): Promise<Socket> {
  const socket = net.connect({ host: '127.0.0.1', port, localAddress });
  socket.on('error', () => {}); // who waits hears of it; and afterwards, the count tells
  socket.write(REQUEST);
  const [answer] = await once(socket, 'data');
  if (!`${answer}`.startsWith('HTTP/1.1 200 ')) throw new Error(`not a 200: ${answer}`);
  return socket;
}

/** Resident bytes, once they stand still for half a second; for at most five seconds. */
async function settledBytes(pid: number): Promise<number> {
  let before = 0;
  for (let look = 0; look < 10; look++) {
    const { now } = residentBytes(pid);
    if (now === before) break;
    before = now;
    await delay(500);
  }
  return before;
}
