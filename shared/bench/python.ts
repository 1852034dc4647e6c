/** Applications in Python, on our servers and on those that people deploy, with one Python process each. */
import { hasPeer, PEERS, startPeer } from '../harness/python-servers.ts';
import type { ServerProcess } from '../harness/server-process.ts';
import { type Settings, takeTurns, terms, turnsFor, withServers } from './load.ts';
import { startStage } from './peers.ts';
import { printRates } from './table.ts';

export const PYTHON_APPS = ['wsgiapp', 'flaskapp', 'pyramidapp', 'djangoapp'];

const OURS = 'our gateway';

export async function measurePython(settings: Settings): Promise<void> {
  const { connections = 8, apps = PYTHON_APPS } = settings;
  const turns = turnsFor(settings, { rounds: 3, seconds: 1, warmUp: 3 });
  const peers = Object.keys(PEERS).filter(hasPeer);
  const missing = Object.keys(PEERS).filter((name) => !hasPeer(name));
  if (missing.length > 0) {
    console.log(`\npython: not installed: ${missing.join(', ')}
  npm run setup:python; .venv/bin/pip install -r shared/harness/requirements.txt`);
  }
  for (const app of apps) {
    const name = app === 'wsgiapp' ? 'wsgiapp.py:app' : `${app}:app`;
    const starters: Record<string, () => Promise<ServerProcess>> = {
      [OURS]: () => startStage('gateway', name),
      'part 2': () => startStage('2b', name),
    };
    for (const peer of peers) starters[peer] = () => startPeer(peer, app);
    await withServers(starters, async (servers) => {
      for (const isClosing of [false, true]) {
        const manner = isClosing ? 'a connection for each request' : 'connections kept alive';
        // Closing comes second, and finds all that matters warm.
        const warmUp = isClosing ? Math.ceil(turns.warmUp / 3) : turns.warmUp;
        const load = { connections, isClosing };
        const rounds = await takeTurns(servers, load, { ...turns, warmUp });
        printRates(
          `python: ${app}, ${connections} clients, ${manner} ${terms(turns)}`,
          rounds,
          OURS,
        );
      }
    });
  }
}
