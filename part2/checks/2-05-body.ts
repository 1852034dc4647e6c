import { createHash, randomBytes } from 'node:crypto';
import type { Lesson } from '../../shared/checks/check.ts';
import {
  CONTRACT,
  expectStatus,
  PATIENCE,
  readAnswer,
  request,
  within,
  wrongAnswer,
} from '../../shared/checks/run/contract.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import type { RawClient } from '../../shared/harness/raw-client.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** A POST of bytes to the application that answers with their SHA-256. */
const post = (length: number) =>
  request('POST /sha256 HTTP/1.1', `Content-Length: ${length}`, 'Content-Type: application/x');

export const check: Lesson = {
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
  mistakes: [
    {
      name: 'one-read',

      says: 'Of a body of 1 MiB the app got only the beginning: Content-Length promises more than one read brings',

      edits: [['while (missing > 0) {', 'while (missing > length) {']],
    },
    {
      name: 'as-text',

      says: 'The app did not read the body that was sent: the body went through a string: bytes are not text',

      edits: [
        [
          'const whole = Buffer.concat(body).subarray(0, length);',
          'const whole = Buffer.from(Buffer.concat(body).toString());',
        ],
      ],
    },
    {
      name: 'head-in-input',

      says: 'The app did not read the body that was sent: wsgi.input begins with the head',

      edits: [
        [
          'return { request, body: whole };',
          'return { request, body: Buffer.concat([bytes.subarray(0, headEnd + 4), whole]) };',
        ],
      ],
    },
    {
      name: 'waits-for-fin',

      says: "POST /sha256: no answer in 3 s, though every byte was sent; it comes behind the client's FIN, but a body ends where Content-Length says",

      edits: [
        ['while (missing > 0) {', "while (request.method === 'POST' && length > 0) {"],
        [
          'const packet = await nextPacket(packets);',
          'const packet = await nextPacket(packets).catch(() => undefined);\n        if (!packet) break;',
        ],
      ],
    },
    {
      name: 'app-not-awaited',

      says: 'POST of 1048576 bytes: expected 200, got 500 Internal Server Error; your server printed: Error: the application broke a rule of PEP 3333: an application returns something to iterate over',
      isNamed: false,

      edits: [
        ['const result = await this.#application?.(', 'const result: any = this.#application?.('],
      ],
    },
  ],
};

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
