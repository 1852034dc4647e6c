import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Lesson } from '../../shared/checks/check.ts';
import {
  type Answer,
  answerOf,
  ask,
  comesTrue,
  PATIENCE,
  takeAnswer,
  until,
} from '../../shared/checks/run/clients.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import { expectSame, head, takeCall, talk } from '../../shared/checks/run/gateway.ts';
import { startWith } from '../../shared/checks/run/options.ts';
import { sideBySide } from '../../shared/checks/run/side-by-side.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import { openGate } from '../../shared/harness/gate.ts';
import type { RawClient } from '../../shared/harness/raw-client.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

const MAX_HEAD = 65_536;
const MAX_BODY = 100_000;
const MAX_CONNECTIONS = 3;
/** Seconds in which a server says no to what it has seen already. */
const SOON = 3;
/** Bytes of a target that no server need take, in a head that is not too large; RFC 9112 §3 recommends 8000 and more. */
const LONG_TARGET = 60_000;
/** Field lines that no server need take, in a head that is not too large, and so many that each should. */
const [MANY_FIELDS, FEW_FIELDS] = [10_000, 60];
const CHUNK = 20_000;

const SIZES = ['--max-head-bytes', `${MAX_HEAD}`, '--max-body-bytes', `${MAX_BODY}`];
const PLACES = ['--max-connections', `${MAX_CONNECTIONS}`];

export const check: Lesson = {
  title: 'Beyond a limit each client is told so, and the others go on',
  goal: 'What has no limit of yours ends at one of the system, and that one does not speak.',
  hints: [
    'What can one client make you keep: of a head, of a target, of a body? And a thousand clients that say nothing?',
    'RFC 9112 §3 (414 for the target), RFC 6585 §5 (431 for the fields, together or one), RFC 9110 §15.5.14 (413), §15.6.4 (503). ' +
      'Count what comes, before you keep it - accept(2) gives you a connection, and you may still say no.',
    '--max-head-bytes N: 431 as soon as N bytes came without a blank line; 414 for a target beyond some 8000 bytes; 431 beyond some 100 field ' +
      'lines. --max-body-bytes N: 413 by Content-Length at once, in chunks at the size that is one too many. --max-connections N: the next ' +
      'one gets a 503. Each with Connection: close, and closed.',
  ],
  anchor: 'server/README.md#limits',
  lenient: [
    '400 instead of 431: RFC 9110 §5.4 asks for an appropriate 4xx, and 431 is younger',
    'where your limits for the target and for field lines lie, if 60 lines pass, and 60,000 bytes of target and 10,000 lines do not',
    'whether one connection too many hears its 503 before it asks, or behind its request',
    'Retry-After',
  ],
  byHand:
    'head -c 200000 /dev/zero | curl -i --data-binary @- -H "Expect:" -H "Transfer-Encoding: chunked" http://127.0.0.1:$PORT/sha256',
  solution: '3l',
  seconds: 15,
  run: checkBounds,
  mistakes: [
    {
      name: 'unknown-option',
      file: 'part3/server/options.ts',
      says: 'Started with --max-connections 3 your program ended before it was ready',
      edits: [["'max-connections': text, ", '']],
    },
    {
      name: 'no-head-limit',
      file: 'part3/http/request-parser.ts',
      says: 'With --max-head-bytes 65536 fields of 80,000 bytes: expected 431, got 200',
      edits: [
        [
          'const line = this.#buffer.takeLine(head.leftBytes, 431);',
          'const line = this.#buffer.takeLine(1e9, 431);',
        ],
      ],
    },
    {
      name: 'no-head-limit-before-its-end',
      file: 'part3/http/receive-buffer.ts',
      says: 'With --max-head-bytes 65536 a field came that had 80,000 bytes and no end yet: expected 431, got nothing in 3 s',
      edits: [
        [
          'if (at !== -1 && at - this.#offset < room) {',
          "if (at !== -1 && at - this.#offset >= room) throw new HttpError(tooLong, 'too long');\n      if (at !== -1) {",
        ],
        ['this.#text.slice(this.#offset, this.#offset + room);', 'this.#text.slice(this.#offset);'],
        [
          'if (rest.length === room) throw new HttpError(tooLong, `more than ${maxBytes} bytes`);',
          '',
        ],
      ],
    },
    {
      name: 'no-target-limit',
      file: 'part3/http/request-parser.ts',
      says: 'A target of 60,000 bytes: expected 414, got 200',
      edits: [['this.#limits.maxTargetBytes + 1;', 'Number.POSITIVE_INFINITY;']],
    },
    {
      name: 'no-limit-for-fields',
      file: 'part3/http/request-parser.ts',
      says: 'A head of 10,000 fields: expected 431, got 200',
      edits: [
        [
          'if (head.fields.length > maxFieldLines) throw',
          'if (head.fields.length > maxFieldLines * 1e6) throw',
        ],
      ],
    },
    {
      name: 'no-body-limit',
      file: 'part3/http/body-framing.ts',
      says: 'With --max-body-bytes 100000 a body of 100,001 bytes was announced: expected 413, got nothing in 3 s',
      edits: [['if (length > maxBodyBytes) throw', 'if (length > maxBodyBytes * 1e9) throw']],
    },
    {
      name: 'a-limit-for-each-chunk',
      file: 'part3/http/body-framing.ts',
      says: 'With --max-body-bytes 100000 chunks of 120,000 bytes came, and more were to come: expected 413, got nothing in 3 s',
      edits: [['if (size > this.#leftOfBody)', 'if (size > this.#limits.maxBodyBytes)']],
    },
    {
      name: 'one-too-few',
      file: 'part3/http/body-framing.ts',
      says: 'With --max-body-bytes 100000 a body of 100,000 bytes: expected 200, got 413',
      edits: [['if (length > maxBodyBytes) throw', 'if (length >= maxBodyBytes) throw']],
    },
    {
      name: 'one-too-few',
      file: 'part3/http/body-framing.ts',
      says: 'With --max-body-bytes 100000 a body of 100,000 bytes in chunks: expected 200, got 413',
      edits: [['if (size > this.#leftOfBody)', 'if (size >= this.#leftOfBody)']],
    },
    {
      name: 'goes-on-behind-a-refusal',
      file: 'part3/server/connection.ts',
      says: 'With --max-head-bytes 65536 fields of 80,000 bytes: it was told 431, and 3 s later the connection is still open',
      edits: [
        [
          '    this.#log(request, refusal);\n    this.#close();',
          '    this.#log(request, refusal);',
        ],
      ],
    },
    {
      name: 'no-limit-for-connections',
      file: 'part3/server/worker.ts',
      says: 'With --max-connections 3 a fourth came: expected 503, got 200',
      edits: [
        [
          'if (this.#connections.size >= this.#service.limits.maxConnections)',
          'if (this.#connections.size > 1e9)',
        ],
      ],
    },
    {
      name: 'hangs-up-without-a-word',
      file: 'part3/server/worker.ts',
      says: 'With --max-connections 3 a fourth came: expected 503, and it was hung up on without a word',
      edits: [['(door.tls ? 0 : MAX_TURNED_AWAY)', '0']],
    },
    {
      name: 'cuts-the-others',
      file: 'part3/server/worker.ts',
      says: 'With --max-connections 3 a fourth came, and one of the three was cut',
      edits: [
        [
          "connection.turnAway(new HttpError(503, 'too many connections'));",
          "connection.turnAway(new HttpError(503, 'too many connections'));\n      for (const other of this.#connections) other.cut();",
        ],
      ],
    },
    {
      name: 'never-forgets-who-left',
      file: 'part3/server/worker.ts',
      says: 'With --max-connections 3 one of the three left, and 5 s later a newcomer still gets 503',
      edits: [['this.#connections.delete(connection);', '']],
    },
  ],
};

async function checkBounds(trial: Trial): Promise<void> {
  const starting = [startWith(trial, SIZES), startWith(trial, PLACES)];
  await Promise.allSettled(starting); // so that both can be ended, if one is not there
  const [sizes, places] = (await Promise.all(starting)) as [ServerProcess, ServerProcess];
  await sideBySide([
    takesWhatIsAllowed(trial, sizes),
    refusesLargeHeads(trial, sizes),
    refusesLargeBodies(trial, sizes),
    countsConnections(trial, places),
  ]);
}

async function takesWhatIsAllowed(trial: Trial, server: ServerProcess): Promise<void> {
  const fields = Array.from({ length: FEW_FIELDS }, (_, index) => `X-${index}: ${index}`);
  const many = await talk(trial, server, head('GET /hello', ...fields));
  expectSame(`The status of a head of ${FEW_FIELDS} fields`, many.status, 200, many);
  const body = 'x'.repeat(MAX_BODY);
  const digest = createHash('sha256').update(body).digest('hex');
  const chunks = chunked('x'.repeat(CHUNK)).repeat(MAX_BODY / CHUNK);
  const bodies: [string, string][] = [
    ['', `${head('POST /sha256', `Content-Length: ${MAX_BODY}`)}${body}`],
    [' in chunks', `${head('POST /sha256', 'Transfer-Encoding: chunked')}${chunks}0\r\n\r\n`],
  ];
  for (const [how, request] of bodies) {
    const answer = await talk(trial, server, request);
    const what = `With --max-body-bytes ${MAX_BODY} a body of ${say(MAX_BODY)} bytes${how}`;
    if (answer.status !== 200)
      throw new Failure(`${what}: expected 200, got ${answer.status}`, {
        received: answer.body,
        ...(answer.status === 413 && { mistake: 'one-too-few' }),
      });
    expectSame(`${what}: its SHA-256`, answer.text, digest, answer);
  }
}

async function refusesLargeHeads(trial: Trial, server: ServerProcess): Promise<void> {
  const limit = `With --max-head-bytes ${MAX_HEAD}`;
  const large = Array.from({ length: 20 }, (_, index) => `X-${index}: `.padEnd(3_998, 'x'));
  await sideBySide([
    refuses(trial, server, {
      what: `${limit} fields of 80,000 bytes`,
      statuses: [431, 400],
      request: head('GET /hello', ...large),
      mistake: 'no-head-limit',
    }),
    refuses(trial, server, {
      what: `${limit} a field came that had 80,000 bytes and no end yet`,
      statuses: [431, 400],
      request: `GET /hello HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'x'.repeat(80_000)}`,
      mistake: 'no-head-limit-before-its-end',
    }),
    refuses(trial, server, {
      what: `A target of ${say(LONG_TARGET)} bytes`,
      statuses: [414],
      request: head(`GET /${'x'.repeat(LONG_TARGET - 1)}`),
      mistake: 'no-target-limit',
    }),
    refuses(trial, server, {
      what: `A head of ${say(MANY_FIELDS)} fields`,
      statuses: [431, 400],
      request: head('GET /hello', ...Array(MANY_FIELDS).fill('a:')),
      mistake: 'no-limit-for-fields',
    }),
  ]);
}

/** What is too much can be known before all of it has come: none of these requests has an end. */
async function refusesLargeBodies(trial: Trial, server: ServerProcess): Promise<void> {
  const limit = `With --max-body-bytes ${MAX_BODY}`;
  await sideBySide([
    refuses(trial, server, {
      what: `${limit} a body of ${say(MAX_BODY + 1)} bytes was announced`,
      statuses: [413],
      request: head('POST /sha256', `Content-Length: ${MAX_BODY + 1}`),
      mistake: 'no-body-limit',
    }),
    refuses(trial, server, {
      what: `${limit} chunks of ${say(MAX_BODY + CHUNK)} bytes came, and more were to come`,
      statuses: [413],
      request:
        head('POST /sha256', 'Transfer-Encoding: chunked') +
        chunked('x'.repeat(CHUNK)).repeat(MAX_BODY / CHUNK + 1),
      mistake: 'a-limit-for-each-chunk',
    }),
  ]);
}

interface Excess {
  readonly what: string;
  /** The first is what is expected, the others are let pass. */
  readonly statuses: readonly number[];
  readonly request: string;
  readonly mistake: string;
}

async function refuses(trial: Trial, server: ServerProcess, excess: Excess): Promise<void> {
  const { what, statuses, request, mistake } = excess;
  const client = await trial.connect(server);
  client.send(request).catch(() => {}); // the answer may come before all of it is taken
  await refused(client, what, statuses, mistake);
  if (await comesTrue(() => client.ending !== 'open', 3)) return client.leave();
  const { received } = client;
  const status = answerOf(client)?.status;
  const message = `${what}: it was told ${status}, and 3 s later the connection is still open`;
  throw new Failure(message, {
    cause: 'timed out',
    received,
    mistake: 'goes-on-behind-a-refusal',
  });
}

/** The answer, if it is a refusal of the kind that is expected. */
async function refused(
  client: RawClient,
  what: string,
  statuses: readonly number[],
  mistake: string,
): Promise<Answer> {
  await comesTrue(() => answerOf(client) !== undefined || client.ending !== 'open', SOON);
  const answer = answerOf(client);
  const { received } = client;
  if (answer && statuses.includes(answer.status)) return answer;
  if (answer)
    throw new Failure(`${what}: expected ${statuses[0]}, got ${answer.status}`, {
      received,
      at: 9,
      ...(answer.status === 200 && { mistake }),
    });
  if (client.ending === 'open')
    throw new Failure(`${what}: expected ${statuses[0]}, got nothing in ${SOON} s`, {
      cause: 'timed out',
      received,
      mistake,
    });
  throw new Failure(`${what}: expected ${statuses[0]}, and it was hung up on without a word`, {
    cause: client.ending === 'rst' ? 'reset' : 'wrong',
    received,
    mistake: 'hangs-up-without-a-word',
  });
}

async function countsConnections(trial: Trial, server: ServerProcess): Promise<void> {
  const limit = `With --max-connections ${MAX_CONNECTIONS}`;
  const gates = await Promise.all(Array.from({ length: MAX_CONNECTIONS }, () => openGate()));
  try {
    const guests: RawClient[] = [];
    const apps = [];
    for (const gate of gates) {
      const client = await ask(trial, server, head(`GET /relay?${gate.port}`));
      const app = await takeCall(gate.opened, client);
      app.on('error', () => {}); // it goes when the application goes
      app.write('begun, ');
      await until(
        () => client.received.includes('begun, '),
        PATIENCE,
        () => new Failure(`${limit} the first words for one of the three did not arrive`),
      );
      guests.push(client);
      apps.push(app);
    }
    const surplus = await ask(trial, server, head('GET /hello'));
    await refused(surplus, `${limit} a fourth came`, [503], 'no-limit-for-connections');
    surplus.leave();
    const [leaving, ...others] = guests as [RawClient, ...RawClient[]];
    for (const [index, client] of others.entries()) {
      apps[index + 1]?.end('done');
      const what = `${limit} a fourth came, and one of the three`;
      const answer = await takeAnswer(client, what).catch(({ details }: Failure) => {
        throw new Failure(`${what} was cut`, { ...details, mistake: 'cuts-the-others' });
      });
      expectSame(`${what} had`, answer.text, 'begun, done', answer);
      if (index > 0) client.leave(); // the other stays, as idle as it is
    }
    leaving.leave();
    await takesNewcomers(trial, server, limit);
  } finally {
    for (const gate of gates) gate.close();
  }
}

/** It may take a moment to hear of those who left. */
async function takesNewcomers(trial: Trial, server: ServerProcess, limit: string): Promise<void> {
  let told: number | string = 'nothing';
  for (const end = performance.now() + 5_000; performance.now() < end; await delay(50)) {
    const client = await ask(trial, server, head('GET /hello'));
    await comesTrue(() => answerOf(client) !== undefined || client.ending !== 'open', SOON);
    told = answerOf(client)?.status ?? 'nothing';
    client.leave();
    if (told === 200) return;
  }
  const message = `${limit} one of the three left, and 5 s later a newcomer still gets ${told}`;
  throw new Failure(message, { mistake: 'never-forgets-who-left' });
}

function chunked(data: string): string {
  return `${data.length.toString(16)}\r\n${data}\r\n`;
}

/** A number as it is said. */
function say(count: number): string {
  return count.toLocaleString('en');
}
