/**
 * Check 3-08: children that died, and were not asked about.
 *
 *   --sleep S      seconds a handler blocks between head and body (default: 0.5)
 *   --blocked S    let the event loop stand still for S seconds at a time (default: 0)
 */
import { fork } from 'node:child_process';
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
  // TODO Why: a dead child stays in the kernel's table until its parent has asked how it ended. libuv asks, when the
  // loop turns. What: for --blocked S > 0 keep the loop from turning: block(S), let it turn for 100 ms, and again.
  void values.blocked;
  for await (const [socket] of on(server, 'connection')) {
    const child = fork(import.meta.filename, ['child']);
    const giveUp = () => socket.destroy(); // it never came so far
    child.on('error', (error) => console.log(`* ${error.message}`));
    child.once('exit', giveUp).once('message', () => {
      child.off('exit', giveUp).send({ sleep: Number(values.sleep) }, socket);
    });
    if (!child.pid) giveUp();
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
  const { values } = parseArgs({
    options: {
      sleep: { type: 'string', default: '0.5' },
      blocked: { type: 'string', default: '0' },
    },
  });
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  await once(server.listen({ port: process.env.PORT || 8888, host: '127.0.0.1' }), 'listening');
  console.log(`Serving HTTP on port ${(server.address() as AddressInfo).port} ...`);
  return { server, values };
}
