/**
 * 2b: one server for every framework. Bytes come in from a socket, and an application from the command
 * line; the server makes an environ of the bytes, calls the application, and makes bytes of what it
 * returns. Its faults are those of 2015: a packet is a request, the query stays in the path, headers and body get lost,
 * status and headers are kept on the server, an answer leaves in one piece, and one bad line ends the server.
 *
 *   npm run part2 -- 2b wsgiapp:app  and in a second terminal:   curl -v localhost:8888/hello
 */
import { on, once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import type * as wsgi from './wsgi.ts';

interface Request {
  readonly method: string;
  readonly target: string;
  readonly protocol: string;
}

export class WSGIServer {
  readonly #listener: Server;
  #application: wsgi.Application | undefined;
  #headersSet = { status: '500 Internal Server Error', headers: [] as wsgi.Headers }; // given last, by any request

  constructor(listener: Server) {
    this.#listener = listener;
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
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
    show('<', packet);
    const request = this.parseRequest(packet.toString());
    const environ = this.getEnviron(request, socket);
    const result = await this.#application?.(environ, this.startResponse.bind(this));
    await this.finishResponse(socket, result);
  }

  /** Takes the first line apart, and looks at no other. */
  parseRequest(text: string): Request {
    const [requestLine = ''] = text.split('\r\n');
    const [method = '', target = '', protocol = ''] = requestLine.split(' ');
    if (!protocol) throw new Error(`malformed request line ${JSON.stringify(requestLine)}`);
    return { method, target, protocol };
  }

  /** The request in the application's words; PEP 3333 "environ Variables". */
  getEnviron(request: Request, socket: Socket): wsgi.Environ {
    const environ: wsgi.Environ = {
      REQUEST_METHOD: request.method,
      SCRIPT_NAME: '',
      PATH_INFO: request.target,
      QUERY_STRING: '',
      REQUEST_URI: request.target,
      SERVER_NAME: socket.localAddress ?? 'localhost',
      SERVER_PORT: `${socket.localPort}`,
      SERVER_PROTOCOL: request.protocol,
      REMOTE_ADDR: socket.remoteAddress ?? '',
      REMOTE_PORT: `${socket.remotePort ?? ''}`,
      'wsgi.version': [1, 0],
      'wsgi.url_scheme': 'http',
      'wsgi.input': {
        read: async () => Buffer.alloc(0), // a body is nowhere to be had
        readline: async () => Buffer.alloc(0),
        readlines: async () => [],
        async *[Symbol.asyncIterator]() {},
      },
      'wsgi.errors': {
        write: (text) => void process.stderr.write(text),
        writelines: (lines) => void process.stderr.write([...lines].join('')),
        flush: () => {}, // nothing is held back
      },
      'wsgi.multithread': false,
      'wsgi.multiprocess': false,
      'wsgi.run_once': false,
    };
    return environ;
  }

  /** What the application calls to begin its answer. Nothing leaves yet: it may still think again. */
  startResponse(status: string, headers: wsgi.Headers): wsgi.Write {
    this.#headersSet = { status, headers };
    return undefined as never; // as in 2015 there is no write(): whoever calls it, fails
  }

  /** Joins what the application returned, and sends it behind the head. */
  async finishResponse(socket: Socket, result: wsgi.Result | undefined): Promise<void> {
    const body: Buffer[] = [];
    for await (const chunk of result ?? []) body.push(Buffer.from(chunk));
    const { status, headers } = this.#headersSet;
    const lines = [`HTTP/1.1 ${status}`, ...headers.map(([name, value]) => `${name}: ${value}`)];
    lines.push('Date: Fri, 12 Jun 2015 19:45:00 GMT', 'Server: WSGIServer 0.2', '', '');
    const all = Buffer.concat([Buffer.from(lines.join('\r\n'), 'latin1'), ...body]);
    show('>', all.subarray(0, 9999)); // more than a terminal has room for
    socket.end(all);
  }
}

/** Opens the door, for one application. Rejects if the address can't be had. */
export async function makeServer(
  address: { host: string; port: number | string },
  application: wsgi.Application,
): Promise<WSGIServer> {
  const listener = createServer();
  await once(listener.listen(address), 'listening');
  const server = new WSGIServer(listener);
  server.setApp(application);
  return server;
}

/** What travels, as `curl -v` shows it. */
function show(mark: '<' | '>', bytes: Buffer): void {
  for (const line of bytes.toString().trimEnd().split(/\r?\n/)) console.log(`${mark} ${line}`);
}

async function main(): Promise<void> {
  process.once('SIGINT', () => process.exit(0));
  try {
    const options = { host: { type: 'string' }, port: { type: 'string' } } as const;
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    const [name] = positionals;
    if (!name) throw new Error('Provide a WSGI application object as module:callable');
    const { loadApplication } = await import('../shared/app-loader.ts');
    const application = await loadApplication(name);
    const port = values.port ?? (process.env.PORT || 8888);
    const server = await makeServer({ host: values.host ?? '127.0.0.1', port }, application);
    console.log(`WSGIServer: Serving HTTP on port ${server.port} ...\n`);
    await server.serveForever();
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    console.error(code ? `${message} (options: --port N, --host ADDRESS)` : message);
    process.exit(1);
  }
}

await main();
