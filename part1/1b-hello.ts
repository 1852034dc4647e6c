/**
 * 1b: HTTP is text over TCP. Bytes come in from anybody, and everybody gets the same answer: a status
 * line, a blank line, a body, and the end of the connection as the end of the body. Still too trusting:
 * whatever arrives first is taken for the whole request, and a client that hangs up rudely ends the server.
 *
 *   npm run part1 -- 1b              and in a second terminal:   curl -v localhost:8888/hello
 */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { parseArgs } from 'node:util';

const server = createServer((socket) => {
  socket.once('data', (request) => {
    for (const line of request.toString().trimEnd().split('\r\n')) console.log(`< ${line}`);
    socket.end('HTTP/1.1 200 OK\r\n\r\nHello, World!\n');
  });
});
await listen();
console.log(`Serving HTTP on port ${(server.address() as AddressInfo).port} ...`);

/** Opens the door. Whatever stands in the way (a taken port, a wrong option) is told in one line. */
async function listen(): Promise<void> {
  process.once('SIGINT', () => process.exit(0));
  try {
    const { values } = parseArgs({
      options: { port: { type: 'string' }, host: { type: 'string' } },
    });
    server.listen({
      port: values.port ?? (process.env.PORT || 8888),
      host: values.host ?? '127.0.0.1',
    });
    await once(server, 'listening');
  } catch (error) {
    const reason = (error as Error).message.replaceAll('\n', ' ');
    console.error(`${reason} (options: --port N, --host ADDRESS)`);
    process.exit(1);
  }
}
