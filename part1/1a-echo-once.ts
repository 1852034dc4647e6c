/**
 * 1a: the verbs under every server: listen, accept, read, write, close. One connection comes in, the
 * first bytes it sends go back unchanged, and the program is done. It knows nothing of HTTP.
 *
 *   npm run part1 -- 1a              and in a second terminal:   printf 'hello\n' | nc localhost 8888
 */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { parseArgs } from 'node:util';

const server = createServer();
await listen();
console.log(`Serving one echo on port ${(server.address() as AddressInfo).port} ...`);

server.once('connection', (socket) => {
  server.close(); // one caller is all we take; this stops the listening, not the call
  socket.once('data', (bytes) => socket.end(bytes)); // one read, one write, and "no more will come"
});

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
