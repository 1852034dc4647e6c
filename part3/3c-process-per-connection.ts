/**
 * 3c: a process for each connection. Node has no fork(2); `child_process.fork` starts a new Node.js instead, and
 * an open connection can be sent to it. Claim: each answer comes from a process of its own, so sleepers sleep
 * side by side; and each costs the price of starting one. With --no-pause the parent goes on reading from a
 * connection that it has given away, and what it reads is lost.
 *
 *   npm run part3 -- 3c              and while they wait:   ps -ef | grep 3c-
 *   npm run part3 -- client3 --clients 5
 */
import { fork } from 'node:child_process';
import { on, once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { parseArgs } from 'node:util';

/** Bytes of request line and field lines; 431 beyond it. Node.js and h11: 16 KiB. */
const MAX_HEAD_BYTES = 16 * 1024;
/** Milliseconds a client has for its head, from when its turn has come; 408 beyond it. */
const READ_TIMEOUT = 10_000;
/** Milliseconds we go on reading after the answer, so that closing does not destroy it. */
const LINGER_TIMEOUT = 2_000;

/** What goes to a child together with its connection. */
interface Task {
  sleep: number;
}

if (process.argv[2] === 'child') {
  if (!process.connected) process.exit(); // our parent is gone already
  process.once('disconnect', () => process.exit());
  process.once('message', (task: Task, socket?: Socket) => {
    if (!socket) return process.exit(); // it was reset while we were being started
    socket.allowHalfOpen = true; // its options have not travelled along
    socket.on('error', () => socket.destroy());
    socket.once('close', () => process.exit());
    handleRequest(socket, task);
  });
  process.send?.('ready');
} else {
  await serveForever();
}

async function serveForever(): Promise<void> {
  const { server, sleep } = await listen();
  for await (const [socket] of on(server, 'connection')) {
    const child = fork(import.meta.filename, ['child']);
    const giveUp = () => socket.destroy(); // it never came so far
    child.on('error', (error) => console.log(`* ${error.message}`));
    child.once('exit', giveUp).once('message', () => {
      child.off('exit', giveUp).send({ sleep }, socket); // it is ready; and our copy is closed
    });
    if (!child.pid) giveUp();
  }
}

async function handleRequest(socket: Socket, { sleep }: Task): Promise<void> {
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
  try {
    const text = { type: 'string' } as const;
    const { values } = parseArgs({
      options: { port: text, host: text, sleep: text, 'no-pause': { type: 'boolean' } },
    });
    const sleep = Number(values.sleep ?? 3);
    if (!(sleep >= 0)) throw new Error('--sleep takes seconds');
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: !values['no-pause'] });
    const port = values.port ?? (process.env.PORT || 8888);
    await once(server.listen({ port, host: values.host ?? '127.0.0.1' }), 'listening');
    const address = server.address() as AddressInfo;
    console.log(`Serving HTTP on port ${address.port} ... (process ${process.pid})`);
    return { server, sleep };
  } catch (error) {
    const reason = (error as Error).message.replaceAll('\n', ' ');
    console.error(`${reason} (options: --port N, --host ADDRESS, --sleep S, --no-pause)`);
    process.exit(1);
  }
}
