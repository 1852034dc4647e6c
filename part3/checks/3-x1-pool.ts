import type { Lesson } from '../../shared/checks/check.ts';
import { ask, GET, isWhole, takeAnswer } from '../../shared/checks/run/clients.ts';
import { Failure } from '../../shared/checks/run/failure.ts';

const JOBS = 6;

export const check: Lesson = {
  anchor: 'exercises',

  title: 'A pool of threads computes, and the loop goes on serving',
  goal: 'One process, several threads: parallelism where there is work, the loop where there is waiting.',
  hints: [
    '3g --busy: one computes, all stand still. Where else in the same process could it compute?',
    "node:worker_threads: new Worker(code, { eval: true }) with plain JavaScript, for tsx does not reach threads; postMessage, on('message') - " +
      'pthread_create(3), and a queue with a lock.',
    'GET /busy: take an idle thread or stand in the queue; when a thread is done, answer, and give it the next job.',
  ],
  lenient: ['how many threads, if fewer than jobs', 'the order of the jobs'],
  byHand: 'curl http://127.0.0.1:$PORT/busy & curl http://127.0.0.1:$PORT/hello',
  file: 'pool',
  solution: 'part3/start/solutions/pool.ts',
  seconds: 15,
  async run(trial) {
    const server = await trial.start({ args: ['--sleep', '0.2', '--threads', '2'] });
    const jobs = await Promise.all(
      Array.from({ length: JOBS }, () => ask(trial, server, GET.replace('/hello', '/busy'))),
    );
    const hello = await ask(trial, server);
    const greeting = await takeAnswer(hello, 'While the threads computed, GET /hello');
    if (jobs.every(isWhole)) {
      throw new Failure(
        `GET /hello was answered after all ${JOBS} jobs: expected it not to wait for them`,
        {
          mistake: 'computes-in-the-loop',
        },
      );
    }
    for (const [index, job] of jobs.entries()) {
      const { pid } = await takeAnswer(job, `Job ${index + 1} of ${JOBS}`);
      if (pid !== greeting.pid)
        throw new Failure('Jobs were done by another process: expected threads');
    }
  },
  mistakes: [
    {
      name: 'computes-in-the-loop',
      file: 'part3/start/pool.ts',
      says: 'GET /hello was answered after all 6 jobs: expected it not to wait for them',
    },
  ],
};
