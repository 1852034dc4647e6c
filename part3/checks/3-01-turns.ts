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
import {
  beginToAsk,
  comeAndGo,
  expectLetGo,
  finishAsking,
  talkTooMuch,
} from '../../shared/checks/run/manners.ts';

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
  lenient: [
    'how many callers may wait',
    'what the page says',
    'whether the connection is kept',
    'whether a head of 20 KiB is too long',
    'what is said to who leaves before it has asked: nothing, or a 4xx',
  ],
  byHand:
    'sleep 5 | nc 127.0.0.1 $PORT & sleep 1; time curl -s http://127.0.0.1:$PORT/  # its turn comes in 4 s',
  file: '3a',
  solution: '3a',
  until: '3a',
  seconds: 5,
  async run(trial) {
    const server = await trial.start();
    const usual = await usualTime(trial, server);
    const first = await beginToAsk(trial, server);
    const second = await trial.connect(server);
    const third = await trial.connect(server);
    const impatient = await trial.connect(server);
    await third.send(GET);
    await second.send(GET);
    await impatient.reset();
    await delay(usual * 5 + 20); // the others could have been answered five times over
    const early = [third, second].find(hasBegun);
    await finishAsking(first, server, 'The first client');
    if (early) {
      const who = early === third ? 'third' : 'second';
      throw new Failure(
        `The ${who} client was answered while the first had not finished asking: expected one at a time`,
        { received: early.received, at: 0, mistake: 'already-concurrent' },
      );
    }
    for (const [index, client] of [first, second, third].entries()) {
      await takePage(client, `Client ${index + 1} of 3, when its turn had come,`);
      client.leave();
    }
    const silent = await trial.connect(server);
    const patient = await ask(trial, server);
    silent.halfClose();
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
    await expectLetGo(silent);
    await expectLetGo(await comeAndGo(trial, server));
    await talkTooMuch(trial, server);
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
      name: 'answers-whom-it-did-not-understand',
      says: 'A client said FIN and had not asked: expected a 4xx or nothing, got "HTTP/1.1 200 OK"',
      edits: [
        [
          '  const status = await readHead(socket);',
          "  const status = (await readHead(socket)) ?? '200 OK';",
        ],
      ],
    },
    {
      // Unheard, the error of one socket ends the process.
      name: 'no-error-listener',
      says: 'Client 1 of 3, when its turn had come, expected a whole answer, and was cut after 0 bytes; your program ended',
      edits: [
        [
          "    socket.on('error', () => socket.destroy()); // unheard, one client's reset would end us all\n",
          '',
        ],
      ],
      isNamed: false,
    },
    {
      name: 'blank-line-in-the-head',
      says: 'A client that was alone expected a page, got "Connection: close": there is a blank line before the last field',
      edits: [["'Connection: close', '', ''", "'', 'Connection: close', '', ''"]],
    },
    {
      name: 'more-than-it-says',
      says: 'A client that was alone got a page of N bytes, and Content-Length says N',
      edits: [["'Connection: close', '', ''", "'Connection: close', '', '', ''"]],
    },
    {
      name: 'already-concurrent',
      file: 'part3/start/3a.ts',
      says: 'The third client was answered while the first had not finished asking: expected one at a time',
    },
  ],
};
