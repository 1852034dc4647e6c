/**
 * Check 3-01: who came first is served first, even while it says nothing. No options.
 *
 * It works, and it serves everybody at once, since Node.js calls you for each connection. Part 3 takes that away, to see
 * what it is worth: here one is served at a time.
 */
import { on, once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

const { server } = await listen();

// TODO Why: with an event for each connection, nobody waits for anybody. One at a time is a loop that accepts one
// connection, serves it to its end, and only then accepts the next. What: for await (... of on(server, 'connection')).
server.on('connection', (socket: Socket) => {
  handleRequest(socket);
});

async function handleRequest(socket: Socket): Promise<void> {
  if (!(await readHead(socket))) return void socket.destroy();
  const body = `Hello, World! This is process ${process.pid}.\n`; // the checks read who has answered
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`);
  await new Promise<void>((resolve) => socket.end(body, () => resolve()));
  socket.resume(); // what else may come is read and forgotten
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
  const server = createServer({ allowHalfOpen: true }, (s) => s.on('error', () => s.destroy()));
  await once(server.listen({ port: process.env.PORT || 8888, host: '127.0.0.1' }), 'listening');
  console.log(`Serving HTTP on port ${(server.address() as AddressInfo).port} ...`);
  return { server };
}
