import type { Lesson } from '../../shared/checks/check.ts';
import { kill, pidsOf } from '../../shared/checks/run/children.ts';
import {
  ask,
  begins,
  comesTrue,
  PATIENCE,
  takePage,
  takePid,
  until,
} from '../../shared/checks/run/clients.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import {
  askAndReset,
  beginToAsk,
  comeAndGo,
  expectLetGo,
  finishAsking,
  talkTooMuch,
} from '../../shared/checks/run/manners.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import { bornAt, childrenOf, uptime } from '../../shared/harness/proc.ts';
import type { RawClient } from '../../shared/harness/raw-client.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

/** Another number than the usual one: --workers is heard. */
const WORKERS = 3;

/** Seconds: three ask one after the other while the first still sleeps; and then all are awaited. */
const TURN = 0.8;

/** So many die in a row. One birth may be late because the machine is busy; two in a row are late because somebody waits. */
const DEATHS = 3;
/** Milliseconds between a death in a row, but the first, and the birth after it. Ours waits for 200, and for 400. */
const LEAST_DELAY = 80;

/** Seconds in which the death of a worker shows. */
const A_MOMENT = 0.05;

export const check: Lesson = {
  title: 'Three workers serve three at a time; one that dies is replaced, but not in a hurry',
  goal: 'Pay the start once: processes that stay, and one that looks after them.',
  hints: [
    'Each client cost a whole start. Which part of that could be done before the first client comes?',
    'node:cluster: cluster.fork(), and worker.once("exit", ...). Workers that listen on a port share it - ' +
      'listen(2), then fork(2), and accept(2) in each; waitpid(2) tells who is gone.',
    'const spawn = () => cluster.fork().once("exit", () => setTimeout(spawn, backoff)), with a backoff that doubles ' +
      'from 100 ms for those that die young. Print "Serving HTTP on port N" when all of them listen.',
  ],
  anchor: 'pre-fork',
  lenient: ['who deals the connections out', 'how evenly', 'the growth of the delay'],
  byHand:
    'npm run part3 -- client3 --port $PORT --clients 8  # kill -9 one of the pids it shows, and again',
  file: '3h',
  solution: '3h',
  seconds: 30,
  needs: 'Linux',
  async run(trial) {
    const server = await trial.start({ args: ['--sleep', `${TURN}`, '--workers', `${WORKERS}`] });
    const clients: RawClient[] = [];
    for (let count = 1; count <= WORKERS; count++) {
      const client = await ask(trial, server);
      await begins(client, `Client ${count} of ${WORKERS}`);
      clients.push(client);
    }
    const pids = new Set<number>();
    for (const client of clients) pids.add(await takePid(client, `One of ${WORKERS} clients`));
    if (pids.size < WORKERS) {
      throw new Failure(
        `${WORKERS} asked while the first slept: expected ${WORKERS} processes to answer, got ${pids.size}`,
        { mistake: 'not-all-work' },
      );
    }
    if (pids.has(server.pid)) {
      throw new Failure('The process that looks after the workers has answered itself', {
        mistake: 'the-primary-serves',
      });
    }
    const count = pidsOf(server).length;
    if (count !== WORKERS) {
      throw new Failure(
        `With --workers ${WORKERS} there are ${count} processes under yours: expected ${WORKERS}`,
        { mistake: 'not-as-many-as-told' },
      );
    }
    for (const client of clients) client.leave();
    await replaced(server, [...pids]);
    await showManners(trial, server);
  },
  mistakes: [
    {
      name: 'no-respawn',
      says: 'A worker was killed, and after 3 s there are 2 of 3',
      edits: [['      setTimeout(spawn, backoff);\n', '']],
    },
    {
      name: 'respawns-in-a-hurry',
      says: 'Two workers died in a row, and the next was born at once: expected it to wait, at least 100 ms',
      edits: [['setTimeout(spawn, backoff);', 'spawn();']],
    },
    {
      name: 'not-all-work',
      says: '3 asked while the first slept: expected 3 processes to answer, got 1',
      edits: [['{ length: options.workers - 1 }', '{ length: 0 }']],
    },
    {
      name: 'not-as-many-as-told',
      says: 'With --workers 3 there are 4 processes under yours: expected 3',
      edits: [['Number(values.workers ?? 4)', '4']],
    },
    {
      name: 'no-error-listener',
      says: 'A client asked and reset its connection, and a worker ended: expected it to serve the next one',
      edits: [
        [
          "    socket.on('error', () => socket.destroy()); // unheard, one client's reset would end us all\n",
          '',
        ],
      ],
    },
    {
      name: 'not-all-work',
      file: 'part3/start/3h.ts',
      says: '3 asked while the first slept: expected 3 processes to answer, got 1',
    },
  ],
};

/** Deaths in a row: the first is forgiven. */
async function replaced(server: ServerProcess, workers: number[]): Promise<void> {
  let [victim = 0] = workers;
  const known = new Set([...pidsOf(server), ...workers]);
  for (let death = 1; death <= DEATHS; death++) {
    const killed = uptime();
    kill(victim);
    const newborn = () => pidsOf(server).find((pid) => !known.has(pid));
    await until(
      () => newborn() !== undefined,
      3,
      () =>
        new Failure(
          `A worker was killed, and after 3 s there are ${pidsOf(server).length} of ${WORKERS}`,
          {
            mistake: 'no-respawn',
          },
        ),
    );
    victim = newborn() ?? 0;
    known.add(victim);
    const waited = Math.round(bornAt(victim) - killed);
    if (death > 1 && waited < LEAST_DELAY) {
      throw new Failure(
        `Two workers died in a row, and the next was born at once: expected it to wait, at least 100 ms`,
        { mistake: 'respawns-in-a-hurry' },
      );
    }
  }
  const isFull = () =>
    childrenOf(server.pid).filter(({ state }) => state !== 'Z').length === WORKERS;
  await until(
    isFull,
    3,
    () => new Failure(`After ${DEATHS} deaths expected ${WORKERS} workers again`),
  );
}

/** Whatever their clients do, the workers are still the same behind it. */
async function showManners(trial: Trial, server: ServerProcess): Promise<void> {
  const before = pidsOf(server);
  await askAndReset(trial, server);
  const slow = await beginToAsk(trial, server);
  const leaves = await comeAndGo(trial, server);
  await finishAsking(slow, server, 'A client that took its time');
  let isOver = false;
  const others = Promise.all([
    takePage(slow, 'After a worker was replaced, a client'),
    talkTooMuch(trial, server),
    expectLetGo(leaves),
  ]).finally(() => {
    isOver = true;
  });
  others.catch(() => {}); // it is awaited below
  const isGone = () => before.some((pid) => !pidsOf(server).includes(pid));
  await comesTrue(() => isOver || isGone(), PATIENCE); // whoever was dealt to the dead waits for ever
  if (await comesTrue(isGone, A_MOMENT)) {
    throw new Failure(
      'A client asked and reset its connection, and a worker ended: expected it to serve the next one',
      { mistake: 'no-error-listener' },
    );
  }
  await others;
}
