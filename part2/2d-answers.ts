/**
 * 2d: one server for every framework. Bytes come in from a socket, and an application from the command
 * line; the server makes an environ of the bytes, calls the application, and makes bytes of what it
 * returns, as it is made, at the client's pace, and closes it. It has startResponse's rules and believes every client:
 * a body in chunks is misread, a head without end fills the memory, and whoever says nothing keeps all others waiting.
 *
 *   npm run part2 -- 2d wsgiapp:app  and in a second terminal:   curl -vN localhost:8888/stream
 */
import { on, once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { FIELD_VALUE, percentDecode, STATUS, serializeHead, show, TOKEN } from './http.ts';
import { BodyInput } from './input-stream.ts';
import type * as wsgi from './wsgi.ts';

/** Fields about the connection, which is the server's affair; PEP 3333 "Other HTTP Features", in the list of RFC 9110 §7.6.1. */
const HOP_BY_HOP = /^((proxy-)?connection|keep-alive|te|trailers?|transfer-encoding|upgrade)$/i;

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
  readonly method: string;
  head?: { status: string; headers: wsgi.Headers };
  headSent: boolean;
  /** Whether startResponse was called: what it refused was a call, too. */
  started: boolean;
  /** Bytes of the body, where we know it before the application says so. */
  length?: number;
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
    let response: Response = { socket, method: '', started: false, headSent: false };
    try {
      const { request, body } = await this.#readRequest(socket);
      response = { ...response, method: request.method };
      const environ = this.getEnviron(request, body, socket);
      const result = await this.#application?.(environ, (status, headers, excInfo) =>
        this.startResponse(response, status, headers, excInfo),
      );
      await this.finishResponse(response, result);
    } catch (error) {
      await this.#answerError(response, error).catch(() => socket.destroy());
    }
    // FIN goes out behind the last byte. Closing at once could still destroy the answer with a RST.
    socket.end();
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
  startResponse(
    response: Response,
    status: string,
    headers: wsgi.Headers,
    excInfo?: unknown,
  ): wsgi.Write {
    if (response.headSent && excInfo) throw excInfo;
    if (response.started && !excInfo) breach('a second startResponse needs excInfo');
    response.started = true;
    if (!STATUS.test(status)) breach('a status looks like "200 OK"');
    if (!Array.isArray(headers)) breach('headers are a list of [name, value]');
    for (const [name, value] of headers) {
      const isString = typeof name === 'string' && typeof value === 'string';
      const isSafe = isString && TOKEN.test(name) && FIELD_VALUE.test(value);
      if (!isSafe) breach(`malformed header ${JSON.stringify([name, value])}`);
      if (HOP_BY_HOP.test(name)) breach(`${name} is the server's to send`);
    }
    const lengths = headers.filter(([name]) => /^content-length$/i.test(name));
    if (lengths.length > 1 || !/^\d*$/.test(lengths[0]?.[1] ?? '')) breach('one Content-Length');
    response.head = { status, headers: headers.map(([name, value]) => [name, value]) };
    return (chunk) => {
      const sent = this.#send(response, Buffer.from(checkChunk(chunk))); // the head at once, even for nothing
      sent.catch(() => {}); // who does not wait for it has the failure from the end of the body
      return sent;
    };
  }

  /** Sends what the application returned, at the client's pace, and calls its close() whatever happens. */
  async finishResponse(response: Response, result: wsgi.Result | undefined): Promise<void> {
    const body = Object(result);
    let closed: Promise<unknown> | undefined;
    const close = () => (closed ??= (async () => body.close?.())().catch(console.error));
    response.socket.once('close', close); // the client left: nobody waits for the rest
    if (response.socket.destroyed) close(); // it left already
    try {
      if (Array.isArray(result)) {
        const length = result.reduce((sum, chunk) => sum + Buffer.byteLength(checkChunk(chunk)), 0);
        // An empty list as the answer to HEAD says nothing about the body of GET; RFC 9110 §8.6.
        if (length > 0 || response.method !== 'HEAD') response.length = length;
      }
      for await (const chunk of body) {
        await this.#write(response, chunk);
        if (response.headSent && hasNoBody(response)) break;
      }
      if (response.socket.destroyed) throw new ClientLeft('before its answer was whole');
      if (!response.headSent) await this.#send(response, Buffer.alloc(0));
    } finally {
      response.socket.off('close', close);
      await close();
    }
  }

  /** The application's way out. Nothing is sent for nothing: the head waits for the first real bytes. */
  async #write(response: Response, chunk: wsgi.Chunk): Promise<void> {
    const bytes = Buffer.from(checkChunk(chunk));
    if (bytes.length > 0) await this.#send(response, bytes);
  }

  /** The one door to the client; resolves when the kernel has taken the bytes, as send(2) would return. */
  async #send(response: Response, body: Buffer): Promise<void> {
    const bytes = hasNoBody(response) ? [] : [body];
    if (!response.headSent) {
      const { status, headers } = response.head ?? breach('startResponse comes before the body');
      const length = isBodiless(status) ? undefined : response.length;
      bytes.unshift(serializeHead(status, headers, length));
      response.headSent = true;
    }
    for (const piece of bytes) show('>', piece);
    const all = Buffer.concat(bytes);
    await this.#sendPiece(response.socket, all);
  }

  async #sendPiece(socket: Socket, piece: Buffer): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      socket.write(piece, (error) =>
        error ? reject(new ClientLeft('before its answer was whole')) : resolve(),
      );
    });
  }

  /** Every failure ends here: a refusal is answered, a crash is logged and answered, a half answer is cut. */
  async #answerError(response: Response, error: unknown): Promise<void> {
    if (error instanceof ClientLeft) return console.log(`* the client left ${error.message}`);
    console.error(error);
    // A body without a length ends where the connection ends: only a reset says "this was not all".
    if (response.headSent) return void response.socket.resetAndDestroy();
    const status = error instanceof BadRequest ? '400 Bad Request' : '500 Internal Server Error';
    const head = { status, headers: [['Content-Type', 'text/plain']] satisfies wsgi.Headers };
    await this.finishResponse({ ...response, head }, [`${status}\n`]);
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

/** The application's mistake: it is told which rule it broke, its client sees a 500. */
function breach(rule: string): never {
  throw new Error(`the application broke a rule of PEP 3333: ${rule}`);
}

/** The next bytes from the client, however many the network brings at once. */
async function nextPacket(packets: AsyncIterator<Buffer[]>): Promise<Buffer> {
  try {
    const { done, value } = await packets.next();
    if (!done) return value[0] as Buffer;
  } catch {} // a reset is a way to leave, too
  throw new ClientLeft('before its request was whole');
}

function checkChunk(chunk: wsgi.Chunk): wsgi.Chunk {
  if (typeof chunk === 'string' || chunk instanceof Uint8Array) return chunk;
  return breach('a body is made of strings and Uint8Arrays');
}

/** RFC 9110 §10.1.1: a client of HTTP/1.0 cannot mean it. */
function expectsContinue({ protocol, headers }: Request): boolean {
  return protocol !== 'HTTP/1.0' && /100-continue/i.test(headers.get('expect') ?? '');
}

/** Whatever its head says about a length, such a response ends with it; RFC 9112 §6.3. */
function hasNoBody({ method, head }: Response): boolean {
  return method === 'HEAD' || isBodiless(head?.status ?? '');
}

function isBodiless(status: string): boolean {
  return /^(204|304)/.test(status);
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
