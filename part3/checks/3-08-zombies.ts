import { setTimeout as delay } from 'node:timers/promises';
import type { Lesson } from '../../shared/checks/check.ts';
import { expectAsleep, kill, pidsOf, putToSleep } from '../../shared/checks/run/children.ts';
import { answerOf, headerIn, LONG, until } from '../../shared/checks/run/clients.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import { childrenOf } from '../../shared/harness/proc.ts';
import type { RawClient } from '../../shared/harness/raw-client.ts';

/** Seconds that 3-08 has the loop stand still, and milliseconds between two deaths: one at most falls between. */
const BLOCKED = 0.6;

const BETWEEN_DEATHS = 200;

const DEATHS = 3;

/** Milliseconds that one of them must be seen as a zombie: the longest of three is one for 300. Where the loop turns, it is a few. */
const A_WHILE = 180;

export const check: Lesson = {
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
  until: '3e',
  seconds: 25,
  needs: 'Linux',
  async run(trial) {
    const server = await trial.start({ args: ['--sleep', LONG, '--blocked', `${BLOCKED}`] });
    const sleepers = await putToSleep(trial, server, DEATHS);
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
    // Where an answer ends with its connection, one that was cut looks whole.
    const hasLength = (client: RawClient) =>
      headerIn(answerOf(client) ?? { headers: [] }, 'Content-Length') !== undefined;
    for (const sleeper of sleepers.filter(hasLength)) expectAsleep(sleeper, 'One that was to die');
    if (longest > A_WHILE) return;
    throw new Failure(
      `With --blocked ${BLOCKED} ${children.length} children died and none stayed a zombie: does the loop stand still?`,
      { mistake: 'does-not-block' },
    );
  },
  mistakes: [
    {
      // It asks for three children with a signal that a zombie still answers, and does not let the loop turn meanwhile.
      name: 'never-reaps',
      says: 'Dead children stay for ever: the loop does not turn again, and nobody asks about them',
      edits: [
        [
          '.send({ sleep }, socket);',
          '.send({ sleep }, socket);\n      if (pids.push(child.pid ?? 0) === 3) setImmediate(waitForAll);',
        ],
        [
          'async function handleRequest(',
          `function waitForAll(): void {
  for (const pid of pids) {
    try {
      while (process.kill(pid, 0)) block(0.01);
    } catch {
      // gone
    }
  }
}

async function handleRequest(`,
        ],
        ['if (process.argv[2] === ', 'const pids: number[] = [];\nif (process.argv[2] === '],
      ],
    },
    {
      name: 'does-not-block',
      says: 'With --blocked 0.6 3 children died and none stayed a zombie: does the loop stand still?',
      edits: [['    block(blocked);\n', '']],
    },
    {
      name: 'does-not-block',
      file: 'part3/start/3e.ts',
      says: 'With --blocked 0.6 3 children died and none stayed a zombie: does the loop stand still?',
    },
  ],
};
