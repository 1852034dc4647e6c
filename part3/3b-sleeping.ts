/**
 * 3b: a server that sleeps. Between head and body it blocks, as `time.sleep` does: nothing else happens in
 * this process, no timer, no accept. Claim: the second client connects at once all the same, since the kernel
 * shakes hands for us and lets callers queue; it waits for its first byte until we are awake. The queue has a
 * length, too: with --backlog 1 the fourth caller's handshake must wait (Linux).
 *
 *   npm run part3 -- 3b
 *   npm run part3 -- client3 --clients 5          and while they wait (Linux):   ss -ltn 'sport = :8888'
 */
import { on, once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { parseArgs } from 'node:util';

/** Bytes of request line and field lines; 431 beyond it. Node.js and h11: 16 KiB. */
const MAX_HEAD_BYTES = 16 * 1024;
/** Milliseconds a client has for its head, from when its turn has come; 408 beyond it. */
const READ_TIMEOUT = 10_000;
/** Milliseconds we go on reading after the answer, so that closing does not destroy it. */
const LINGER_TIMEOUT = 2_000;

await serveForever();

async function serveForever(): Promise<void> {
  const { server, sleep } = await listen();
  for await (const [socket] of on(server, 'connection')) {
    await handleRequest(socket, sleep);
  }
}

async function handleRequest(socket: Socket, sleep: number): Promise<void> {
  const status = await readHead(socket);
  socket.resume(); // what else may come is read and forgotten
  if (!status) return void socket.destroy();
  console.log(`${process.pid}: ${status}`);
  const body = `Hello, World! This is process ${process.pid}.\n`;
  const head = [`HTTP/1.1 ${status}`, 'Content-Type: text/plain'];
  head.push(`Content-Length: ${body.length}`, 'Connection: close', '', '');
  socket.write(head.join('\r\n'));
  block(sleep);
  await new Promise<void>((resolve) => socket.end(body, () => resolve()));
  setTimeout(() => socket.destroy(), LINGER_TIMEOUT).unref();
}

/** Sleeps with the whole process: waits for a number to change that nobody will change. */
function block(seconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, seconds * 1000);
}

/** Reads up to the blank line and says how that went, as a status; undefined: the client left before it. */
async function readHead(socket: Socket): Promise<string | undefined> {
  if (socket.destroyed || socket.readableEnded) return undefined;
  const signal = AbortSignal.timeout(READ_TIMEOUT);
  let head = '';
  try {
    for await (const [packet] of on(socket, 'data', { signal, close: ['end', 'close'] })) {
      head += packet.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end === -1 && head.length <= MAX_HEAD_BYTES) continue;
      const isWhole = end !== -1 && end <= MAX_HEAD_BYTES;
      return isWhole ? '200 OK' : '431 Request Header Fields Too Large';
    }
  } catch {
    return signal.aborted ? '408 Request Timeout' : undefined; // undefined: it was reset
  }
}

/** Opens the door. Whatever stands in the way (a taken port, a wrong option) is told in one line. */
async function listen(): Promise<{ server: Server; sleep: number }> {
  process.once('SIGINT', () => process.exit(0));
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy()); // unheard, one client's reset would end us all
  });
  try {
    const text = { type: 'string' } as const;
    const { values } = parseArgs({
      options: { port: text, host: text, sleep: text, backlog: text },
    });
    const [sleep, backlog] = [Number(values.sleep ?? 3), Number(values.backlog ?? 511)];
    if (!(sleep >= 0 && backlog > 0)) throw new Error('--sleep and --backlog take numbers');
    const port = values.port ?? (process.env.PORT || 8888);
    await once(server.listen({ port, host: values.host ?? '127.0.0.1', backlog }), 'listening');
    const address = server.address() as AddressInfo;
    console.log(`Serving HTTP on port ${address.port} ... (process ${process.pid})`);
    return { server, sleep };
  } catch (error) {
    const reason = (error as Error).message.replaceAll('\n', ' ');
    console.error(`${reason} (options: --port N, --host ADDRESS, --sleep S, --backlog N)`);
    process.exit(1);
  }
}
