/** Part 2: the fields of a request, and its body. */
import { createHash, randomBytes } from 'node:crypto';
import type { RawClient } from '../../shared/harness/raw-client.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';
import type { Check } from '../../shared/checks/check.ts';
import { Failure } from '../../shared/checks/failure.ts';
import { quote } from '../../shared/checks/part2-parse.ts';
import {
  ask,
  CONTRACT,
  environOf,
  expectStatus,
  PATIENCE,
  readAnswer,
  request,
  within,
  wrongAnswer,
} from '../../shared/checks/part2-tools.ts';
import type { Trial } from '../../shared/checks/trial.ts';

export const FIELDS: readonly Check[] = [
  {
    id: '2-04',
    name: 'headers',
    part: 'part2',
    title: "Fields become CGI's variables",
    goal: 'The names are from 1993: upper case, underscores, and two without HTTP_ in front.',
    hints: [
      'A client may write content-type or Content-Type: how does an application find it?',
      'CGI: RFC 3875 §4.1.18 for HTTP_*, §4.1.2 and §4.1.3 for CONTENT_LENGTH and CONTENT_TYPE.',
      'Cut at the first colon, trim; "HTTP_" + name.toUpperCase().replaceAll("-", "_"), but CONTENT_TYPE and CONTENT_LENGTH as they are; a name that comes twice: before + ", " + value.',
    ],
    anchor: 'headers',
    lenient: [
      'a space behind the comma of joined values, or none',
      'how two Cookie lines are joined',
      'what becomes of names with an underscore',
    ],
    byHand: 'printf $REQUEST | nc 127.0.0.1 $PORT',
    solution: '2b',
    seconds: 5,
    run: checkFields,
  },
  {
    id: '2-05',
    name: 'body',
    part: 'part2',
    title: 'A body arrives whole, byte for byte',
    goal: 'wsgi.input is bytes, and it has an end that the head has promised.',
    hints: [
      'How many bytes does the head promise, and how many has the first packet brought?',
      'Content-Length; Buffer.concat; wsgi.input in shared/wsgi.ts: read(size) gives no bytes at the end.',
      'Keep reading until headEnd + 4 + length bytes are there; never toString() a body; give wsgi.input the slice of exactly that length.',
    ],
    anchor: 'body',
    lenient: [
      'bodies in chunks',
      'readline, readlines and iteration (2-09 asks whether they are there)',
    ],
    byHand:
      'head -c 1048576 /dev/urandom > /tmp/b; sha256sum /tmp/b; curl -s --data-binary @/tmp/b http://127.0.0.1:$PORT/sha256',
    solution: '2b',
    seconds: 10,
    run: checkBody,
  },
];

/** All of them are well-formed. */
const FIELD_LINES = [
  'hOsT:  localhost:80 \t',
  'X-Time:12:34:56',
  'X-Mixed-Case: MiXeD',
  'content-type: text/x',
  'Content-Length: 0',
];

async function checkFields(trial: Trial): Promise<void> {
  const server = await trial.start({ app: CONTRACT });
  const line = 'POST /environ HTTP/1.1';
  const seen = await environOf(trial, server, line, ...FIELD_LINES).catch(
    async (error: Failure) => {
      for (const field of FIELD_LINES) {
        const answer = await ask(trial, server, request(line, field));
        const what = `A request with the header ${quote(field)}`;
        expectStatus(answer, 200, what, server, 'refuses-the-good');
      }
      throw error;
    },
  );
  seen.expect('HTTP_HOST', 'localhost:80', {
    '  localhost:80 \t': 'untrimmed',
    ' localhost:80 \t': 'untrimmed',
    localhost: 'cut-at-colon',
    '  localhost': 'cut-at-colon',
  });
  seen.expect('HTTP_X_TIME', '12:34:56', { 12: 'cut-at-colon' });
  seen.expect('HTTP_X_MIXED_CASE', 'MiXeD', { mixed: 'lower-cased', MIXED: 'lower-cased' });
  const twin = seen.environ.HTTP_CONTENT_TYPE === 'text/x' ? 'HTTP_CONTENT_TYPE' : '';
  seen.expect('CONTENT_TYPE', 'text/x', twin ? { none: twin } : {});
  seen.expect('CONTENT_LENGTH', '0');
  for (const key of ['HTTP_CONTENT_TYPE', 'HTTP_CONTENT_LENGTH']) {
    seen.expect(key, undefined, { 'text/x': 'HTTP_CONTENT_TYPE', 0: 'HTTP_CONTENT_TYPE' });
  }
  const twice = ['GET /environ HTTP/1.1', 'X-Two: a', 'x-two:b'] as const;
  const both = await environOf(trial, server, ...twice);
  if (both.environ.HTTP_X_TWO === 'a,b') return;
  both.expect('HTTP_X_TWO', 'a, b', { a: 'first-one-wins', b: 'last-one-wins' });
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** A POST of bytes to the application that answers with their SHA-256. */
const post = (length: number) =>
  request('POST /sha256 HTTP/1.1', `Content-Length: ${length}`, 'Content-Type: application/x');

async function checkBody(trial: Trial): Promise<void> {
  const server = await trial.start({ app: CONTRACT });
  const body = randomBytes(1024 * 1024);
  const head = post(body.length);
  const pieces = [body.subarray(0, 10), body.subarray(10, 700_000), body.subarray(700_000)];
  const client = await trial.connect(server);
  client.send(head, ...pieces).catch(() => {});
  const answer = await readAnswer(server, client, 'POST /sha256').catch(async (error: Failure) => {
    throw await nameHang(client, error);
  });
  expectStatus(answer, 200, `POST of ${body.length} bytes`, server);
  if (answer.body.toString() === sha256(body)) return;
  const got = answer.body.toString();
  const known: readonly (readonly [Uint8Array, what: string, mistake: string])[] = [
    [Buffer.from(body.toString()), 'the body went through a string: bytes are not text', 'as-text'],
    [Buffer.concat([head, body]), 'wsgi.input begins with the head', 'head-in-input'],
  ];
  const match = known.find(([bytes]) => sha256(bytes) === got);
  if (match) {
    const [, what, mistake] = match;
    throw wrongAnswer(`The app did not read the body that was sent: ${what}`, answer, { mistake });
  }
  const message = 'The SHA-256 of the body is not what the app has read';
  const early = await isEarly(trial, server);
  if (!early) throw wrongAnswer(message, answer);
  const cut = `Of a body of 1 MiB the app got only the beginning: Content-Length promises more than one read brings`;
  throw wrongAnswer(cut, answer, { mistake: 'one-read' });
}

/** Whether the app is called while half of the body is still to come. */
async function isEarly(trial: Trial, server: ServerProcess): Promise<boolean> {
  const client = await trial.connect(server);
  await client.send(post(4), 'ab');
  const late = () => new Failure('it waits');
  const seen = await within(client.readUntil('\r\n\r\n'), late, 1).catch(() => '');
  client.leave();
  return /^HTTP\/1\.1 200/.test(seen);
}

/** Why nothing came back: a server may be waiting for the client's FIN. */
async function nameHang(client: RawClient, error: Failure): Promise<Failure> {
  if (error.details.cause !== 'timed out' || client.received.length > 0) return error;
  client.halfClose();
  const answered = within(client.readUntil('\r\n\r\n'), () => error, 1);
  if (!(await answered.catch(() => ''))) return error;
  const message = `POST /sha256: no answer in ${PATIENCE} s, though every byte was sent; it comes behind the client's FIN, but a body ends where Content-Length says`;
  return new Failure(message, { cause: 'timed out', mistake: 'waits-for-fin' });
}
