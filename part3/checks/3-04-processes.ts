import type { RawClient } from '../../shared/harness/raw-client.ts';
import type { Check } from '../../shared/checks/check.ts';
import {
  askAll,
  begins,
  comesTrue,
  GET,
  hasBegun,
  isWhole,
  LONG,
  PATIENCE,
  takeAnswer,
  takePid,
  until,
} from '../../shared/checks/clients.ts';
import { Failure } from '../../shared/checks/failure.ts';

/** Milliseconds after which a client who has heard nothing asks again. */
const IMPATIENCE = 300;

/** Asks until it is answered: who loses the first request is found out by 3-05, and only there. */
async function insist(client: RawClient, who: string): Promise<void> {
  const again = setInterval(() => hasBegun(client) || client.send(GET).catch(() => {}), IMPATIENCE);
  try {
    await client.send(GET).catch(() => {});
    await begins(client, who);
  } finally {
    clearInterval(again);
  }
}

export const aProcessForEach: Check = {
  id: '3-04',
  name: 'processes',
  part: 'part3',
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
    await insist(await trial.connect(sleepy), 'The first sleeper');
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
  },
};

export const noByteIsLost: Check = {
  id: '3-05',
  name: 'handover',
  part: 'part3',
  title: 'A client that writes the instant it connects loses no byte',
  goal: 'What the parent has read stays in the parent: it must not read from what it gives away.',
  hints: [
    'The child takes its time to start. Who holds the connection meanwhile, and does what with it?',
    'net.createServer({ pauseOnConnect: true }): no byte is read until somebody says so - no recv(2) before fork(2).',
    'createServer({ allowHalfOpen: true, pauseOnConnect: true }) in the parent; the child reads as ever.',
  ],
  anchor: 'what-the-parent-read',
  lenient: ['when the child is started', 'whether a client may half-close'],
  byHand:
    'curl -i http://127.0.0.1:$PORT/  # it writes at once; nc with a slow hand does not show it',
  file: '3c',
  solution: '3c',
  seconds: 25,
  async run(trial) {
    const server = await trial.start({ args: ['--sleep', '0'] });
    const start = performance.now();
    const patient = await trial.connect(server);
    await insist(patient, 'A client');
    await takeAnswer(patient, 'A client');
    const usual = performance.now() - start;
    const clients = await askAll(trial, server, 3);
    const isOver = () => clients.every((client) => isWhole(client) || client.ending !== 'open');
    if (!(await comesTrue(isOver, (usual * 2) / 1000))) {
      // If their requests are lost, saying that no more will come shows it.
      for (const client of clients) client.halfClose();
      await comesTrue(isOver, PATIENCE);
    }
    const lost = clients.filter((client) => !hasBegun(client)).length;
    if (lost > 0) {
      throw new Failure(
        `${lost} of 3 who wrote the instant they connected got nothing; who asked again, later, was answered`,
        { mistake: 'no-pause-on-connect' },
      );
    }
    for (const client of clients) await takeAnswer(client, 'A client that wrote at once');
  },
};
