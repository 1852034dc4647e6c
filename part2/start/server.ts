/**
 * Your web server, part 2: one that runs applications it has never heard of. It can listen, and it has an application
 * in its hand; that the two meet is yours to do. Names and order are those of 2b in the chapter. Work through the TODOs:
 *
 *   npm run check -- part2        says how far you are, and what is wrong
 *   npm run hint -- 2-01          helps, a little more each time
 *   npx tsx part2/my/server.ts wsgiapp:app        runs it; then:  curl -v localhost:8888/hello
 *
 * The checks start it with PORT=0 in the environment, which means: any port that is free. It has to say which one in
 * the last line but one. What an application wants and gives is in shared/wsgi.ts.
 */
import { on, once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { loadApplication } from '../../shared/app-loader.ts';
import type * as wsgi from '../../shared/wsgi.ts';

export class WSGIServer {
  readonly #listener: Server;
  #application: wsgi.Application | undefined;

  constructor(listener: Server) {
    this.#listener = listener;
  }

  setApp(application: wsgi.Application): void {
    this.#application = application;
  }

  /** Accept, handle, accept, handle. */
  async serveForever(): Promise<void> {
    for await (const [socket] of on(this.#listener, 'connection')) {
      await this.handleOneRequest(socket);
    }
  }

  async handleOneRequest(socket: Socket): Promise<void> {
    const [packet = ''] = await Promise.race([once(socket, 'data'), once(socket, 'end')]);
    // TODO 2-02: A head may come in many packets. And 2-05: so may the body behind it, as long as Content-Length says.
    // TODO 2-10: What is no request is refused, and one that never ends, too. 2-16: nobody makes the others wait for ever.
    const environ = this.getEnviron(packet.toString());
    // TODO 2-01: Call the application with the environ and startResponse, and hand what it returns to finishResponse.
    void [environ, this.#application];
    socket.end(
      'HTTP/1.1 501 Not Implemented\r\nConnection: close\r\n\r\nThe application was not called.\n',
    );
  }

  /** What an application knows of a request. */
  getEnviron(head: string): wsgi.Environ {
    const environ: Partial<wsgi.Environ> = { REQUEST_METHOD: 'GET', PATH_INFO: '/hello' };
    // TODO 2-02: Take method, path and protocol from the first line of the head, and refuse what has no three words.
    // TODO 2-03: Cut the query off the path, and decode the path once. REQUEST_URI is the target as it came.
    // TODO 2-04: Each field becomes a variable: HTTP_USER_AGENT, but CONTENT_TYPE. 2-15: and Host is there once.
    void head;
    return environ as wsgi.Environ;
  }

  /** What an application calls to begin its answer. Nothing leaves yet. */
  startResponse(status: string, headers: wsgi.Headers): wsgi.Write {
    // TODO 2-06: Keep both as they are. They leave with the first piece of the body. 2-14: what is no status is a 500.
    void [status, headers];
    return async () => {};
  }

  /** Sends what the application returned. */
  async finishResponse(socket: Socket, result: wsgi.Result): Promise<void> {
    // TODO 2-07: An application does not know what time it is, or who you are. Say Date and Server.
    // TODO 2-08: A body is a sequence in time. Send each piece when it is there, at the client's pace.
    // TODO 2-09: An application may throw, now or in the middle of its body. Its client hears the truth.
    // TODO 2-13: What an application returned is closed, whatever happened to it.
    void [socket, result];
  }
}

const application = await loadApplication(process.argv[2] ?? '');
const listener = createServer((socket) => {
  socket.on('error', () => socket.destroy()); // part 1: nobody else listens
});
await once(listener.listen(Number(process.env.PORT ?? 8888), '127.0.0.1'), 'listening');
const server = new WSGIServer(listener);
server.setApp(application);
console.log(`Serving HTTP on port ${(listener.address() as AddressInfo).port} ...`);
await server.serveForever();
