import type { Lesson } from '../../shared/checks/check.ts';
import { expectAsleep, IMPATIENCE, insist } from '../../shared/checks/run/children.ts';
import { GET, hasBegun, LONG, takePid, until } from '../../shared/checks/run/clients.ts';
import { Failure } from '../../shared/checks/run/failure.ts';

const FORK = "    const child = fork(import.meta.filename, ['child']);";

export const check: Lesson = {
  title: 'Each connection has a process of its own, and sleepers sleep side by side',
  goal: 'Concurrency by processes, and its price: a whole Node.js for each connection.',
  hints: [
    'Two sleep. If neither is to wait for the other, how many processes do you need?',
    'child_process.fork(import.meta.filename, ["child"]) starts a new Node.js; child.send(task, socket) gives it a ' +
      'connection - fork(2), whose child has all descriptors; to another process sendmsg(2) with SCM_RIGHTS.',
    'In the parent: fork, wait for the child\'s "message" that it is ready, send it the socket. In the child: ' +
      'process.once("message", (task, socket) => handleRequest(socket, task)); and exit when the socket is closed.',
  ],
  anchor: 'a-process-for-each-connection',
  lenient: [
    'how the child is started',
    'how long that takes',
    'whether the process is used again later',
  ],
  byHand: 'npm run part3 -- client3 --port $PORT --clients 5 & sleep 1; ps -ef | grep 3c; wait',
  file: '3c',
  solution: '3c',
  seconds: 20,
  async run(trial) {
    const server = await trial.start({ args: ['--sleep', '0'] });
    const clients = [await trial.connect(server), await trial.connect(server)];
    await Promise.all(clients.map((client) => insist(client, 'A client')));
    const pids: number[] = [];
    for (const client of clients) pids.push(await takePid(client, 'A client'));
    if (pids.includes(server.pid)) {
      throw new Failure('An answer came from the server process itself: expected it from a child', {
        mistake: 'answers-in-the-parent',
      });
    }
    if (pids[0] === pids[1]) {
      throw new Failure('Two connections were answered by the same child: expected one for each', {
        mistake: 'one-child-for-all',
      });
    }
    await trial.end();

    const sleepy = await trial.start({ args: ['--sleep', LONG] });
    const start = performance.now();
    const first = await trial.connect(sleepy);
    await insist(first, 'The first sleeper');
    const usual = performance.now() - start;
    const second = await trial.connect(sleepy);
    const again = setInterval(
      () => hasBegun(second) || second.send(GET).catch(() => {}),
      IMPATIENCE,
    );
    await until(
      () => hasBegun(second),
      (usual * 5) / 1000 + 2,
      () =>
        new Failure('While the child of the first client slept, the second client got nothing', {
          cause: 'timed out',
          mistake: 'waits-for-its-child',
        }),
    ).finally(() => clearInterval(again));
    expectAsleep(first, 'The first sleeper');
  },
  mistakes: [
    {
      name: 'answers-in-the-parent',
      says: 'An answer came from the server process itself: expected it from a child',
      edits: [
        [
          FORK,
          `    socket.resume();\n    await handleRequest(socket, { sleep });\n    continue;\n${FORK}`,
        ],
      ],
    },
    {
      name: 'waits-for-its-child',
      says: 'While the child of the first client slept, the second client got nothing',
      edits: [
        [
          '    if (!child.pid) giveUp();',
          "    if (!child.pid) giveUp();\n    await once(child, 'exit');",
        ],
      ],
    },
    {
      name: 'does-not-sleep',
      says: 'With --sleep 600 the first sleeper had its page at once: expected it 600 s after the head',
      edits: [['  block(sleep);\n', '']],
    },
    {
      name: 'answers-in-the-parent',
      file: 'part3/start/3c.ts',
      says: 'An answer came from the server process itself: expected it from a child',
    },
  ],
};
