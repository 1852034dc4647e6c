/**
 * Your web server, part 2: one that runs applications it has never heard of. It can listen, and it has an application
 * in its hand; that the two meet is yours to do. Work through the TODOs in their order:
 *
 *   npm run check -- part2        says how far you are, and what is wrong
 *   npm run hint -- 2-01          helps, a little more each time
 *   npx tsx part2/my/server.ts wsgiapp:app        runs it; then:  curl -v localhost:8888/hello
 *
 * The checks start it with PORT=0 in the environment, which means: any port that is free. It has to say which one in
 * the line below. What an application wants and gives is in shared/wsgi.ts.
 */
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { loadApplication } from '../../shared/app-loader.ts';
import type { Environ, StartResponse } from '../../shared/wsgi.ts';

const name = process.argv[2] ?? '';
const app = await loadApplication(name);

const server = createServer((socket) => {
  socket.on('error', () => socket.destroy()); // part 1: nobody else listens
  let bytes = Buffer.alloc(0);
  socket.on('data', (packet) => {
    bytes = Buffer.concat([bytes, packet]);
    const end = bytes.indexOf('\r\n\r\n');
    // TODO 2-05: A body comes behind the head, as long as Content-Length says: wait for all of it.
    // TODO 2-10: A head that never ends, or makes no sense, is refused; somebody has to say no. (2-15: or has two Hosts.)
    if (end === -1) return;
    socket.removeAllListeners('data').resume();
    void handle(socket, bytes.toString('latin1', 0, end));
  });
});

async function handle(socket: Socket, head: string): Promise<void> {
  const environ = toEnviron(head);
  const startResponse: StartResponse = () => {
    // TODO 2-06: Keep status and headers as they are. They leave with the first piece of the body.
    return async () => {};
  };
  void [app, environ, startResponse];
  // TODO 2-01: Call the application with both, and send what it answers. For now nobody is called:
  socket.end(
    'HTTP/1.1 501 Not Implemented\r\nConnection: close\r\n\r\nThe application was not called.\n',
  );
  // TODO 2-07: An application does not know what time it is, or who you are. Say Date and Server.
  // TODO 2-08: A body is a sequence in time. Send each piece when it is there, at the client's pace.
  // TODO 2-09: An application may throw, now or in the middle of its body. Its client hears the truth.
  // TODO 2-13: What an application returned is closed, whatever happened to it.
  // TODO 2-14: What it may not say is a 500, and nothing of it leaves. See to it in startResponse.
  // TODO 2-16: Nobody makes the others wait for ever: --read-timeout S, --write-timeout S.
}

/** What an application knows of a request. */
function toEnviron(head: string): Environ {
  const environ: Partial<Environ> = {
    REQUEST_METHOD: 'GET',
    PATH_INFO: '/hello',
  };
  // TODO 2-02: Take method, path and protocol from the first line of the head, and refuse what has no three words.
  // TODO 2-03: Cut the query off the path, and decode the path once. REQUEST_URI is the target as it came.
  // TODO 2-04: Each field becomes a variable: HTTP_USER_AGENT, but CONTENT_TYPE.
  void head;
  return environ as Environ;
}

server.listen(Number(process.env.PORT ?? 8888), '127.0.0.1', () => {
  console.log(`Serving HTTP on port ${(server.address() as AddressInfo).port} ...`);
});
