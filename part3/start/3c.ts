/**
 * Checks 3-04 and 3-05: a process for each connection, and no byte lost on the way to it.
 *
 *   --sleep S      seconds a handler blocks between head and body (default: 3)
 */
import { on, once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { parseArgs } from 'node:util';

interface Task {
  sleep: number;
}

if (process.argv[2] === 'child') beAChild();
else await serveForever();

async function serveForever(): Promise<void> {
  const { server, values } = await listen();
  for await (const [socket] of on(server, 'connection')) {
    // TODO Why: who blocks, blocks its process. If each client has its own, nobody waits for anybody. What: fork this file
    // (node:child_process, import.meta.filename) with the argument 'child'; at its first message, that it is ready,
    // child.send({ sleep }, socket). And a child may fail: then the socket is still yours to destroy.
    await handleRequest(socket, { sleep: Number(values.sleep) });
  }
}

async function handleRequest(socket: Socket, { sleep }: Task): Promise<void> {
  if (!(await readHead(socket))) return void socket.destroy();
  const body = `Hello, World! This is process ${process.pid}.\n`; // the checks read who has answered
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`);
  block(sleep);
  await new Promise<void>((resolve) => socket.end(body, () => resolve()));
  socket.resume();
}

/** Given: the child's half. It says that it is ready, gets its connection, and ends with it. */
function beAChild(): void {
  process.once('disconnect', () => process.exit());
  process.once('message', (task: Task, socket?: Socket) => {
    if (!socket) return process.exit(); // its client left while we were being started
    socket.allowHalfOpen = true; // its options have not travelled along
    socket.on('error', () => socket.destroy());
    socket.once('close', () => process.exit());
    handleRequest(socket, task);
  });
  process.send?.('ready');
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
  const { values } = parseArgs({ options: { sleep: { type: 'string', default: '3' } } });
  const server = createServer({ allowHalfOpen: true }, (s) => s.on('error', () => s.destroy()));
  // TODO (3-05) Why: what the parent reads, the child never sees. What: have the server pause what it accepts.
  await once(server.listen({ port: process.env.PORT || 8888, host: '127.0.0.1' }), 'listening');
  console.log(`Serving HTTP on port ${(server.address() as AddressInfo).port} ...`);
  return { server, values };
}
