/** Requests per second: our gateway against Node.js itself, and frameworks on ours against themselves on node:http. */
import { type Settings, takeTurns, terms, turnsFor, withServers } from './load.ts';
import { startGateway, startHost, startPeer } from './peers.ts';
import { OURS, printRates } from './table.ts';

/** How much is done for one answer, when the answer is the same. */
export async function measureGateway(settings: Settings): Promise<void> {
  const { connections = 64 } = settings;
  const turns = turnsFor(settings, { rounds: 5, seconds: 1, warmUp: 3 });
  const starters = {
    [OURS]: () => startGateway('wsgiapp:app'),
    'bare node:net': () => startPeer('net'),
    'node:http': () => startPeer('http'),
    Fastify: () => startHost('fastifyapp', '--native'),
  };
  await withServers(starters, async (peers) => {
    const title = `gateway: GET /hello, ${connections} connections kept alive, one process each`;
    const rounds = await takeTurns(peers, { connections }, turns);
    printRates(`${title} ${terms(turns)}`, rounds, OURS, {
      'bare node:net': 0.7,
      'node:http': 1.4,
    });
    settings.draw?.({ title: 'GET /hello, connections kept alive', ours: OURS, rounds });

    const pipeliners = new Map([...peers].filter(([name]) => [OURS, 'node:http'].includes(name)));
    const pipelined = { ...turns, warmUp: Math.ceil(turns.warmUp / 3) };
    const load = { connections, pipelining: 16 };
    printRates(
      `gateway, pipelined: the same, 16 requests at a time`,
      await takeTurns(pipeliners, load, pipelined),
      OURS,
    );
  });
}

/** The price of the adapters: the same framework and app on two servers. */
export async function measureHosting(settings: Settings): Promise<void> {
  const { connections = 64 } = settings;
  const turns = turnsFor(settings, { rounds: 3, seconds: 1, warmUp: 2 });
  console.log(`\nhosting: each framework on our gateway, and on node:http as it is made for; GET /hello,
${connections} connections ${terms(turns)}. Hono's other host is the plain one of shared/harness/node-http-host.ts.`);
  const frameworks = [
    ['Express', 'expressapp', '--native', 0.9],
    ['Koa', 'koaapp', '--native', 0.75],
    ['Fastify', 'fastifyapp', '--native', 0.75],
    ['Hono', 'honoapp', '--fetch', 0.5],
  ] as const;
  for (const [name, app, mode, aim] of frameworks) {
    const starters = {
      [OURS]: () => startGateway(`${app}:app`),
      'node:http': () => startHost(app, mode),
    };
    await withServers(starters, async (peers) => {
      printRates(name, await takeTurns(peers, { connections }, turns), OURS, { 'node:http': aim });
    });
  }
}
