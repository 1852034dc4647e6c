/**
 * The exercises of part 1, solved on top of 1c: the page repeats the request line (1-x1), unknown paths get a 404 (1-x2),
 * and there is a line for each answer on standard output (1-x3).
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
      const lines = head.toString('latin1', 0, end).split('\r\n');
      for (const line of lines) console.log(`< ${visible(line)}`);
      answer(socket, lines[0] ?? '');
    }
  });
});
const page = await listen();
console.log(`Serving HTTP on port ${(server.address() as AddressInfo).port} ...`);

/** request-line = method SP request-target SP HTTP-version; what we serve is decided by the path alone. */
function answer(socket: Socket, requestLine: string): void {
  const [method = '', target = ''] = requestLine.split(' ');
  const [pathname] = target.split('?');
  const isKnown = pathname === '/';
  const status = isKnown ? '200 OK' : '404 Not Found';
  const text = `\n<p>You asked: ${escapeHtml(requestLine)}</p>\n`;
  const said = isKnown ? page : Buffer.from('There is no such page here.\n');
  respond(socket, status, Buffer.concat([said, Buffer.from(text)]));
  console.log(visible(`${method} ${target} ${status.slice(0, 3)}`));
}

/** A stranger's text, fit for a page: what would be markup there is shown instead. */
function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

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
