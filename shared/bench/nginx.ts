/** The price of a door: our gateway alone, and behind nginx as part3/nginx.conf sets it up. */
import { hasNginx, startNginx } from '../harness/nginx.ts';
import type { ServerProcess } from '../harness/server-process.ts';
import { type Peer, type Settings, takeTurns, terms, turnsFor, withServers } from './load.ts';
import { startGateway } from './peers.ts';
import { OURS, printRates } from './table.ts';

export async function measureNginx(settings: Settings): Promise<void> {
  if (!hasNginx) return console.log('\nnginx: not measured, as nginx is not installed');
  const { connections = 64 } = settings;
  const turns = turnsFor(settings, { rounds: 3, seconds: 1, warmUp: 2 });
  const starters = {
    [OURS]: () => startGateway('wsgiapp:app'),
    'nginx, one gateway': () => startBehindNginx(1),
    'nginx, two gateways': () => startBehindNginx(2),
  };
  await withServers(starters, async (peers) => {
    const title = `nginx: GET /hello, ${connections} connections kept alive; processor time of nginx and gateways`;
    printRates(`${title} ${terms(turns)}`, await takeTurns(peers, { connections }, turns), OURS);
  });
}

async function startBehindNginx(count: number): Promise<Peer> {
  const behind: ServerProcess[] = [];
  try {
    for (let i = 0; i < count; i++) {
      behind.push(await startGateway('wsgiapp:app', '--forwarded-allow-ips', '127.0.0.1'));
    }
    const door = await startNginx(behind.map(({ port }) => `127.0.0.1:${port}`));
    return Object.assign(door, { behind });
  } catch (error) {
    for (const gateway of behind) await gateway.stop();
    throw error;
  }
}
