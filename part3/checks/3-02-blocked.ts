/** Part 3, one process and its limits: 3a one at a time, 3b a handler that blocks. */
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { acceptQueue, hasProc, socketsTo } from '../../shared/harness/proc.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';
import type { Check } from '../../shared/checks/check.ts';
import {
  ask,
  begins,
  GET,
  hasBegun,
  isWhole,
  LONG,
  PATIENCE,
  takeAnswer,
  until,
  usualTime,
} from '../../shared/checks/clients.ts';
import { Failure } from '../../shared/checks/failure.ts';
import type { Trial } from '../../shared/checks/trial.ts';

export const oneAtATime: Check = {
  id: '3-01',
  name: 'turns',
  part: 'part3',
  title: 'Who came first is served first, even while it says nothing',
  goal: 'One at a time is observable: the loop that accepts is the loop that serves.',
  hints: [
    'Three are connected, and the last one has asked. Where in your program are you while the first is silent?',
    'events.on(server, "connection") in a for await loop: the body of the loop is awaited before the next turn - ' +
      'a loop around accept(2).',
    'for await (const [socket] of on(server, "connection")) await handleRequest(socket); and handleRequest resolves ' +
      'when the answer is sent, or the client has left without a word.',
  ],
  anchor: 'one-at-a-time',
  lenient: ['how many callers may wait', 'what the page says', 'whether the connection is kept'],
  byHand:
    'sleep 5 | nc 127.0.0.1 $PORT & sleep 1; time curl -s http://127.0.0.1:$PORT/  # its turn comes in 4 s',
  file: '3a',
  solution: '3a',
  seconds: 5,
  async run(trial) {
    const server = await trial.start();
    const usual = await usualTime(trial, server);
    const first = await trial.connect(server);
    const second = await trial.connect(server);
    const third = await trial.connect(server);
    await third.send(GET);
    await second.send(GET);
    await first.send(...'GET /hello HTTP/1.1\r\nHost: takes-its-time\r\n\r');
    await delay(usual * 5 + 20); // the others could have been answered five times over
    if (hasBegun(first)) {
      throw new Failure('The first client was answered before the blank line that ends its head', {
        received: first.received,
        at: 0,
        mistake: 'answers-too-soon',
      });
    }
    for (const [client, who] of [
      [third, 'third'],
      [second, 'second'],
    ] as const) {
      if (!hasBegun(client)) continue;
      throw new Failure(
        `The ${who} client was answered while the first had not finished asking: expected one at a time`,
        { received: client.received, at: 0, mistake: 'already-concurrent' },
      );
    }
    await first.send('\n');
    for (const [index, client] of [first, second, third].entries()) {
      await takeAnswer(client, `Client ${index + 1} of 3, when its turn had come,`);
      client.leave();
    }
    const silent = await trial.connect(server);
    const patient = await ask(trial, server);
    silent.leave();
    await until(
      () => isWhole(patient),
      3,
      () =>
        new Failure(
          'A client left without a word, and the next one is still waiting for its turn',
          {
            cause: 'timed out',
            mistake: 'waits-for-who-left',
          },
        ),
    );
  },
};

/** Seconds that 3-02 has the handler sleep: time enough to knock, and short enough to wait for. */
const NAP = 0.8;

const doesNotSleep = () =>
  new Failure(`With --sleep ${NAP} the body came at once: expected it ${NAP} s after the head`, {
    mistake: 'does-not-sleep',
  });

/** How often 3-02 is tried where it was not the server, but this machine, that slept. */
const ATTEMPTS = 3;

/** One is served and put to sleep over, the second knocks meanwhile. */
async function knockTwice(trial: Trial, server: ServerProcess) {
  for (let attempt = 1; ; attempt++) {
    const asked = performance.now();
    const first = await ask(trial, server);
    await begins(first, 'The first client');
    const asleep = performance.now();
    const second = await ask(trial, server);
    const knocked = performance.now() - asleep;
    if (!isWhole(first)) return { first, second, asked, asleep };
    if (knocked < (NAP * 1000) / 2) throw doesNotSleep();
    if (attempt < ATTEMPTS) continue;
    const how = `${Math.round(knocked)} ms, and only when the first client was done`;
    throw new Failure(`The second client needed ${how}: expected to be connected at once`);
  }
}

export const connectedIsNotAccepted: Check = {
  id: '3-02',
  name: 'blocked',
  part: 'part3',
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
  seconds: 6,
  async run(trial) {
    const server = await trial.start({ args: ['--sleep', `${NAP}`] });
    const { first, second, asked, asleep } = await knockTwice(trial, server);
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
    await takeAnswer(first, 'The first client');
    // No timer and no wait ends early, so who was this quick has not slept; who was not may be on a busy machine.
    if (performance.now() - asked < NAP * 1000) throw doesNotSleep();
    await begins(second, 'The second client, when the first was served,');
    await takeAnswer(second, 'The second client');
  },
};

const CALLERS = 4;

export const queueHasALength: Check = {
  id: '3-03',
  name: 'backlog',
  part: 'part3',
  title: 'With --backlog 1 the queue is full, and the late callers must knock again',
  goal: 'The queue has a length. Beyond it a handshake is not refused: it is not answered.',
  hints: [
    'Five call, one is served. How many can be connected, if the queue holds one and a bit?',
    'server.listen({ port, host, backlog }) - the second argument of listen(2). Linux lets one more in than you say.',
    'parse --backlog N (default 511), and hand it to listen. Nothing else.',
  ],
  anchor: 'the-queue-has-a-length',
  lenient: ['how many exactly are let in: kernels differ by one'],
  byHand:
    'npm run part3 -- client3 --port $PORT --clients 5  # with --sleep 5 some are connected late',
  file: '3b',
  solution: '3b',
  seconds: 5,
  needs: 'Linux',
  async run(trial) {
    const server = await trial.start({ args: ['--sleep', LONG, '--backlog', '1'] });
    await begins(await ask(trial, server), 'The first client');
    const sockets: Socket[] = [];
    let connected = 0;
    try {
      for (let caller = 0; caller < CALLERS; caller++) {
        const socket = connect(server.port, '127.0.0.1', () => connected++);
        sockets.push(socket.on('error', () => {})); // a kernel may also refuse
      }
      const knocking = () => socketsTo([server.port], 'SYN_SENT');
      await until(
        () => connected + knocking() >= CALLERS,
        PATIENCE,
        () => new Failure(`Of ${CALLERS} callers only ${connected} are connected or knocking`),
      );
      if (knocking() > 0) return;
      throw new Failure(
        `With --backlog 1 and a server that sleeps, all ${CALLERS} more callers were connected: expected some to wait outside`,
        { mistake: 'default-backlog' },
      );
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  },
};
