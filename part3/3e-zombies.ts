/**
 * 3e: zombies. A process that has ended stays in the kernel's table until its parent has asked how it ended.
 * In C you must ask, with wait(2); libuv does it for you, but only when the event loop turns. Claim: with
 * --blocked 5 the parent's loop stands still for five seconds at a time, and the dead show as Z, for defunct. Then
 * they are gone. Without it you will hardly see one.
 *
 *   npm run part3 -- 3e --blocked 5
 *   npm run part3 -- client3 --clients 3          and then, some times:   ps -ef | grep defunct
 */
import { fork } from 'node:child_process';
import { EventEmitter, on, once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { parseArgs } from 'node:util';

/** Bytes of request line and field lines; 431 beyond it. Node.js and h11: 16 KiB. */
const MAX_HEAD_BYTES = 16 * 1024;
/** Processes at a time; and connections that may wait for one. */
const MAX_CHILDREN = 4;
const MAX_CONNECTIONS = 100;
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
  const { server, sleep, blocked } = await listen();
  // Busy with something else, but for a moment now and then.
  const beBusy = () => {
    block(blocked);
    setImmediate(() => setTimeout(beBusy, 100));
  };
  if (blocked > 0) beBusy();
  server.on('drop', () =>
    console.log(`* ${server.maxConnections} are waiting: hung up on one more`),
  );
  const children = new EventEmitter();
  let active = 0;
  for await (const [socket] of on(server, 'connection')) {
    while (active >= MAX_CHILDREN) await once(children, 'exit');
    const child = fork(import.meta.filename, ['child']);
    const giveUp = () => socket.destroy(); // it never came so far
    child.on('error', (error) => console.log(`* ${error.message}`));
    child.once('exit', giveUp).once('message', () => {
      child.off('exit', giveUp).send({ sleep }, socket);
    });
    child.once('exit', () => children.emit('exit', --active));
    if (child.pid) active++;
    else giveUp();
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
async function listen(): Promise<Task & { server: Server; blocked: number }> {
  process.once('SIGINT', () => process.exit(0));
  try {
    const text = { type: 'string' } as const;
    const { values } = parseArgs({
      options: { port: text, host: text, sleep: text, blocked: text },
    });
    const [sleep, blocked] = [Number(values.sleep ?? 0.5), Number(values.blocked ?? 0)];
    if (!(sleep >= 0 && blocked >= 0)) throw new Error('--sleep and --blocked take seconds');
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    server.maxConnections = MAX_CONNECTIONS; // those handed to a child do not count
    const port = values.port ?? (process.env.PORT || 8888);
    await once(server.listen({ port, host: values.host ?? '127.0.0.1' }), 'listening');
    const address = server.address() as AddressInfo;
    console.log(`Serving HTTP on port ${address.port} ... (process ${process.pid})`);
    return { server, sleep, blocked };
  } catch (error) {
    const reason = (error as Error).message.replaceAll('\n', ' ');
    console.error(`${reason} (options: --port N, --host ADDRESS, --sleep S, --blocked S)`);
    process.exit(1);
  }
}
