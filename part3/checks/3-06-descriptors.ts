import type { Lesson } from '../../shared/checks/check.ts';
import { askAll, comesTrue, PATIENCE, takePage, until } from '../../shared/checks/run/clients.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import {
  beginToAsk,
  comeAndGo,
  expectLetGo,
  finishAsking,
} from '../../shared/checks/run/manners.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import { childrenOf, connectionsOf } from '../../shared/harness/proc.ts';
import type { RawClient } from '../../shared/harness/raw-client.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

const CLIENTS = 4;

export const check: Lesson = {
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
  until: '3f',
  seconds: 30,
  needs: 'Linux',
  async run(trial) {
    const server = await trial.start();
    const before = server.openSockets() ?? 0;
    const slow = await beginToAsk(trial, server);
    const leaves = await comeAndGo(trial, server);
    const others = await askAll(trial, server, CLIENTS - 1);
    for (const client of others) await isServed(client);
    await finishAsking(slow, server, 'A client that took its time');
    await isServed(slow);
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
    await expectLetGo(leaves);
    await trial.end();
    await showKeepOpen(trial);
  },
  mistakes: [
    {
      name: 'keeps-its-copy',
      says: 'All 4 are served and gone, and the server holds N connections',
      edits: [['socket, { keepOpen });', 'socket, { keepOpen: true });']],
    },
    {
      // The channel to its parent keeps a child alive that listens for more.
      name: 'children-stay',
      says: '4 clients had their answers and are gone, and N children are still there',
      edits: [
        ["process.once('message'", "process.on('message'"],
        ["    socket.once('close', () => process.exit());\n", ''],
        // ... and there is a place for each.
        ['const MAX_CHILDREN = 4;', 'const MAX_CHILDREN = 100;'],
      ],
    },
    {
      name: 'keep-open-keeps-nothing',
      says: 'With --keep-open the server keeps nothing of what it has given away: expected a copy of each',
      edits: [['socket, { keepOpen });', 'socket);']],
    },
    {
      name: 'end-is-not-close',
      says: 'With --keep-open a FIN came although a copy is open: expected the child to close, and not to end()',
      edits: [['  if (keepOpen) return void socket.write(body, () => socket.destroy());\n', '']],
    },
    {
      name: 'keep-open-keeps-nothing',
      file: 'part3/start/3d.ts',
      says: 'With --keep-open the server keeps nothing of what it has given away: expected a copy of each',
    },
  ],
};

/** It has its page, and a FIN behind it. */
async function isServed(client: RawClient): Promise<void> {
  await takePage(client, 'A client');
  await until(
    () => client.ending !== 'open',
    3,
    () =>
      new Failure('A client has its whole answer, and no FIN: somebody keeps a copy of it open', {
        cause: 'timed out',
        received: client.received,
        mistake: 'keeps-its-copy',
      }),
  );
  client.leave();
}

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

async function showKeepOpen(trial: Trial): Promise<void> {
  const server = await trial.start({ args: ['--keep-open'] });
  const clients = await askAll(trial, server, CLIENTS);
  for (const client of clients) await takePage(client, 'With --keep-open a client');
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
