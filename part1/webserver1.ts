/**
 * 1c: a request has an end, and a response has a length. Bytes come in as the network cuts them; the
 * answer waits for the blank line that ends the head, and says in bytes how long it is. A client may
 * dribble, vanish, hang up or talk for ever: the next one is served all the same. What was asked for
 * is not looked at: understanding requests is part 2.
 *
 *   npm run part1                    and in a second terminal:   curl -v localhost:8888/hello
 *   npm run part1 -- --page my.html  answers with a file of yours
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { parseArgs } from 'node:util';

/** Bytes of request line and field lines; 431 beyond it. Node.js and h11: 16 KiB. */
const MAX_HEAD_BYTES = 16 * 1024;
/** Milliseconds without a byte in either direction, then we hang up. Apache's Timeout: 60 s. */
const IDLE_TIMEOUT = 30_000;
/** Milliseconds we go on reading after the answer, so that closing does not destroy it. nginx: 5 s. */
const LINGER_TIMEOUT = 2_000;

const server = createServer((socket) => {
  let head = Buffer.alloc(0);
  socket.on('error', () => socket.destroy()); // unheard, one client's reset would end us all
  socket.setTimeout(IDLE_TIMEOUT, () => socket.destroy());
  socket.on('data', (packet) => {
    if (socket.writableEnded) return; // answered: the rest is read and forgotten
    head = Buffer.concat([head, packet]);
    const end = head.indexOf('\r\n\r\n');
    if (end > MAX_HEAD_BYTES || (end === -1 && head.length > MAX_HEAD_BYTES)) {
      respond(
        socket,
        '431 Request Header Fields Too Large',
        Buffer.from('That is too much to ask.\n'),
      );
    } else if (end !== -1) {
      for (const line of head.toString('latin1', 0, end).split('\r\n'))
        console.log(`< ${visible(line)}`);
      respond(socket, '200 OK', page);
    }
  });
});
const page = await listen();
console.log(`Serving HTTP on port ${(server.address() as AddressInfo).port} ...`);

function respond(socket: Socket, status: string, body: Buffer): void {
  const head = [`HTTP/1.1 ${status}`, 'Content-Type: text/html; charset=utf-8'];
  head.push(`Content-Length: ${body.length}`, 'Connection: close', '', '');
  socket.write(head.join('\r\n'));
  socket.end(body, () => setTimeout(() => socket.destroy(), LINGER_TIMEOUT).unref());
}

/** A stranger's bytes, fit for your terminal: control characters would be obeyed there. */
function visible(line: string): string {
  return line.replace(/[^ -~]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** Opens the door. Whatever stands in the way (a taken port, a wrong option) is told in one line. */
async function listen(): Promise<Buffer> {
  process.once('SIGINT', () => process.exit(0));
  try {
    const option = { type: 'string' } as const;
    const { values } = parseArgs({ options: { port: option, host: option, page: option } });
    const body = values.page
      ? readFileSync(values.page)
      : Buffer.from('Hello, World! (Hallo, schöne Welt! 👋)\n');
    server.listen({
      port: values.port ?? (process.env.PORT || 8888),
      host: values.host ?? '127.0.0.1',
    });
    await once(server, 'listening');
    return body;
  } catch (error) {
    const reason = (error as Error).message.replaceAll('\n', ' ');
    console.error(`${reason} (options: --port N, --host ADDRESS, --page FILE)`);
    process.exit(1);
  }
}
