/** Part 3, descriptors: 3d, those that leak and those that run out. */
import { childrenOf, connectionsOf } from '../../shared/harness/proc.ts';
import type { RawClient } from '../../shared/harness/raw-client.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';
import type { Check } from '../../shared/checks/check.ts';
import {
  ask,
  askAll,
  comesTrue,
  GET,
  hasBegun,
  isWhole,
  LONG,
  PATIENCE,
  takeAnswer,
  until,
} from '../../shared/checks/clients.ts';
import { Failure } from '../../shared/checks/failure.ts';
import type { Trial } from '../../shared/checks/trial.ts';

const CLIENTS = 4;

async function noChildren(server: ServerProcess): Promise<void> {
  const count = () => childrenOf(server.pid).length;
  await until(
    () => count() === 0,
    5,
    () =>
      new Failure(
        `${CLIENTS} clients had their answers and are gone, and ${count()} children are still there`,
        { mistake: 'children-stay' },
      ),
  );
}

export const descriptorsComeBack: Check = {
  id: '3-06',
  name: 'descriptors',
  part: 'part3',
  title: 'What was served leaves no descriptor behind; with --keep-open, FIN never comes',
  goal: 'A connection closes when its last copy closes: a descriptor in another process is a copy.',
  hints: [
    'The child has closed its connection and is gone. Who else has it open?',
    'child.send(message, socket, { keepOpen }): by default the parent closes its copy - close(2) after fork(2). ls -l /proc/PID/fd counts them.',
    'With --keep-open: send(..., { keepOpen: true }), and in the child write(body, () => socket.destroy()), which is ' +
      'close(2) alone; end() would say FIN for all copies at once (shutdown(2)).',
  ],
  anchor: 'descriptors',
  lenient: ['when exactly they are closed, as long as it is soon after the last child'],
  byHand:
    'for i in 1 2 3 4; do curl -s http://127.0.0.1:$PORT/; done; ss -tnp "sport = :$PORT"  # nobody is left',
  file: '3d',
  solution: '3d',
  seconds: 30,
  needs: 'Linux',
  async run(trial) {
    const server = await trial.start();
    const before = server.openSockets() ?? 0;
    const clients = await askAll(trial, server, CLIENTS);
    for (const client of clients) {
      await takeAnswer(client, 'A client');
      await until(
        () => client.ending !== 'open',
        3,
        () =>
          new Failure(
            'A client has its whole answer, and no FIN: somebody keeps a copy of it open',
            {
              cause: 'timed out',
              received: client.received,
              mistake: 'keeps-its-copy',
            },
          ),
      );
      client.leave();
    }
    await noChildren(server);
    const more = () => (server.openSockets() ?? 0) - before;
    await until(
      () => more() <= 0,
      2,
      () => {
        const copies = connectionsOf(server.pid);
        return copies > 0
          ? new Failure(
              `All ${CLIENTS} are served and gone, and the server holds ${copies} connections`,
              {
                mistake: 'keeps-its-copy',
              },
            )
          : new Failure(
              `All ${CLIENTS} are served and gone, and the server has ${more()} sockets more`,
            );
      },
    );
    await trial.end();
    await showKeepOpen(trial);
  },
};

async function showKeepOpen(trial: Trial): Promise<void> {
  const server = await trial.start({ args: ['--keep-open'] });
  const clients = await askAll(trial, server, CLIENTS);
  for (const client of clients) await takeAnswer(client, 'With --keep-open a client');
  const hasEnded = () => clients.some(({ ending }) => ending !== 'open');
  await comesTrue(() => hasEnded() || childrenOf(server.pid).length === 0, PATIENCE);
  if (hasEnded()) await comesTrue(() => connectionsOf(server.pid) < CLIENTS, 0.3); // the last may be on its way
  if (connectionsOf(server.pid) < CLIENTS) {
    throw new Failure(
      'With --keep-open the server keeps nothing of what it has given away: expected a copy of each',
      { mistake: 'keep-open-keeps-nothing' },
    );
  }
  if (hasEnded()) {
    const { received } = clients[0] as RawClient;
    throw new Failure(
      'With --keep-open a FIN came although a copy is open: expected the child to close, and not to end()',
      { received, at: received.length, mistake: 'end-is-not-close' },
    );
  }
  await noChildren(server);
}

const CROWD = 60;
/** What a process of Node.js needs for itself is about 25. */
const DESCRIPTORS = 64;
const MAX_CONNECTIONS = 4;

async function crowdAt(trial: Trial, ...args: string[]) {
  const server = await trial.start({ args, descriptors: DESCRIPTORS });
  const clients = await Promise.all(Array.from({ length: CROWD }, () => trial.connect(server)));
  for (const client of clients) await client.send(GET).catch(() => {}); // it may be closed by now
  const turnedAway = () =>
    clients.filter((client) => client.ending !== 'open' && !hasBegun(client)).length;
  return { server, clients, turnedAway };
}

export const resourcesEnd: Check = {
  id: '3-07',
  name: 'limits',
  part: 'part3',
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
    await takeAnswer(await ask(trial, server), 'When the crowd was gone, a newcomer', 5);
    await trial.end();

    const quiet = await crowdAt(trial, '--sleep', LONG);
    await until(
      () => quiet.clients.some(hasBegun),
      PATIENCE,
      () =>
        new Failure(`Of ${CROWD} clients and with ${DESCRIPTORS} descriptors nobody was served`),
    );
    const served = quiet.clients.filter((client) => hasBegun(client)).length;
    if (quiet.server.hasExited || served === CROWD) {
      throw new Failure(`With ${DESCRIPTORS} descriptors all ${CROWD} were served: expected fewer`);
    }
  },
};
