/** What slow clients cost the others: answering times alone, and while many more trickle a head, byte by byte. */
import net, { type Socket } from 'node:net';
import { Progress } from '../harness/progress.ts';
import type { ServerProcess } from '../harness/server-process.ts';
import {
  type Peers,
  type Round,
  runRound,
  type Settings,
  terms,
  turnsFor,
  withServers,
} from './load.ts';
import { startGateway, startPeer } from './peers.ts';
import { median, OURS, printTable, ratio, show } from './table.ts';

const TRICKLERS = 200;
/** Milliseconds between two bytes of one client. */
const PAUSE = 100;
const HEAD = `GET /hello HTTP/1.1\r\nHost: localhost\r\nX-Patience: ${'x'.repeat(40)}\r\n\r\n`;
export async function measureTails(settings: Settings): Promise<void> {
  const { connections = 50 } = settings;
  const turns = turnsFor(settings, { rounds: 3, seconds: 1, warmUp: 2 });
  const starters = {
    [OURS]: () => startGateway('wsgiapp:app'),
    'node:http': () => startPeer('http'),
  };
  await withServers(starters, async (peers) => {
    const load = (server: ServerProcess) => runRound(server, { connections }, turns.seconds);
    for (const server of peers.values()) {
      if (turns.warmUp > 0) await runRound(server, { connections }, turns.warmUp);
    }
    const [alone, among] = [emptyFor(peers), emptyFor(peers)];
    const progress = new Progress(turns.rounds * peers.size * 2);
    for (let round = 0; round < turns.rounds; round++) {
      for (const [name, server] of peers) {
        alone.get(name)?.push(await progress.during(name, () => load(server)));
        const stop = trickle(server.port);
        try {
          among.get(name)?.push(await progress.during(name, () => load(server)));
        } finally {
          stop();
        }
      }
    }
    const title = `tails: ${connections} busy clients, alone and among ${TRICKLERS} that send a byte in ${PAUSE} ms`;
    printTable(`${title} ${terms(turns)}`, [
      [
        '',
        'p50, ms',
        'p99, ms',
        'among, p50',
        'p99',
        'p99: among / alone (spread)',
        'ours / it (spread)',
      ],
      ...[...peers.keys()].map((name) => [
        name,
        ...[alone, among].flatMap((rounds) =>
          (['p50', 'p99'] as const).map((figure) => show(median(all(rounds, name, figure)), 2)),
        ),
        ratio(all(among, name, 'p99'), all(alone, name, 'p99')),
        name === OURS ? '' : ratio(all(among, OURS, 'p99'), all(among, name, 'p99')),
      ]),
    ]);
  });
}

type Rounds = Map<string, Round[]>;

function emptyFor(peers: Peers): Rounds {
  return new Map([...peers.keys()].map((name) => [name, []]));
}

function all(rounds: Rounds, name: string, figure: 'p50' | 'p99'): number[] {
  return rounds.get(name)?.map((round) => round[figure]) ?? [];
}

/** Lets clients dribble until what it returns is called. One that was sent away comes again. */
function trickle(port: number): () => void {
  const clients: { socket: Socket; sent: number }[] = [];
  const connect = () => {
    const socket = net.connect(port, '127.0.0.1').setNoDelay(true).resume();
    socket.on('error', () => socket.destroy());
    return { socket, sent: 0 };
  };
  for (let i = 0; i < TRICKLERS; i++) clients.push(connect());
  let turn = 0;
  // A tenth of them at a time, so that they come as strangers would: not all at once.
  const timer = setInterval(() => {
    turn = (turn + 1) % 10;
    for (let i = turn; i < clients.length; i += 10) {
      if (clients[i]?.socket.destroyed) clients[i] = connect();
      const client = clients[i];
      client?.socket.write(HEAD[client.sent++ % HEAD.length] ?? '');
    }
  }, PAUSE / 10);
  return () => {
    clearInterval(timer);
    for (const { socket } of clients) socket.destroy();
  };
}
