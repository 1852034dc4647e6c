import type { Lesson } from '../../shared/checks/check.ts';
import { ask, comesTrue, hasBegun, takeAnswer } from '../../shared/checks/run/clients.ts';
import { CONTRACT } from '../../shared/checks/run/contract.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import { head } from '../../shared/checks/run/gateway.ts';

export const check: Lesson = {
  anchor: 'exercises',
  solution: 'gateway',
  title: 'Who takes too long for its head is told so: 408',
  goal: 'Patience is a resource: a deadline for the whole, not for each byte.',
  hints: [
    'A client sends a byte each time your patience is nearly over. When does it end?',
    'a timer that is started with the first byte, or the connection, and not by each packet.',
    '--head-timeout S: setTimeout once for each head - poll(2) with what is left of the time; then 408 and Connection: close, and close.',
  ],
  lenient: ['a close without a 408, for who has sent nothing', 'when exactly it comes'],
  byHand:
    'for i in G E T " "; do printf %s "$i"; sleep 1; done | nc 127.0.0.1 $PORT  # it does not wait for ever',
  seconds: 10,
  async run(trial) {
    const server = await trial.start({ app: CONTRACT, args: ['--head-timeout', '0.5'] });
    const slow = await ask(trial, server, 'GET /hello HTTP/1.1\r\nHost: ');
    const drip = setInterval(() => slow.send('x').catch(() => {}), 100);
    try {
      await takeAnswer(
        await ask(trial, server, head('GET /hello')),
        'Beside a slow client, another',
      );
      await comesTrue(() => hasBegun(slow) || slow.ending !== 'open', 5);
    } finally {
      clearInterval(drip);
    }
    const status = hasBegun(slow) ? (await takeAnswer(slow, 'The slow client')).status : 'nothing';
    if (status !== 408) {
      throw new Failure(
        `With --head-timeout 0.5 a byte came every 0.1 s: expected 408, got ${status}`,
        {
          received: slow.received,
          at: 0,
        },
      );
    }
  },
  mistakes: [
    {
      name: 'each-byte-winds-the-clock',
      isNamed: false,
      file: 'part3/server/connection.ts',
      says: 'With --head-timeout 0.5 a byte came every 0.1 s: expected 408, got nothing',
      edits: [
        [
          "this.#clock.continue('client: head'); // from",
          "this.#clock.start('client: head'); // from",
        ],
      ],
    },
  ],
};
