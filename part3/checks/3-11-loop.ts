import type { Lesson } from '../../shared/checks/check.ts';
import {
  answerOf,
  ask,
  askAll,
  begins,
  comesTrue,
  hasBegun,
  isWhole,
  LONG,
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
import type { RawClient } from '../../shared/harness/raw-client.ts';

/** Seconds that each of the active ones sleeps. */
const NAP = 0.5;

const IDLE = 200;

const ACTIVE = 50;

/** Clients that must have begun when the first one is done. A handler that blocks makes it one or two. */
const AT_A_TIME = 10;

export const check: Lesson = {
  title: 'One process serves fifty at a time, and two hundred who say nothing',
  goal: 'Concurrency is not parallelism: one thread serves all, until one handler computes.',
  hints: [
    'What does your loop await, and what could it do meanwhile?',
    'await setTimeout(ms) from node:timers/promises lets the loop turn - poll(2) with a timeout; a loop that computes ' +
      'does not, async or not.',
    'handleRequest(socket) without await in the accept loop; in it: await delay(sleep), or compute(sleep) for --busy.',
  ],
  anchor: 'the-event-loop',
  lenient: ['the order of answers', 'what is printed'],
  byHand: 'npm run part3 -- client3 --port $PORT --clients 50  # and again with --busy',
  file: '3g',
  solution: '3g',
  seconds: 20,
  async run(trial) {
    const server = await trial.start({ args: ['--sleep', `${NAP}`] });
    const start = performance.now();
    const two = await askAll(trial, server, 2); // or the idle ones cost a process each
    const others = [talkTooMuch(trial, server), askAndReset(trial, server)];
    await Promise.all([expectOneProcess(two), ...others]);
    // Whoever sleeps is never early, but for a timer's rounding; how late an answer may be is for the machine to say.
    if (performance.now() - start < NAP * 1000 * 0.9) {
      throw atOnce();
    }
    await expectLetGo(await comeAndGo(trial, server));
    const idle = await Promise.all(Array.from({ length: IDLE }, () => trial.connect(server)));
    const slow = await beginToAsk(trial, server);
    await finishAsking(slow, server, 'A client that took its time');
    const active = [slow, ...(await askAll(trial, server, ACTIVE - 1))];
    await until(
      () => active.some(isWhole),
      8,
      () =>
        new Failure(`${IDLE} say nothing, and of ${ACTIVE} who asked nobody was answered`, {
          cause: 'timed out',
          mistake: 'awaits-each',
        }),
    );
    const begun = active.filter(hasBegun).length;
    if (begun < AT_A_TIME) {
      // One after the other they would sleep for longer; that nobody does, a busy machine has hidden above.
      if (await comesTrue(() => active.every(isWhole), (ACTIVE * NAP) / 10)) throw atOnce();
      throw new Failure(
        `When the first of ${ACTIVE} was served, no more than its neighbours had a head: expected all to be served at a time`,
        { mistake: 'async-around-a-busy-loop' },
      );
    }
    await expectOneProcess(active);
    const sentAway = idle.filter(
      ({ ending, received }) => ending !== 'open' || received.length > 0,
    );
    if (sentAway.length > 0) {
      throw new Failure(`${sentAway.length} of ${IDLE} who said nothing were not left in peace`);
    }
    await trial.end();

    const busy = await trial.start({ args: ['--busy', '--sleep', LONG] });
    const asked = performance.now();
    await begins(await ask(trial, busy), 'With --busy, the first client');
    const usual = performance.now() - asked;
    const second = await ask(trial, busy);
    if (await comesTrue(() => hasBegun(second), (usual * 5 + 50) / 1000)) {
      throw new Failure('With --busy a handler computes, and yet another client was answered', {
        received: answerOf(second)?.body ?? second.received,
        mistake: 'busy-does-not-compute',
      });
    }
  },
  mistakes: [
    {
      name: 'async-around-a-busy-loop',
      says: 'When the first of 50 was served, no more than its neighbours had a head: expected all to be served at a time',
      edits: [
        ['  if (busy) compute(sleep);\n', ''],
        ['  else await delay(sleep * 1000);', '  await (async () => compute(sleep))();'],
      ],
    },
    {
      name: 'awaits-each',
      says: '200 say nothing, and of 50 who asked nobody was answered',
      edits: [
        [
          '    handleRequest(socket, sleep, busy);',
          '    await handleRequest(socket, sleep, busy);',
        ],
      ],
    },
    {
      // Seconds taken for milliseconds.
      name: 'does-not-sleep',
      says: 'With --sleep 0.5 the body came at once: expected it 0.5 s later',
      edits: [['delay(sleep * 1000)', 'delay(sleep)']],
    },
    {
      name: 'busy-does-not-compute',
      says: 'With --busy a handler computes, and yet another client was answered',
      edits: [['  if (busy) compute(sleep);\n  else await delay', '  await delay']],
    },
    {
      name: 'awaits-each',
      file: 'part3/start/3g.ts',
      says: '200 say nothing, and of 50 who asked nobody was answered',
    },
  ],
};

function atOnce(): Failure {
  return new Failure(`With --sleep ${NAP} the body came at once: expected it ${NAP} s later`, {
    mistake: 'does-not-sleep',
  });
}

async function expectOneProcess(clients: readonly RawClient[]): Promise<void> {
  const pids = new Set<number>();
  for (const client of clients) pids.add(await takePid(client, `One of ${clients.length} clients`));
  if (pids.size === 1) return;
  throw new Failure(`${pids.size} processes answered: expected one that serves all`, {
    mistake: 'more-than-one-process',
  });
}
