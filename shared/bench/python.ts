/** Applications in Python, on our servers and on those that people deploy: with one Python process, and with two. */
import { hasPeer, PEERS, startPeer } from '../harness/python-servers.ts';
import { type Settings, type Starters, takeTurns, terms, turnsFor, withServers } from './load.ts';
import { startStage } from './peers.ts';
import { OURS, printRates } from './table.ts';

export const PYTHON_APPS = ['wsgiapp', 'flaskapp', 'pyramidapp', 'djangoapp'];

/** Two of ours with a Python process each; the other way is one of ours with two of them. */
const PAIR = '--workers 2';

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
    const [alone, paired] = [singles(app, name, peers), pairs(app, name)];
    await withServers({ ...alone, ...paired }, async (servers) => {
      for (const isClosing of [false, true]) {
        const manner = isClosing ? 'a connection for each request' : 'connections kept alive';
        // Closing comes second, and finds all that matters warm.
        const warmUp = isClosing ? Math.ceil(turns.warmUp / 3) : turns.warmUp;
        const load = { connections, isClosing };
        const rounds = await takeTurns(servers, load, { ...turns, warmUp });
        const pick = (names: string[]) =>
          new Map([...rounds].filter(([name]) => names.includes(name)));
        const how = `${connections} clients, ${manner}`;
        const singly = pick(Object.keys(alone));
        printRates(`python: ${app}, ${how} ${terms(turns)}`, singly, OURS);
        settings.draw?.({ title: `${app}, ${manner}`, ours: OURS, rounds: singly });
        const two = pick([OURS, ...Object.keys(paired)]);
        printRates(`python, two processes: the same, and ours in one`, two, PAIR);
      }
    });
  }
}

function singles(app: string, name: string, peers: readonly string[]): Starters {
  return {
    [OURS]: () => startStage('gateway', name),
    'part 2': () => startStage('2e', name),
    ...Object.fromEntries(peers.map((peer) => [peer, () => startPeer(peer, app)])),
  };
}

function pairs(app: string, name: string): Starters {
  return {
    [PAIR]: () => startStage('gateway', name, '--workers', '2'),
    '--python-workers 2': () => startStage('gateway', name, '--python-workers', '2'),
    ...(hasPeer('gunicorn') && {
      'gunicorn --workers 2': () => startPeer('gunicorn', app, '--workers', '2'),
    }),
  };
}
