/** Bulk: how fast a large body goes up and down, and whether the server holds any of it. */
import { once } from 'node:events';
import net from 'node:net';
import { forgetPeak, hasProc, residentBytes } from '../harness/proc.ts';
import { Progress } from '../harness/progress.ts';
import type { ServerProcess } from '../harness/server-process.ts';
import { type Settings, withServers } from './load.ts';
import { startGateway, startPeer } from './peers.ts';
import { median, OURS, printTable, ratio, show } from './table.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const BLOCK = Buffer.alloc(64 * 1024, 'x');
/** Sends a body of so many bytes, or has one sent; each resolves when all of it has arrived. */
const WAYS = { up: upload, down: download };
type Way = keyof typeof WAYS;

interface Transfer {
  readonly bytesPerSecond: number;
  /** How much more memory the server held, at most, than before. */
  readonly growth: number;
}

export async function measureTransfer({ rounds = 3, warmUp = 1 }: Settings): Promise<void> {
  const starters = {
    [OURS]: () => startGateway('shared/bench/transferapp:app'),
    'node:http': () => startPeer('transfer'),
  };
  await withServers(starters, async (peers) => {
    for (const way of ['up', 'down'] as const) {
      const results = new Map([...peers.keys()].map((name) => [name, [] as Transfer[]]));
      if (warmUp > 0) for (const server of peers.values()) await transfer(server, way, GIB / 8);
      const progress = new Progress(rounds * peers.size);
      for (let round = 0; round < rounds; round++) {
        for (const [name, server] of peers) {
          const measured = await progress.during(name, () => transfer(server, way, GIB));
          results.get(name)?.push(measured);
        }
      }
      print(way, results, rounds);
    }
  });
}

async function transfer(server: ServerProcess, way: Way, size: number): Promise<Transfer> {
  if (hasProc) forgetPeak(server.pid);
  const before = hasProc ? residentBytes(server.pid).now : Number.NaN;
  const start = performance.now();
  await WAYS[way](server.port, size);
  const seconds = (performance.now() - start) / 1000;
  const growth = hasProc ? residentBytes(server.pid).peak - before : Number.NaN;
  return { bytesPerSecond: size / seconds, growth };
}

async function upload(port: number, size: number): Promise<void> {
  const socket = net.connect(port, '127.0.0.1').setEncoding('latin1');
  let answer = '';
  socket.on('data', (text: string) => {
    answer += text;
  });
  socket.write(
    `POST /up HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ${size}\r\n\r\n`,
  );
  for (let left = size; left > 0; left -= BLOCK.length) {
    if (!socket.write(BLOCK.subarray(0, left))) await once(socket, 'drain');
  }
  await once(socket, 'end');
  if (!answer.startsWith('HTTP/1.1 200') || !answer.includes(`${size}\n`)) {
    throw new Error(`of ${size} bytes not all arrived: ${answer}`);
  }
}

async function download(port: number, size: number): Promise<void> {
  const socket = net.connect(port, '127.0.0.1');
  socket.write(`GET /down?${size} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  let head: Buffer | undefined;
  let received = 0;
  socket.on('data', (bytes) => {
    head ??= bytes;
    received += bytes.length;
  });
  await once(socket, 'end');
  const start = head?.toString('latin1') ?? '';
  const length = received - start.indexOf('\r\n\r\n') - 4;
  if (!start.startsWith('HTTP/1.1 200') || length !== size) {
    throw new Error(`of ${size} bytes, ${length} arrived: ${start.split('\r\n')[0]}`);
  }
}

function print(way: Way, results: ReadonlyMap<string, readonly Transfer[]>, rounds: number): void {
  const speeds = (name: string) => results.get(name)?.map(({ bytesPerSecond }) => bytesPerSecond);
  printTable(
    `transfer: 1 GiB ${way} (${rounds} times), and how far the server's memory grew meanwhile, at most`,
    [
      ['', 'MiB/s', 'ours / it (spread)', 'growth, MiB'],
      ...[...results].map(([name, transfers]) => [
        name,
        show(median(speeds(name) ?? []) / MIB),
        name === OURS ? '' : ratio(speeds(OURS), speeds(name)),
        hasProc ? show(Math.max(...transfers.map(({ growth }) => growth)) / MIB) : 'needs /proc',
      ]),
    ],
  );
}
