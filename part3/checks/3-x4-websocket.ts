import { createHash } from 'node:crypto';
import type { Lesson } from '../../shared/checks/check.ts';
import {
  type Answer,
  answerOf,
  ask,
  comesTrue,
  headerIn,
} from '../../shared/checks/run/clients.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import { sideBySide } from '../../shared/checks/run/side-by-side.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import type { RawClient } from '../../shared/harness/raw-client.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='; // of RFC 6455 §1.3
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const ACCEPT = createHash('sha1').update(`${KEY}${GUID}`).digest('base64');
/** The same of the 16 bytes that the key stands for: it is taken as text, and not decoded. */
const ACCEPT_DECODED = createHash('sha1')
  .update(Buffer.from(KEY, 'base64'))
  .update(GUID)
  .digest('base64');
const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d]); // of RFC 6455 §5.7
const [TEXT, CLOSE] = [0x1, 0x8];
/** Seconds for an answer that should take milliseconds. */
const SOON = 3;

/** A greeting without one of its fields, or with another one in its place. */
function greeting(changes: Readonly<Record<string, string | undefined>> = {}): string {
  const fields: Record<string, string | undefined> = {
    Host: 'localhost',
    Upgrade: 'websocket',
    Connection: 'keep-alive, Upgrade',
    'Sec-WebSocket-Key': KEY,
    'Sec-WebSocket-Version': '13',
    ...changes,
  };
  const lines = Object.entries(fields).flatMap(([name, value]) =>
    value ? [`${name}: ${value}`] : [],
  );
  return ['GET /echo HTTP/1.1', ...lines, '', ''].join('\r\n');
}

export const check: Lesson = {
  title: 'A connection begins as HTTP, and goes on as a WebSocket',
  goal: 'An upgrade is a promise of both sides: behind the 101 other rules hold, and each has shown that it knows them.',
  hints: [
    'How does a client know that you understood its greeting, and are no old server that says back whatever it gets?',
    'RFC 6455 §4.2.1 and §4.2.2 (the greeting), §5.2 (a frame), §5.5.1 (the end); RFC 9110 §7.8 (Upgrade), §15.5.22 (426); createHash("sha1").',
    'accept = base64(sha1(key + GUID)). Then bytes: 0x81, 0x80 | length (126: two bytes more), 4 bytes of mask, payload[i] ^ mask[i % 4]. Say it ' +
      'back as 0x81, length, payload. 0x88 is the end: say it back, and end().',
  ],
  anchor: 'exercises',
  lenient: [
    'messages in several frames, and binary ones',
    'ping and pong',
    'subprotocols and extensions',
    'whether 400 or 426 refuses what is no greeting',
  ],
  byHand:
    "curl -i -N --max-time 1 -H 'Upgrade: websocket' -H 'Connection: Upgrade' -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' http://127.0.0.1:$PORT/",
  file: 'websocket',
  solution: 'part3/start/solutions/websocket.ts',
  seconds: 10,
  run: checkWebSocket,
  mistakes: [
    {
      name: 'no-greeting',
      file: 'part3/start/websocket.ts',
      says: 'A greeting: expected 101, got 501',
    },
    {
      name: 'key-decoded',
      says: `A greeting: expected Sec-WebSocket-Accept: ${ACCEPT}, got ${ACCEPT_DECODED}`,
      edits: [['.update(`${key}${GUID}`)', ".update(Buffer.from(key, 'base64')).update(GUID)"]],
    },
    {
      name: 'letter-case',
      says: 'A greeting with upgrade: WebSocket in other letters: expected 101, got 426',
      edits: [["!has('upgrade', 'websocket')", "fields.get('upgrade') !== 'websocket'"]],
    },
    {
      name: 'greets-all',
      says: 'A greeting without Upgrade: expected 426 or 400, got 101',
      edits: [
        [
          "if (!has('upgrade', 'websocket') || !has('connection', 'upgrade'))",
          "if (!fields.get('host'))",
        ],
      ],
    },
    {
      name: 'any-version',
      says: 'A greeting of version 8: expected 426 or 400, got 101',
      edits: [["fields.get('sec-websocket-version') !== '13'", 'fields.size === 0']],
    },
    {
      name: 'any-key',
      says: 'A greeting without a key: expected 426 or 400, got 101',
      edits: [['if (!/^[A-Za-z0-9+/]{22}==$/.test(key))', "if (key === 'none')"]],
    },
    {
      name: 'keeps-the-mask',
      says: 'A text of 5 bytes was sent: expected it to be said back, got "\\x7f\\x9fMQX"',
      edits: [['byte ^ (mask[index % 4] ?? 0)', 'byte']],
    },
    {
      name: 'short-texts-only',
      says: 'A text of 200 bytes was sent: expected it to be said back, got nothing in 3 s',
      edits: [['? bytes.readUInt16BE(2)', '? 60_000']],
    },
    {
      name: 'one-packet-one-frame',
      says: 'A frame came a byte at a time: expected its text to be said back, got nothing in 3 s',
      edits: [
        [
          '    bytes = Buffer.concat([bytes, packet]);',
          '    bytes = isOpen ? packet : Buffer.concat([bytes, packet]);',
        ],
      ],
    },
    {
      name: 'takes-what-is-not-masked',
      says: 'A frame without a mask came: expected the end of the connection, and it is open after 3 s',
      edits: [['(second & 0x80) === 0 || ', '']],
    },
    {
      name: 'hangs-up-without-a-word',
      says: 'A close frame was sent: expected one back, and the end; got the end alone',
      edits: [
        [
          'return void socket.end(toFrame(CLOSE, frame.payload.subarray(0, 2)));',
          'return void socket.end();',
        ],
      ],
    },
  ],
};

async function checkWebSocket(trial: Trial): Promise<void> {
  const server = await trial.start();
  const refused = (what: string, changes: Parameters<typeof greeting>[0], mistake: string) =>
    isRefused(trial, server, what, greeting(changes), mistake);
  await sideBySide([
    isGreeted(trial, server),
    echoes(trial, server),
    refused('without Upgrade', { Upgrade: undefined, Connection: undefined }, 'greets-all'),
    refused('of version 8', { 'Sec-WebSocket-Version': '8' }, 'any-version'),
    refused('without a key', { 'Sec-WebSocket-Key': undefined }, 'any-key'),
    refused('with a key of 3 bytes', { 'Sec-WebSocket-Key': 'YWJj' }, 'any-key'),
    closesOnPlain(trial, server),
  ]);
}

async function isGreeted(trial: Trial, server: ServerProcess): Promise<void> {
  (await open(trial, server, 'A greeting')).leave();
  const shouting = greeting({ Upgrade: 'WebSocket', Connection: 'UPGRADE' });
  const what = 'A greeting with upgrade: WebSocket in other letters';
  (await open(trial, server, what, shouting, 'letter-case')).leave();
}

/** A client that was greeted as it should be. */
async function open(
  trial: Trial,
  server: ServerProcess,
  what: string,
  greet = greeting(),
  mistake = 'no-greeting',
): Promise<RawClient> {
  const client = await ask(trial, server, greet);
  const answer = await headOf(client, what);
  const { received } = client;
  if (answer.status !== 101)
    throw new Failure(`${what}: expected 101, got ${answer.status}`, { received, at: 9, mistake });
  for (const [name, wanted] of [
    ['Sec-WebSocket-Accept', ACCEPT],
    ['Upgrade', 'websocket'],
    ['Connection', 'upgrade'],
  ] as const) {
    const got = headerIn(answer, name);
    const isExact = name === 'Sec-WebSocket-Accept';
    if (isExact ? got === wanted : got?.toLowerCase().includes(wanted)) continue;
    const message = `${what}: expected ${name}: ${wanted}, got ${got ?? 'none'}`;
    const isDecoded = got === ACCEPT_DECODED;
    throw new Failure(message, { received, at: 0, ...(isDecoded && { mistake: 'key-decoded' }) });
  }
  return client;
}

/** What was said before any body: behind a 101 there is none. */
async function headOf(client: RawClient, what: string): Promise<Answer> {
  const head = () => answerOf({ received: client.received, ending: client.ending }, 'HEAD');
  await comesTrue(() => head() !== undefined || client.ending !== 'open', SOON);
  const answer = head();
  if (answer) return answer;
  const message = `${what}: expected an answer, got ${client.ending === 'open' ? `nothing in ${SOON} s` : 'a hang-up'}`;
  throw new Failure(message, { received: client.received, cause: 'timed out' });
}

async function isRefused(
  trial: Trial,
  server: ServerProcess,
  what: string,
  greet: string,
  mistake: string,
): Promise<void> {
  const client = await ask(trial, server, greet);
  const answer = await headOf(client, `A greeting ${what}`);
  const { received } = client;
  client.leave();
  if (answer.status === 400) return;
  if (answer.status !== 426)
    throw new Failure(`A greeting ${what}: expected 426 or 400, got ${answer.status}`, {
      received,
      at: 9,
      ...(answer.status === 101 && { mistake }),
    });
  // RFC 9110 §15.5.22: "The server MUST send an Upgrade header field in a 426 response".
  if (headerIn(answer, 'Upgrade') !== undefined) return;
  throw new Failure(`A greeting ${what}: a 426 says to what: expected Upgrade: websocket`, {
    received,
    at: 0,
  });
}

/** A frame of a client, with a mask, or of somebody who forgot it. */
function toFrame(opcode: number, payload: Buffer, hasMask = true): Buffer {
  const mask = hasMask ? MASK : Buffer.alloc(4);
  const length =
    payload.length < 126 ? [payload.length] : [126, payload.length >> 8, payload.length & 255];
  const [first = 0, ...rest] = length;
  const head = Buffer.from([0x80 | opcode, (hasMask ? 0x80 : 0) | first, ...rest]);
  const masked = payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0));
  return Buffer.concat([head, ...(hasMask ? [mask] : []), masked]);
}

/** The first frame in what a server said, if it is there. */
function frameIn(bytes: Buffer): { opcode: number; payload: Buffer } | undefined {
  const [first, second = 0] = bytes;
  if (first === undefined || bytes.length < 2) return undefined;
  const short = second & 127;
  const at = short === 126 ? 4 : 2;
  if (bytes.length < at) return undefined;
  const length = short === 126 ? bytes.readUInt16BE(2) : short;
  return bytes.length < at + length
    ? undefined
    : { opcode: first & 15, payload: bytes.subarray(at, at + length) };
}

async function echoes(trial: Trial, server: ServerProcess): Promise<void> {
  const client = await open(trial, server, 'A greeting');
  const long = Buffer.from('a text that does not fit into 125 bytes '.repeat(5));
  await isSaidBack(
    client,
    Buffer.from('Hello'),
    'A text of 5 bytes was sent: expected it',
    'keeps-the-mask',
  );
  await isSaidBack(client, long, 'A text of 200 bytes was sent: expected it', 'short-texts-only');
  const cut = 'A frame came a byte at a time: expected its text';
  await isSaidBack(client, Buffer.from('Zoë'), cut, 'one-packet-one-frame', true);
  const before = client.size;
  await client.send(toFrame(CLOSE, Buffer.from([0x03, 0xe8])));
  await comesTrue(() => client.ending !== 'open', SOON);
  const { received, ending } = client;
  const isAnswered = frameIn(received.subarray(before))?.opcode === CLOSE;
  client.leave();
  if (isAnswered && ending !== 'open') return;
  const got = isAnswered ? 'the frame alone' : ending === 'open' ? 'nothing' : 'the end alone';
  throw new Failure(`A close frame was sent: expected one back, and the end; got ${got}`, {
    received,
    at: before,
    ...(got === 'the end alone' && { mistake: 'hangs-up-without-a-word' }),
  });
}

async function isSaidBack(
  client: RawClient,
  text: Buffer,
  what: string,
  mistake: string,
  isCut = false,
): Promise<void> {
  const before = client.size;
  const frame = toFrame(TEXT, text);
  const slices = isCut ? [...frame].map((byte) => Buffer.from([byte])) : [frame];
  for (const slice of slices) {
    await client.send(slice).catch(() => {});
    if (isCut) await comesTrue(() => client.ending !== 'open', 0.02); // a packet of its own
  }
  const back = () => frameIn(client.received.subarray(before));
  await comesTrue(() => back() !== undefined || client.ending !== 'open', SOON);
  const said = back();
  if (said?.opcode === TEXT && said.payload.equals(text)) return;
  const shown = said && JSON.stringify(said.payload.toString('latin1').slice(0, 40));
  const escaped = shown?.replace(/[\x7f-\xff]/g, (char) => `\\x${char.charCodeAt(0).toString(16)}`);
  const nothing = client.ending === 'open' ? `nothing in ${SOON} s` : 'a hang-up';
  throw new Failure(`${what} to be said back, got ${escaped ?? nothing}`, {
    received: client.received,
    at: before,
    mistake,
  });
}

/** RFC 6455 §5.1: "The server MUST close the connection upon receiving a frame that is not masked." */
async function closesOnPlain(trial: Trial, server: ServerProcess): Promise<void> {
  const client = await open(trial, server, 'A greeting');
  const before = client.size;
  await client.send(toFrame(TEXT, Buffer.from('plain'), false));
  const said = () => frameIn(client.received.subarray(before));
  await comesTrue(() => client.ending !== 'open' || said()?.opcode === TEXT, SOON);
  const { received, ending } = client;
  client.leave();
  if (ending !== 'open' && said()?.opcode !== TEXT) return;
  const what = 'A frame without a mask came: expected the end of the connection';
  throw new Failure(`${what}, and it ${said() ? 'was said back' : `is open after ${SOON} s`}`, {
    received,
    at: before,
    mistake: 'takes-what-is-not-masked',
  });
}
