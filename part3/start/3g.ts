/**
 * Check 3-11: one process serves all, until one handler computes.
 *
 *   --sleep S      seconds a handler waits between head and body (default: 3)
 *   --busy         compute for so long, instead of waiting
 */
import { on, once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { parseArgs } from 'node:util';

const { server, values } = await listen();
for await (const [socket] of on(server, 'connection')) {
  // TODO Why: all that is awaited here, everybody awaits. What: which word is one too many?
  await handleRequest(socket, Number(values.sleep));
}

async function handleRequest(socket: Socket, sleep: number): Promise<void> {
  if (!(await readHead(socket))) return void socket.destroy();
  const body = `Hello, World! This is process ${process.pid}.\n`; // the checks read who has answered
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`);
  // TODO Why: who waits, waits for the world; who computes keeps it waiting. What: with values.busy compute for `sleep`
  // seconds (a loop that looks at performance.now()); without it, wait: setTimeout of node:timers/promises.
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
    options: { sleep: { type: 'string', default: '3' }, busy: { type: 'boolean' } },
  });
  const server = createServer({ allowHalfOpen: true }, (s) => s.on('error', () => s.destroy()));
  await once(server.listen({ port: process.env.PORT || 8888, host: '127.0.0.1' }), 'listening');
  console.log(`Serving HTTP on port ${(server.address() as AddressInfo).port} ...`);
  return { server, values };
}
