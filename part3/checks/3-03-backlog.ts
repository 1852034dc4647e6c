import { connect, type Socket } from 'node:net';
import type { Lesson } from '../../shared/checks/check.ts';
import { ask, begins, LONG, PATIENCE, until } from '../../shared/checks/run/clients.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import { socketsTo } from '../../shared/harness/proc.ts';

const CALLERS = 4;

export const check: Lesson = {
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
  until: '3b',
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
  mistakes: [
    {
      name: 'default-backlog',
      says: 'With --backlog 1 and a server that sleeps, all 4 more callers were connected: expected some to wait outside',
      edits: [
        ["host: values.host ?? '127.0.0.1', backlog }", "host: values.host ?? '127.0.0.1' }"],
      ],
    },
  ],
};
