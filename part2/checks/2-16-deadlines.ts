import { setTimeout as delay } from 'node:timers/promises';
import type { Lesson } from '../../shared/checks/check.ts';
import { expectNext, readAnswer, request, wrongAnswer } from '../../shared/checks/run/contract.ts';
import { asMistake, Failure } from '../../shared/checks/run/failure.ts';
import { startWith } from '../../shared/checks/run/options.ts';
import { sideBySide } from '../../shared/checks/run/side-by-side.ts';
import { everySo } from '../../shared/checks/run/steps.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import type { RawClient } from '../../shared/harness/raw-client.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

/** Seconds that the server is told to wait. */
const PATIENCE = 0.4;
/** Milliseconds between two bytes of a client that is not silent, and never done. */
const DRIP = 20;
/** Milliseconds from one byte or sip to the next after which we were late ourselves, and it counts for nothing. */
const LATE = PATIENCE * 750;
/** How often it is tried then. */
const TRIES = 5;
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
      says: 'With --read-timeout 0.4 a client said nothing, and the next one still waits: GET /hello: no answer in 3 s',
      edits: [['milliseconds(this.#timeouts.read)', 'milliseconds(this.#timeouts.read * 100)']],
    },
    {
      name: 'each-byte-winds-the-clock',
      says: 'With --read-timeout 0.4 a client sent a byte every 0.02 s, and the next one still waits: GET /hello: no answer in 3 s',
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
      says: 'With --write-timeout 0.4 a client took nothing of its answer, and the next one still waits: GET /hello: no answer in 3 s',
      edits: [['setTimeout(() => cut(socket), patience)', 'setTimeout(() => {}, patience)']],
    },
    {
      name: 'cuts-who-is-slow',
      says: 'With --write-timeout 0.4 a client took its answer piece by piece, and was cut after N bytes',
      edits: [['.finally(() => clearTimeout(timer))', '']],
    },
  ],
};

const [READING, WRITING] = [`With --read-timeout ${PATIENCE}`, `With --write-timeout ${PATIENCE}`];

/** Each of these waits until the server has had enough, and so each has a server of its own. */
async function checkDeadlines(trial: Trial): Promise<void> {
  const sides = [expectHeads, expectHalves, expectReaders];
  const options = ['--read-timeout', `${PATIENCE}`, '--write-timeout', `${PATIENCE}`];
  await sideBySide(
    sides.map(async (expectSide) => expectSide(trial, await startWith(trial, options))),
  );
}

/** Who says nothing, and who is never done. */
async function expectHeads(trial: Trial, server: ServerProcess): Promise<void> {
  const silent = await trial.connect(server);
  await expectNext(trial, server, `${READING} a client said nothing`, 'no-deadline');
  silent.leave();

  for (let tries = 1; !(await expectDeadlineFor(trial, server, tries === TRIES)); tries++);
}

/** A client drips, and the next is served; false if our own loop was so late that it was no dripping. */
async function expectDeadlineFor(trial: Trial, server: ServerProcess, isLast: boolean) {
  const slow = await trial.connect(server);
  await slow.send('GET /hello HTTP/1.1\r\nX-Slow: ');
  const drips = everySo(DRIP, () => slow.send('x').catch(() => {}));
  const isTold = () => isLast || drips.longest < LATE;
  const what = `${READING} a client sent a byte every ${DRIP / 1000} s`;
  const next = expectNext(trial, server, what, 'each-byte-winds-the-clock', DRIPPING);
  const failure = await next.then(
    () => undefined,
    (error: Failure) => error,
  );
  drips.stop();
  slow.leave();
  if (failure && isTold()) throw failure;
  return isTold();
}

/** Who stops in the middle hears of it. */
async function expectHalves(trial: Trial, server: ServerProcess): Promise<void> {
  const half = await trial.connect(server);
  await half.send('GET /hello HTTP/1.1\r\nHost: ');
  await expectNext(trial, server, `${READING} half a head came`, 'no-deadline');
  await expectTimeout(server, half, `${READING} half a head came`);
  const body = await trial.connect(server);
  await body.send(request('POST /sha256 HTTP/1.1', 'Content-Length: 5'), 'ab');
  await expectNext(trial, server, `${READING} half a body came`, 'no-deadline');
  await expectTimeout(server, body, `${READING} half a body came`);
}

/** Who takes nothing of an answer, and who takes it slowly. */
async function expectReaders(trial: Trial, server: ServerProcess): Promise<void> {
  const idle = await trial.connect(server);
  await idle.send(request('GET /big HTTP/1.1'));
  idle.pause();
  const taking = `${WRITING} a client took nothing of its answer`;
  await expectNext(trial, server, taking, 'waits-for-a-slow-reader');
  idle.leave();
  await expectPatience(trial, server);
}

async function expectTimeout(
  server: ServerProcess,
  client: RawClient,
  what: string,
): Promise<void> {
  const mistake = 'hangs-up-without-a-word';
  const none = () => `${what}: expected 408, got nothing`;
  const answer = await readAnswer(server, client, what).catch(asMistake(mistake, none));
  if (answer.status === 408) return;
  throw wrongAnswer(`${what}: expected 408, got ${answer.status} ${answer.reason}`, answer, {
    at: 9,
  });
}

/** Who takes a little of a large answer now and then is slow, and not gone. */
async function expectPatience(trial: Trial, server: ServerProcess): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    const client = await trial.connect(server);
    await client.send(request('GET /endless HTTP/1.1'));
    const longest = await sip(client);
    const { size, ending } = client;
    client.leave();
    if (ending === 'open') return;
    if (longest > LATE) continue; // it was we who were late
    const message = `${WRITING} a client took its answer piece by piece, and was cut after ${size} bytes`;
    throw new Failure(message, { cause: 'wrong', mistake: 'cuts-who-is-slow' });
  }
}

/** Takes an answer piece by piece; milliseconds of the longest pause, which may be longer than it was meant to be. */
async function sip(client: RawClient): Promise<number> {
  let longest = 0;
  for (let turn = 0; turn < TURNS && client.ending === 'open'; turn++) {
    const start = performance.now();
    client.pause();
    await delay(PAUSE);
    client.resume();
    await delay(SIP);
    longest = Math.max(longest, performance.now() - start);
  }
  return longest;
}
