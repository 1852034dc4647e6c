/** Exercise 3-x4: a WebSocket's greeting, and an echo behind it. Text comes in frames, and goes out in frames. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** RFC 6455 §1.3: what nobody says who does not know the protocol. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const MAX_HEAD_BYTES = 16 * 1024;
/** With more of them a length takes 8 bytes, not 2: nobody here says so much at a time. */
const MAX_FRAME_BYTES = 65_535;
/** opcode, RFC 6455 §5.2 */
const [TEXT, CLOSE, PING, PONG] = [0x1, 0x8, 0x9, 0xa];
/** Status codes of a close, RFC 6455 §7.4.1. */
const [PROTOCOL_ERROR, CANNOT_ACCEPT, TOO_BIG] = [1002, 1003, 1009];

/** Why the other side is told goodbye. */
class Goodbye extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`${code}`);
    this.code = code;
  }
}

interface Frame {
  readonly opcode: number;
  readonly payload: Buffer;
  /** Bytes it took, with its head. */
  readonly size: number;
}

const server = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => socket.destroy());
  serve(socket).catch(() => socket.destroy()); // it left in the middle
});
await once(server.listen({ port: process.env.PORT || 8888, host: '127.0.0.1' }), 'listening');
console.log(`Serving HTTP on port ${(server.address() as AddressInfo).port} ...`);

async function serve(socket: Socket): Promise<void> {
  let bytes = Buffer.alloc(0);
  let isOpen = false;
  for await (const packet of socket) {
    bytes = Buffer.concat([bytes, packet]);
    if (!isOpen) {
      const end = bytes.indexOf('\r\n\r\n');
      if (end === -1 && bytes.length < MAX_HEAD_BYTES) continue;
      const answer = greet(bytes.toString('latin1', 0, end));
      socket.write(answer);
      if (!answer.startsWith('HTTP/1.1 101 ')) return void socket.end();
      bytes = bytes.subarray(end + 4);
      isOpen = true;
    }
    try {
      for (let frame = readFrame(bytes); frame; frame = readFrame(bytes)) {
        bytes = bytes.subarray(frame.size);
        if (frame.opcode === CLOSE)
          return void socket.end(toFrame(CLOSE, frame.payload.subarray(0, 2)));
        if (frame.opcode === TEXT) socket.write(toFrame(TEXT, frame.payload));
        if (frame.opcode === PING) socket.write(toFrame(PONG, frame.payload));
        if (![TEXT, PING, PONG].includes(frame.opcode)) throw new Goodbye(CANNOT_ACCEPT);
      }
    } catch (error) {
      const code = Buffer.alloc(2);
      code.writeUInt16BE(error instanceof Goodbye ? error.code : PROTOCOL_ERROR);
      return void socket.end(toFrame(CLOSE, code));
    }
  }
  socket.end();
}

/** RFC 6455 §4.2.1: what a client must have said; and what it is told if it has not. */
function greet(head: string): string {
  const [line = '', ...lines] = head.split('\r\n');
  const fields = new Map<string, string>();
  for (const field of lines) {
    const colon = field.indexOf(':');
    fields.set(field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim());
  }
  const has = (name: string, token: string) =>
    (fields.get(name) ?? '').split(',').some((word) => word.trim().toLowerCase() === token);
  if (!/^GET \S+ HTTP\/1\.1$/.test(line) || !fields.get('host')) return refuse('400 Bad Request');
  if (!has('upgrade', 'websocket') || !has('connection', 'upgrade'))
    return refuse('426 Upgrade Required', 'Upgrade: websocket', 'Connection: Upgrade');
  if (fields.get('sec-websocket-version') !== '13')
    return refuse('426 Upgrade Required', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13');
  const key = fields.get('sec-websocket-key') ?? '';
  if (!/^[A-Za-z0-9+/]{22}==$/.test(key)) return refuse('400 Bad Request');
  const accept = createHash('sha1').update(`${key}${GUID}`).digest('base64');
  const answer = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
  return [...answer, `Sec-WebSocket-Accept: ${accept}`, '', ''].join('\r\n');
}

function refuse(status: string, ...fields: string[]): string {
  const hasOption = fields.some((field) => field.startsWith('Connection:'));
  const lines = [...fields, 'Content-Length: 0', ...(hasOption ? [] : ['Connection: close'])];
  return [`HTTP/1.1 ${status}`, ...lines, '', ''].join('\r\n');
}

/**
 * fin, three reserved bits and the opcode; mask bit and 7 bits of length, which 126 and 127 put into the next 2 or 8 bytes; 4
 * bytes of mask; payload. RFC 6455 §5.2. Undefined as long as it is not all there.
 */
function readFrame(bytes: Buffer): Frame | undefined {
  if (bytes.length < 2) return undefined;
  const [first = 0, second = 0] = bytes;
  // "The server MUST close the connection upon receiving a frame that is not masked"; §5.1
  if ((second & 0x80) === 0 || (first & 0x70) !== 0) throw new Goodbye(PROTOCOL_ERROR);
  if ((first & 0x80) === 0) throw new Goodbye(CANNOT_ACCEPT); // a message in several frames
  const short = second & 0x7f;
  const at = short === 127 ? 10 : short === 126 ? 4 : 2;
  if (bytes.length < at + 4) return undefined;
  const length =
    short === 127
      ? Number(bytes.readBigUInt64BE(2))
      : short === 126
        ? bytes.readUInt16BE(2)
        : short;
  if (length > MAX_FRAME_BYTES) throw new Goodbye(TOO_BIG);
  const size = at + 4 + length;
  if (bytes.length < size) return undefined;
  const mask = bytes.subarray(at, at + 4);
  const payload = bytes.subarray(at + 4, size).map((byte, index) => byte ^ (mask[index % 4] ?? 0));
  return { opcode: first & 0x0f, payload: Buffer.from(payload), size };
}

/** Without a mask: a server "MUST NOT mask any frames"; §5.1. */
function toFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const size = length < 126 ? [length] : [126, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([0x80 | opcode, ...size]), payload]);
}
