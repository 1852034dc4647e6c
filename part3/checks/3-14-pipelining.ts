import type { Lesson } from '../../shared/checks/check.ts';
import { CONTRACT } from '../../shared/checks/run/contract.ts';
import type { Failure } from '../../shared/checks/run/failure.ts';
import {
  Dialogue,
  echoOf,
  named,
  SILENCE,
  toPost,
  toRequest,
} from '../../shared/checks/run/messages.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

/** A request and the body of its answer. */
type Pair = readonly [request: string, answer: string];

const get = (target: string, ...fields: string[]): Pair => [
  toRequest(`GET ${target}`, fields),
  echoOf(`GET ${target}`),
];

/** A body that is one to nobody who counts its bytes, and a request to who does not. */
const LIKE_A_REQUEST = toRequest('GET /echo/in-a-body');
const FIRST = get('/echo/1');
const SECOND: Pair = [toPost('/echo/2', LIKE_A_REQUEST), LIKE_A_REQUEST];
const LAST = get('/echo/3?x=1', 'Connection: close');
const THREE = [FIRST, SECOND, LAST];

/** Where the second request is cut in two: behind so much of it. And who does not bear it. */
const CUTS: readonly (readonly [where: string, text: string, mistake: string])[] = [
  ['in its method', 'PO', 'forgets-the-beginning'],
  ['behind its target', '/echo/2', 'forgets-the-beginning'],
  ['between CR and LF of its request line', 'HTTP/1.1\r', 'loses-a-cr'],
  ['in the name of a field', 'Content-', 'forgets-the-beginning'],
  ['between CR and LF of its last field', `Length: ${LIKE_A_REQUEST.length}\r`, 'loses-a-cr'],
  ['before its blank line', `Length: ${LIKE_A_REQUEST.length}\r\n`, 'forgets-the-beginning'],
  ['in its blank line', `Length: ${LIKE_A_REQUEST.length}\r\n\r`, 'loses-a-cr'],
  ['behind its head', `Length: ${LIKE_A_REQUEST.length}\r\n\r\n`, 'half-a-body'],
  ['in its body', 'GET /echo/in', 'half-a-body'],
  ['before the last byte of its body', LIKE_A_REQUEST.slice(0, -1), 'half-a-body'],
];

const MANY = 50;
/** Bytes of a body that an application reads in several pieces. */
const LARGE = 100_000;

export const check: Lesson = {
  title: 'Requests come several in a packet, and a request in several packets',
  goal: 'TCP is a stream: a packet ends where the network liked, and a request where its framing says.',
  hints: [
    'A read gave you two requests and a half. What do you do with the half, and with the second?',
    'RFC 9112 §9.3.2: a client may send the next request before it has its answer; answers come in the order of the requests. §2.2: an empty line before a request line is ignored. read(2) gives what is there.',
    'One buffer for each connection. Loop: no whole head in it? wait for more, and keep what is there. Else take the head, take as many bytes of body as it promises, answer, and only then look at the rest; behind the answer to close throw the rest away.',
  ],
  anchor: 'http/README.md#pipelining',
  lenient: [
    'whether you work on the next request before the answer before it has left, if that keeps the order',
    'one packet or many for the answers',
    'more than one empty line before a request',
    'what happens to a request that says close and has another behind it: answered, refused or cut',
  ],
  byHand: 'printf $REQUEST | nc -q 1 127.0.0.1 $PORT',
  solution: '3i',
  seconds: 15,
  run: checkPipelining,
  mistakes: [
    {
      name: 'drops-the-rest',
      says: 'Request 2 of 3 in one packet: no answer in 3 s',
      file: 'part3/http/request-parser.ts',
      edits: [
        [
          '    this.#state = BEFORE_EMPTY_LINE;\n',
          '    this.#state = BEFORE_EMPTY_LINE;\n    this.#buffer.clear();\n',
        ],
      ],
    },
    {
      // Each request is begun when it is here, and who has its answer first says it first.
      name: 'out-of-order',
      says: 'Request 2 of 3 in one packet: the answer is that of a later one, "GET /echo/3?x=1\\n"; RFC 9112 §9.3.2',
      file: 'part3/server/connection.ts',
      edits: [
        [
          'new ResponseWriter(request, this.#outbox.send)',
          "new ResponseWriter(request, request.framing.kind === 'none' ? this.#outbox.send : (piece) => setTimeout(() => this.#outbox.send(piece), 9))",
        ],
        [
          '  #close(): void {\n',
          '  async #close(): Promise<void> {\n    await new Promise((done) => setTimeout(done, 50));\n',
        ],
      ],
    },
    {
      name: 'answers-behind-close',
      says: 'A request stood behind one that said close, and it was answered; RFC 9112 §9.6',
      file: 'part3/server/connection.ts',
      edits: [
        [
          'if (!answer.keepAlive) this.#close();\n    else if',
          'if (!answer.keepAlive) setImmediate(() => this.#close());\n    if',
        ],
      ],
    },
    {
      name: 'forgets-the-beginning',
      says: 'Request 2, cut behind its target: expected 200, got 400',
      file: 'part3/http/request-parser.ts',
      edits: [
        [
          "    if (this.#state.kind !== 'refused') this.#buffer.append(bytes);",
          "    if (this.#state.kind === 'head') this.#state = BEFORE_EMPTY_LINE;\n    if (this.#state.kind !== 'body') this.#buffer.clear();\n    this.#buffer.append(bytes);",
        ],
      ],
    },
    {
      name: 'loses-a-cr',
      says: 'Request 2, cut between CR and LF of its request line: expected 200, got 400',
      file: 'part3/http/receive-buffer.ts',
      edits: [['this.#begun.push(rest);', "this.#begun.push(rest.replace(/\\r$/, ''));"]],
    },
    {
      name: 'half-a-body',
      says: 'Request 2, cut in its body: the answer was cut, with N bytes of it',
      file: 'part3/http/body-framing.ts',
      edits: [
        [
          '    this.#left -= bytes?.length ?? 0;\n    return bytes;',
          '    this.#left = bytes ? 0 : this.#left;\n    return bytes;',
        ],
      ],
    },
    {
      name: 'no-empty-line',
      says: 'A request behind an empty line: expected 200, got 400',
      file: 'part3/http/request-parser.ts',
      edits: [
        ["{ kind: 'idle', mayBeEmptyLine: true }", "{ kind: 'idle', mayBeEmptyLine: false }"],
      ],
    },
    {
      // recv(1024), as in 2015: what else was in the packet is not asked for.
      name: 'reads-a-kilobyte',
      says: 'Request 25 of 50 in one packet: no answer in 3 s',
      file: 'part3/http/request-parser.ts',
      isNamed: false,
      edits: [['this.#buffer.append(bytes);', 'this.#buffer.append(bytes.subarray(0, 1024));']],
    },
  ],
};

async function checkPipelining(trial: Trial): Promise<void> {
  const server = await trial.start({ app: CONTRACT });
  await expectInOnePacket(trial, server);
  await expectNothingBehind(trial, server);
  for (const [where, text, mistake] of CUTS) await expectCut(trial, server, where, text, mistake);
  await expectByteByByte(trial, server);
  await expectEmptyLines(trial, server);
  await expectMany(trial, server);
}

async function expectInOnePacket(trial: Trial, server: ServerProcess): Promise<void> {
  const talk = await Dialogue.open(trial, server);
  await talk.say(THREE.map(([request]) => request).join(''));
  await expectInOrder(talk, THREE, 'in one packet', 'drops-the-rest');
  await talk.expectEnd('The third of them said close');
  talk.leave();
}

/** Who says close must not say more; RFC 9112 §9.6. If it does, that is not answered, whatever else a server makes of it. */
async function expectNothingBehind(trial: Trial, server: ServerProcess): Promise<void> {
  const [request, target] = [toRequest('GET /echo/behind'), 'GET /echo/behind'];
  const talk = await Dialogue.open(trial, server);
  await talk.say(LAST[0] + request);
  const isAnswered = () => talk.client.received.includes(target);
  await talk.client.settle(SILENCE * 1000, isAnswered);
  const { ending, received } = talk.client;
  if (isAnswered()) {
    const told = 'A request stood behind one that said close, and it was answered; RFC 9112 §9.6';
    throw talk.wrong(told, received.indexOf(target), 'answers-behind-close');
  }
  talk.leave();
  if (ending !== 'open') return;
  const told = `A request stood behind one that said close, and the connection is still open after ${SILENCE} s`;
  throw talk.wrong(told, received.length);
}

/** The first request and a beginning of the second; and the rest when the first is answered: then the cut was seen. */
async function expectCut(
  trial: Trial,
  server: ServerProcess,
  where: string,
  text: string,
  mistake: string,
): Promise<void> {
  const [second, answer] = SECOND;
  const cut = second.indexOf(text) + text.length;
  const talk = await Dialogue.open(trial, server);
  await talk.say(FIRST[0] + second.slice(0, cut));
  await talk.expect(`Request 1, with request 2 behind it, cut ${where}`, FIRST[1]);
  await talk.say(second.slice(cut) + LAST[0]);
  await talk.expect(`Request 2, cut ${where}`, answer, mistake);
  await talk.expect(`Request 3, behind one that was cut ${where}`, LAST[1], mistake);
  await talk.expectEnd('The third of them said close');
  talk.leave();
}

async function expectByteByByte(trial: Trial, server: ServerProcess): Promise<void> {
  const talk = await Dialogue.open(trial, server);
  const sending = talk.say(...THREE.map(([request]) => request).join(''));
  await expectInOrder(talk, THREE, 'byte by byte');
  await sending;
  await talk.expectEnd('The third of them said close');
  talk.leave();
}

/** "SHOULD ignore at least one empty line (CRLF) received prior to the request-line"; RFC 9112 §2.2. */
async function expectEmptyLines(trial: Trial, server: ServerProcess): Promise<void> {
  const talk = await Dialogue.open(trial, server);
  await talk.say(`\r\n${SECOND[0]}\r\n${LAST[0]}`);
  await talk.expect('A request behind an empty line', SECOND[1], 'no-empty-line');
  await talk.expect('A request behind a body and an empty line', LAST[1], 'no-empty-line');
  await talk.expectEnd('It said close');
  talk.leave();
}

/** A body that takes a while, and many behind it that do not. */
async function expectMany(trial: Trial, server: ServerProcess): Promise<void> {
  const large = 'not all of it at once. '.repeat(LARGE / 20);
  const short = Array.from({ length: MANY - 2 }, (_, i) => get(`/echo/${i + 1}`));
  const pairs: Pair[] = [...short, [toPost('/echo/large', large), large], LAST];
  const talk = await Dialogue.open(trial, server);
  await talk.say(pairs.map(([request]) => request).join(''));
  await expectInOrder(talk, pairs, 'in one packet');
  await talk.expectEnd('The last of them said close');
  talk.leave();
}

/** `missing`: the mistake of who has no answer to a request, or one to no request, and had one to the first. */
async function expectInOrder(
  talk: Dialogue,
  pairs: readonly Pair[],
  how: string,
  missing?: string,
): Promise<void> {
  for (const [index, [, wanted]] of pairs.entries()) {
    const what = `Request ${index + 1} of ${pairs.length} ${how}`;
    const turn = await talk.take(what).catch((error: Failure) => {
      throw error.details.mistake || index === 0 ? error : named(error, missing);
    });
    const isLater = pairs.slice(index + 1).some(([, answer]) => answer === turn.text);
    if (turn.text !== wanted && isLater) {
      const told = `${what}: the answer is that of a later one, ${JSON.stringify(turn.text.slice(0, 60))}; RFC 9112 §9.3.2`;
      throw talk.wrong(told, turn.at, 'out-of-order');
    }
    talk.compare(turn, what, wanted);
  }
}
