/**
 * Checks 3-13 and 3-14: the gateway. It starts as `tsx part3/my/server.ts module:callable`, runs any application, and
 * serves many requests at a time.
 *
 *   --workers N    processes that serve (default: 1); you may leave it out
 *
 * Begin with what you have: part2/my/server.ts reads requests, makes an environ, runs the application and sends what it
 * says. Bring that here; then change how it is called.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { loadApplication } from '../../shared/app-loader.ts';

const application = await loadApplication(process.argv[2] ?? '');
const server = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => socket.destroy());
  serve(socket);
});
await once(server.listen({ port: process.env.PORT || 8888, host: '127.0.0.1' }), 'listening');
console.log(`Serving HTTP on port ${(server.address() as AddressInfo).port} ...`);

// TODO (3-14) Why: every deploy stops you in the middle of somebody. What: at SIGTERM take no newcomers, finish what is
// under way, and exit with 0; at a second SIGTERM exit now.

async function serve(socket: Socket): Promise<void> {
  // TODO (3-13) Why: two requests are under way at once now, and what one of them left on the server, the other finds. What:
  // all that belongs to a request (its head, its body, what startResponse was told) lives in here, for each connection.
  // wsgi.multiprocess is true in a worker, and false where there is but one process.
  void application;
  await once(socket, 'data');
  const body = 'TODO: bring your server of part 2\n';
  socket.end(`HTTP/1.1 501 Not Implemented\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
}
