import type { Lesson } from '../../shared/checks/check.ts';
import { ask, takeAnswer } from '../../shared/checks/run/clients.ts';
import { CONTRACT } from '../../shared/checks/run/contract.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import { head, takeCall, talk } from '../../shared/checks/run/gateway.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import { openGate } from '../../shared/harness/gate.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

export const check: Lesson = {
  anchor: 'exercises',
  solution: 'gateway',
  title: 'SIGHUP brings new workers, and no client is lost',
  goal: 'A deploy is a rolling change: the new ones serve before the old ones go.',
  hints: [
    'An old worker is in the middle of an answer. When may it go, and who serves meanwhile?',
    'cluster.fork for each old worker; when it is "listening", tell the old one to drain; server.close() - ' +
      'fork(2), and close(2) of the socket that listens, in the old one alone.',
    'on SIGHUP: for each old worker fork a new one, wait until it listens, then let the old one finish and exit.',
  ],
  lenient: ['how long the old ones take', 'what is printed'],
  byHand:
    'while curl -sS http://127.0.0.1:$PORT/pid; do echo; sleep 0.2; done  # meanwhile, in a third: kill -HUP the server',
  seconds: 20,
  async run(trial) {
    const server = await trial.start({ app: CONTRACT, args: ['--workers', '2'] });
    const gate = await openGate();
    try {
      const old = new Set<string>();
      for (let count = 0; count < 10; count++) old.add(await pidOf(trial, server));
      const busy = await ask(trial, server, head(`GET /relay?${gate.port}`));
      const app = await takeCall(gate.opened, busy);
      server.signal('SIGHUP');
      let isNew = false;
      for (const deadline = performance.now() + 8000; !isNew && performance.now() < deadline; ) {
        isNew = !old.has(await pidOf(trial, server));
      }
      if (!isNew) {
        throw new Failure('SIGHUP, and 8 s later the old workers still serve: expected new ones', {
          mistake: 'no-reload',
        });
      }
      app.end('not lost');
      const { text } = await takeAnswer(busy, 'A client that an old worker was answering');
      if (text !== 'not lost')
        throw new Failure(`Its answer: expected "not lost", got ${JSON.stringify(text)}`);
    } finally {
      gate.close();
    }
  },
  mistakes: [
    {
      name: 'no-reload',
      file: 'part3/server/supervisor.ts',
      says: 'SIGHUP, and 8 s later the old workers still serve: expected new ones',
      edits: [["SIGHUP: 'reload'", "SIGHUP: 'status'"]],
    },
  ],
};

async function pidOf(trial: Trial, server: ServerProcess): Promise<string> {
  return (await talk(trial, server, head('GET /pid'))).text;
}
