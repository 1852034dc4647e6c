import type { Lesson } from '../../shared/checks/check.ts';
import { kill, pidsOf, putToSleep } from '../../shared/checks/run/children.ts';
import { ask, begins, comesTrue, LONG, PATIENCE, until } from '../../shared/checks/run/clients.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import type { RawClient } from '../../shared/harness/raw-client.ts';

const GIVE_UP = 'const giveUp = () => socket.destroy(); // it never came so far';

const HEAR_ERRORS = "    child.on('error', (error) =>";

/** Children killed as soon as they are seen: on a busy machine some may have their connection by then, and prove nothing. */
const EARLY_DEATHS = 5;

export const check: Lesson = {
  title: 'A child that is killed costs its own client only',
  goal: 'Isolation is what processes buy: one crash, one client.',
  hints: [
    'A child can end at any time: before it is ready, after it is, in mid-answer. What do you say to it then?',
    'child.send to one that has ended is ERR_IPC_CHANNEL_CLOSED, an "error" event of the child; unheard, it ends you - ' +
      'sendmsg(2) fails with EPIPE.',
    'child.on("error", ...); and child.once("exit", () => socket.destroy()) for as long as the socket is still yours.',
  ],
  anchor: 'isolation',
  lenient: ['whether its client sees FIN or RST', 'what is printed'],
  byHand:
    'for i in 1 2; do curl -s http://127.0.0.1:$PORT/ & done; ' +
    'pgrep -P $(lsof -tiTCP:$PORT -sTCP:LISTEN)  # kill -9 one of these; the other answers',
  file: '3f',
  solution: '3f',
  until: '3f',
  seconds: 25,
  needs: 'Linux',
  async run(trial) {
    const server = await trial.start({ args: ['--sleep', LONG] });
    const before = server.openSockets() ?? 0;
    for (let attempt = 0; attempt < EARLY_DEATHS; attempt++) {
      const early = await orFell(trial, ask(trial, server));
      await until(
        () => pidsOf(server).length > 0 || server.hasExited,
        PATIENCE,
        () => new Failure('A client asked, and no child was started for it'),
      );
      if (server.hasExited) throw fell(trial);
      for (const pid of pidsOf(server)) kill(pid);
      await isCut(trial, early, 'A child was killed before it had its connection:');
      await comesTrue(() => pidsOf(server).length === 0, 2);
    }

    const clients = await orFell(trial, putToSleep(trial, server, 2));
    const [victim = 0, other = 0] = pidsOf(server);
    kill(victim);
    const cut = () => clients.filter(({ ending }) => ending !== 'open');
    await comesTrue(() => cut().length > 0 || server.hasExited, 3);
    if (cut().length === 0)
      await isCut(trial, clients[0] as RawClient, 'A child was killed in mid-answer:');
    await comesTrue(() => !pidsOf(server).includes(victim), 2);
    if (server.hasExited || !pidsOf(server).includes(other)) throw fell(trial);
    await begins(await ask(trial, server), 'After a child was killed, a newcomer');
    for (const pid of pidsOf(server)) kill(pid);
    const more = () => (server.openSockets() ?? 0) - before;
    await until(
      () => more() <= 0,
      3,
      () =>
        new Failure(
          `All children were killed, and the server has ${more()} sockets more than before`,
        ),
    );
  },
  mistakes: [
    {
      name: 'talks-to-the-dead',
      says: 'One child was killed, and others went with it; your program ended',
      edits: [
        [HEAR_ERRORS, "    child.on('unheard', (error) =>"],
        [
          GIVE_UP,
          "const giveUp = () => {\n      child.send('too late');\n      socket.destroy();\n    };",
        ],
      ],
    },
    {
      name: 'keeps-the-orphan',
      says: 'A child was killed before it had its connection: expected its client to be cut, and it is still waiting',
      edits: [[GIVE_UP, 'const giveUp = () => {};']],
    },
    {
      name: 'ends-with-its-child',
      says: 'One child was killed, and others went with it; your program ended',
      edits: [[GIVE_UP, 'const giveUp = () => process.exit(1);']],
      isNamed: false,
    },
  ],
};

async function isCut(trial: Trial, client: RawClient, when: string): Promise<void> {
  await until(
    () => client.ending !== 'open' || trial.hasExited,
    3,
    () =>
      new Failure(`${when} expected its client to be cut, and it is still waiting`, {
        cause: 'timed out',
        mistake: 'keeps-the-orphan',
      }),
  );
  if (trial.hasExited) throw fell(trial);
}

/** Who cannot be served since the program has ended hears of it a moment earlier than we do. */
function orFell<T>(trial: Trial, served: Promise<T>): Promise<T> {
  return served.catch(async (error) => {
    throw (await comesTrue(() => trial.hasExited, 1)) ? fell(trial) : error;
  });
}

/** The message becomes that of a program that has ended; why, is what it said last. */
function fell(trial: Trial): Failure {
  const isChannel = trial.stderr.includes('ERR_IPC_CHANNEL_CLOSED');
  return new Failure('One child was killed, and others went with it', {
    ...(isChannel && { mistake: 'talks-to-the-dead' }),
  });
}
