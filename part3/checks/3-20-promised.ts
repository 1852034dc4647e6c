import type { Lesson } from '../../shared/checks/check.ts';
import { comesTrue } from '../../shared/checks/run/clients.ts';
import { CONTRACT } from '../../shared/checks/run/contract.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import { expectSame, head, talk } from '../../shared/checks/run/gateway.ts';
import { saysClose } from '../../shared/checks/run/messages.ts';
import { fieldOf, type Series, seriesIn } from '../../shared/checks/run/series.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

/** What follows on the same connection, in the same packet. */
const NEXT = 'GET /brief HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
/** An answer that an application has no right to give: it would be the one to the next request. */
const FORGED = 'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled';
/** The ways of an application to say its body, and what they are called. */
const WAYS = {
  '/promises': 'yields',
  '/promises-list': 'returns a list of',
  '/promises-write': 'calls write() with',
} as const;
const HTTP10 = 'HTTP/1.0';
const SOON = 3;

export const check: Lesson = {
  title: 'An answer is as long as it says, or it is cut',
  goal: 'The client counts; so the server counts, too, and what does not fit ends the connection or never leaves.',
  hints: [
    'The application has said Content-Length: 10, and its body is over after 4 bytes. What does the client take for the other 6?',
    'PEP 3333 "Handling the Content-Length Header"; RFC 9112 §6.3 and §8: a message shorter than its length is incomplete ' +
      '- shutdown(2) or a RST says so, and nothing else can.',
    'left -= the bytes of each chunk; one that is longer than what is left is not sent; at the end, if left > 0, ' +
      'destroy the socket; and if no head has left yet, a 500.',
  ],
  anchor: 'gateway/README.md#promised-and-sent',
  lenient: [
    'a body that is too long may be cut at its length, or there and then, or become a 500',
    'one that is too short may become a 500',
    'FIN or RST',
  ],
  byHand: 'printf $REQUEST | nc -q 1 127.0.0.1 $PORT',
  solution: '3j',
  seconds: 15,
  async run(trial) {
    const server = await trial.start({ app: CONTRACT });
    for (const path of Object.keys(WAYS) as (keyof typeof WAYS)[]) {
      await isNeverWhole(trial, server, path, ['four']);
      await isNeverLonger(trial, server, path, ['four', FORGED]);
      await isNeverLonger(trial, server, path, ['fo', `ur${FORGED}`]);
    }
    await isNeverWhole(trial, server, '/promises', []);
    const yields = 'an app that yields 4 bytes';
    await hasNoBody(trial, server, 'HEAD /promises?200&4', `HEAD, and ${yields}`);
    await hasNoBody(trial, server, 'HEAD /promises?200&10', `HEAD, and ${yields}`);
    await hasNoBody(trial, server, 'GET /promises?204&4', `204, and ${yields}`);
    await hasNoBody(trial, server, 'GET /promises?304&4', `304, and ${yields}`);
    await hasNoBody(trial, server, 'HEAD /throws?', 'HEAD, and an app that fails');
    const next = await talk(trial, server, head('GET /brief'));
    expectSame('The next client', next.text, 'five\n', next);
  },
  mistakes: [
    {
      name: 'half-looks-whole',
      says: 'Content-Length is 10, and an app yields 4 bytes: the client counts on, and takes 6 bytes of the next answer for the rest',
      file: 'part3/http/response-writer.ts',
      edits: [
        [
          "if (framing?.kind === 'length' && framing.left > 0) {",
          "if (framing?.kind === 'length' && framing.left < 0) {",
        ],
      ],
    },
    {
      name: 'surplus-is-sent',
      says: 'Content-Length is 4, and an app yields N bytes: the client takes what is beyond the length for the next answer',
      file: 'part3/http/response-writer.ts',
      edits: [['size <= this.#framing.left) return;', 'size !== Number.NaN) return;']],
    },
    {
      name: 'length-is-corrected',
      says: 'Content-Length is 10, and an app returns a list of 4 bytes: the client has a whole answer of 4 bytes',
      file: 'part3/gateway/run-application.ts',
      edits: [
        [
          'if (promised !== undefined && hasBody && promised !== (length ?? Math.max(first, promised))) {',
          'if (length !== undefined && hasBody) {\n      return this.#writer.sendHead(status, headers.filter(([name]) => !/^content-length$/i.test(name)), length);\n    }\n    if (promised !== undefined && hasBody && promised !== (length ?? Math.max(first, promised))) {',
        ],
      ],
    },
    {
      name: 'waits-for-ever',
      says: 'Content-Length is 10, and an app yields 4 bytes: the client waits for the rest, and the connection stays open',
      file: 'part3/server/connection.ts',
      edits: [
        [
          'if (answer?.headSent) return void this.#close(); // what',
          'if (answer?.headSent) return; // what',
        ],
      ],
    },
    {
      name: 'length-of-nothing',
      says: '204, and an app that yields 4 bytes: no Content-Length may stand in the head of a 204; RFC 9110 §8.6',
      file: 'part3/http/response-writer.ts',
      edits: [['        if (this.status === 204) continue; // RFC 9110 §8.6\n', '']],
    },
    {
      name: 'body-for-nobody',
      says: 'HEAD, and an app that fails: behind the head comes more, and it is not the next answer',
      file: 'part3/server/connection.ts',
      edits: [["const method = request?.method ?? '';", "const method = '';"]],
    },
    {
      name: 'body-for-nobody',
      says: 'HEAD, and an app that yields 4 bytes: behind the head comes more, and it is not the next answer',
      file: 'part3/http/response-writer.ts',
      edits: [
        [
          "if (this.#question.method === 'HEAD' || isBodiless)",
          "if (length === undefined && (this.#question.method === 'HEAD' || isBodiless))",
        ],
      ],
    },
  ],
};

/** Two requests in a packet, and what a client that counts makes of what came. */
interface Talk extends Series {
  readonly received: Buffer;
  /** Whether nothing more will come. */
  readonly isOver: boolean;
}

async function askTwice(
  trial: Trial,
  server: ServerProcess,
  request: string,
  pieces: readonly string[],
): Promise<Talk> {
  const query = pieces.map((piece) => `&${encodeURIComponent(piece)}`).join('');
  const [method = ''] = request.split(' ');
  const client = await trial.connect(server);
  await client.pour(Buffer.from(`${request}${query} HTTP/1.1\r\nHost: localhost\r\n\r\n${NEXT}`));
  const series = () => seriesIn(client.received, client.ending, [method]);
  const isDone = () => {
    const [answer, next] = series().replies;
    const isLast = Boolean(answer?.isWhole && saysClose(answer));
    return client.ending !== 'open' || isLast || Boolean(next?.isWhole);
  };
  const isOver = await comesTrue(isDone, SOON);
  client.leave();
  return { ...series(), received: client.received, isOver };
}

/** Fewer bytes than were promised: a 500, or a cut. */
async function isNeverWhole(
  trial: Trial,
  server: ServerProcess,
  path: keyof typeof WAYS,
  pieces: readonly string[],
): Promise<void> {
  const size = pieces.join('').length;
  const what = `Content-Length is 10, and an app ${WAYS[path]} ${size} bytes`;
  const talk = await askTwice(trial, server, `GET ${path}?200&10`, pieces);
  const [answer] = talk.replies;
  if (answer?.isWhole && answer.status < 500) {
    const { length } = answer.body;
    const isMixed = answer.body.includes('HTTP/');
    throw wrong(
      talk,
      isMixed
        ? `${what}: the client counts on, and takes ${length - size} bytes of the next answer for the rest`
        : `${what}: the client has a whole answer of ${length} bytes`,
      length === size ? 'length-is-corrected' : 'half-looks-whole',
    );
  }
  if (talk.isOver) return;
  const message = `${what}: the client waits for the rest, and the connection stays open`;
  throw wrong(talk, message, 'waits-for-ever');
}

/** More bytes than were promised: those that were, a 500, or a cut; and never one of the others. */
async function isNeverLonger(
  trial: Trial,
  server: ServerProcess,
  path: keyof typeof WAYS,
  pieces: readonly string[],
): Promise<void> {
  const size = pieces.join('').length;
  const what = `Content-Length is 4, and an app ${WAYS[path]} ${size} bytes`;
  const talk = await askTwice(trial, server, `GET ${path}?200&4`, pieces);
  const [answer, next, ...more] = talk.replies;
  if (answer && answer.status < 500 && !'four'.startsWith(`${answer.body}`)) {
    const message = `${what}: the client has an answer of ${answer.body.length} bytes`;
    throw wrong(talk, message, 'length-is-corrected');
  }
  const isOwn = !next || `${next.body}` === 'five\n'.slice(0, next.body.length);
  if (!isOwn || more.length > 0 || talk.rest.length > 0) {
    const isLast =
      !answer || saysClose(answer) || talk.received.toString('latin1', 0, 8) === HTTP10;
    const message = isLast
      ? `${what}: what is beyond the length is sent, too`
      : `${what}: the client takes what is beyond the length for the next answer`;
    throw wrong(talk, message, 'surplus-is-sent');
  }
  if (!talk.isOver) throw wrong(talk, `${what}: the next request has no answer in ${SOON} s`);
}

/** HEAD, 204 and 304: their answers end with their heads, whatever was promised and yielded. */
async function hasNoBody(
  trial: Trial,
  server: ServerProcess,
  request: string,
  what: string,
): Promise<void> {
  const talk = await askTwice(trial, server, request, ['four']);
  const [answer, next] = talk.replies;
  if (!answer) throw wrong(talk, `${what}: expected a head, got none`);
  if (answer.status === 204 && fieldOf(answer, 'content-length') !== undefined) {
    const message = `${what}: no Content-Length may stand in the head of a 204; RFC 9110 §8.6`;
    throw wrong(talk, message, 'length-of-nothing');
  }
  const isOwn = !next || `${next.body}` === 'five\n'.slice(0, next.body.length);
  if (!isOwn || talk.rest.length > 0)
    throw wrong(
      talk,
      `${what}: behind the head comes more, and it is not the next answer`,
      'body-for-nobody',
    );
  if (!talk.isOver) throw wrong(talk, `${what}: the next request has no answer in ${SOON} s`);
}

/** A failure that points behind the first head. */
function wrong({ received, isOver }: Talk, message: string, mistake?: string): Failure {
  return new Failure(message, {
    cause: isOver ? 'wrong' : 'timed out',
    received,
    at: Math.max(0, received.indexOf('\r\n\r\n') + 4),
    ...(mistake && { mistake }),
  });
}
