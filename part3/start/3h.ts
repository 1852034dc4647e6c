/**
 * Check 3-12: workers that share a port, and a primary that replaces them.
 *
 *   --sleep S      seconds a handler blocks between head and body (default: 3)
 *   --workers N    processes (default: 4)
 */
import { on, once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { parseArgs } from 'node:util';

// TODO Why: a process for each client pays the start each time. Pay it once: start --workers before the first client.
// What: node:cluster. In the primary (cluster.isPrimary) cluster.fork() so many, and print "Serving HTTP on port N" when all
// are 'listening'; in a worker what is below. And Why: workers die. What: at 'exit' fork another, after 100 ms, and
// twice as long for each that dies young: one that cannot live must not keep you busy.
const { server, values } = await listen();
for await (const [socket] of on(server, 'connection')) {
  handleRequest(socket, Number(values.sleep));
}

async function handleRequest(socket: Socket, sleep: number): Promise<void> {
  if (!(await readHead(socket))) return void socket.destroy();
  const body = `Hello, World! This is process ${process.pid}.\n`; // the checks read who has answered
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`);
  block(sleep);
  await new Promise<void>((resolve) => socket.end(body, () => resolve()));
  socket.resume();
}

/** Given: sleeps with the whole process. No timer fires and nobody is accepted meanwhile. */
function block(seconds: number): void {
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
    options: { sleep: { type: 'string', default: '3' }, workers: { type: 'string', default: '4' } },
  });
  const server = createServer({ allowHalfOpen: true }, (s) => s.on('error', () => s.destroy()));
  await once(server.listen({ port: process.env.PORT || 8888, host: '127.0.0.1' }), 'listening');
  console.log(`Serving HTTP on port ${(server.address() as AddressInfo).port} ...`);
  return { server, values };
}
