import type { Lesson } from '../../shared/checks/check.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import {
  ask,
  get,
  quote,
  REACTION,
  readAnswer,
  wrong,
} from '../../shared/checks/run/first-answer.ts';
import { expectPrinted } from '../../shared/checks/run/printed.ts';
import { REST, rest } from '../../shared/checks/run/rest.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import type { RawClient } from '../../shared/harness/raw-client.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';
import { COLLECT, LOOK, LOOP, ON_ERROR, PRINT, RESPOND } from './lines.ts';

const EMPTY = 'head = Buffer.alloc(0);';

const SERVER = 'const server = createServer(';

const SHARED =
  'What two clients send comes together in one place: expected a place for each connection';

const BLANK_LINE = 'expected none before the empty line that ends the head';

/** What is sent byte by byte. */
const DRIBBLED = Buffer.from(get('/dribble', 'X-Name: Jörg'));

export const check: Lesson = {
  title: 'A request may come byte by byte',
  goal: 'TCP is a stream of bytes, not of messages',
  hints: [
    "What if 'data' - one recv(2) - brings one letter? How do you know that the request is over?",
    "Keep what has come: head = Buffer.concat([head, packet]); and look in all of it: head.indexOf('\\r\\n\\r\\n').",
    "let head = Buffer.alloc(0) for each socket; on 'data' append; while indexOf is -1, return; then print and answer, once.",
  ],
  anchor: 'a-stream-not-messages',
  lenient: [
    'how letters beyond ASCII are printed, if no byte of them is lost',
    'serving one client at a time',
    'how long it waits for the rest of a request, if it is more than a moment',
  ],
  byHand:
    "(printf 'GET / HT'; sleep 1; printf 'TP/1.1\\r\\n\\r'; sleep 1; printf '\\n') | nc 127.0.0.1 $PORT",
  solution: '1c',
  until: '2e',
  seconds: 5,
  run: dribble,
  mistakes: [
    {
      name: 'answers-unasked',
      says: `The answer came before the first byte of the request: ${BLANK_LINE}`,
      edits: [
        [ON_ERROR, `${ON_ERROR}\n  ${RESPOND}`],
        ['if (socket.writableEnded) return;', ''],
        [`\n      ${RESPOND}`, ''],
      ],
    },
    {
      name: 'shared-buffer',
      says: SHARED,
      edits: [
        [`let ${EMPTY}`, ''],
        [SERVER, `let ${EMPTY}\n${SERVER}`],
      ],
      remembers: true,
    },
    {
      name: 'shared-buffer',
      says: SHARED,
      edits: [
        [`let ${EMPTY}`, ''],
        [SERVER, `let ${EMPTY}\n${SERVER}`],
        [RESPOND, `${RESPOND} ${EMPTY}`],
      ],
    },
    {
      name: 'looks-at-the-end',
      says: 'A request with 5 bytes behind its blank line got no answer in 1 s: expected the blank line to be found wherever it is',
      edits: [[LOOK, "const end = `${head}`.endsWith('\\r\\n\\r\\n') ? head.length - 4 : -1;"]],
    },
    {
      name: 'first-data',
      says: `The answer came after the first byte of the request: ${BLANK_LINE}`,
      edits: [[LOOK, 'const end = head.length;']],
    },
    {
      name: 'first-line',
      says: `The answer came after the first line of the request: ${BLANK_LINE}`,
      edits: [[LOOK, "const end = head.includes('\\r\\n') ? head.length : -1;"]],
    },
    {
      name: 'any-empty-line',
      says: `The answer came before the end of the blank line: ${BLANK_LINE}`,
      edits: [[LOOK, "const end = head.indexOf('\\r\\n\\r');"]],
      isNamed: false,
    },
    {
      name: 'looks-in-each-read',
      says: 'A request that came byte by byte got no answer in 1 s: expected it to be put together',
      edits: [[COLLECT, 'head = packet;']],
    },
    {
      name: 'decodes-each-read',
      says: 'Bytes were lost: a character that came in two reads is printed as "< X-Name: J\\\\xef\\\\xbf\\\\xbd\\\\xef\\\\xbf\\\\xbdrg"',
      edits: [[COLLECT, 'head = Buffer.from(head.toString() + packet.toString());']],
    },
    {
      name: 'prints-each-read',
      says: 'Each read is printed for itself, not each line: expected "< GET /dribble HTTP/1.1"',
      edits: [
        [COLLECT, `${COLLECT} for (const line of packet.toString().split('\\r\\n')) ${PRINT}`],
        [LOOP, ''],
      ],
    },
    {
      name: 'answers-again',
      says: 'A client sent three empty lines behind its request, and it was printed N times: expected one request, one answer',
      edits: [['if (socket.writableEnded) return;', '']],
    },
    {
      name: 'impatient',
      says: 'Your program hung up after the first byte of the request: expected it to wait, for a client may be slow',
      edits: [
        [
          COLLECT,
          `${COLLECT} setTimeout(() => { if (!head.includes('\\r\\n\\r\\n')) socket.destroy(); }, 20);`,
        ],
      ],
    },
    {
      name: 'letters-lost',
      says: 'Bytes were lost: "Jörg" and "Jürg" are both printed as "J?rg"',
      edits: [
        [
          'return line.replace(/[^ -~]/g, (c) =>',
          "return line.replace(/[^ -~]+/g, '?').replace(/\\x00/g, (c) =>",
        ],
      ],
    },
  ],
};

async function dribble(trial: Trial): Promise<void> {
  const server = await trial.start();
  const client = await trial.connect(server);
  const request = DRIBBLED;
  const lineEnd = request.indexOf('\n');
  const last = request.length - 1;
  const letter = request.indexOf('ö') + 1; // between its two bytes
  let isServing = false;
  for (const [from, to, when, mistake] of [
    [0, 0, 'before the first byte of the request', 'answers-unasked'],
    [0, 1, 'after the first byte of the request', 'first-data'],
    [1, lineEnd + 1, 'after the first line of the request', 'first-line'],
    [lineEnd + 1, letter, 'in the middle of a line', undefined],
    [letter, last, 'before the end of the blank line', undefined],
  ] as const) {
    for (let at = from; at < to; at++) await client.send(request.subarray(at, at + 1));
    isServing = await rest(trial, server);
    client.resume();
    await client.settle(50, () => client.size > 0 || client.ending !== 'open'); // what has come may not be read yet
    if (client.size > 0 || client.ending !== 'open') {
      if (client.size === 0) throw impatient(client, when);
      if (to > 0 && !(await isAnsweredAlone(trial, to))) throw shared(client.received);
      const message = `The answer came ${when}: expected none before the empty line that ends the head`;
      const { details } = wrong(message, client.received, 0, mistake);
      const byHand = 'nc -w 1 127.0.0.1 $PORT < /dev/null';
      throw new Failure(message, { ...details, ...(to === 0 && { byHand }) });
    }
  }
  await client.send(request.subarray(last));
  await client.settle(REACTION, () => client.size > 0);
  if (client.size === 0 && (await isAnsweredAlone(trial, request.length))) throw shared();
  await expectOneAnswer(client, isServing);
  await expectPrinted(server, ['GET /dribble HTTP/1.1', 'Connection: close', /X-Name: J.+rg/]);
  await expectTwoNames(trial, server);
  await expectAnswerToMore(trial, server);
}

/** Whether so many bytes bring an answer when no other client is there. */
async function isAnsweredAlone(trial: Trial, length: number): Promise<boolean> {
  const client = await trial.connect(await trial.start());
  for (let at = 0; at < length; at++) {
    if (at === length - 1) await client.settle(REST); // it comes in a read of its own
    await client.send(DRIBBLED.subarray(at, at + 1));
  }
  await client.settle(REACTION, () => client.size > 0);
  return client.size > 0;
}

function shared(received: Buffer = Buffer.alloc(0)): Failure {
  const message =
    'What two clients send comes together in one place: expected a place for each connection';
  const { details } = wrong(message, received, 0, 'shared-buffer');
  const rest = received.length > 0 ? 'TP' : 'TP/1.1\\r\\n\\r\\n';
  const byHand = `(printf 'GET / HT'; curl -s -m 1 127.0.0.1:$PORT >&2; printf '${rest}'; sleep 1) | nc -w 1 127.0.0.1 $PORT`;
  return new Failure(message, { ...details, byHand });
}

/** What is behind the blank line is not of the head, and need not be waited for. */
async function expectAnswerToMore(trial: Trial, server: ServerProcess): Promise<void> {
  const client = await trial.connect(server);
  await client.send(`${get('/more', 'Content-Length: 5')}hello`);
  await client.settle(REACTION, () => client.size > 0);
  if (client.size > 0 || client.ending !== 'open') return expectOnePrint(server, client);
  const message = `A request with 5 bytes behind its blank line got no answer in ${REACTION / 1000} s: expected the blank line to be found wherever it is`;
  throw new Failure(message, {
    cause: 'timed out',
    mistake: 'looks-at-the-end',
    byHand: 'curl -s -m 2 -X GET -d hello 127.0.0.1:$PORT/more',
  });
}

async function expectOneAnswer(client: RawClient, isServing: boolean): Promise<void> {
  if (client.size === 0 && client.ending === 'open') {
    const message = `A request that came byte by byte got no answer in ${REACTION / 1000} s: expected it to be put together`;
    throw new Failure(message, {
      cause: 'timed out',
      ...(isServing && { mistake: 'looks-in-each-read' }),
    });
  }
  const { bytes } = await readAnswer(client);
  const answers = bytes.toString('latin1').split(/HTTP\/1\.[01] \d{3}/).length - 1;
  if (answers > 1)
    throw wrong(`Expected one answer, got ${answers}`, bytes, bytes.indexOf('HTTP/', 1));
}

/** What comes when all is said is read, and is no second request. */
async function expectOnePrint(server: ServerProcess, client: RawClient): Promise<void> {
  const rest = '\r\n\r\n';
  for (let i = 0; i < 3; i++) await client.send(rest).catch(() => {}); // it may be closed by now
  await server.waitForOutput(/< GET \/more[\s\S]*< GET \/more/, REST / 1000).catch(() => {}); // as it should not
  const count = server.stdout.split('< GET /more').length - 1;
  if (count <= 1) return;
  const message = `A client sent three empty lines behind its request, and it was printed ${count} times: expected one request, one answer`;
  throw new Failure(message, {
    cause: 'wrong',
    received: Buffer.from(server.stdout),
    isPrinted: true,
    mistake: 'answers-again',
    byHand:
      "(printf 'GET /more HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'; for i in 1 2 3; do printf '\\r\\n\\r\\n'; sleep 0.1; done) | nc 127.0.0.1 $PORT  # read what your server prints",
  });
}

function impatient({ received, ending }: RawClient, when: string): Failure {
  const message = `Your program hung up ${when}: expected it to wait, for a client may be slow`;
  return new Failure(message, {
    cause: ending === 'rst' ? 'reset' : 'wrong',
    received,
    at: 0,
    mistake: 'impatient',
    byHand: 'sleep 5 | nc 127.0.0.1 $PORT  # it must not come back before these 5 seconds are over',
  });
}

/** Two letters are two letters, in whatever way they are printed. */
async function expectTwoNames(trial: Trial, server: ServerProcess): Promise<void> {
  await ask(trial, server, get('/other', 'X-Name: Jürg'));
  const find = () => server.stdout.match(/J.+rg/g) ?? [];
  const names = await server.waitFor(
    () => (find().length > 1 ? find() : undefined),
    REACTION / 1000,
  );
  if (!names || new Set(names).size > 1) return;
  const message = `Bytes were lost: "Jörg" and "Jürg" are both printed as ${quote(names[0] ?? '')}`;
  throw new Failure(message, {
    cause: 'wrong',
    received: Buffer.from(server.stdout),
    isPrinted: true,
    mistake: 'letters-lost',
  });
}
