import type { Lesson } from '../../shared/checks/check.ts';
import {
  ask,
  CONTRACT,
  expectStatus,
  PATIENCE,
  request,
} from '../../shared/checks/run/contract.ts';
import { asMistake, Failure } from '../../shared/checks/run/failure.ts';
import { PythonTrial } from '../../shared/checks/run/python-trial.ts';
import { openRelay } from '../../shared/checks/run/relay.ts';
import { parseAnswer } from '../../shared/checks/run/response.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

const FINISH = 'response.socket.off';

export const check: Lesson = {
  title: 'The result is closed, whatever happened to it',
  goal: 'Who hands you a body may have a file or a database behind it, and close() is how it gets that back.',
  hints: [
    'Whose is the file behind a body, and how does its owner know that you are done?',
    'PEP 3333 "Specification Details": close() of the iterable; try ... finally; the \'close\' event of a socket - recv(2) that returns 0, or ECONNRESET.',
    "try { for await (...) ... } finally { await result.close?.() }; and once the socket is closed, at once: socket.once('close', ...), for a generator that waits cannot be asked to return.",
  ],
  anchor: 'close',
  lenient: [
    'when exactly, as long as it is soon',
    'a client that says FIN may only have half closed: who resets the connection has left',
    'for a gateway in Python: a client that leaves is noticed at the next piece',
  ],
  byHand:
    "curl -i 'http://127.0.0.1:$PORT$TARGET'  # Ctrl-C if it does not end; and look at what your server prints",
  solution: '2d',
  seconds: 10,
  run: checkClose,
  mistakes: [
    {
      name: 'never-closed',
      says: 'GET /close: the app got its last piece sent, and close() of its result was never called',
      edits: [
        ["      response.socket.off('close', close);\n      await close();", '      void close;'],
        [
          "    response.socket.once('close', close); // the client left: nobody waits for the rest\n",
          '',
        ],
        ['    if (response.socket.destroyed) close(); // it left already\n', ''],
      ],
    },
    {
      name: 'closes-lists-only',
      says: 'GET /close-slowly, of an app that yields its pieces: close() of its result was never called',
      edits: [['      await close();\n', '      if (Array.isArray(body)) await close();\n']],
    },
    {
      name: 'closed-only-after-success',
      says: 'GET /relay-and-throw, of an app that throws in its body: close() of its result was never called',
      edits: [
        [
          "    } finally {\n      response.socket.off('close', close);\n      await close();\n    }",
          "      await close();\n    } finally {\n      response.socket.off('close', close);\n    }",
        ],
        [
          "    response.socket.once('close', close); // the client left: nobody waits for the rest\n",
          '',
        ],
      ],
    },
    {
      name: 'closed-twice',
      says: 'GET /close: close() of its result was called N times: expected once',
      edits: [
        ['(closed ??= (async', '(closed = (async'],
        [`${FINISH}('close', close);`, 'close();'],
      ],
    },
    {
      name: 'client-left-unnoticed',
      says: 'A client left while the app had nothing to say: close() of its result was never called',
      edits: [
        [
          "    response.socket.once('close', close); // the client left: nobody waits for the rest\n",
          '',
        ],
      ],
    },
    {
      name: 'asks-on-for-head',
      says: 'HEAD /endless: the answer has begun, and after 3 s the connection is still open, though it was asked to close',
      edits: [['        if (response.headSent && hasNoBody(response)) break;\n', '']],
    },
    {
      name: 'client-left-unnoticed',
      says: 'A client left before the app had returned: close() of its result was never called',
      edits: [['    if (response.socket.destroyed) close(); // it left already\n', '']],
    },
    {
      name: 'closed-twice',
      says: 'A client left while the app had nothing to say: close() of its result was called N times: expected once',
      edits: [
        [
          "      response.socket.off('close', close);\n      await close();",
          '      if (response.socket.destroyed) await body.close?.();\n      await close();',
        ],
      ],
    },
  ],
};

async function checkClose(trial: Trial): Promise<void> {
  const server = await trial.start({ app: CONTRACT });
  const patient = await trial.connect(server);
  await patient.send(request('GET /close?1 HTTP/1.1')); // and it does not hang up when it has its answer
  await patient.settle(PATIENCE * 1000, () => patient.ending !== 'open');
  const answer = parseAnswer(patient.received, patient.ending, 'GET /close');
  expectStatus(answer, 200, 'GET /close', server);
  await expectClosed(
    server,
    /closed 1\n/,
    'GET /close: the app got its last piece sent, and',
    'never-closed',
  );
  await expectOnce(trial, server, /closed 1\n/, 'GET /close:');

  expectStatus(
    await ask(trial, server, request('GET /close-slowly HTTP/1.1')),
    200,
    'GET /close-slowly',
    server,
  );
  await expectClosed(
    server,
    /slowly closed\n/,
    'GET /close-slowly, of an app that yields its pieces:',
    'closes-lists-only',
  );

  const { words, client } = await openRelay(trial, server, '/relay-and-throw');
  words.end('half of ');
  await client.readToEnd();
  await expectClosed(
    server,
    /relay closed\n/,
    'GET /relay-and-throw, of an app that throws in its body:',
    'closed-only-after-success',
  );

  const left = await trial.connect(server);
  await left.send(request('GET /endless HTTP/1.1'));
  await left.settle(1_000, () => left.size > 100_000);
  left.leave();
  await expectClosed(
    server,
    /endless closed\n/,
    'A client left in the middle of its body:',
    'client-left-unnoticed',
  );
  if (trial instanceof PythonTrial) return; // one that runs applications in threads cannot interrupt them

  for (const [path, sign, word, when] of [
    ['/waits', /waiting/, /waits closed, 1 said\n/, 'while the app had nothing to say'],
    ['/late-waits', /asleep/, /waits closed, 0 said\n/, 'before the app had returned'],
  ] as const) {
    const silent = await trial.connect(server);
    await silent.send(request(`GET ${path} HTTP/1.1`));
    const isHere = () =>
      sign.test(`${silent.received}${server.stdout}${server.stderr}`) || undefined;
    if (path === '/waits') await silent.settle(1_000, () => Boolean(isHere()));
    else await server.waitFor(isHere, 1);
    await silent.reset();
    await expectClosed(server, word, `A client left ${when}:`, 'client-left-unnoticed');
    await expectOnce(trial, server, word, `A client left ${when}:`);
  }
  const head = await ask(trial, server, request('HEAD /endless HTTP/1.1')).catch(
    asMistake('asks-on-for-head'),
  );
  expectStatus(head, 200, 'HEAD /endless', server);
}

async function expectClosed(
  server: ServerProcess,
  word: RegExp,
  when: string,
  mistake: string,
): Promise<void> {
  await server.waitForOutput(word, 2).catch(() => {
    const message = `${when} close() of its result was never called`;
    throw new Failure(message, { cause: 'wrong', stderr: server.stderr, mistake });
  });
}

/** What was closed once is not closed again; the request behind it has given a second call its time. */
async function expectOnce(
  trial: Trial,
  server: ServerProcess,
  word: RegExp,
  when: string,
): Promise<void> {
  await ask(trial, server, request('GET /hello HTTP/1.1'));
  const count = `${server.stdout}${server.stderr}`.split(word).length - 1;
  if (count === 1) return;
  const message = `${when} close() of its result was called ${count} times: expected once`;
  throw new Failure(message, { cause: 'wrong', stderr: server.stderr, mistake: 'closed-twice' });
}
