import type { Lesson } from '../../shared/checks/check.ts';
import { CONTRACT } from '../../shared/checks/run/contract.ts';
import {
  Dialogue,
  echoOf,
  hasOption,
  named,
  saysClose,
  toRequest,
} from '../../shared/checks/run/messages.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

/** Each says close, and each in another way. What the mistake is called that does not see it. */
const CLOSES: readonly (readonly [fields: readonly string[], mistake: string])[] = [
  [['Connection: close'], 'ignores-close'],
  [['connection: Close'], 'close-in-small-letters'],
  [['Connection: x-mine, close'], 'close-alone'],
  [['Connection: x-mine', 'Connection: close'], 'close-alone'],
  [['Connection: keep-alive, close'], 'close-alone'],
];

export const check: Lesson = {
  title: 'A connection serves one request after another',
  goal: 'The end of an answer is not the end of the connection: framing, not FIN, says where it ends.',
  hints: [
    'If you do not close, how does the client know that the answer is over? And who says that it was the last?',
    'RFC 9112 §9.3 (kept unless "close", or HTTP/1.0 without "keep-alive") and §9.6; RFC 9110 §7.6.1: Connection is a list of words in any letter case. A FIN of the client is end-of-file in read(2), and it may still listen: shutdown(2).',
    "A loop: while (keepAlive) { read a head and its body; answer with Content-Length or chunks }. keepAlive = version is 1.1 ? !options.includes('close') : options.includes('keep-alive'), of the Connection lines joined, split at commas, trimmed, in small letters; the answer says close, or to 1.0 keep-alive.",
  ],
  anchor: 'http/README.md#keep-alive',
  lenient: [
    'how long an idle connection is kept, and for how many requests more than three',
    'length or chunks',
    '"Connection: close" in an answer of HTTP/1.0, which means it anyway',
    'Keep-Alive: timeout=5, which nobody is bound to say',
    'an option that only has the word close in it: kept or closed',
  ],
  byHand:
    'curl -v http://127.0.0.1:$PORT/echo/1 http://127.0.0.1:$PORT/echo/2  # Re-using existing connection',
  solution: '3i',
  seconds: 10,
  run: checkKeepAlive,
  mistakes: [
    {
      name: 'closes-each',
      says: 'Request 1 of 3 on one connection: its answer says Connection: close, and nobody had asked for that',
      file: 'part2/webserver2.ts',
    },
    {
      name: 'closes-silently',
      says: 'Request 2 of 3 on one connection: the connection was closed behind the answer before it',
      file: 'part3/server/connection.ts',
      edits: [['if (!answer.keepAlive) this.#close();', 'if (answer) this.#close();']],
    },
    {
      name: 'no-length',
      says: 'Request 1 of 3 on one connection: the answer has neither a length nor chunks, and its connection stays open: where does it end?',
      file: 'part3/http/response-writer.ts',
      edits: [
        ['promised = Number(value);', 'promised = Number(value);\n        continue;'],
        ['if (length !== undefined && !isBodiless) head', 'if (length === -1) head'],
      ],
    },
    {
      name: 'ignores-close',
      says: 'A client said "Connection: close", and the connection is still open after 3 s',
      file: 'part3/http/request-head.ts',
      edits: [['if (HAS_CLOSE.test(connection)) return false;', 'if (!HAS_CLOSE) return false;']],
    },
    {
      name: 'close-in-small-letters',
      says: 'A client said "connection: Close", and the connection is still open after 3 s',
      file: 'part3/http/grammar.ts',
      edits: [
        ["HAS_CLOSE = hasMember('close')", 'HAS_CLOSE = /(?:^|,)[\\t ]*close[\\t ]*(?:,|$)/'],
      ],
    },
    {
      name: 'close-alone',
      says: 'A client said "Connection: x-mine, close", and the connection is still open after 3 s',
      file: 'part3/http/grammar.ts',
      edits: [["HAS_CLOSE = hasMember('close')", 'HAS_CLOSE = /^close$/i']],
    },
    {
      name: 'closes-without-a-word',
      says: 'A client said "Connection: close": the connection ends, and the answer does not say so; RFC 9112 §9.6',
      file: 'part3/http/response-writer.ts',
      edits: [
        ["if (!this.keepAlive) head += 'Connection: close\\r\\n';", 'if (!this.keepAlive) head;'],
      ],
    },
    {
      name: 'keeps-old-clients',
      says: 'A client of HTTP/1.0 said nothing of keep-alive, and the connection is still open after 3 s',
      file: 'part3/http/request-head.ts',
      edits: [["return version === 'HTTP/1.1';", 'return true;']],
    },
    {
      name: 'closes-silently',
      says: 'Request 2 of HTTP/1.1 with "Connection: x-mine": the connection was closed behind the answer before it',
      file: 'part3/http/request-head.ts',
      edits: [["return version === 'HTTP/1.1' || HAS_KEEP_ALIVE", 'return HAS_KEEP_ALIVE']],
    },
    {
      name: 'keeps-old-clients',
      says: 'A client of HTTP/1.0 said "Connection: x-mine", and the connection is still open after 3 s',
      file: 'part3/http/request-head.ts',
      edits: [
        [' || HAS_KEEP_ALIVE.test(connection);', ' || HAS_KEEP_ALIVE.test(connection) || true;'],
      ],
    },
    {
      name: 'closes-old-clients',
      says: 'Request 1 of HTTP/1.0 with "Connection: Keep-Alive": its answer does not say keep-alive, and who speaks HTTP/1.0 closes then',
      file: 'part3/http/request-head.ts',
      edits: [[' || HAS_KEEP_ALIVE.test(connection);', ' || !HAS_KEEP_ALIVE;']],
    },
    {
      name: 'keeps-without-a-word',
      says: 'Request 1 of HTTP/1.0 with "Connection: Keep-Alive": its answer does not say keep-alive, and who speaks HTTP/1.0 closes then',
      file: 'part3/http/response-writer.ts',
      edits: [["head += 'Connection: keep-alive\\r\\n'", "head += ''"]],
    },
    {
      // What happens to whoever works on a request while its connection ends: it answers in the next turn of the loop.
      name: 'hangs-up-at-fin',
      says: 'A client asked, and said FIN behind it: the connection was closed without an answer',
      file: 'part3/server/connection.ts',
      edits: [
        ["socket.once('end', () => {", "socket.once('end', () => {\n      this.#close();"],
        [
          '    this.#outbox.hold();\n    this.#proceed();',
          '    setTimeout(() => this.#proceed(), 9);',
        ],
      ],
    },
    {
      name: 'keeps-who-left',
      says: 'A client said FIN behind its last answer, and the connection is still open after 3 s',
      file: 'part3/server/connection.ts',
      edits: [
        [
          "      if (!isIdle) throw new HttpError(400, 'it ended in its middle');\n      this.#close();",
          "      if (!isIdle) throw new HttpError(400, 'it ended in its middle');",
        ],
      ],
    },
  ],
};

async function checkKeepAlive(trial: Trial): Promise<void> {
  const server = await trial.start({ app: CONTRACT });
  await expectThree(trial, server);
  for (const [fields, mistake] of CLOSES) await expectClose(trial, server, fields, mistake);
  await expectKept(trial, server);
  await expectOldWays(trial, server);

  const last = await Dialogue.open(trial, server);
  await last.say(toRequest('GET /echo/last'));
  last.client.halfClose();
  const what = 'A client asked, and said FIN behind it';
  const asked = last.expect(what, echoOf('GET /echo/last'));
  await asked.catch((error) => {
    throw last.isOver ? named(error, 'hangs-up-at-fin') : error;
  });
  await last.expectEnd(what);
}

/** Three in turn, each answered before the next is asked; and then the client says that this was all. */
async function expectThree(trial: Trial, server: ServerProcess): Promise<void> {
  const talk = await Dialogue.open(trial, server);
  for (const turn of [1, 2, 3]) {
    const what = `Request ${turn} of 3 on one connection`;
    const answer = await askInTurn(talk, turn, what);
    if (!saysClose(answer)) continue;
    const told = `${what}: its answer says Connection: close, and nobody had asked for that`;
    const at =
      answer.at +
      talk.client.received
        .subarray(answer.at)
        .toString('latin1')
        .search(/^connection/im);
    throw talk.wrong(told, at, 'closes-each');
  }
  talk.client.halfClose();
  await talk.expectEnd('A client said FIN behind its last answer', 'keeps-who-left');
}

/** The next request of a connection, and its answer. */
async function askInTurn(
  talk: Dialogue,
  turn: number,
  what: string,
  fields: readonly string[] = [],
) {
  if (turn > 1 && talk.isOver) throw hungUp(talk, what);
  await talk.say(toRequest(`GET /echo/${turn}`, fields));
  return talk.expect(what, echoOf(`GET /echo/${turn}`)).catch((error) => {
    throw talk.isOver && turn > 1 ? hungUp(talk, what) : error;
  });
}

function hungUp(talk: Dialogue, what: string) {
  const told = `${what}: the connection was closed behind the answer before it`;
  return talk.wrong(told, talk.client.received.length, 'closes-silently');
}

/** The answer comes, says that it is the last, and then comes FIN. */
async function expectClose(
  trial: Trial,
  server: ServerProcess,
  fields: readonly string[],
  mistake: string,
): Promise<void> {
  const what = `A client said ${fields.map((field) => `"${field}"`).join(' and ')}`;
  const talk = await Dialogue.open(trial, server);
  await talk.say(toRequest('GET /echo/last', fields));
  const answer = await talk.expect(what, echoOf('GET /echo/last'));
  if (hasOption(answer, 'keep-alive')) {
    throw talk.wrong(`${what}, and the answer says keep-alive`, answer.at, mistake);
  }
  await talk.expectEnd(what, mistake);
  talk.leave();
  if (saysClose(answer) || isOld(talk, answer.at)) return;
  const told = `${what}: the connection ends, and the answer does not say so; RFC 9112 §9.6`;
  throw talk.wrong(told, answer.at, 'closes-without-a-word');
}

/** An option that nobody knows says nothing of the end. */
async function expectKept(trial: Trial, server: ServerProcess): Promise<void> {
  const talk = await Dialogue.open(trial, server);
  for (const turn of [1, 2]) {
    const what = `Request ${turn} of HTTP/1.1 with "Connection: x-mine"`;
    await askInTurn(talk, turn, what, ['Connection: x-mine']);
  }
  talk.leave();
}

/** HTTP/1.0 closes, unless its client and its server have both said otherwise; RFC 9112 §9.3. */
async function expectOldWays(trial: Trial, server: ServerProcess): Promise<void> {
  for (const [said, fields] of [
    ['nothing of keep-alive', []],
    ['"Connection: x-mine"', ['Connection: x-mine']],
  ] as const) {
    const what = `A client of HTTP/1.0 said ${said}`;
    const once = await Dialogue.open(trial, server);
    await once.say(toRequest('GET /echo/old HTTP/1.0', fields));
    await once.expect(what, echoOf('GET /echo/old'));
    await once.expectEnd(what, 'keeps-old-clients');
    once.leave();
  }

  const talk = await Dialogue.open(trial, server);
  for (const turn of [1, 2]) {
    const asking = `Request ${turn} of HTTP/1.0 with "Connection: Keep-Alive"`;
    if (turn > 1 && talk.isOver) throw hungUp(talk, asking);
    await talk.say(toRequest(`GET /echo/${turn} HTTP/1.0`, ['Connection: Keep-Alive']));
    const answer = await talk.expect(asking, echoOf(`GET /echo/${turn}`));
    if (hasOption(answer, 'keep-alive')) continue;
    const told = `${asking}: its answer does not say keep-alive, and who speaks HTTP/1.0 closes then`;
    const isLast = saysClose(answer);
    throw talk.wrong(told, answer.at, isLast ? 'closes-old-clients' : 'keeps-without-a-word');
  }
  talk.leave();
}

/** Whether the answer speaks HTTP/1.0, whose connections end if nobody says otherwise. */
function isOld({ client }: Dialogue, at: number): boolean {
  return client.received.toString('latin1', at, at + 8) === 'HTTP/1.0';
}
