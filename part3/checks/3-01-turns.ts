import { setTimeout as delay } from 'node:timers/promises';
import type { Lesson } from '../../shared/checks/check.ts';
import {
  ask,
  GET,
  hasBegun,
  isWhole,
  takePage,
  until,
  usualTime,
} from '../../shared/checks/run/clients.ts';
import { Failure } from '../../shared/checks/run/failure.ts';

const HANDLE = '    await handleRequest(socket);';

export const check: Lesson = {
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
  until: '3a',
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
      await takePage(client, `Client ${index + 1} of 3, when its turn had come,`);
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
  mistakes: [
    {
      name: 'already-concurrent',
      says: 'The third client was answered while the first had not finished asking: expected one at a time',
      edits: [[HANDLE, '    handleRequest(socket);']],
    },
    {
      name: 'answers-too-soon',
      says: 'The first client was answered before the blank line that ends its head',
      edits: [["head.indexOf('\\r\\n\\r\\n')", "head.indexOf('\\r\\n')"]],
    },
    {
      name: 'waits-for-who-left',
      says: 'A client left without a word, and the next one is still waiting for its turn',
      edits: [["{ signal, close: ['end', 'close'] }", '{ signal }']],
    },
    {
      name: 'already-concurrent',
      file: 'part3/start/3a.ts',
      says: 'The third client was answered while the first had not finished asking: expected one at a time',
    },
  ],
};
