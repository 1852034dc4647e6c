/**
 * 3h: pre-fork. The price of a process is paid once: a few workers start before the first client, share the port,
 * and serve one connection after another. Claims: eight handlers that block share four workers. A
 * worker that dies is replaced, and the younger it dies the later. The primary deals the connections out in turn;
 * with --sched-none each worker takes from the kernel's queue, and who wakes first takes what there is.
 *
 *   npm run part3 -- 3h              npm run part3 -- client3 --clients 8
 *   kill -9 one of the workers, by its number, and ask again
 */
import cluster from 'node:cluster';
import { on, once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { parseArgs } from 'node:util';

/** Bytes of request line and field lines; 431 beyond it. Node.js and h11: 16 KiB. */
const MAX_HEAD_BYTES = 16 * 1024;
/** Milliseconds a client has for its head, from when its turn has come; 408 beyond it. */
const READ_TIMEOUT = 10_000;
/** Milliseconds a worker should live; if not, the next one waits: 100 at first, then twice as long each time. */
const GOOD_AGE = 5_000;
const MAX_BACKOFF = 10_000;
/** Milliseconds we go on reading after the answer, so that closing does not destroy it. */
const LINGER_TIMEOUT = 2_000;

process.once('SIGINT', () => process.exit(0));
try {
  await (cluster.isPrimary ? supervise() : serveForever());
} catch (error) {
  const reason = (error as Error).message.replaceAll('\n', ' ');
  console.error(
    `${reason} (options: --port N, --host ADDRESS, --sleep S, --workers N, --sched-none)`,
  );
  process.exit(1);
}

async function supervise(): Promise<void> {
  const options = readOptions();
  cluster.schedulingPolicy = options.schedNone ? cluster.SCHED_NONE : cluster.SCHED_RR;
  let isServing = false;
  let backoff = 0;
  const spawn = () => {
    const worker = cluster.fork({ OPTIONS: JSON.stringify(options) });
    const birth = performance.now();
    worker.once('exit', (code, signal) => {
      if (!isServing) process.exit(1); // born dead, and it has said why
      const isYoung = performance.now() - birth < GOOD_AGE;
      backoff = isYoung ? Math.min(backoff * 2 || 100, MAX_BACKOFF) : 0;
      console.log(`* worker ${worker.process.pid} ended: ${signal ?? code}; next in ${backoff} ms`);
      setTimeout(spawn, backoff);
    });
    return once(worker, 'listening');
  };
  const [{ port }] = await spawn(); // if the first can't have the port, nobody can
  await Promise.all(Array.from({ length: options.workers - 1 }, spawn));
  isServing = true;
  console.log(`Serving HTTP on port ${port} ... (process ${process.pid})`);
}

async function serveForever(): Promise<void> {
  const { server, sleep } = await listen();
  for await (const [socket] of on(server, 'connection')) {
    handleRequest(socket, sleep);
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

async function listen(): Promise<{ server: Server; sleep: number }> {
  const { port, host, sleep } = JSON.parse(process.env.OPTIONS ?? '{}');
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy()); // unheard, one client's reset would end us all
  });
  await once(server.listen({ port, host }), 'listening');
  console.log(`* worker ${process.pid} is here`);
  return { server, sleep };
}

function readOptions() {
  const text = { type: 'string' } as const;
  const none = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    options: { port: text, host: text, sleep: text, workers: text, 'sched-none': none },
  });
  const [sleep, workers] = [Number(values.sleep ?? 3), Number(values.workers ?? 4)];
  if (!(sleep >= 0 && workers > 0)) throw new Error('--sleep and --workers take numbers');
  const port = values.port ?? (process.env.PORT || 8888);
  return {
    port,
    host: values.host ?? '127.0.0.1',
    sleep,
    workers,
    schedNone: values['sched-none'],
  };
}
