/** Part 3, children and how they end: 3e zombies, 3f signals. Linux tells us how. */
import { setTimeout as delay } from 'node:timers/promises';
import { childrenOf, isStopped } from '../../shared/harness/proc.ts';
import type { RawClient } from '../../shared/harness/raw-client.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';
import type { Check } from '../../shared/checks/check.ts';
import { ask, askAll, begins, comesTrue, hasBegun, LONG, PATIENCE, until } from '../../shared/checks/clients.ts';
import { Failure } from '../../shared/checks/failure.ts';
import type { Trial } from '../../shared/checks/trial.ts';

export const pidsOf = (server: ServerProcess) => childrenOf(server.pid).map(({ pid }) => pid);

/** Children killed as soon as they are seen: on a busy machine some may have their connection by then, and prove nothing. */
const EARLY_DEATHS = 5;

export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended by itself
  }
}

/** Sleepers, each in a child of its own. */
async function putToSleep(trial: Trial, server: ServerProcess, count: number) {
  const clients = await askAll(trial, server, count);
  await Promise.all(clients.map((client) => begins(client, `One of ${count} clients`)));
  return clients;
}

/** Seconds that 3-08 has the loop stand still, and milliseconds between two deaths: one at most falls between. */
const BLOCKED = 0.6;
const BETWEEN_DEATHS = 200;
const DEATHS = 3;
/** Milliseconds that one of them must be seen as a zombie: the longest of three is one for 300. Where the loop turns, it is a few. */
const A_WHILE = 180;

export const theDeadStay: Check = {
  id: '3-08',
  name: 'zombies',
  part: 'part3',
  title: 'While the loop stands still the dead are zombies; when it turns, they are gone',
  goal: 'A dead child stays until its parent has asked. libuv asks, but only when the loop turns.',
  hints: [
    'Who has to ask how a child ended, and when does that somebody have time?',
    'ps shows Z; process.kill(pid, 0) says that a zombie is there. Only the "exit" event says that it is gone - ' +
      'waitpid(2) has asked.',
    'const beBusy = () => { block(blocked); setImmediate(() => setTimeout(beBusy, 100)); }; with --blocked S, once at ' +
      'the start. Nothing else: libuv does the asking.',
  ],
  anchor: 'zombies',
  lenient: [
    'how long the loop turns in between, from 50 ms on',
    'how many children there may be, from 3 on',
  ],
  byHand:
    'npm run part3 -- client3 --port $PORT --clients 3; ps -ef | grep defunct  # with --blocked 5 there is time to look',
  file: '3e',
  solution: '3e',
  seconds: 25,
  needs: 'Linux',
  async run(trial) {
    const server = await trial.start({ args: ['--sleep', LONG, '--blocked', `${BLOCKED}`] });
    await putToSleep(trial, server, DEATHS);
    const children = pidsOf(server).slice(0, DEATHS);
    const firstSeen = new Map<number, number>();
    let longest = 0;
    const look = () => {
      for (const { pid, state } of childrenOf(server.pid)) {
        if (state !== 'Z') continue;
        const since = firstSeen.get(pid) ?? performance.now();
        firstSeen.set(pid, since);
        longest = Math.max(longest, performance.now() - since);
      }
    };
    for (const child of children) {
      kill(child);
      for (const end = performance.now() + BETWEEN_DEATHS; performance.now() < end; ) {
        look();
        await delay(5);
      }
    }
    const isGone = () => {
      look();
      return !pidsOf(server).some((pid) => children.includes(pid));
    };
    await until(
      isGone,
      BLOCKED * 4 + 1,
      () =>
        new Failure(
          'Dead children stay for ever: the loop does not turn again, and nobody asks about them',
          { mistake: 'never-reaps' },
        ),
    );
    if (longest > A_WHILE) return;
    throw new Failure(
      `With --blocked ${BLOCKED} ${children.length} children died and none stayed a zombie: does the loop stand still?`,
      { mistake: 'does-not-block' },
    );
  },
};

const PLACES = 4;

export const signalsAreFlags: Check = {
  id: '3-09',
  name: 'signals',
  part: 'part3',
  title: 'Four deaths at once make four places free',
  goal: 'Signals are flags, not a queue: four deaths may be one SIGCHLD.',
  hints: [
    'Your server is stopped while four children end, and goes on. How often is its handler called?',
    'child.once("exit", ...) comes once for each child; process.on("SIGCHLD") once for as many as there were - ' +
      'sigaction(2); its handler calls waitpid(2) until nobody is left.',
    'active++ at the fork, active-- at each "exit"; while (active >= 4) await once(children, "exit").',
  ],
  anchor: 'signals',
  lenient: ['what is printed', 'how the places are counted'],
  byHand:
    'for i in 1 2 3 4 5; do curl -s http://127.0.0.1:$PORT/ & done; sleep 1; P=$(lsof -tiTCP:$PORT -sTCP:LISTEN); ' +
    'pgrep -P $P; kill -STOP $P; pkill -P $P; kill -CONT $P; sleep 1; pgrep -P $P  # four, and then the fifth',
  file: '3f',
  solution: '3f',
  seconds: 25,
  needs: 'Linux',
  async run(trial) {
    const server = await trial.start({ args: ['--sleep', LONG] });
    await putToSleep(trial, server, PLACES);
    const waiting = await askAll(trial, server, 1);
    if (await comesTrue(() => pidsOf(server).length > PLACES, 0.5)) {
      throw new Failure(
        `${pidsOf(server).length} children are at work: expected ${PLACES} at most, the others wait`,
        { mistake: 'no-limit-of-children' },
      );
    }
    server.signal('SIGSTOP');
    const stays = () => new Failure(`Your program ended, or SIGSTOP did not stop it`);
    await until(() => isStopped(server.pid), 5, stays);
    for (const pid of pidsOf(server)) kill(pid);
    const areDead = () => childrenOf(server.pid).every(({ state }) => state === 'Z');
    await until(areDead, 5, () => new Failure('The children did not die'));
    const dead = pidsOf(server);
    server.signal('SIGCONT');
    const newcomers = [...waiting, ...(await askAll(trial, server, PLACES))];
    const working = () => pidsOf(server).filter((pid) => !dead.includes(pid)).length;
    await comesTrue(() => newcomers.some(hasBegun), PATIENCE);
    if (!(await comesTrue(() => working() >= PLACES, 1))) {
      throw new Failure(
        `${PLACES} children ended at once, and then only ${working()} of ${PLACES} newcomers had one: the other places are taken by the dead`,
        { mistake: 'counts-signals' },
      );
    }
    if (working() > PLACES) {
      throw new Failure(
        `${PLACES} children ended at once, and then ${working()} are at work: expected ${PLACES}; each death makes one place free, and not two`,
        { mistake: 'counts-twice' },
      );
    }
  },
};

export const isolation: Check = {
  id: '3-10',
  name: 'isolation',
  part: 'part3',
  title: 'A child that is killed costs its own client only',
  goal: 'Isolation is what processes buy: one crash, one client.',
  hints: [
    'A child can end at any time: before it is ready, after it is, in mid-answer. What do you say to it then?',
    'child.send to one that has ended is ERR_IPC_CHANNEL_CLOSED, an "error" event of the child; unheard, it ends you - ' +
      'sendmsg(2) fails with EPIPE.',
    'child.on("error", ...); and child.once("exit", () => socket.destroy()) for as long as the socket is still yours.',
  ],
  anchor: 'isolation',
  lenient: ['whether its client sees FIN or RST', 'what is printed'],
  byHand:
    'for i in 1 2; do curl -s http://127.0.0.1:$PORT/ & done; ' +
    'pgrep -P $(lsof -tiTCP:$PORT -sTCP:LISTEN)  # kill -9 one of these; the other answers',
  file: '3f',
  solution: '3f',
  seconds: 25,
  needs: 'Linux',
  async run(trial) {
    const server = await trial.start({ args: ['--sleep', LONG] });
    const before = server.openSockets() ?? 0;
    for (let attempt = 0; attempt < EARLY_DEATHS; attempt++) {
      const early = await orFell(trial, ask(trial, server));
      await until(
        () => pidsOf(server).length > 0 || server.hasExited,
        PATIENCE,
        () => new Failure('A client asked, and no child was started for it'),
      );
      if (server.hasExited) throw fell(trial);
      for (const pid of pidsOf(server)) kill(pid);
      await isCut(trial, early, 'A child was killed before it had its connection:');
      await comesTrue(() => pidsOf(server).length === 0, 2);
    }

    const clients = await orFell(trial, putToSleep(trial, server, 2));
    const [victim = 0, other = 0] = pidsOf(server);
    kill(victim);
    const cut = () => clients.filter(({ ending }) => ending !== 'open');
    await comesTrue(() => cut().length > 0 || server.hasExited, 3);
    if (cut().length === 0)
      await isCut(trial, clients[0] as RawClient, 'A child was killed in mid-answer:');
    await comesTrue(() => !pidsOf(server).includes(victim), 2);
    if (server.hasExited || !pidsOf(server).includes(other)) throw fell(trial);
    await begins(await ask(trial, server), 'After a child was killed, a newcomer');
    for (const pid of pidsOf(server)) kill(pid);
    const more = () => (server.openSockets() ?? 0) - before;
    await until(
      () => more() <= 0,
      3,
      () =>
        new Failure(
          `All children were killed, and the server has ${more()} sockets more than before`,
        ),
    );
  },
};

async function isCut(trial: Trial, client: RawClient, when: string): Promise<void> {
  await until(
    () => client.ending !== 'open' || trial.hasExited,
    3,
    () =>
      new Failure(`${when} expected its client to be cut, and it is still waiting`, {
        cause: 'timed out',
        mistake: 'keeps-the-orphan',
      }),
  );
  if (trial.hasExited) throw fell(trial);
}

/** Who cannot be served since the program has ended hears of it a moment earlier than we do. */
function orFell<T>(trial: Trial, served: Promise<T>): Promise<T> {
  return served.catch(async (error) => {
    throw (await comesTrue(() => trial.hasExited, 1)) ? fell(trial) : error;
  });
}

/** The message becomes that of a program that has ended; why, is what it said last. */
function fell(trial: Trial): Failure {
  const isChannel = trial.stderr.includes('ERR_IPC_CHANNEL_CLOSED');
  return new Failure('One child was killed, and others went with it', {
    ...(isChannel && { mistake: 'talks-to-the-dead' }),
  });
}
