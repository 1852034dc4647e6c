/**
 * 3g: the event loop. 3b without one `await`: the loop takes the next connection while the last one still waits,
 * and one process serves all. Claim: five sleepers take as long as one. But there is one thread of JavaScript:
 * with --busy a handler computes instead of waiting, and all others stand still until it is done. To write
 * `async` before it changes nothing: concurrency is not parallelism.
 *
 *   npm run part3 -- 3g              npm run part3 -- client3 --clients 5
 *   npm run part3 -- 3g --busy       and the same again
 */
import { on, once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';

/** Bytes of request line and field lines; 431 beyond it. Node.js and h11: 16 KiB. */
const MAX_HEAD_BYTES = 16 * 1024;
/** Milliseconds a client has for its head, from when its turn has come; 408 beyond it. */
const READ_TIMEOUT = 10_000;
/** Milliseconds we go on reading after the answer, so that closing does not destroy it. */
const LINGER_TIMEOUT = 2_000;

await serveForever();

async function serveForever(): Promise<void> {
  const { server, sleep, busy } = await listen();
  for await (const [socket] of on(server, 'connection')) {
    handleRequest(socket, sleep, busy); // no await: on to the next
  }
}

async function handleRequest(socket: Socket, sleep: number, busy: boolean): Promise<void> {
  const status = await readHead(socket);
  socket.resume(); // what else may come is read and forgotten
  if (!status) return void socket.destroy();
  console.log(`${process.pid}: ${status}`);
  const body = `Hello, World! This is process ${process.pid}.\n`;
  const head = [`HTTP/1.1 ${status}`, 'Content-Type: text/plain'];
  head.push(`Content-Length: ${body.length}`, 'Connection: close', '', '');
  socket.write(head.join('\r\n'));
  if (busy) compute(sleep);
  else await delay(sleep * 1000);
  await new Promise<void>((resolve) => socket.end(body, () => resolve()));
  setTimeout(() => socket.destroy(), LINGER_TIMEOUT).unref();
}

/** Work for the processor, and nothing to wait for. */
function compute(seconds: number): void {
  for (const end = performance.now() + seconds * 1000; performance.now() < end; );
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
async function listen(): Promise<{ server: Server; sleep: number; busy: boolean }> {
  process.once('SIGINT', () => process.exit(0));
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy()); // unheard, one client's reset would end us all
  });
  try {
    const text = { type: 'string' } as const;
    const { values } = parseArgs({
      options: { port: text, host: text, sleep: text, busy: { type: 'boolean', default: false } },
    });
    const sleep = Number(values.sleep ?? 3);
    if (!(sleep >= 0)) throw new Error('--sleep takes seconds');
    const port = values.port ?? (process.env.PORT || 8888);
    await once(server.listen({ port, host: values.host ?? '127.0.0.1' }), 'listening');
    const address = server.address() as AddressInfo;
    console.log(`Serving HTTP on port ${address.port} ... (process ${process.pid})`);
    return { server, sleep, busy: values.busy };
  } catch (error) {
    const reason = (error as Error).message.replaceAll('\n', ' ');
    console.error(`${reason} (options: --port N, --host ADDRESS, --sleep S, --busy)`);
    process.exit(1);
  }
}
