/**
 * 3f: signals. When a child ends, the kernel sends SIGCHLD. But signals do not queue: many deaths at a time may be
 * one signal. Claim: stop the server while its children end, and it counts right afterwards, since it counts
 * 'exit' events: libuv asks about every child at each signal. With --count-signals it counts signals, and keeps
 * the places of the dead for ever. And a child that is killed costs its own client only.
 *
 *   npm run part3 -- 3f --sleep 5    (says its process number N)     npm run part3 -- client3 --clients 4
 *   while they wait:   kill -STOP N      when they are done:   kill -CONT N      then:   curl localhost:8888
 *   and read what the server says
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
  /** Children that are at work already. */
  others: number;
}

if (process.argv[2] === 'child') {
  if (!process.connected) process.exit(); // our parent is gone already
  process.once('disconnect', () => process.exit());
  process.once('message', (task: Task, socket?: Socket) => {
    if (!socket) return process.exit(); // it was reset while we were being started
    process.send?.('taken');
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
  const { server, sleep, countSignals } = await listen();
  server.on('drop', () =>
    console.log(`* ${server.maxConnections} are waiting: hung up on one more`),
  );
  const children = new EventEmitter();
  let active = 0;
  const noteDeath = () => children.emit('exit', --active);
  if (countSignals) process.on('SIGCHLD', noteDeath);
  for await (const [socket] of on(server, 'connection')) {
    while (active >= MAX_CHILDREN) await once(children, 'exit');
    const child = fork(import.meta.filename, ['child']);
    const letGo = () => socket.destroy(); // our copy: the child has its own, or is dead
    child.on('error', (error) => console.log(`* ${error.message}`));
    child.once('exit', letGo).once('message', () => {
      child.send({ sleep, others: active - 1 }, socket, { keepOpen: true });
      child.once('message', letGo);
    });
    child.once('exit', (code, signal) => {
      console.log(`* process ${child.pid} ended: ${signal ?? code}`);
      if (!countSignals) noteDeath();
    });
    if (child.pid) active++;
    else letGo();
  }
}

async function handleRequest(socket: Socket, { sleep, others }: Task): Promise<void> {
  const status = await readHead(socket);
  socket.resume(); // what else may come is read and forgotten
  if (!status) return void socket.destroy();
  console.log(`${process.pid}: ${status}, ${others} others are at work`);
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
async function listen(): Promise<{ server: Server; sleep: number; countSignals: boolean }> {
  process.once('SIGINT', () => process.exit(0));
  try {
    const text = { type: 'string' } as const;
    const count = { type: 'boolean', default: false } as const;
    const { values } = parseArgs({
      options: { port: text, host: text, sleep: text, 'count-signals': count },
    });
    const sleep = Number(values.sleep ?? 0);
    if (!(sleep >= 0)) throw new Error('--sleep takes seconds');
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    server.maxConnections = MAX_CONNECTIONS; // those handed to a child do not count
    const port = values.port ?? (process.env.PORT || 8888);
    await once(server.listen({ port, host: values.host ?? '127.0.0.1' }), 'listening');
    const address = server.address() as AddressInfo;
    console.log(`Serving HTTP on port ${address.port} ... (process ${process.pid})`);
    return { server, sleep, countSignals: values['count-signals'] };
  } catch (error) {
    const reason = (error as Error).message.replaceAll('\n', ' ');
    console.error(`${reason} (options: --port N, --host ADDRESS, --sleep S, --count-signals)`);
    process.exit(1);
  }
}
