import type { Lesson } from '../../shared/checks/check.ts';
import { kill, pidsOf, putToSleep } from '../../shared/checks/run/children.ts';
import {
  askAll,
  comesTrue,
  hasBegun,
  LONG,
  PATIENCE,
  until,
} from '../../shared/checks/run/clients.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import { childrenOf, isStopped } from '../../shared/harness/proc.ts';

const PLACES = 4;

export const check: Lesson = {
  title: 'Four deaths at once make four places free',
  goal: 'Signals are flags, not a queue: four deaths may be one SIGCHLD.',
  hints: [
    'Your server is stopped while four children end, and goes on. How often is its handler called?',
    'child.once("exit", ...) comes once for each child; process.on("SIGCHLD") once for as many as there were - ' +
      'sigaction(2); its handler calls waitpid(2) until nobody is left.',
    'active++ at the fork, active-- at each "exit"; while (active >= 4) await once(children, "exit").',
  ],
  anchor: 'signals',
  lenient: ['what is printed', 'how the places are counted'],
  byHand:
    'for i in 1 2 3 4 5; do curl -s http://127.0.0.1:$PORT/ & done; sleep 1; P=$(lsof -tiTCP:$PORT -sTCP:LISTEN); ' +
    'pgrep -P $P; kill -STOP $P; pkill -P $P; kill -CONT $P; sleep 1; pgrep -P $P  # four, and then the fifth',
  file: '3f',
  solution: '3f',
  until: '3f',
  seconds: 25,
  needs: 'Linux',
  async run(trial) {
    const server = await trial.start({ args: ['--sleep', LONG] });
    await putToSleep(trial, server, PLACES);
    const waiting = await askAll(trial, server, 1);
    if (await comesTrue(() => pidsOf(server).length > PLACES, 0.5)) {
      throw new Failure(
        `${pidsOf(server).length} children are at work: expected ${PLACES} at most, the others wait`,
        { mistake: 'no-limit-of-children' },
      );
    }
    server.signal('SIGSTOP');
    const stays = () => new Failure(`Your program ended, or SIGSTOP did not stop it`);
    await until(() => isStopped(server.pid), 5, stays);
    for (const pid of pidsOf(server)) kill(pid);
    const areDead = () => childrenOf(server.pid).every(({ state }) => state === 'Z');
    await until(areDead, 5, () => new Failure('The children did not die'));
    const dead = pidsOf(server);
    server.signal('SIGCONT');
    const newcomers = [...waiting, ...(await askAll(trial, server, PLACES))];
    const working = () => pidsOf(server).filter((pid) => !dead.includes(pid)).length;
    await comesTrue(() => newcomers.some(hasBegun), PATIENCE);
    if (!(await comesTrue(() => working() >= PLACES, 1))) {
      throw new Failure(
        `${PLACES} children ended at once, and then only ${working()} of ${PLACES} newcomers had one: the other places are taken by the dead`,
        { mistake: 'counts-signals' },
      );
    }
    if (working() > PLACES) {
      throw new Failure(
        `${PLACES} children ended at once, and then ${working()} are at work: expected ${PLACES}; each death makes one place free, and not two`,
        { mistake: 'counts-twice' },
      );
    }
  },
  mistakes: [
    {
      name: 'counts-signals',
      says: '4 children ended at once, and then only 1 of 4 newcomers had one: the other places are taken by the dead',
      edits: [
        ["if (countSignals) process.on('SIGCHLD'", "process.on('SIGCHLD'"],
        ['      if (!countSignals) noteDeath();\n', ''],
      ],
    },
    {
      name: 'no-limit-of-children',
      says: '5 children are at work: expected 4 at most, the others wait',
      edits: [["    while (active >= MAX_CHILDREN) await once(children, 'exit');\n", '']],
    },
    {
      name: 'counts-twice',
      says: '4 children ended at once, and then 5 are at work: expected 4; each death makes one place free, and not two',
      edits: [["if (countSignals) process.on('SIGCHLD'", "process.on('SIGCHLD'"]],
    },
    {
      name: 'no-limit-of-children',
      file: 'part3/start/3f.ts',
      says: '5 children are at work: expected 4 at most, the others wait',
    },
  ],
};
