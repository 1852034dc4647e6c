import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Lesson } from '../../shared/checks/check.ts';
import { comesTrue } from '../../shared/checks/run/clients.ts';
import { CONTRACT } from '../../shared/checks/run/contract.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import { head, takeCall } from '../../shared/checks/run/gateway.ts';
import { saysClose } from '../../shared/checks/run/messages.ts';
import { takeTurn, timedOut } from '../../shared/checks/run/pace.ts';
import { type Reply, seriesIn } from '../../shared/checks/run/series.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import { openGate } from '../../shared/harness/gate.ts';
import type { RawClient } from '../../shared/harness/raw-client.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

/** A body which is a request, if somebody takes it for one. */
const BODY = 'GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n';
const DIGEST = createHash('sha256').update(BODY).digest('hex');
const NEXT = 'GET /brief HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
const EXPECT = 'Expect: 100-continue';
const LENGTH = `Content-Length: ${BODY.length}`;
/** Seconds for what most servers do at once, and some only when the body is there. */
const AT_ONCE = 0.3;
const SOON = 3;

export const check: Lesson = {
  title: 'Who asks is told to go on when the application reads, and not before',
  goal: 'An interim answer is a promise: send your body, somebody wants it.',
  hints: [
    'A client asks before it sends a gigabyte. Who knows whether it is wanted: your server, or the application?',
    'RFC 9110 §10.1.1, for 1.1 only and in any letter case; PEP 3333 "HTTP 1.1 Expect/Continue" has three ways, and ' +
      'this check wants the second: at the first read of wsgi.input - write(2) before recv(2).',
    "In read(), the first time: if the client waits and no head has left, socket.write('HTTP/1.1 100 Continue\\r\\n\\r\\n'). " +
      'If the application has answered without a read, say Connection: close, or take the body when it comes.',
  ],
  anchor: 'server/README.md#continue',
  lenient: [
    'no 100 where the body is here already, or there is none',
    '417 for another expectation, or to ignore it: RFC 9110 §10.1.1 lets you choose',
    'the connection is kept or closed after an answer without a read',
  ],
  byHand:
    "printf 'POST /sha256 HTTP/1.1\\r\\nHost: x\\r\\nExpect: 100-continue\\r\\nContent-Length: 5\\r\\n\\r\\n' | nc -q 1 127.0.0.1 $PORT",
  solution: '3k',
  seconds: 20,
  async run(trial) {
    const server = await trial.start({ app: CONTRACT });
    await saysSoWhenItIsRead(trial, server, LENGTH, EXPECT);
    await saysSoWhenItIsRead(trial, server, 'Transfer-Encoding: chunked', 'expect: 100-Continue');
    await saysNothingUnread(trial, server);
    await servesTheHasty(trial, server);
    await saysNothingInside(trial, server);
    await saysNothingToOldClients(trial, server);
    await knowsOthers(trial, server);
  },
  mistakes: [
    {
      name: 'never-continues',
      says: 'The app reads, and a client that waits for 100 Continue got none in 3 s',
      file: 'part3/server/connection.ts',
      edits: [['    if (isWaiting) this.#outbox.send(CONTINUE);\n', '']],
    },
    {
      name: 'continues-at-once',
      says: '100 Continue came before the app has read: PEP 3333 lets you, and this check wants its second way, at the first read',
      file: 'part3/server/connection.ts',
      edits: [
        ['    if (isWaiting) this.#outbox.send(CONTINUE);\n', ''],
        [
          'this.#service.stats.requests++;',
          'if (request.expectContinue) this.#outbox.send(CONTINUE);\n    this.#service.stats.requests++;',
        ],
      ],
    },
    {
      name: 'continues-twice',
      says: 'A client that waited for 100 Continue got N of them: expected one',
      file: 'part3/server/connection.ts',
      edits: [['    state.isHeldBack = false;\n', '']],
    },
    {
      name: 'forgets-to-close',
      says: 'A client that waited for 100 Continue has asked for Connection: close, and 3 s behind its answer it is open',
      file: 'part3/server/connection.ts',
      edits: [
        [
          'state.answer.keepAlive = state.request.keepAlive && !this.#isLast;',
          'state.answer.keepAlive = !this.#isLast;',
        ],
      ],
    },
    {
      name: 'case-matters',
      says: 'Expect: 100-Continue, in other letters: expected 100 Continue, got 417',
      file: 'part3/http/request-head.ts',
      edits: [["if (expect.toLowerCase() !== '100-continue')", "if (expect !== '100-continue')"]],
    },
    {
      name: 'continues-inside',
      says: 'An app has begun its answer and reads then: 100 Continue came in the middle of the answer',
      file: 'part3/server/connection.ts',
      edits: [
        [
          '    if (state.answer.headSent) return; // too late: it has been told that this is the last answer\n',
          '',
        ],
      ],
    },
    {
      name: 'continues-for-1.0',
      says: 'HTTP/1.0 knows no interim answers, and a client of it got 100 Continue',
      file: 'part3/http/request-head.ts',
      edits: [
        ["if (!expect || version === 'HTTP/1.0') return false;", 'if (!expect) return false;'],
      ],
    },
    {
      name: 'body-is-a-request',
      says: 'The app has answered without reading, and the body that came all the same was answered as a request',
      file: 'part3/server/connection.ts',
      edits: [
        ['readonly #parser: RequestParser;', '#parser: RequestParser;'],
        [
          'if (this.#isLast || isHeldBack) answer.keepAlive = false;',
          'if (this.#isLast) answer.keepAlive = false;',
        ],
        [
          'else if (body.hasEnded) this.#state = READING;',
          `else if (body.hasEnded) this.#state = READING;
    else if (request.expectContinue) {
      this.#parser = new RequestParser(this.#service.limits); // it was never told to send it
      this.#state = READING;
    }`,
        ],
      ],
    },
  ],
};

/** What came, taken apart: interim answers and others. */
function answersTo({ received, ending }: RawClient) {
  const { replies, rest } = seriesIn(received, ending);
  const isInterim = ({ status }: Reply) => status < 200;
  const finals = replies.filter((one) => !isInterim(one));
  return { interim: replies.filter(isInterim), finals, rest };
}

const isOver = (client: RawClient) =>
  client.ending !== 'open' || Boolean(answersTo(client).finals.at(-1)?.isWhole);

function wrong(client: RawClient, message: string, mistake?: string): Failure {
  const { received } = client;
  return new Failure(message, { received, at: 0, ...(mistake && { mistake }) });
}

async function saysSoWhenItIsRead(
  trial: Trial,
  server: ServerProcess,
  framing: string,
  expect: string,
): Promise<void> {
  const upload = await openUpload(trial, server, 'HTTP/1.1', framing, expect);
  const { client } = upload;
  const isOther = expect !== EXPECT;
  const how = isOther ? 'Expect: 100-Continue, in other letters' : EXPECT;
  const beforeIt = answersTo(client);
  if (beforeIt.interim.length > 0) {
    const message =
      '100 Continue came before the app has read: PEP 3333 lets you, and this check wants its second way, at the first read';
    throw wrong(client, message, 'continues-at-once');
  }
  upload.words?.end();
  await comesTrue(() => client.size > 0 || client.ending !== 'open', SOON);
  const { interim, finals } = answersTo(client);
  if (interim.length === 0 && finals[0]) {
    const mistake = isOther && finals[0].status === 417 ? 'case-matters' : undefined;
    throw wrong(client, `${how}: expected 100 Continue, got ${finals[0].status}`, mistake);
  }
  if (interim.length === 0) {
    const whose = upload.words ? 'The app reads' : 'The app was not called yet';
    const message = `${whose}, and a client that waits for 100 Continue got none in ${SOON} s`;
    throw timedOut(message, 'never-continues');
  }
  const body = Buffer.from(framing === LENGTH ? BODY : inChunk(BODY));
  await client.pour(body.subarray(0, 20));
  await takeTurn(trial, server); // the app has read this, and waits for more
  await client.pour(body.subarray(20));
  const length = await expectDigest(client, 'A client that waited for 100 Continue');
  if (length === 1) return;
  const message = `A client that waited for 100 Continue got ${length} of them: expected one`;
  throw wrong(client, message, 'continues-twice');
}

/** The application is at work, and has not read; some servers call it only when the whole body is there. */
async function openUpload(
  trial: Trial,
  server: ServerProcess,
  version: string,
  ...fields: string[]
) {
  const gate = await openGate();
  server.exited.then(() => gate.close());
  const client = await trial.connect(server);
  const request = head(`POST /upload?${gate.port}`, ...fields).replace('HTTP/1.1', version);
  await client.pour(Buffer.from(request));
  let words: Socket | undefined;
  gate.opened.then((app) => (words = app)).catch(() => {});
  await comesTrue(() => words !== undefined || client.size > 0 || isOver(client), AT_ONCE);
  await takeTurn(trial, server);
  return { client, words, gate };
}

/** The answer to a body that was sent; how many interim answers stood before it. */
async function expectDigest(client: RawClient, who: string): Promise<number> {
  await comesTrue(() => isOver(client), SOON);
  const hasEnded = await comesTrue(() => client.ending !== 'open', SOON);
  client.leave();
  const { interim, finals, rest } = answersTo(client);
  const [answer] = finals;
  if (!answer?.isWhole) {
    const cause = client.ending === 'open' ? 'timed out' : 'wrong';
    const message = `${who} sent its body, and had no whole answer`;
    throw new Failure(message, { cause, received: client.received, at: client.size });
  }
  const got = `${answer.status} ${JSON.stringify(answer.body.toString().slice(0, 40))}`;
  if (answer.status !== 200 || `${answer.body}` !== DIGEST)
    throw wrong(client, `${who} sent its body: expected its SHA-256, got ${got}`);
  if (rest.length > 0) throw wrong(client, `${who} has more than one answer`);
  if (hasEnded) return interim.length;
  const message = `${who} has asked for Connection: close, and ${SOON} s behind its answer it is open`;
  throw timedOut(message, 'forgets-to-close');
}

/** An answer without a read: no 100, and what may come of the body is no request. */
async function saysNothingUnread(trial: Trial, server: ServerProcess): Promise<void> {
  const client = await trial.connect(server);
  const request = head('POST /ignores', EXPECT, LENGTH).replace('Connection: close\r\n', '');
  await client.pour(Buffer.from(request));
  await comesTrue(() => isOver(client), SOON);
  const { interim, finals } = answersTo(client);
  if (interim.length > 0) {
    const message = 'The app answers without reading, and the client was told to send its body';
    throw wrong(client, message, 'continues-at-once');
  }
  const [answer] = finals;
  if (!answer?.isWhole)
    throw timedOut(`The app answers without reading, and its client has no answer in ${SOON} s`);
  if (client.ending === 'open' && !saysClose(answer)) {
    void client.pour(Buffer.from(BODY + NEXT));
    await comesTrue(() => client.ending !== 'open' || answersTo(client).finals.length > 1, SOON);
    await comesTrue(() => isOver(client), SOON);
  }
  client.leave();
  const [, next, more] = answersTo(client).finals;
  const what = 'The app has answered without reading, and';
  if (`${next?.body}` === 'smuggled') {
    const message = `${what} the body that came all the same was answered as a request`;
    throw wrong(client, message, 'body-is-a-request');
  }
  const isOwn = !next || `${next.body}` === 'five\n'.slice(0, next.body.length);
  if (!isOwn || more) throw wrong(client, `${what} the next request has not its own answer`);
  if (!next && client.ending === 'open' && !saysClose(answer))
    throw timedOut(`${what} the request behind the body has no answer in ${SOON} s`);
}

/** Who does not wait is served as well, and may be told to go on all the same. */
async function servesTheHasty(trial: Trial, server: ServerProcess): Promise<void> {
  for (const framing of [LENGTH, 'Transfer-Encoding: chunked']) {
    const client = await trial.connect(server);
    const body = framing === LENGTH ? BODY : inChunk(BODY);
    await client.pour(Buffer.from(head('POST /sha256', EXPECT, framing) + body));
    await expectDigest(client, 'A client that did not wait for 100 Continue');
  }
}

/** Behind the first byte of an answer there is no place for another. */
async function saysNothingInside(trial: Trial, server: ServerProcess): Promise<void> {
  const client = await trial.connect(server);
  await client.pour(Buffer.from(head('POST /answers-first', EXPECT, LENGTH)));
  await comesTrue(() => client.received.includes('first, ') || isOver(client), SOON);
  await takeTurn(trial, server); // by then it has been read
  await client.pour(Buffer.from(BODY));
  await comesTrue(() => isOver(client), SOON);
  client.leave();
  const { interim, finals } = answersTo(client);
  const what = 'An app has begun its answer and reads then:';
  const { received } = client;
  const at = received.indexOf('HTTP/1.1 100', 1);
  if (at > 0 && interim.length === 0) {
    const message = `${what} 100 Continue came in the middle of the answer`;
    throw new Failure(message, { received, at, mistake: 'continues-inside' });
  }
  const [answer] = finals;
  if (answer?.isWhole && `${answer.body}` === `first, ${BODY}`) return;
  const isCut = !answer?.isWhole && client.ending !== 'open';
  if (!isCut) throw wrong(client, `${what} expected an answer with the body in it, or a cut`);
}

/** "MUST ignore that expectation"; RFC 9110 §10.1.1 */
async function saysNothingToOldClients(trial: Trial, server: ServerProcess): Promise<void> {
  const { client, words, gate } = await openUpload(trial, server, 'HTTP/1.0', LENGTH, EXPECT);
  words?.end();
  await takeTurn(trial, server);
  if (answersTo(client).interim.length > 0) {
    const message = 'HTTP/1.0 knows no interim answers, and a client of it got 100 Continue';
    throw wrong(client, message, 'continues-for-1.0');
  }
  await client.pour(Buffer.from(BODY));
  if (!words) (await takeCall(gate.opened, client)).end();
  await expectDigest(client, 'A client of HTTP/1.0');
}

/** "MAY respond with a 417 (Expectation Failed)"; RFC 9110 §10.1.1 */
async function knowsOthers(trial: Trial, server: ServerProcess): Promise<void> {
  const client = await trial.connect(server);
  await client.pour(Buffer.from(head('GET /brief', 'Expect: the-unexpected')));
  await comesTrue(() => isOver(client), SOON);
  client.leave();
  const { interim, finals } = answersTo(client);
  const what = 'Expect: the-unexpected';
  if (interim.length > 0) throw wrong(client, `${what}: expected 417 or 200, got 100 Continue`);
  const status = finals[0]?.status;
  if (status === 417 || status === 200) return;
  throw wrong(client, `${what}: expected 417 or 200, got ${status ?? 'no answer'}`);
}

function inChunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
}
