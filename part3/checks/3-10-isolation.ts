import type { Lesson } from '../../shared/checks/check.ts';
import { kill, pidsOf, putToSleep } from '../../shared/checks/run/children.ts';
import { ask, begins, comesTrue, LONG, PATIENCE, until } from '../../shared/checks/run/clients.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import { comeAndGo, expectLetGo } from '../../shared/checks/run/manners.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import { isIdle, isStopped } from '../../shared/harness/proc.ts';
import type { RawClient } from '../../shared/harness/raw-client.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

const LET_GO =
  'const letGo = () => socket.destroy(); // our copy: the child has its own, or is dead';

const HEAR_ERRORS = "    child.on('error', (error) =>";

const SENDS = 'socket, { keepOpen: true });\n      child.once(';

/** Children killed as soon as they are seen: on a busy machine some may have their connection by then, and prove nothing. */
const EARLY_DEATHS = 5;
/** The same for those that are killed when their connection has been sent to them, and not taken. */
const DEATHS_ON_THE_WAY = 2;
/** Looks in a row at which nobody may be at work; between them others get their turn. */
const LOOKS = 8;

export const check: Lesson = {
  title: 'A child that is killed costs its own client only',
  goal: 'Isolation is what processes buy: one crash, one client.',
  hints: [
    'A child can end at any time: before it is ready, after it is, in mid-answer. What do you say to it then?',
    'child.send to one that has ended is ERR_IPC_CHANNEL_CLOSED, an "error" event of the child; unheard, it ends you - ' +
      'sendmsg(2) fails with EPIPE.',
    'child.on("error", ...); and child.once("exit", () => socket.destroy()) for as long as the socket is still yours: ' +
      'with { keepOpen: true } until the child has said that it has its own.',
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
      const early = await bear(trial, server);
      for (const pid of pidsOf(server)) kill(pid);
      await isCut(trial, early, 'A child was killed before it had its connection:');
      await comesTrue(() => pidsOf(server).length === 0, 2);
    }
    for (let attempt = 0; attempt < DEATHS_ON_THE_WAY; attempt++) {
      const client = await bear(trial, server);
      await sendToNobody(server);
      for (const pid of pidsOf(server)) kill(pid);
      const when = 'A child was killed when its connection was sent, and not yet taken:';
      await isCut(trial, client, when, 'sends-and-forgets');
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
    const newcomer = await ask(trial, server);
    const leaves = await comeAndGo(trial, server);
    await begins(newcomer, 'After a child was killed, a newcomer');
    await expectLetGo(leaves);
    const more = () => (server.openSockets() ?? 0) - before;
    await until(
      () => {
        for (const pid of pidsOf(server)) kill(pid); // on a busy machine one may be started as late as now
        return more() <= 0;
      },
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
          LET_GO,
          "const letGo = () => {\n      child.send('too late');\n      socket.destroy();\n    };",
        ],
      ],
    },
    {
      name: 'keeps-the-orphan',
      says: 'A child was killed before it had its connection: expected its client to be cut, and it is still waiting',
      edits: [[LET_GO, 'const letGo = () => {};']],
    },
    {
      name: 'sends-and-forgets',
      says: 'A child was killed when its connection was sent, and not yet taken: expected its client to be cut, and it is still waiting',
      edits: [[SENDS, "socket);\n      child.off('exit', letGo).once("]],
    },
    {
      name: 'ends-with-its-child',
      says: 'One child was killed, and others went with it; your program ended',
      edits: [[LET_GO, 'const letGo = () => process.exit(1);']],
      isNamed: false,
    },
  ],
};

/** A client that has asked, and a child that was started for it a moment ago. */
async function bear(trial: Trial, server: ServerProcess): Promise<RawClient> {
  const client = await orFell(trial, ask(trial, server));
  await until(
    () => pidsOf(server).length > 0 || server.hasExited,
    PATIENCE,
    () => new Failure('A client asked, and no child was started for it'),
  );
  if (server.hasExited) throw fell(trial);
  return client;
}

/**
 * Lets a newborn child come to where it waits for its connection, and the server send it, but the child not take it: they
 * are stopped in turn. Where the machine was too busy to stop the server in time, the child has its connection already.
 */
async function sendToNobody(server: ServerProcess): Promise<void> {
  server.signal('SIGSTOP');
  await comesTrue(() => isStopped(server.pid), 5);
  await restsAgain(server);
  for (const pid of pidsOf(server)) process.kill(pid, 'SIGSTOP');
  await comesTrue(() => pidsOf(server).every(isStopped), 2);
  server.signal('SIGCONT');
  await comesTrue(() => !isStopped(server.pid), 2);
  await restsAgain(server);
}

/** Whatever was to be done is done: nobody of the program's is at work any more. */
async function restsAgain(server: ServerProcess): Promise<void> {
  let looks = 0;
  const rests = () => {
    looks = isIdle(server.pid) ? looks + 1 : 0;
    return looks === LOOKS;
  };
  await comesTrue(rests, 5);
}

async function isCut(
  trial: Trial,
  client: RawClient,
  when: string,
  mistake = 'keeps-the-orphan',
): Promise<void> {
  await until(
    () => client.ending !== 'open' || trial.hasExited,
    3,
    () =>
      new Failure(`${when} expected its client to be cut, and it is still waiting`, {
        cause: 'timed out',
        mistake,
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
