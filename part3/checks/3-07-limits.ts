import type { Lesson } from '../../shared/checks/check.ts';
import { expectAsleep } from '../../shared/checks/run/children.ts';
import {
  ask,
  comesTrue,
  GET,
  hasBegun,
  isWhole,
  LONG,
  PATIENCE,
  takePage,
  until,
} from '../../shared/checks/run/clients.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';

const CROWD = 60;

/** What a process of Node.js needs for itself is about 25. */
const DESCRIPTORS = 64;

const MAX_CONNECTIONS = 4;

/** Seconds in which nobody should have its page who has to sleep before it. */
const A_MOMENT = 0.3;

export const check: Lesson = {
  title:
    'When descriptors run out nobody says so; --max-connections stops before that, and says so',
  goal: 'Resources end quietly: set a limit below the one you cannot hear.',
  hints: [
    'A process may have 64 descriptors, and 60 clients come. Which event tells you?',
    "None: the listener closes them without an 'error'. server.maxConnections = N, and server.on('drop', ...) - " +
      'accept(2) fails with EMFILE; count, and close(2) what is too much.',
    "server.maxConnections = max; server.on('drop', () => console.log('* hung up on one more')).",
  ],
  anchor: 'resources-end-quietly',
  lenient: [
    'the words of the line, if "hung up", "drop", "max", "too many" or "refused" is in it',
    'a language whose accept() does say that descriptors ran out',
  ],
  byHand: 'npm run part3 -- client3 --port $PORT --clients 60',
  file: '3d',
  solution: '3d',
  until: '3f',
  seconds: 30,
  async run(trial) {
    const { server, clients, turnedAway } = await crowdAt(
      trial,
      '--max-connections',
      `${MAX_CONNECTIONS}`,
    );
    const nobody = `${CROWD} came at once, --max-connections is ${MAX_CONNECTIONS}, and nobody was turned away`;
    await until(
      () => turnedAway() > 0 || clients.every(isWhole),
      PATIENCE,
      () => new Failure(nobody, { mistake: 'no-limit' }),
    );
    if (turnedAway() === 0) throw new Failure(nobody, { mistake: 'no-limit' });
    const says = () => /hung up|drop|max|too many|refus/i.test(server.stdout + server.stderr);
    await until(
      says,
      1,
      () =>
        new Failure('Clients were hung up on, and the server has not said a word about it', {
          mistake: 'hangs-up-in-silence',
        }),
    );
    await until(
      () => clients.every((client) => isWhole(client) || client.ending !== 'open'),
      PATIENCE,
      () => new Failure('Of those who came at once, some are neither served nor turned away'),
    );
    for (const client of clients) client.leave();
    await takePage(await ask(trial, server), 'When the crowd was gone, a newcomer', 5);
    await trial.end();

    const quiet = await crowdAt(trial, '--sleep', LONG);
    await until(
      () => quiet.clients.some(hasBegun),
      PATIENCE,
      () =>
        new Failure(`Of ${CROWD} clients and with ${DESCRIPTORS} descriptors nobody was served`),
    );
    await comesTrue(() => quiet.clients.some(isWhole), A_MOMENT);
    for (const client of quiet.clients) expectAsleep(client, 'One of the crowd');
    const served = quiet.clients.filter((client) => hasBegun(client)).length;
    if (quiet.server.hasExited || served === CROWD) {
      throw new Failure(`With ${DESCRIPTORS} descriptors all ${CROWD} were served: expected fewer`);
    }
  },
  mistakes: [
    {
      name: 'does-not-sleep',
      says: 'With --sleep 600 one of the crowd had its page at once: expected it 600 s after the head',
      edits: [['  block(sleep);\n', '']],
    },
    {
      // It waits for an 'error' of the listener, which never comes when descriptors run out.
      name: 'hangs-up-in-silence',
      says: 'Clients were hung up on, and the server has not said a word about it',
      edits: [
        [
          '    server.maxConnections = max; // those handed to a child do not count\n',
          "    server.on('error', console.error);\n",
        ],
      ],
    },
  ],
};

async function crowdAt(trial: Trial, ...args: string[]) {
  const server = await trial.start({ args, descriptors: DESCRIPTORS });
  const clients = await Promise.all(Array.from({ length: CROWD }, () => trial.connect(server)));
  for (const client of clients) await client.send(GET).catch(() => {}); // it may be closed by now
  const turnedAway = () =>
    clients.filter((client) => client.ending !== 'open' && !hasBegun(client)).length;
  return { server, clients, turnedAway };
}
