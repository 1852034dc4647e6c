/**
 * Checks 3-02 and 3-03: while a handler blocks, callers connect at once, and wait for their first byte.
 *
 *   --sleep S      seconds a handler blocks between head and body (default: 3)
 *   --backlog N    connections the kernel may queue (default: 511)
 */
import { on, once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { parseArgs } from 'node:util';

const { server, values } = await listen();
for await (const [socket] of on(server, 'connection')) {
  await handleRequest(socket, Number(values.sleep));
}

async function handleRequest(socket: Socket, sleep: number): Promise<void> {
  if (!(await readHead(socket))) return void socket.destroy();
  const body = `Hello, World! This is process ${process.pid}.\n`; // the checks read who has answered
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`);
  // TODO Why: a query, a file, a library that blocks: then nothing else happens in this process. Who shakes hands with the
  // next caller? What: block for `sleep` seconds here, between head and body. Not setTimeout: the loop would go on.
  void sleep;
  await new Promise<void>((resolve) => socket.end(body, () => resolve()));
  socket.resume();
}

/** Given: sleeps with the whole process. No timer fires and nobody is accepted meanwhile. */
export function block(seconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, seconds * 1000);
}

/** Given: resolves with true when the blank line has come; with false if the client leaves before it. */
async function readHead(socket: Socket): Promise<boolean> {
  if (socket.destroyed || socket.readableEnded) return false;
  let head = '';
  try {
    for await (const [packet] of on(socket, 'data', { close: ['end', 'close'] })) {
      head += packet.toString('latin1');
      if (head.includes('\r\n\r\n')) return true;
    }
  } catch {
    // it was reset
  }
  return false;
}

/** Given: reads the options, opens the door, and prints the line by which the checks know that it is open. */
async function listen() {
  const { values } = parseArgs({
    options: {
      sleep: { type: 'string', default: '3' },
      backlog: { type: 'string', default: '511' },
    },
  });
  const server = createServer({ allowHalfOpen: true }, (s) => s.on('error', () => s.destroy()));
  // TODO Why: the queue of the kernel has a length. What: hand values.backlog to listen, as a number.
  await once(server.listen({ port: process.env.PORT || 8888, host: '127.0.0.1' }), 'listening');
  console.log(`Serving HTTP on port ${(server.address() as AddressInfo).port} ...`);
  return { server, values };
}
