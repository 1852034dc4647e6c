/**
 * 2c: one server for every framework. Bytes come in from a socket, and an application from the command
 * line; the server makes an environ of the bytes, calls the application, and makes bytes of what it
 * returns. It reads a request whole, however the network cuts it, and tells the application all of it. It answers as 2b
 * does, in one piece and with a date long gone; it has no write(), closes nothing, and what crashes is a hang-up.
 *
 *   npm run part2 -- 2c environapp:app  and in a second terminal:   curl -v 'localhost:8888/caf%C3%A9?q=1'
 */
import { on, once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { BodyInput } from './input-stream.ts';
import type * as wsgi from './wsgi.ts';

interface Request {
  readonly method: string;
  readonly target: string;
  readonly protocol: string;
  /** Names in lower case. */
  readonly headers: Map<string, string>;
}

/** An answer in the making. It belongs to its request and not to the server: two can never mix. */
interface Response {
  readonly socket: Socket;
  head?: { status: string; headers: wsgi.Headers };
}

export class WSGIServer {
  readonly #listener: Server;
  #application: wsgi.Application | undefined;

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
    const response: Response = { socket };
    try {
      const { request, body } = await this.#readRequest(socket);
      const environ = this.getEnviron(request, body, socket);
      const result = await this.#application?.(environ, (status, headers) =>
        this.startResponse(response, status, headers),
      );
      await this.finishResponse(response, result);
    } catch (error) {
      if (!(error instanceof ClientLeft)) console.error(error);
      socket.end(error instanceof BadRequest ? 'HTTP/1.1 400 Bad Request\r\n\r\n' : ''); // or a hang-up
    }
  }

  /** Reads until the request is whole, however the network cuts it: head by blank line, body by length. */
  async #readRequest(socket: Socket): Promise<{ request: Request; body: Buffer }> {
    if (socket.destroyed || socket.readableEnded) throw new ClientLeft('while it waited');
    const packets = on(socket, 'data', { close: ['end', 'close'] });
    try {
      let bytes = await nextPacket(packets);
      while (!bytes.includes('\r\n\r\n')) {
        bytes = Buffer.concat([bytes, await nextPacket(packets)]);
      }
      const headEnd = bytes.indexOf('\r\n\r\n');
      show('<', bytes.subarray(0, headEnd + 4));
      const request = this.parseRequest(bytes.toString('latin1', 0, headEnd));

      const length = Number(request.headers.get('content-length') ?? 0);
      const body = [bytes.subarray(headEnd + 4)];
      let missing = length - (bytes.length - headEnd - 4);
      if (missing > 0 && expectsContinue(request)) {
        socket.write('HTTP/1.1 100 Continue\r\n\r\n'); // curl asks before it sends a big body
      }
      while (missing > 0) {
        const packet = await nextPacket(packets);
        body.push(packet);
        missing -= packet.length;
      }
      const whole = Buffer.concat(body).subarray(0, length);
      show('<', whole);
      return { request, body: whole };
    } finally {
      await packets.return?.();
      socket.resume(); // what else may come is read and forgotten
    }
  }

  /** Takes the head apart. */
  parseRequest(head: string): Request {
    const [requestLine = '', ...fieldLines] = head.replace(/^\r\n/, '').split('\r\n');
    const [method = '', target = '', protocol = '', surplus] = requestLine.split(' ');
    if (!protocol || surplus) throw new BadRequest('malformed request line');

    const headers = new Map<string, string>();
    for (const line of fieldLines) {
      const [, name = '', padded = ''] = /^([^:]*):?(.*)$/.exec(line) ?? [];
      const key = name.toLowerCase();
      const value = /[^ \t](.*[^ \t])?/.exec(padded)?.[0] ?? '';
      const before = headers.get(key);
      const separator = key === 'cookie' ? '; ' : ', '; // a name that comes twice is one list; RFC 9110 §5.3
      headers.set(key, before === undefined ? value : before + separator + value);
    }
    return { method, target, protocol, headers };
  }

  /** The request in the application's words; PEP 3333 "environ Variables". */
  getEnviron(request: Request, body: Buffer, socket: Socket): wsgi.Environ {
    const [, path = '', query = ''] =
      /^(?:https?:\/\/[^/?]*)?([^?]*)\??(.*)$/.exec(request.target) ?? [];
    const environ: wsgi.Environ = {
      REQUEST_METHOD: request.method,
      SCRIPT_NAME: '',
      PATH_INFO: percentDecode(path || '/'),
      QUERY_STRING: query,
      REQUEST_URI: request.target,
      SERVER_NAME: socket.localAddress ?? 'localhost',
      SERVER_PORT: `${socket.localPort}`,
      SERVER_PROTOCOL: request.protocol,
      REMOTE_ADDR: socket.remoteAddress ?? '',
      REMOTE_PORT: `${socket.remotePort ?? ''}`,
      'wsgi.version': [1, 0],
      'wsgi.url_scheme': 'http',
      'wsgi.input': new BodyInput(body),
      'wsgi.errors': {
        write: (text) => void process.stderr.write(text),
        writelines: (lines) => void process.stderr.write([...lines].join('')),
        flush: () => {}, // nothing is held back
      },
      'wsgi.multithread': false,
      'wsgi.multiprocess': false,
      'wsgi.run_once': false,
    };
    for (const [name, value] of request.headers) {
      // X_Real_IP would pose as X-Real-IP, and HTTP_PROXY is a setting to many programs (httpoxy, 2016).
      if (name.includes('_') || name === 'proxy') continue;
      const variable = name.toUpperCase().replaceAll('-', '_');
      if (variable === 'CONTENT_TYPE' || variable === 'CONTENT_LENGTH') environ[variable] = value;
      else environ[`HTTP_${variable}`] = value;
    }
    return environ;
  }

  /** What the application calls to begin its answer. Nothing leaves yet: it may still think again. */
  startResponse(response: Response, status: string, headers: wsgi.Headers): wsgi.Write {
    response.head = { status, headers: headers.map(([name, value]) => [name, value]) };
    return undefined as never; // as in 2015 there is no write(): whoever calls it, fails
  }

  /** Joins what the application returned, and sends it behind the head. */
  async finishResponse(response: Response, result: wsgi.Result | undefined): Promise<void> {
    const body: Buffer[] = [];
    for await (const chunk of result ?? []) body.push(Buffer.from(chunk));
    if (!response.head) throw new Error('startResponse comes before the body');
    const { status, headers } = response.head;
    const lines = [`HTTP/1.1 ${status}`, ...headers.map(([name, value]) => `${name}: ${value}`)];
    lines.push('Date: Fri, 12 Jun 2015 19:45:00 GMT', 'Server: WSGIServer 0.2', '', '');
    const all = Buffer.concat([Buffer.from(lines.join('\r\n'), 'latin1'), ...body]);
    show('>', all.subarray(0, 9999)); // more than a terminal has room for
    response.socket.end(all);
  }
}

/** Opens the door, for one application. Rejects if the address can't be had. */
export async function makeServer(
  address: { host: string; port: number | string },
  application: wsgi.Application,
): Promise<WSGIServer> {
  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    // A client may hang up while it waits for its turn, so we listen to it from birth.
    socket.on('error', () => socket.destroy());
  });
  await once(listener.listen(address), 'listening');
  const server = new WSGIServer(listener);
  server.setApp(application);
  return server;
}

class ClientLeft extends Error {}
class BadRequest extends Error {}

/** The next bytes from the client, however many the network brings at once. */
async function nextPacket(packets: AsyncIterator<Buffer[]>): Promise<Buffer> {
  try {
    const { done, value } = await packets.next();
    if (!done) return value[0] as Buffer;
  } catch {} // a reset is a way to leave, too
  throw new ClientLeft('before its request was whole');
}

/** RFC 9110 §10.1.1: a client of HTTP/1.0 cannot mean it. */
function expectsContinue({ protocol, headers }: Request): boolean {
  return protocol !== 'HTTP/1.0' && /100-continue/i.test(headers.get('expect') ?? '');
}

/** Each %XX becomes one byte, shown as one latin-1 char; what is not %XX stays as it is. */
function percentDecode(text: string): string {
  return text.replace(/%([\da-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** What travels, as `curl -v` shows it. */
function show(mark: '<' | '>', bytes: Buffer): void {
  if (bytes.length === 0) return;
  for (const line of bytes.toString().trimEnd().split(/\r?\n/)) console.log(`${mark} ${line}`);
}

async function main(): Promise<void> {
  process.once('SIGINT', () => process.exit(0));
  try {
    const options = { host: { type: 'string' }, port: { type: 'string' } } as const;
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    const [name, surplus] = positionals;
    if (!name) throw new Error('Provide a WSGI application object as module:callable');
    if (surplus) throw new Error(`One application, please: what is '${surplus}'?`);
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
