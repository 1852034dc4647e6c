import { createHash, randomBytes } from 'node:crypto';
import type { Lesson } from '../../shared/checks/check.ts';
import { untilRead } from '../../shared/checks/run/clients.ts';
import {
  ask,
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

/** Milliseconds in which a server says what it has to say. */
const MOMENT = 60;

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
    'how many lines readlines(hint) gives, and how large a body may be',
  ],
  byHand:
    'head -c 1048576 /dev/urandom > /tmp/b; sha256sum /tmp/b; curl -s --data-binary @/tmp/b http://127.0.0.1:$PORT/sha256',
  solution: '2c',
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
    {
      name: 'reads-past-the-end',
      says: 'Of a body of 4 bytes, with a line end behind it, the app has read something else than these 4',
      edits: [
        [
          'const whole = Buffer.concat(body).subarray(0, length);',
          'const whole = Buffer.concat(body);',
        ],
      ],
    },
    {
      name: 'lines-cut-wrong',
      says: 'wsgi.input by readline(), three bytes, readlines() and iteration: expected ["one\\n","two","\\n","three\\n","four"], got ["one","two","\\n","three\\n","four"]',
      file: 'part2/input-stream.ts',
      edits: [
        [
          'return this.#take(size < 0 ? line : Math.min(size, line));',
          'const taken = this.#take(size < 0 ? line : Math.min(size, line));\n    return size < 0 && taken[0] === 111 ? taken.subarray(0, -1) : taken;',
        ],
      ],
    },
    {
      name: 'no-continue',
      says: 'A client said "Expect: 100-continue" and waits for a word before it sends its body: expected "HTTP/1.1 100 Continue", got nothing in 3 s',
      edits: [
        [
          "        socket.write('HTTP/1.1 100 Continue\\r\\n\\r\\n'); // curl asks before it sends a big body\n",
          '',
        ],
      ],
    },
    {
      name: 'continue-to-1.0',
      says: 'A client of HTTP/1.0 got "100 Continue", and takes it for the answer',
      edits: [
        [
          "return protocol !== 'HTTP/1.0' && /100-continue/i",
          'return Boolean(protocol) && /100-continue/i',
        ],
      ],
    },
    {
      name: 'continue-unasked',
      says: 'POST of 1048576 bytes: expected 200, got 100 Continue',
      isNamed: false,
      edits: [
        ['if (missing > 0 && expectsContinue(request)) {', 'if (missing > 0) {'],
        ['function expectsContinue(', 'export function expectsContinue('],
      ],
    },
    {
      name: 'nothing-is-everything',
      says: 'wsgi.input: read(0), readline(0), read(1), read(): expected ["","","a","bc"], got ["abc","","",""]',
      file: 'part2/input-stream.ts',
      edits: [
        [
          'return this.#take(size < 0 ? this.#rest.length : size);',
          'return this.#take(size > 0 ? size : this.#rest.length);',
        ],
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
  if (answer.body.toString() === sha256(body)) return checkEnds(trial, server);
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

/** The end of a body, for who reads it by bytes and by lines, and for a client that waits to be asked for it. */
async function checkEnds(trial: Trial, server: ServerProcess): Promise<void> {
  const surplus = await ask(trial, server, post(4), Buffer.from('abcd\r\n'));
  if (surplus.body.toString() !== sha256(Buffer.from('abcd'))) {
    const message =
      'Of a body of 4 bytes, with a line end behind it, the app has read something else than these 4';
    const { details } = wrongAnswer(message, surplus, { mistake: 'reads-past-the-end' });
    const byHand = `printf 'POST /sha256 HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 4\\r\\n\\r\\nabcd\\r\\n' | nc 127.0.0.1 $PORT; printf abcd | sha256sum`;
    throw new Failure(message, { ...details, byHand });
  }
  await checkLines(trial, server);
  const zero = await ask(
    trial,
    server,
    request('POST /read-zero HTTP/1.1', 'Content-Length: 3'),
    Buffer.from('abc'),
  );
  if (zero.body.toString().replaceAll(' ', '') !== '["","","a","bc"]') {
    const message = `wsgi.input: read(0), readline(0), read(1), read(): expected ["","","a","bc"], got ${zero.body}`;
    throw wrongAnswer(message, zero, { mistake: 'nothing-is-everything' });
  }
  await checkContinue(trial, server);
}

async function checkLines(trial: Trial, server: ServerProcess): Promise<void> {
  const text = 'one\ntwo\nthree\nfour';
  await checkLinesIn(trial, server, [text]);
  await checkLinesIn(trial, server, text.match(/..?/gs) ?? []);
}

/** A line is a line, in however many packets it comes. */
async function checkLinesIn(
  trial: Trial,
  server: ServerProcess,
  packets: readonly string[],
): Promise<void> {
  const length = packets.join('').length;
  const head = request('POST /lines HTTP/1.1', `Content-Length: ${length}`);
  const client = await trial.connect(server);
  for (const packet of [head, ...packets]) {
    await client.send(packet).catch(() => {}); // what is wrong shows in what comes back
    await untilRead(client, server);
  }
  const answer = await readAnswer(server, client, 'POST /lines');
  expectStatus(answer, 200, 'POST /lines', server);
  const { line = [], hinted = [], rest = [] } = JSON.parse(answer.body.toString());
  const got = JSON.stringify([...line, ...hinted, ...rest]);
  const wanted = JSON.stringify(['one\n', 'two', '\n', 'three\n', 'four']);
  if (got === wanted) return;
  const message = `wsgi.input by readline(), three bytes, readlines() and iteration: expected ${wanted}, got ${got}`;
  const { details } = wrongAnswer(message, answer, { mistake: 'lines-cut-wrong' });
  const byHand = `(printf 'POST /lines HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 18\\r\\n\\r\\none\\ntw'; sleep 1; printf 'o\\nthree\\nfour') | nc 127.0.0.1 $PORT`;
  throw new Failure(message, { ...details, byHand });
}

/** Expect: 100-continue; RFC 9110 §10.1.1. */
async function checkContinue(trial: Trial, server: ServerProcess): Promise<void> {
  const head = (version: string) =>
    request(`POST /sha256 HTTP/${version}`, 'Content-Length: 5', 'Expect: 100-continue');
  const polite = await trial.connect(server);
  await polite.send(head('1.1'));
  await polite.settle(PATIENCE * 1000, () => polite.size > 0);
  if (!/^HTTP\/1\.1 \d{3}/.test(polite.received.toString())) {
    const message = `A client said "Expect: 100-continue" and waits for a word before it sends its body: expected "HTTP/1.1 100 Continue", got nothing in ${PATIENCE} s`;
    throw new Failure(message, { cause: 'timed out', mistake: 'no-continue' });
  }
  await polite.send('hello');
  const { bytes } = await polite.readToEnd();
  if (!bytes.includes(sha256(Buffer.from('hello')))) {
    const message = 'A client sent its body when it was asked to: expected the app to read it';
    throw new Failure(message, { received: bytes, at: 0 });
  }
  const old = await trial.connect(server);
  await old.send(head('1.0'));
  await old.settle(MOMENT, () => old.size > 0); // nothing may come now
  await old.send('hello');
  const answer = await readAnswer(server, old, 'POST /sha256 in HTTP/1.0');
  if (answer.status !== 100) return;
  const message = 'A client of HTTP/1.0 got "100 Continue", and takes it for the answer';
  throw wrongAnswer(message, answer, { at: 9, mistake: 'continue-to-1.0' });
}
