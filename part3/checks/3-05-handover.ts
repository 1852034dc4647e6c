import type { Lesson } from '../../shared/checks/check.ts';
import { insist } from '../../shared/checks/run/children.ts';
import {
  askAll,
  comesTrue,
  hasBegun,
  isWhole,
  PATIENCE,
  takePage,
} from '../../shared/checks/run/clients.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import {
  beginToAsk,
  comeAndGo,
  expectLetGo,
  finishAsking,
} from '../../shared/checks/run/manners.ts';

export const check: Lesson = {
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
    await takePage(patient, 'A client');
    const usual = performance.now() - start;
    const slow = await beginToAsk(trial, server);
    await finishAsking(slow, server, 'A client that took its time');
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
    for (const client of clients) await takePage(client, 'A client that wrote at once');
    await takePage(slow, 'A client that took its time');
    await expectLetGo(await comeAndGo(trial, server));
  },
  mistakes: [
    {
      name: 'no-pause-on-connect',
      says: '3 of 3 who wrote the instant they connected got nothing; who asked again, later, was answered',
      edits: [["pauseOnConnect: !values['no-pause']", 'pauseOnConnect: false']],
    },
    {
      name: 'answers-too-soon',
      says: 'A client that took its time was answered before the blank line that ends its head',
      edits: [["head.indexOf('\\r\\n\\r\\n')", "head.indexOf('\\r\\n')"]],
    },
  ],
};
