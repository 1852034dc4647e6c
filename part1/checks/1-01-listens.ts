import type { Lesson } from '../../shared/checks/check.ts';
import type { Mistake } from '../../shared/checks/mistake.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import { get, REACTION, wrong } from '../../shared/checks/run/first-answer.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import { acceptQueue } from '../../shared/harness/proc.ts';
import type { RawClient } from '../../shared/harness/raw-client.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';
import { LOOK, RESPOND, SERVING } from './lines.ts';

/** No kernel gives out ports below it unasked; so one that is may be the program's own choice. */
const FIRST_FREE_PORT = 10_000;

/** What people take for the end of a head: LF alone, each line end the wrong way round, what was escaped twice. */
const WRONG_ENDS = ['\n\n', '\n\r\n\r', '\\r\\n\\r\\n'];

/** Milliseconds in which a server that waited for one of them answers. */
const PROMPT = 200;

export const check: Lesson = {
  title: 'Your program listens, and reacts',
  goal: 'listen() opens the door; the kernel answers the bell even if nobody is home',
  hints: [
    'The client is connected, and you did nothing: who completed the handshake?',
    "net.createServer((socket) => ...) calls you for each connection; socket.on('data', ...) for what is read from it - accept(2), then recv(2).",
    "socket.once('data', (bytes) => socket.end(bytes)): one read, one write, and the end - recv(2), send(2), close(2). Any reaction will do for now.",
  ],
  anchor: 'listening',
  lenient: [
    'what the reaction is: an echo, a page or a hang-up',
    'the address it listens on, if 127.0.0.1 reaches it',
  ],
  byHand: "printf 'GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' | nc 127.0.0.1 $PORT",
  solution: '1a',
  seconds: 3,
  run: listens,
  mistakes: [
    {
      name: 'frozen',
      says: 'The kernel took the connection, and your program did not pick it up in 1 s: is it busy or asleep?',
      edits: [
        [SERVING, `${SERVING}\nAtomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);`],
      ],
    },
    {
      name: 'no-reaction',
      says: 'Connected, a request sent, and in 1 s nothing came back; your program reads, and says nothing: expected any reaction at all',
      edits: [[RESPOND, '']],
      isNamed: false,
    },
    {
      name: 'no-listener',
      says: 'Connected, a request sent, and in 1 s nothing came back, and nothing happened when the client hung up: does your program read what it is sent?',
      edits: [["socket.on('data', (packet) => {", "socket.on('date', (packet) => {"]],
    },
    ...['\\n\\n', '\\n\\r\\n\\r', '\\\\r\\\\n\\\\r\\\\n'].map(
      (end): Mistake => ({
        name: 'wrong-end-of-head',
        says: `Your program takes "${end}" for the end of a head: expected it to speak at "\\r\\n\\r\\n"`,
        edits: [[LOOK, `const end = head.indexOf('${end}');`]],
      }),
    ),
    {
      name: 'waits-for-end',
      says: 'Your program answers only when the client has hung up: expected it to speak as soon as a request is there',
      edits: [
        ['createServer((socket)', 'createServer({ allowHalfOpen: true }, (socket)'],
        [RESPOND, `socket.once('end', () => ${RESPOND.slice(0, -1)});`],
      ],
    },
    {
      name: 'prints-port-0',
      says: 'Your program says "port 0": expected the port it got, server.address().port - getsockname(2)',
      edits: [[SERVING, 'console.log("Serving HTTP on port", process.env.PORT);']],
    },
    {
      name: 'ignores-port',
      says: 'Your program takes the same port whatever PORT says: expected any free one, for PORT=0',
      edits: [['values.port ?? (process.env.PORT || 8888)', '7000 + (process.ppid % 1000)']],
    },
    {
      name: 'prints-a-constant',
      says: 'Your program prints "port 8888", whichever it has: expected the port it got, server.address().port - getsockname(2)',
      edits: [[SERVING, 'console.log("Serving HTTP on port 8888");']],
    },
    {
      name: 'prints-another-port',
      says: 'Nobody accepts connections on port 65000',
      edits: [[SERVING, 'console.log("Serving HTTP on port 65000");']],
      isNamed: false,
    },
    {
      name: 'does-not-start',
      says: 'Your program ended before it was ready',
      edits: [['server.listen({', 'server.lisen({']],
      isNamed: false,
    },
    {
      name: 'dies-on-a-request',
      says: 'A request ends your program',
      edits: [[RESPOND, 'socket.send(page);']],
      isNamed: false,
    },
    {
      name: 'no-listener',
      file: 'part1/start/server.ts',
      says: 'Connected, a request sent, and in 1 s nothing came back, and nothing happened when the client hung up: does your program read what it is sent?',
    },
  ],
};

async function listens(trial: Trial): Promise<void> {
  const server = await trial.start();
  await expectFreePort(trial, server);
  const client = await trial.connect(server);
  await client.send(get());
  await client.settle(REACTION, () => client.size > 0);
  if (client.size > 0) return;
  if (client.ending === 'open') throw await whySilent(server, client);
  await trial.settle();
  if (trial.hasExited) throw new Failure('A request ends your program', { cause: 'exited' });
}

async function expectFreePort(trial: Trial, server: ServerProcess): Promise<void> {
  if (server.port === 0) {
    const message =
      'Your program says "port 0": expected the port it got, server.address().port - getsockname(2)';
    throw new Failure(message, { cause: 'wrong', mistake: 'prints-port-0' });
  }
  if (server.port >= FIRST_FREE_PORT) return;
  const second = await trial.start().catch(() => undefined);
  if (second && second.port !== server.port) return;
  if (second) {
    // Two programs run, and one port cannot be both of theirs.
    const message = `Your program prints "port ${server.port}", whichever it has: expected the port it got, server.address().port - getsockname(2)`;
    throw new Failure(message, { cause: 'wrong', mistake: 'prints-a-constant' });
  }
  const message = `Your program takes the same port whatever PORT says: expected any free one, for PORT=0`;
  throw new Failure(message, { cause: 'wrong', mistake: 'ignores-port' });
}

async function whySilent(server: ServerProcess, client: RawClient): Promise<Failure> {
  if (queueOf(server.port) > 0) {
    const message = `The kernel took the connection, and your program did not pick it up in ${REACTION / 1000} s: is it busy or asleep?`;
    return new Failure(message, { cause: 'timed out', mistake: 'frozen' });
  }
  for (const end of WRONG_ENDS) {
    await client.send(end);
    await client.settle(PROMPT, () => client.size > 0);
    if (client.size === 0) continue;
    const message = `Your program takes ${JSON.stringify(end)} for the end of a head: expected it to speak at "\\r\\n\\r\\n"`;
    return wrong(message, client.received, 0, 'wrong-end-of-head');
  }
  client.halfClose();
  await client.settle(REACTION, () => client.size > 0);
  if (client.size > 0) {
    const message =
      'Your program answers only when the client has hung up: expected it to speak as soon as a request is there';
    const { details } = wrong(message, client.received, 0, 'waits-for-end');
    const byHand =
      "printf 'GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' | nc -N 127.0.0.1 $PORT  # and without -N";
    return new Failure(message, { ...details, byHand });
  }
  const silence = `Connected, a request sent, and in ${REACTION / 1000} s nothing came back`;
  return client.ending === 'open'
    ? new Failure(
        `${silence}, and nothing happened when the client hung up: does your program read what it is sent?`,
        { cause: 'timed out', mistake: 'no-listener' },
      )
    : new Failure(
        `${silence}; your program reads, and says nothing: expected any reaction at all`,
        {
          cause: 'timed out',
        },
      );
}

/** Connections nobody accepted; 0 where nobody can tell. */
function queueOf(port: number): number {
  try {
    return acceptQueue(port);
  } catch {
    return 0;
  }
}
