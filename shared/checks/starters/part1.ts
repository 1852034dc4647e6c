/** A stand-in for the starter of part 1. */
import { createServer } from 'node:net';

// TODO: answer. A client that connects must hear something.
const server = createServer((socket) => socket.end());
server.listen(Number(process.env.PORT ?? 8888), '127.0.0.1', () => {
  console.log(`Serving HTTP on port ${(server.address() as { port: number }).port} ...`);
});
