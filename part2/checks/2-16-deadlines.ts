import { setTimeout as delay } from 'node:timers/promises';
import type { Lesson } from '../../shared/checks/check.ts';
import {
  ask,
  CONTRACT,
  expectStatus,
  readAnswer,
  request,
  wrongAnswer,
} from '../../shared/checks/run/contract.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import type { RawClient } from '../../shared/harness/raw-client.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

/** Seconds that the server is told to wait. */
const PATIENCE = 0.4;
/** Milliseconds between two bytes of a client that is not silent, and never done. */
const DRIP = 20;
/** Milliseconds in which a slow reader takes nothing. */
const PAUSE = 100;
/** Milliseconds in which a slow reader takes what it can get. */
const SIP = 5;
/** How often: all of it takes longer than the patience of the server. */
const TURNS = 8;

/** What no common tool does by itself: a byte every tenth of a second. */
const DRIPPING =
  '(printf "GET /hello HTTP/1.1\\r\\nX: "; for i in $(seq 90); do printf x; sleep 0.1; done) | nc 127.0.0.1 $PORT & sleep 0.1; time curl -i http://127.0.0.1:$PORT/hello';

export const check: Lesson = {
  title: 'Nobody can make the others wait for ever',
  goal: 'One at a time is a promise to those who wait: a deadline for the whole request, and for each step of the answer.',
  hints: [
    'A client connects and says nothing. Who is served meanwhile?',
    'AbortSignal.timeout for what waits, setTimeout for what is written - poll(2) with what is left of the time; RFC 9110 §15.5.9 (408).',
    'One clock for the whole request, which no byte winds up: 408 and close. A clock for each piece that you write: who takes nothing of it is cut with resetAndDestroy.',
  ],
  anchor: 'deadlines',
  lenient: [
    'what is done about who sends nothing at all: 408, or a hang-up',
    'when exactly',
    'an answer behind the deadline that was under way before it',
  ],
  byHand:
    '(printf "GET /hello HTTP/1.1"; sleep 9) | nc 127.0.0.1 $PORT & sleep 0.1; time curl -i http://127.0.0.1:$PORT/hello',
  solution: '2e',
  until: '2e',
  seconds: 12,
  run: checkDeadlines,
  mistakes: [
    {
      name: 'unknown-option',
      says: 'Started with --read-timeout 0.4 --write-timeout 0.4 your program ended before it was ready',
      edits: [["        'write-timeout': text,\n", '']],
    },
    {
      name: 'no-deadline',
      says: 'With --read-timeout 0.4 a client said nothing, and the next one waited for it: GET /hello: no answer in 3 s',
      edits: [['milliseconds(this.#timeouts.read)', 'milliseconds(this.#timeouts.read * 100)']],
    },
    {
      name: 'each-byte-winds-the-clock',
      says: 'With --read-timeout 0.4 a client sent a byte every 0.02 s, and the next one waited for it: GET /hello: no answer in 3 s',
      edits: [
        [
          "const packets = on(socket, 'data', { signal, close: ['end', 'close'] });",
          "void signal;\n    const packets = on(socket, 'data', { close: ['end', 'close'] });\n    socket.setTimeout(milliseconds(this.#timeouts.read), () => socket.destroy());",
        ],
      ],
    },
    {
      name: 'hangs-up-without-a-word',
      says: 'With --read-timeout 0.4 half a head came: expected 408, got nothing',
      edits: [
        ["refuse('408 Request Timeout', 'others are waiting')", "throw new ClientLeft('too late')"],
      ],
    },
    {
      name: 'waits-for-a-slow-reader',
      says: 'With --write-timeout 0.4 a client took nothing of its answer, and the next one waited for it: GET /hello: no answer in 3 s',
      edits: [['setTimeout(() => cut(socket), patience)', 'setTimeout(() => {}, patience)']],
    },
    {
      name: 'cuts-who-is-slow',
      says: 'With --write-timeout 0.4 a client took its answer piece by piece, and was cut after N bytes',
      edits: [['.finally(() => clearTimeout(timer))', '']],
    },
  ],
};

async function checkDeadlines(trial: Trial): Promise<void> {
  const options = ['--read-timeout', `${PATIENCE}`, '--write-timeout', `${PATIENCE}`];
  const starting = trial.start({ app: CONTRACT, args: options });
  const server = await starting.catch(({ message, details }: Failure) => {
    if (details.cause !== 'did not start') throw new Failure(message, details);
    const said = `Started with ${options.join(' ')} your program ended before it was ready`;
    throw new Failure(said, { ...details, mistake: 'unknown-option' });
  });
  const [reading, writing] = [
    `With --read-timeout ${PATIENCE}`,
    `With --write-timeout ${PATIENCE}`,
  ];
  const silent = await trial.connect(server);
  await expectNext(trial, server, `${reading} a client said nothing,`, 'no-deadline');
  silent.leave();

  const slow = await trial.connect(server);
  await slow.send('GET /hello HTTP/1.1\r\nX-Slow: ');
  const drip = setInterval(() => slow.send('x').catch(() => {}), DRIP);
  const what = `${reading} a client sent a byte every ${DRIP / 1000} s,`;
  await expectNext(trial, server, what, 'each-byte-winds-the-clock', DRIPPING).finally(() =>
    clearInterval(drip),
  );

  const half = await trial.connect(server);
  await half.send('GET /hello HTTP/1.1\r\nHost: ');
  await expectNext(trial, server, `${reading} half a head came,`, 'no-deadline');
  await expectTimeout(server, half, `${reading} half a head came`);
  const body = await trial.connect(server);
  await body.send(request('POST /sha256 HTTP/1.1', 'Content-Length: 5'), 'ab');
  await expectNext(trial, server, `${reading} half a body came,`, 'no-deadline');
  await expectTimeout(server, body, `${reading} half a body came`);

  const idle = await trial.connect(server);
  await idle.send(request('GET /big HTTP/1.1'));
  idle.pause();
  const taking = `${writing} a client took nothing of its answer,`;
  await expectNext(trial, server, taking, 'waits-for-a-slow-reader');
  idle.leave();
  await expectPatience(trial, server, writing);
}

/** The next client is served, if nobody waits for the one before it without end. */
async function expectNext(
  trial: Trial,
  server: ServerProcess,
  what: string,
  mistake: string,
  byHand?: string,
): Promise<void> {
  const asked = ask(trial, server, request('GET /hello HTTP/1.1'));
  const answer = await asked.catch(({ message, details }: Failure) => {
    throw new Failure(`${what} and the next one waited for it: ${message}`, {
      ...details,
      mistake,
      ...(byHand && { byHand }),
    });
  });
  expectStatus(answer, 200, `${what} and the next one`, server);
}

async function expectTimeout(
  server: ServerProcess,
  client: RawClient,
  what: string,
): Promise<void> {
  const mistake = 'hangs-up-without-a-word';
  const answer = await readAnswer(server, client, what).catch(({ details }: Failure) => {
    throw new Failure(`${what}: expected 408, got nothing`, { ...details, mistake });
  });
  if (answer.status === 408) return;
  throw wrongAnswer(`${what}: expected 408, got ${answer.status} ${answer.reason}`, answer, {
    at: 9,
  });
}

/** Who takes a little of a large answer now and then is slow, and not gone. */
async function expectPatience(trial: Trial, server: ServerProcess, writing: string): Promise<void> {
  const client = await trial.connect(server);
  await client.send(request('GET /endless HTTP/1.1'));
  for (let turn = 0; turn < TURNS && client.ending === 'open'; turn++) {
    client.pause();
    await delay(PAUSE);
    client.resume();
    await delay(SIP);
  }
  const { size, ending } = client;
  client.leave();
  if (ending === 'open') return;
  const message = `${writing} a client took its answer piece by piece, and was cut after ${size} bytes`;
  throw new Failure(message, { cause: 'wrong', mistake: 'cuts-who-is-slow' });
}
