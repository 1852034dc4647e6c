import { setTimeout as delay } from 'node:timers/promises';
import type { Lesson } from '../../shared/checks/check.ts';
import {
  ask,
  CONTRACT,
  expectNext,
  expectStatus,
  PATIENCE,
  request,
  wrongAnswer,
} from '../../shared/checks/run/contract.ts';
import { asMistake, Failure } from '../../shared/checks/run/failure.ts';
import { PythonTrial } from '../../shared/checks/run/python-trial.ts';
import { openRelay } from '../../shared/checks/run/relay.ts';
import { type Answer, headerOf } from '../../shared/checks/run/response.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

/** Milliseconds in which a server that is busy hears who leaves meanwhile. */
const A_MOMENT = 50;

const LONG = `X-Long: ${'x'.repeat(64 * 1024)}`;

/** For who takes that, and has a limit all the same. */
const LONGER = request('GET /hello HTTP/1.1', `X-Long: ${'x'.repeat(1024 * 1024)}`);

/** What is sent, what it is, which answers are a refusal, and what it is to answer 200. */
type Refusal = readonly [bytes: Buffer, what: string, wanted: RegExp, guess: string];

const REFUSALS: readonly Refusal[] = [
  [Buffer.from('what is this\r\n\r\n'), 'A garbage request line', /^4/, 'guesses'],
  [
    request('GET /hello HTTP/1.1', 'no colon here'),
    'A header without a colon',
    /^4/,
    'skips-bad-lines',
  ],
  [request('GET /hello HTTP/1.1', 'X-A : b'), 'A space before the colon', /^4/, 'skips-bad-lines'],
  [
    Buffer.concat([
      request('POST /sha256 HTTP/1.1', 'Content-Length: 3', 'Content-Length: 5'),
      Buffer.from('abcde'),
    ]),
    'Two different Content-Lengths',
    /^4/,
    'guesses',
  ],
  ...['-1', '+5', '5x', '0x5', '5 5', '1e1', ''].map((length) => {
    const line = `Content-Length: ${length}`;
    const bytes = Buffer.concat([request('POST /sha256 HTTP/1.1', line), Buffer.from('abcde')]);
    return [bytes, line.trim(), /^4/, 'any-number'] as const;
  }),
  [request('GET * HTTP/1.1'), 'A target that is for OPTIONS alone', /^4/, 'any-target'],
  [request('GET /hello HTTP/1.1', ': x'), 'A header without a name', /^4/, 'skips-bad-lines'],
  [request('GET /hello HTTP/1.1', '"X": x'), 'A name in quotes', /^4/, 'skips-bad-lines'],
  [
    Buffer.concat([request('GET /he"llo HTTP/x'), Buffer.alloc(1 << 20, 'x')]),
    'Rubbish, and a megabyte behind it',
    /^[45]/,
    'guesses',
  ],
  [request('GET /hello HTTP/1.1', LONG), 'A header of 64 KiB', /^4/, 'no-limit'],
  [
    Buffer.concat([
      request('POST /sha256 HTTP/1.1', 'Transfer-Encoding: zigzag'),
      Buffer.from('abc'),
    ]),
    'Transfer-Encoding: zigzag',
    /^(4|501)/,
    'ignores-encoding',
  ],
];

/** Nothing forbids a server to be generous here; ours is not, and neither is node:http. */
const NEW_VERSION: Refusal = [
  request('GET /hello HTTP/3.0'),
  'A version that HTTP/1.1 does not know',
  /^[45]/,
  'any-version',
];

export const check: Lesson = {
  title: 'What cannot be understood is refused, politely and soon',
  goal: 'A server says no; it does not guess, hang, or die.',
  hints: [
    'Two Content-Lengths: which one would you believe, and which one does the proxy in front of you?',
    'RFC 9112 §2.2, §5, §6.3; RFC 9110 §15.5.1 (400), §15.6.2 (501); RFC 6585 §5 (431).',
    'throw new Refusal("400 Bad Request") where you know; catch it in one place, write status, Content-Type, Content-Length, Connection: close, and end() - shutdown(2). HEAD: everything but the body.',
  ],
  anchor: 'refuse',
  lenient: [
    'any 4xx for what is malformed; 4xx or 501 for the Transfer-Encoding',
    'chunked bodies: taken or refused',
    'how long a head may be: less than 1 MiB',
    'the words of the page',
    'a reset behind the answer, as long as the answer is there',
  ],
  byHand: 'printf $REQUEST | nc 127.0.0.1 $PORT',
  solution: '2e',
  seconds: 10,
  run: checkRefusals,
  mistakes: [
    {
      name: 'hangs',
      says: 'A header without a colon: expected a refusal, got nothing in 3 s',
      edits: [
        [
          'const status = error instanceof Refusal ? error.status',
          'if (/field line/.test(`${error}`)) await once(response.socket, "close");\n    const status = error instanceof Refusal ? error.status',
        ],
      ],
    },
    {
      name: 'dies-of-rubbish',
      says: 'A header without a colon: the connection was closed without an answer; your program ended',
      edits: [
        [
          "FIELD_LINE.exec(line) ?? refuse('400 Bad Request', 'malformed field line')",
          'FIELD_LINE.exec(line) ?? process.exit(1)',
        ],
      ],
    },
    {
      name: 'skips-bad-lines',
      says: 'A header without a colon: expected 400, got 200 OK',
      edits: [
        [
          "      const [, name = '', padded = ''] =\n        FIELD_LINE.exec(line) ?? refuse('400 Bad Request', 'malformed field line');",
          "      const [, name = '', padded = ''] = FIELD_LINE.exec(line) ?? [];\n      if (!name) continue;",
        ],
      ],
    },
    {
      name: 'guesses',
      says: 'Two different Content-Lengths: expected 400, got 200 OK',
      edits: [
        [
          "const value = /[^ \\t](.*[^ \\t])?/.exec(padded)?.[0] ?? '';",
          "const value = /[^ \\t](.*[^ \\t])?/.exec(padded)?.[0] ?? '';\n      if (key === 'content-length') headers.delete(key);",
        ],
      ],
    },
    {
      name: 'no-limit',
      says: 'A header of 1 MiB: expected 431, got 200 OK',
      file: 'part2/http.ts',
      edits: [['MAX_HEAD_BYTES = 16 * 1024', 'MAX_HEAD_BYTES = Number.POSITIVE_INFINITY']],
    },
    {
      name: 'ignores-encoding',
      says: 'Transfer-Encoding: zigzag: expected 501, got 200 OK',
      edits: [
        [
          "if (headers.has('transfer-encoding')) refuse('501 Not Implemented', 'Transfer-Encoding');",
          '',
        ],
      ],
    },
    {
      name: 'refuses-and-stays',
      says: 'A header without a colon: refused, and the connection is still open after 3 s; what comes next cannot be understood either',
      edits: [
        [
          'await this.finishResponse({ ...response, head }, [`${status}${detail}\\n`]);',
          "await this.finishResponse({ ...response, head }, [`${status}${detail}\\n`]);\n    if (/field line/.test(detail)) await once(response.socket, 'close');",
        ],
      ],
    },
    {
      name: 'head-with-body',
      says: 'HEAD /hello: expected the head alone, got a body behind it',
      edits: [["return method === 'HEAD' || isBodiless", "return method === 'NONE' || isBodiless"]],
    },
    {
      name: 'length-of-nothing',
      says: 'HEAD /hello: its Content-Length is that of GET, 14, or left out; got 0',
      edits: [
        [
          "if (length > 0 || response.method !== 'HEAD') response.length = length;",
          "response.length = response.method === 'HEAD' ? 0 : length;",
        ],
      ],
    },
    {
      name: 'any-number',
      says: 'Content-Length: 0x5: expected 400, got 200 OK',
      edits: [
        [
          'if (!/^\\d+$/.test(length)) refuse',
          'if (!(Number(length) >= 0) || /[+ .]/.test(length)) refuse',
        ],
      ],
    },
    {
      name: 'waits-for-the-end',
      says: 'A head of 1 MiB came, and no end of it: expected 431, got nothing in 3 s',
      edits: [
        [
          "while (!bytes.includes('\\r\\n\\r\\n') && bytes.length <= MAX_HEAD_BYTES) {",
          "while (!bytes.includes('\\r\\n\\r\\n')) {",
        ],
      ],
    },
    {
      name: 'length-of-nothing',
      says: 'HEAD /brief: its Content-Length is that of GET, 5, or left out; got 0',
      edits: [
        [
          "if (length > 0 || response.method !== 'HEAD') response.length = length;",
          'response.length = length;',
        ],
      ],
    },
    {
      name: 'waits-for-who-left',
      says: 'A client sent nothing and said FIN, and the next one still waits: GET /hello: no answer in 3 s',
      edits: [["{ signal, close: ['end', 'close'] }", '{ signal }']],
    },
    {
      name: 'any-version',
      says: 'A version that HTTP/1.1 does not know: expected 505, got 200 OK',
      edits: [
        [
          "    if (!/1\\.[01]$/.test(protocol)) refuse('505 HTTP Version Not Supported', 'HTTP/1.1, please');\n",
          '',
        ],
      ],
    },
    {
      name: 'any-target',
      says: 'A target that is for OPTIONS alone: expected 400, got 200 OK',
      edits: [
        [
          "    if (target === '*' && method !== 'OPTIONS') refuse('400 Bad Request', 'malformed target');\n",
          '',
        ],
      ],
    },
    {
      name: 'any-length',
      says: 'A body of a terabyte: no answer in 3 s',
      file: 'part2/http.ts',
      edits: [['MAX_BODY_BYTES = 8 * 1024 * 1024', 'MAX_BODY_BYTES = Number.POSITIVE_INFINITY']],
    },
  ],
};

/** What is expected where that is not a 400. */
const STATUSES: Readonly<Record<string, string>> = {
  'ignores-encoding': '501',
  'no-limit': '431',
  'any-version': '505',
};

async function checkRefusals(trial: Trial): Promise<void> {
  const server = await trial.start({ app: CONTRACT });
  const refusals = trial instanceof PythonTrial ? REFUSALS : [...REFUSALS, NEW_VERSION];
  for (const [bytes, name, wanted, guess] of refusals) {
    let [what, answer] = [name, await refusalOf(trial, server, bytes, name)];
    if (guess === 'no-limit' && answer.status === 200) {
      what = 'A header of 1 MiB';
      answer = await refusalOf(trial, server, LONGER, what);
    }
    if (!wanted.test(`${answer.status}`)) {
      const status = STATUSES[guess] ?? '400';
      const message = `${what}: expected ${status}, got ${answer.status} ${answer.reason}`;
      const mistake = answer.status === 200 ? guess : undefined;
      throw wrongAnswer(message, answer, { at: 9, server, mistake });
    }
    const next = await ask(trial, server, request('GET /hello HTTP/1.1'));
    expectStatus(next, 200, `A good request behind this: ${what}`, server);
  }
  const head = await ask(trial, server, request('HEAD /hello HTTP/1.1'));
  expectStatus(head, 200, 'HEAD /hello', server);
  if (head.bytes.length > head.bytes.indexOf('\r\n\r\n') + 4) {
    const message = 'HEAD /hello: expected the head alone, got a body behind it';
    throw wrongAnswer(message, head, { mistake: 'head-with-body' });
  }
  expectLength(head, '/hello', '14');
  expectLength(await ask(trial, server, request('HEAD /brief HTTP/1.1')), '/brief', '5');
  await expectEnd(trial, server);
  await expectNoTerabyte(trial, server);
  await expectNoWait(trial, server);
}

/** RFC 9110 §8.6: the length that GET would have, or none. */
function expectLength(head: Answer, target: string, wanted: string): void {
  const length = headerOf(head, 'content-length') ?? wanted;
  if (length === wanted) return;
  const message = `HEAD ${target}: its Content-Length is that of GET, ${wanted}, or left out; got ${length}`;
  const at = head.bytes.toString('latin1').search(/^content-length/im);
  throw wrongAnswer(message, head, { at, mistake: 'length-of-nothing' });
}

/** A head that never ends is refused while it still comes. */
async function expectEnd(trial: Trial, server: ServerProcess): Promise<void> {
  const client = await trial.connect(server);
  client.send(LONGER.subarray(0, -4)).catch(() => {}); // all but its blank line
  await client.settle(PATIENCE * 1000, () => client.size > 0 || client.ending !== 'open');
  if (client.size > 0 || client.ending !== 'open') return;
  const message = `A head of 1 MiB came, and no end of it: expected 431, got nothing in ${PATIENCE} s`;
  throw new Failure(message, { cause: 'timed out', mistake: 'waits-for-the-end' });
}

/** The answer to what should be refused. It must come, and then the connection must go. */
async function refusalOf(
  trial: Trial,
  server: ServerProcess,
  bytes: Buffer,
  what: string,
): Promise<Answer> {
  try {
    return await ask(trial, server, bytes);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { cause, received } = error.details;
    if (cause === 'timed out' && received) {
      const message = `${what}: refused, and the connection is still open after ${PATIENCE} s; what comes next cannot be understood either`;
      throw new Failure(message, { ...error.details, mistake: 'refuses-and-stays' });
    }
    if (cause === 'timed out') {
      const message = `${what}: expected a refusal, got nothing in ${PATIENCE} s`;
      throw new Failure(message, { ...error.details, mistake: 'hangs' });
    }
    if (cause === 'reset' && !server.hasExited) {
      const message = `${what}: the connection was reset, and no client can see why: half-close, read what is left, then close`;
      throw new Failure(message, error.details);
    }
    const { message } = error;
    const mistake = server.hasExited ? 'dies-of-rubbish' : undefined;
    throw new Failure(message.replace(/^[^:]*/, what), {
      ...error.details,
      ...(mistake && { mistake }),
    });
  }
}

/** Nobody waits for the rest of a request whose client has gone. */
async function expectNoWait(trial: Trial, server: ServerProcess): Promise<void> {
  const half = [
    'GET /hello HTTP/1.1\r\nHos',
    'POST /sha256 HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab',
  ];
  for (const words of ['', ...half]) {
    for (const isReset of [false, true]) {
      const client = await trial.connect(server);
      await client.send(words);
      if (isReset) await client.reset();
      else client.halfClose();
      const way = isReset ? 'reset the connection' : 'said FIN';
      await expectNext(
        trial,
        server,
        `A client sent ${words ? 'half of a request' : 'nothing'} and ${way}`,
        'waits-for-who-left',
      );
    }
  }
  const { words, client } = await openRelay(trial, server); // while one is served, another waits, and leaves
  for (const isReset of [false, true]) {
    const impatient = await trial.connect(server);
    if (isReset) await impatient.reset();
    else impatient.halfClose();
  }
  await delay(A_MOMENT);
  words.end('done');
  await client.readToEnd();
  const left = 'Two clients left before it was their turn';
  await expectNext(trial, server, left, 'waits-for-who-left');
}

/** Who holds bodies in memory says at once that this one is too large; who streams them has asked the app by now. */
async function expectNoTerabyte(trial: Trial, server: ServerProcess): Promise<void> {
  const what = 'A body of a terabyte';
  const large = ask(
    trial,
    server,
    request('POST /hello HTTP/1.1', 'Content-Length: 1000000000000'),
  );
  await large.catch(asMistake('any-length', (message) => message.replace(/^[^:]*/, what)));
}
