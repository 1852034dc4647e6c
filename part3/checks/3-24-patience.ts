import { createHash } from 'node:crypto';
import type { Lesson } from '../../shared/checks/check.ts';
import {
  answerOf,
  ask,
  comesTrue,
  GET,
  hasBegun,
  isWhole,
  takeAnswer,
  takePage,
} from '../../shared/checks/run/clients.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import { expectSame, head, takeCall, talk } from '../../shared/checks/run/gateway.ts';
import { saysClose } from '../../shared/checks/run/messages.ts';
import { startWith } from '../../shared/checks/run/options.ts';
import { sideBySide } from '../../shared/checks/run/side-by-side.ts';
import { atPace, drip, everySo, type Pace, untilInTime } from '../../shared/checks/run/steps.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import { openGate } from '../../shared/harness/gate.ts';
import type { RawClient } from '../../shared/harness/raw-client.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

/** Seconds that the server is told to wait, for whatever it waits. */
const TIME = 0.6;
/** Milliseconds: a client makes three steps in that time, and two are a step that was too slow to prove anything. */
const [STEP, TOO_SLOW] = [200, 400];
/** Steps of a client that does nothing wrong: all of them take three times as long as the server waits for one. */
const STEPS = 9;
/** Milliseconds by which this process may be late itself, and what it saw still proves something. */
const LATE = 250;
/** How often a client trickles, where it was too slow to prove anything. */
const TRICKLES = 3;
/** Seconds until a deadline is taken for none: some eight times what was said. */
const FEW_TIMES = 5;
/** Bytes that a kernel may still hold of an answer that was cut; of an answer that was not, more than this comes. */
const IN_FLIGHT = 64 * 1024 * 1024;
/** Bytes that a slow reader takes at a time. */
const SIP = 2 * 1024 * 1024;

/** Seconds for what is not asked about: each wait has a time of its own, and another one does not do. */
const LONG = 60;
/** Where the client has to move; and where the application has to, or nobody. */
const [CLIENTS, OTHERS] = [
  ['head', 'body', 'write'],
  ['request', 'keep-alive'],
];
const patience = (short: readonly string[], long: readonly string[]) => [
  ...short.flatMap((what) => [`--${what}-timeout`, `${TIME}`]),
  ...long.flatMap((what) => [`--${what}-timeout`, `${LONG}`]),
];
/** Beginnings that go on for as long as one likes: in a field, and in the first line. */
const [IN_A_FIELD, IN_ITS_LINE] = [
  'GET /hello HTTP/1.1\r\nHost: localhost\r\nX-Slow: ',
  'GET /hello?',
];

export const check: Lesson = {
  title: 'Each wait has an end, and nobody who keeps moving is cut',
  goal: 'A deadline that each byte winds up anew is none; a deadline for the whole of an answer cuts the slow and the honest.',
  hints: [
    'A client sends a byte each time your patience is nearly over. Another takes ten minutes for a large file. Which of the two may stay?',
    'setTimeout and clearTimeout, or one setInterval that looks at all connections - poll(2) with what is left of the time. ' +
      'RFC 9110 §15.5.9 (408), §15.6.5 (504); RFC 9112 §9.8.',
    'One clock for each connection, and whose move it is: the whole head has --head-timeout from its first byte; each piece of a ' +
      'body --body-timeout; the app --request-timeout for its next step, then 504; a client that takes nothing --write-timeout, then ' +
      'a cut; between two requests --keep-alive-timeout, then a close without a word. Whoever moves, the time of the next one starts.',
  ],
  anchor: 'server/README.md#deadlines',
  lenient: [
    'when exactly',
    'what is done about who connects and says nothing: 408, or a hang-up; and which of two times it has',
    'keep-alive: who closes behind each answer has no idle connections',
    'how a client is cut that takes nothing: FIN or RST',
  ],
  byHand:
    '(printf "GET /hello HTTP/1.1\\r\\nHost: x\\r\\nX-Slow: "; for i in $(seq 50); do printf x; sleep 0.2; done) | nc 127.0.0.1 $PORT  # 408, and not after ten seconds',
  solution: '3l',
  seconds: 40,
  run: checkPatience,
  mistakes: [
    {
      name: 'unknown-option',
      file: 'part3/server/options.ts',
      says: 'Started with --head-timeout 0.6 --body-timeout 0.6 --write-timeout 0.6 --request-timeout 60 --keep-alive-timeout 60 your program ended before it was ready',
      edits: [["'request-timeout': text, ", '']],
    },
    {
      name: 'each-byte-winds-the-clock',
      file: 'part3/server/connection.ts',
      says: 'With --head-timeout 0.6 a head came a byte every 0.2 s: expected 408, got nothing in 5 s',
      edits: [["this.#clock.continue('client: head');", "this.#clock.start('client: head');"]],
    },
    {
      name: 'only-the-first-head',
      file: 'part3/server/connection.ts',
      says: 'With --head-timeout 0.6 the second head of a connection came a byte every 0.2 s: expected 408, got nothing in 5 s',
      edits: [
        [
          "this.#clock.continue('client: head');",
          "if (this.#peer) this.#clock.start('client: head');\n      else this.#clock.continue('client: head');",
        ],
      ],
    },
    {
      name: 'hangs-up-without-a-word',
      file: 'part3/server/connection.ts',
      says: 'With --head-timeout 0.6 a head came a byte every 0.2 s: expected 408, and it was hung up on without a word',
      edits: [["this.#fail(new HttpError(408, 'the head is late'));", 'this.#close();']],
    },
    {
      name: 'goes-on-behind-408',
      file: 'part3/server/connection.ts',
      says: 'With --head-timeout 0.6 a head came a byte every 0.2 s: it was told 408, and 3 s later the connection is still open',
      edits: [
        [
          '    this.#log(request, refusal);\n    this.#close();',
          '    this.#log(request, refusal);',
        ],
      ],
    },
    {
      name: 'waits-for-a-body',
      file: 'part3/server/clock.ts',
      says: 'With --body-timeout 0.6 a body stopped in its middle: expected 408, got nothing in 5 s',
      edits: [["'client: body': 'bodyTimeout'", "'client: body': 'drainTimeout'"]],
    },
    {
      name: 'one-deadline-for-a-whole-body',
      file: 'part3/server/connection.ts',
      says: 'With --body-timeout 0.6 a body came in 9 pieces, one every 0.2 s: expected it to be waited for, got 408',
      edits: [
        [
          "else if (this.#state.body.isAwaited) this.#clock.start('client: body');",
          "else if (this.#state.body.isAwaited || this.#clock.turn === 'client: body')\n      this.#clock.continue('client: body');",
        ],
      ],
    },
    {
      name: 'waits-for-the-application',
      file: 'part3/server/clock.ts',
      says: 'With --request-timeout 0.6 an application did not begin its answer: expected 504, got nothing in 5 s',
      edits: [["  application: 'requestTimeout'", "  application: 'drainTimeout'"]],
    },
    {
      name: 'half-looks-whole',
      file: 'part3/server/connection.ts',
      says: 'With --request-timeout 0.6 an application stopped in the middle of its answer: expected a cut, and its client has a whole answer',
      edits: [
        [
          'if (answer?.headSent && (hasLeft || !answer.showsItsEnd)) return void this.cut();',
          'if (answer?.headSent && !hasLeft) answer.end();',
        ],
      ],
    },
    {
      name: 'waits-for-a-slow-reader',
      file: 'part3/server/clock.ts',
      says: 'With --write-timeout 0.6 a client took nothing of its answer for 2.4 s: expected a cut, and the answer went on',
      edits: [["'client: answer': 'writeTimeout'", "'client: answer': 'drainTimeout'"]],
    },
    {
      name: 'keeps-the-idle',
      file: 'part3/server/clock.ts',
      says: 'With --keep-alive-timeout 0.6 a connection was idle behind its answer: expected a close, and it is open after 5 s',
      edits: [["'client: next head': 'keepAliveTimeout'", "'client: next head': 'drainTimeout'"]],
    },
    {
      name: 'waits-for-a-slow-reader',
      file: 'part3/server/clock.ts',
      says: 'With --write-timeout 0.6 a client took nothing of its answer for 2.4 s: expected a cut, and the answer went on',
      edits: [["'client: answer': 'writeTimeout'", "'client: answer': 'requestTimeout'"]],
    },
    {
      name: 'keeps-the-idle',
      file: 'part3/server/clock.ts',
      says: 'With --keep-alive-timeout 0.6 a connection was idle behind its answer: expected a close, and it is open after 5 s',
      edits: [["'client: next head': 'keepAliveTimeout'", "'client: next head': 'headTimeout'"]],
    },
    {
      name: 'only-the-first-head',
      file: 'part3/server/connection.ts',
      says: 'With --head-timeout 0.6 the second head of a connection came a byte every 0.2 s: expected 408, got nothing in 5 s',
      edits: [
        [
          "this.#clock.continue('client: head');",
          "this.#clock.continue(this.#peer ? 'client: next head' : 'client: head');",
        ],
      ],
    },
    {
      name: 'keeps-the-silent',
      file: 'part3/server/connection.ts',
      says: 'With --head-timeout 0.6, or --keep-alive-timeout 0.6, a client said nothing: expected the end of its connection, and it is open after 5 s',
      edits: [["    this.#clock.start('client: head');\n  }", '  }']],
    },
    {
      name: '408-to-the-idle',
      file: 'part3/server/connection.ts',
      says: 'With --keep-alive-timeout 0.6 a connection was idle behind its answer: expected a close without a word, got "HTTP/1.1 408 Request Timeout"',
      edits: [["if (this.#parser.state === 'idle') return void this.#close();", '']],
    },
    {
      name: 'a-clock-that-nobody-stops',
      file: 'part3/server/connection.ts',
      says: 'A client asked 9 times on one connection, every 0.2 s, and was cut before its request N',
      edits: [
        [
          "    this.#clock.start('client: head');\n  }",
          "    setTimeout(() => this.#fail(new HttpError(408, 'late')), service.limits.headTimeout * 1000);\n    this.#clock.start('client: head');\n  }",
        ],
      ],
    },
    {
      name: 'one-deadline-for-a-whole-answer',
      file: 'part3/server/connection.ts',
      says: 'An application said a word every 0.2 s, 9 of them: expected its client to get them all, and it was cut',
      edits: [
        [
          "else if (!this.#mayHaveLeft) this.#clock.start('application');",
          "else if (!this.#mayHaveLeft) this.#clock.continue('application');",
        ],
      ],
    },
    {
      name: 'cuts-who-is-slow',
      file: 'part3/server/connection.ts',
      says: 'With --write-timeout 0.6 a client took some of its answer every 0.2 s, and was cut after N bytes',
      edits: [
        [
          "if (this.#outbox.isWaiting) this.#clock.start('client: answer');",
          "if (this.#outbox.isWaiting || this.#clock.turn === 'client: answer')\n      this.#clock.continue('client: answer');",
        ],
      ],
    },
  ],
};

async function checkPatience(trial: Trial): Promise<void> {
  await untilInTime(
    LATE,
    () => loseAllPatience(trial),
    () => trial.end(),
  );
}

async function loseAllPatience(trial: Trial): Promise<void> {
  const starting = [
    startWith(trial, patience(CLIENTS, OTHERS)),
    startWith(trial, patience(OTHERS, CLIENTS)),
  ] as const;
  await Promise.allSettled(starting); // so that both can be ended, if one is not there
  const [server, other] = await Promise.all(starting);
  await sideBySide([
    ...[server, other].map((one) => atPace(TOO_SLOW, (pace) => asksAgain(trial, one, pace))),
    unlessTooSlow(() => tricklesAHead(trial, server)),
    unlessTooSlow(() => tricklesItsSecondHead(trial, server)),
    stopsInABody(trial, server),
    waitsForTheApplication(trial, other),
    waitsForTheOtherHalf(trial, other),
    takesNothing(trial, server),
    isIdle(trial, other),
    saysNothing(trial, server, other),
    atPace(TOO_SLOW, (pace) => sendsSlowly(trial, server, pace)),
    atPace(TOO_SLOW, (pace) => hearsSlowly(trial, other, pace)),
    atPace(TOO_SLOW, (pace) => takesSlowly(trial, server, pace)),
  ]);
}

/** Again, where our own loop was so late that the server had a reason to give up, whatever winds its clock. */
async function unlessTooSlow(trickles: () => Promise<number>): Promise<void> {
  for (let tries = 0; tries < TRICKLES && (await trickles()) >= TOO_SLOW; tries++);
}

async function tricklesAHead(trial: Trial, server: ServerProcess): Promise<number> {
  const slow = await ask(trial, server, IN_A_FIELD);
  const what = `With --head-timeout ${TIME} a head came a byte every ${STEP / 1000} s`;
  return trickle(slow, () => expectTold(slow, 408, what, 'each-byte-winds-the-clock'));
}

async function tricklesItsSecondHead(trial: Trial, server: ServerProcess): Promise<number> {
  const slow = await keepOne(trial, server);
  if (!slow) return 0;
  const first = slow.size;
  await slow.send(IN_ITS_LINE).catch(() => {});
  const what = `With --head-timeout ${TIME} the second head of a connection came a byte every ${STEP / 1000} s`;
  return trickle(slow, () => expectTold(slow, 408, what, 'only-the-first-head', first));
}

/** A byte each time, as long as nothing has come back. Resolves with the longest time between two, in milliseconds. */
async function trickle(client: RawClient, question: () => Promise<void>): Promise<number> {
  const before = client.size;
  const steps = everySo(STEP, () => {
    if (client.size === before) client.send('x').catch(() => {});
  });
  await question().finally(steps.stop);
  return steps.longest;
}

async function stopsInABody(trial: Trial, server: ServerProcess): Promise<void> {
  const client = await ask(trial, server, `${head('POST /sha256', 'Content-Length: 9')}four`);
  const what = `With --body-timeout ${TIME} a body stopped in its middle`;
  await expectTold(client, 408, what, 'waits-for-a-body');
}

async function waitsForTheApplication(trial: Trial, server: ServerProcess): Promise<void> {
  const gate = await openGate();
  try {
    const client = await ask(trial, server, head(`GET /relay?${gate.port}`));
    (await takeCall(gate.opened, client)).on('error', () => {}); // it says nothing, and is given up
    const what = `With --request-timeout ${TIME} an application did not begin its answer`;
    await expectTold(client, 504, what, 'waits-for-the-application');
  } finally {
    gate.close();
  }
}

/** Its head has left: what is missing can only be shown by a cut. */
async function waitsForTheOtherHalf(trial: Trial, server: ServerProcess): Promise<void> {
  const client = await ask(trial, server, head('GET /waits'));
  await comesTrue(() => client.ending !== 'open', FEW_TIMES);
  const { received, ending } = client;
  const what = `With --request-timeout ${TIME} an application stopped in the middle of its answer`;
  const details = { received, at: received.length };
  if (ending === 'open')
    throw new Failure(`${what}: expected a cut, and the connection is open after ${FEW_TIMES} s`, {
      ...details,
      mistake: 'waits-for-the-other-half',
    });
  if (ending === 'fin' && isWhole(client))
    throw new Failure(`${what}: expected a cut, and its client has a whole answer`, {
      ...details,
      mistake: 'half-looks-whole',
    });
}

/** While it takes nothing, others are served; and when it looks again, the answer has an end that is none. */
async function takesNothing(trial: Trial, server: ServerProcess): Promise<void> {
  const client = await trial.connect(server);
  client.pause();
  await client.send(head('GET /endless')).catch(() => {});
  const other = await talk(trial, server, head('GET /hello'));
  expectSame(
    'Beside a client that takes nothing, the answer',
    other.text,
    'Hello, World!\n',
    other,
  );
  const seconds = TIME * 4;
  await comesTrue(() => client.ending !== 'open', seconds);
  client.resume();
  await comesTrue(() => client.ending !== 'open' || client.size > IN_FLIGHT, 2);
  const { ending } = client;
  client.leave();
  if (ending !== 'open') return;
  const message = `With --write-timeout ${TIME} a client took nothing of its answer for ${seconds} s: expected a cut, and the answer went on`;
  throw new Failure(message, { mistake: 'waits-for-a-slow-reader' });
}

/** A 408 here could be taken for the answer to a request that is just on its way. */
async function isIdle(trial: Trial, server: ServerProcess): Promise<void> {
  const client = await keepOne(trial, server);
  if (!client) return;
  const answered = client.size;
  await comesTrue(() => client.ending !== 'open', FEW_TIMES);
  const what = `With --keep-alive-timeout ${TIME} a connection was idle behind its answer`;
  const { received, ending } = client;
  const surplus = received.subarray(answered);
  if (surplus.length > 0) {
    const [line] = surplus.toString('latin1').split('\r\n');
    const message = `${what}: expected a close without a word, got ${JSON.stringify(line)}`;
    throw new Failure(message, { received, at: answered, mistake: '408-to-the-idle' });
  }
  if (ending !== 'open') return;
  const message = `${what}: expected a close, and it is open after ${FEW_TIMES} s`;
  throw new Failure(message, { cause: 'timed out', received, mistake: 'keeps-the-idle' });
}

/** Whether the first head is waited for as any other, or as the next one is, is for the server to say. */
async function saysNothing(trial: Trial, ...servers: ServerProcess[]): Promise<void> {
  const clients = await Promise.all(servers.map((server) => trial.connect(server)));
  const isLetGo = () => clients.some(({ ending }) => ending !== 'open');
  if (await comesTrue(isLetGo, FEW_TIMES)) return;
  const message = `With --head-timeout ${TIME}, or --keep-alive-timeout ${TIME}, a client said nothing: expected the end of its connection, and it is open after ${FEW_TIMES} s`;
  throw new Failure(message, { cause: 'timed out', mistake: 'keeps-the-silent' });
}

/** Slow is not stalled. */
async function sendsSlowly(trial: Trial, server: ServerProcess, pace: Pace): Promise<void> {
  const body = 'piece '.repeat(STEPS);
  const request = head('POST /sha256', `Content-Length: ${body.length}`);
  const client = await ask(trial, server, request);
  await drip(client, body.match(/piece /g) ?? [], STEP, pace);
  const answer = await takeAnswer(client, 'A client that sent its body slowly');
  client.leave();
  const what = `With --body-timeout ${TIME} a body came in ${STEPS} pieces, one every ${STEP / 1000} s`;
  if (answer.status !== 200)
    throw new Failure(`${what}: expected it to be waited for, got ${answer.status}`, {
      received: client.received,
      at: 9,
      ...(answer.status === 408 && { mistake: 'one-deadline-for-a-whole-body' }),
    });
  expectSame(
    `${what}: its SHA-256`,
    answer.text,
    createHash('sha256').update(body).digest('hex'),
    answer,
  );
}

async function asksAgain(trial: Trial, server: ServerProcess, pace: Pace): Promise<void> {
  const client = await keepOne(trial, server);
  for (let turn = 2; client && turn <= STEPS; turn++) {
    await pace.step(STEP);
    const before = client.size;
    await client.send(GET).catch(() => {});
    const rest = () => ({ received: client.received.subarray(before), ending: client.ending });
    await comesTrue(() => client.ending !== 'open' || answerOf(rest()) !== undefined, FEW_TIMES);
    const answer = answerOf(rest());
    const { received } = client;
    if (answer?.status !== 200)
      throw new Failure(
        `A client asked ${STEPS} times on one connection, every ${STEP / 1000} s, and was cut before its request ${turn}`,
        { received, at: before, mistake: 'a-clock-that-nobody-stops' },
      );
    if (saysClose(answer)) break; // after so many requests, it may
  }
  client?.leave();
}

async function hearsSlowly(trial: Trial, server: ServerProcess, pace: Pace): Promise<void> {
  const gate = await openGate();
  try {
    const client = await ask(trial, server, head(`GET /relay?${gate.port}`));
    const app = await takeCall(gate.opened, client);
    app.on('error', () => {}); // it goes when the application goes
    for (let step = 0; step < STEPS && client.ending === 'open'; step++) {
      app.write('word ');
      await pace.step(STEP);
    }
    app.end();
    const what = `An application said a word every ${STEP / 1000} s, ${STEPS} of them`;
    const answer = await takeAnswer(client, what).catch(({ details }: Failure) => {
      const message = `${what}: expected its client to get them all, and it was cut`;
      throw new Failure(message, { ...details, mistake: 'one-deadline-for-a-whole-answer' });
    });
    expectSame(what, answer.text, 'word '.repeat(STEPS), answer);
  } finally {
    gate.close();
  }
}

async function takesSlowly(trial: Trial, server: ServerProcess, pace: Pace): Promise<void> {
  const client = await ask(trial, server, head('GET /endless'));
  for (let step = 0; step < STEPS && client.ending === 'open'; step++) {
    client.pause();
    await pace.step(STEP);
    const before = client.size;
    client.resume();
    await comesTrue(() => client.ending !== 'open' || client.size > before + SIP, TIME / 2);
  }
  const { size, ending } = client;
  client.leave();
  if (ending === 'open') return;
  const message = `With --write-timeout ${TIME} a client took some of its answer every ${STEP / 1000} s, and was cut after ${size} bytes`;
  throw new Failure(message, { mistake: 'cuts-who-is-slow' });
}

/** A connection that has had one answer, and is kept; undefined where the server keeps none. */
async function keepOne(trial: Trial, server: ServerProcess): Promise<RawClient | undefined> {
  const client = await ask(trial, server);
  const answer = await takePage(client, 'A client');
  return saysClose(answer) ? undefined : client;
}

/** The status that a client is told that is late, or whose application is; and then that is the end. */
async function expectTold(
  client: RawClient,
  status: number,
  what: string,
  mistake: string,
  from = 0,
): Promise<void> {
  const rest = () => ({ received: client.received.subarray(from), ending: client.ending });
  await comesTrue(() => client.size > from || client.ending !== 'open', FEW_TIMES);
  await comesTrue(() => client.ending !== 'open' || answerOf(rest()) !== undefined, 1);
  const answer = hasBegun(client) ? answerOf(rest()) : undefined;
  const { received } = client;
  if (answer && answer.status !== status)
    throw new Failure(`${what}: expected ${status}, got ${answer.status}`, {
      received,
      at: from + 9,
    });
  if (!answer && client.ending === 'open')
    throw new Failure(`${what}: expected ${status}, got nothing in ${FEW_TIMES} s`, {
      cause: 'timed out',
      received,
      mistake,
    });
  if (!answer)
    throw new Failure(`${what}: expected ${status}, and it was hung up on without a word`, {
      cause: client.ending === 'rst' ? 'reset' : 'wrong',
      received,
      mistake: 'hangs-up-without-a-word',
    });
  if (await comesTrue(() => client.ending !== 'open', 3)) return client.leave();
  const message = `${what}: it was told ${status}, and 3 s later the connection is still open`;
  throw new Failure(message, { cause: 'timed out', received, mistake: 'goes-on-behind-408' });
}
