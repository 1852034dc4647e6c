/**
 * Part 2 as somebody else would write it, on node:http: keep-alive, chunks, other headers in another order, many
 * clients at a time. Correct and different: the checks have to let it pass.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { loadApplication } from '../../../shared/app-loader.ts';
import type { Chunk, Environ, Headers, InputStream, Result } from '../../../shared/wsgi.ts';

const app = await loadApplication(process.argv[2] ?? '').catch((error: Error) => {
  console.log(error.message);
  return process.exit(2);
});

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let result: Result | undefined;
  let head: { status: string; headers: Headers } | undefined;
  const send = async (chunk: Chunk, isWritten = false) => {
    if (!head) throw new Error('start_response was not called');
    const bytes = Buffer.from(chunk); // node:http would send a head in UTF-8 together with a string
    if (bytes.length === 0 && !isWritten) return;
    if (!response.headersSent) begin(response, head);
    await new Promise<void>((resolve, reject) =>
      response.write(bytes, (error) => (error ? reject(error) : resolve())),
    );
  };
  try {
    if (!isGood(request)) return void response.writeHead(400, { connection: 'close' }).end('no\n');
    if (Number(request.headers['content-length'] ?? 0) > 1e9)
      return void response.writeHead(413, { connection: 'close' }).end('too much\n');
    const environ = toEnviron(request, await buffer(request));
    result = await app(environ, (status, headers, excInfo) => {
      if (head && !excInfo) throw new Error('start_response was called twice');
      if (response.headersSent) throw excInfo;
      check(status, headers);
      head = { status, headers: [...headers] };
      return (chunk) => send(chunk, true);
    });
    if (request.socket.destroyed) close(result);
    request.socket.once('close', () => close(result));
    if (typeof result !== 'object') throw new Error('there is no body');
    for await (const chunk of result) {
      if (response.destroyed) break;
      if (response.headersSent && request.method === 'HEAD') break;
      await send(chunk);
    }
    if (!response.headersSent) {
      if (!head) throw new Error('start_response was not called');
      begin(response, head);
    }
    response.end();
  } catch (error) {
    console.log(error);
    if (response.headersSent) response.destroy();
    else response.writeHead(500).end('sorry');
  } finally {
    close(result);
  }
}

const closed = new WeakSet();

function close(result: Result | undefined): void {
  if (!result || closed.has(result)) return;
  closed.add(result);
  result.close?.();
}

const HOST = /^(\[[\da-f:.]+\]|[\w.~!$&'()*+;=%-]*)(:\d*)?$/i;

function isGood({ method, url = '', rawHeaders, headers, httpVersion }: IncomingMessage): boolean {
  const hosts = rawHeaders.filter((name, i) => i % 2 === 0 && /^host$/i.test(name)).length;
  const named = /^https?:\/\/([^/?]*)/.exec(url)?.[1];
  if (url === '*' && method !== 'OPTIONS') return false;
  if (hosts > 1 || named === '' || !HOST.test(named ?? '')) return false;
  return (httpVersion === '1.0' || hosts === 1) && HOST.test(headers.host ?? '');
}

const HOP_BY_HOP =
  /^((proxy-)?connection|keep-alive|te|trailers?|transfer-encoding|upgrade|content-length: .*)$/i;

function check(status: string, headers: Headers): void {
  if (!/^[2-9]\d\d [\t -~\x80-\xff]*$/.test(status)) throw new Error(`a status: ${status}`);
  if (!Array.isArray(headers)) throw new Error('headers are a list');
  for (const [name, value] of headers) {
    if (typeof value !== 'string' || !/^[\t -~\x80-\xff]*$/.test(value)) throw new Error('a value');
    if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name) || HOP_BY_HOP.test(name)) throw new Error('a name');
  }
  const lengths = headers.filter(([name]) => /^content-length$/i.test(name));
  if (lengths.length > 1 || !/^\d*$/.test(lengths[0]?.[1] ?? '')) throw new Error('one length');
}

function begin(response: ServerResponse, head: { status: string; headers: Headers }): void {
  response.setHeader('server', 'somebody else/1');
  for (const [name] of head.headers) response.removeHeader(name);
  for (const [name, value] of head.headers) response.appendHeader(name.toLowerCase(), value);
  response.setHeader('x-extra', 'not asked for');
  response.writeHead(Number(head.status.slice(0, 3)), head.status.slice(4));
}

function toEnviron(request: IncomingMessage, body: Buffer): Environ {
  const { method = '', url = '', httpVersion, socket } = request;
  const [path = '', ...query] = url.replace(/^https?:\/\/[^/?]*/, '').split('?');
  const named = /^https?:\/\/([^/?]*)/.exec(url)?.[1];
  const environ: Environ = {
    REQUEST_METHOD: method,
    SCRIPT_NAME: '',
    PATH_INFO: path.replace(/%([\da-f]{2})/gi, (_, hex) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    ),
    QUERY_STRING: query.join('?'),
    REQUEST_URI: url,
    SERVER_NAME: 'localhost',
    SERVER_PORT: `${socket.localPort}`,
    SERVER_PROTOCOL: `HTTP/${httpVersion}`,
    REMOTE_ADDR: socket.remoteAddress ?? '',
    REMOTE_PORT: `${socket.remotePort}`,
    'wsgi.version': [1, 0],
    'wsgi.url_scheme': 'http',
    'wsgi.input': toInput(body),
    'wsgi.errors': {
      write: (text) => void process.stderr.write(text),
      writelines: (lines) => void process.stderr.write([...lines].join('')),
      flush: () => {},
    },
    'wsgi.multithread': false,
    'wsgi.multiprocess': false,
    'wsgi.run_once': false,
  };
  if (named) request.headersDistinct.host = [named];
  for (const [name, values = []] of Object.entries(request.headersDistinct)) {
    if (name.includes('_') || name === 'proxy') continue;
    const value = values.join(name === 'cookie' ? '; ' : ',');
    if (name === 'content-type') environ.CONTENT_TYPE = value;
    else if (name === 'content-length') environ.CONTENT_LENGTH = value;
    else environ[`HTTP_${name.toUpperCase().replaceAll('-', '_')}`] = value;
  }
  return environ;
}

function toInput(body: Buffer): InputStream {
  let rest = body;
  const take = (size: number) => {
    const taken = rest.subarray(0, size);
    rest = rest.subarray(taken.length);
    return taken;
  };
  const read = async (size = -1) => take(size < 0 ? rest.length : size);
  const readline = async (size = rest.length) =>
    take(Math.min(size, rest.indexOf('\n') + 1 || rest.length));
  async function* lines() {
    while (rest.length > 0) yield readline();
  }
  const readlines = async () => {
    const all: Uint8Array[] = [];
    for await (const line of lines()) all.push(line);
    return all;
  };
  return { read, readline, readlines, [Symbol.asyncIterator]: lines };
}

const server = createServer((request, response) => void serve(request, response));
Object.assign(server, { httpAllowHalfOpen: true }); // who says FIN behind its request still waits for the answer
/** Left to itself it closes with what is unread, and the reset overtakes its answer. */
const refused = new WeakSet();
server.on('clientError', ({ code }: NodeJS.ErrnoException, socket) => {
  if (refused.has(socket) || !socket.writable) return;
  refused.add(socket);
  const status = code === 'HPE_HEADER_OVERFLOW' ? '431 Too Large' : '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
});
server.listen(Number(process.env.PORT ?? 8888), () => {
  console.log(`Serving HTTP on port ${(server.address() as AddressInfo).port}`);
});
