import { setTimeout as delay } from 'node:timers/promises';
import type { Lesson } from '../../shared/checks/check.ts';
import {
  ask,
  begins,
  comesTrue,
  hasBegun,
  isWhole,
  PATIENCE,
  takePage,
  until,
} from '../../shared/checks/run/clients.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import {
  beginToAsk,
  comeAndGo,
  expectLetGo,
  expectSilence,
  REST,
} from '../../shared/checks/run/manners.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import { acceptQueue, hasProc } from '../../shared/harness/proc.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

/** Seconds that 3-02 has the handler sleep: time enough to knock, and short enough to wait for. */
const NAP = 0.8;

/** Seconds in which a server that waits for a client accepts the others. */
const A_WHILE = 1;

/** Seconds that the second client may wait: ten is how long our own server waits for a head. */
const TOO_LONG = 6;

const doesNotSleep = () =>
  new Failure(`With --sleep ${NAP} the body came at once: expected it ${NAP} s after the head`, {
    mistake: 'does-not-sleep',
  });

/** How often 3-02 is tried where it was not the server, but this machine, that slept. */
const ATTEMPTS = 3;

export const check: Lesson = {
  title: 'While the handler blocks, callers connect at once, and wait for their first byte',
  goal: 'Connected is not accepted: the kernel shakes hands for you, and lets callers queue.',
  hints: [
    'Your process sleeps and can do nothing. Who completed the handshake of the second client?',
    'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms) blocks the whole process, as nanosleep(2) does. ' +
      'setTimeout does not: the loop goes on turning, and accepts.',
    'write the head, block(sleep), then end(body): all three for one client, before the next has its turn.',
  ],
  anchor: 'connected-is-not-accepted',
  lenient: ['what is printed', 'how the sleep is made, as long as nothing else happens in it'],
  byHand:
    'npm run part3 -- client3 --port $PORT --clients 3 & sleep 1; ss -ltn "sport = :$PORT"; wait',
  file: '3b',
  solution: '3b',
  until: '3b',
  seconds: 8,
  async run(trial) {
    const server = await trial.start({ args: ['--sleep', `${NAP}`] });
    const { first, second, leaves, asked, asleep } = await knockTwice(trial, server);
    const isUp = () => isWhole(first) || first.ending !== 'open';
    for (;;) {
      const isAccepted = hasProc && acceptQueue(server.port) === 0;
      const isServed = hasBegun(second);
      // If the first is done, we have read it after some turns of our own loop.
      for (let turn = 0; (isAccepted || isServed) && turn < 4; turn++) await delay(5);
      if (isUp()) break;
      if (isServed) {
        throw new Failure('The second client was answered while the handler of the first slept', {
          received: second.received,
          at: 0,
          mistake: 'timer-for-sleep',
        });
      }
      if (isAccepted) {
        throw new Failure(
          'The second client was accepted while the handler slept: expected a process that stands still',
          { mistake: 'timer-for-sleep' },
        );
      }
      if (performance.now() - asleep > PATIENCE * 1000) break;
      await delay(3);
    }
    await takePage(first, 'The first client');
    // No timer and no wait ends early, so who was this quick has not slept; who was not may be on a busy machine.
    if (performance.now() - asked < NAP * 1000) throw doesNotSleep();
    const late = () =>
      new Failure('Clients left before their turn, and the next one still waits for its own', {
        cause: 'timed out',
        mistake: 'waits-for-who-left',
      });
    await until(() => hasBegun(second) || second.ending !== 'open', TOO_LONG, late);
    await begins(second, 'The second client, when the first was served,');
    await takePage(second, 'The second client');
    await expectLetGo(leaves);
  },
  mistakes: [
    {
      name: 'timer-for-sleep',
      says: 'The second client was accepted while the handler slept: expected a process that stands still',
      edits: [
        ['  block(sleep);', '  await new Promise((wake) => setTimeout(wake, sleep * 1000));'],
      ],
    },
    {
      // Seconds taken for milliseconds.
      name: 'does-not-sleep',
      says: 'With --sleep 0.8 the body came at once: expected it 0.8 s after the head',
      edits: [['0, 0, seconds * 1000)', '0, 0, seconds)']],
    },
    {
      name: 'waits-for-who-left',
      says: 'Clients left before their turn, and the next one still waits for its own',
      edits: [['  if (socket.destroyed || socket.readableEnded) return undefined;\n', '']],
    },
    {
      // It shuts the door while it is busy, instead of letting the kernel queue.
      name: 'shuts-the-door',
      says: 'Nobody accepts connections on port N',
      edits: [
        [
          '    await handleRequest(socket, sleep);',
          '    server.close();\n    await handleRequest(socket, sleep);',
        ],
      ],
      isNamed: false,
    },
    {
      name: 'does-not-sleep',
      file: 'part3/start/3b.ts',
      says: 'With --sleep 0.8 the body came at once: expected it 0.8 s after the head',
    },
  ],
};

/** One takes its time to ask, and three leave meanwhile; one is put to sleep over, and the second knocks meanwhile. */
async function knockTwice(trial: Trial, server: ServerProcess) {
  for (let attempt = 1; ; attempt++) {
    const first = await beginToAsk(trial, server);
    await (await trial.connect(server)).reset();
    const leaves = await comeAndGo(trial, server);
    if (hasProc) await comesTrue(() => acceptQueue(server.port) === 0, A_WHILE); // it hears of them
    await expectSilence(first, server, 'The first client');
    const asked = performance.now();
    await first.send(REST);
    await begins(first, 'The first client');
    const asleep = performance.now();
    const second = await ask(trial, server);
    const knocked = performance.now() - asleep;
    if (!isWhole(first)) return { first, second, leaves, asked, asleep };
    if (knocked < (NAP * 1000) / 2) throw doesNotSleep();
    if (attempt < ATTEMPTS) continue;
    const how = `${Math.round(knocked)} ms, and only when the first client was done`;
    throw new Failure(`The second client needed ${how}: expected to be connected at once`);
  }
}
