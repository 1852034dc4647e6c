/**
 * Part 2 as somebody else would write it, on node:http: keep-alive, chunks, other headers in another order, many
 * clients at a time. Correct and different: the checks have to let it pass.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { loadApplication } from '../../../shared/app-loader.ts';
import type { Chunk, Environ, Headers, InputStream } from '../../../shared/wsgi.ts';

const app = await loadApplication(process.argv[2] ?? '').catch((error: Error) => {
  console.log(error.message);
  return process.exit(2);
});

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let head: { status: string; headers: Headers } | undefined;
  const send = async (chunk: Chunk) => {
    if (!head) throw new Error('start_response was not called');
    const bytes = Buffer.from(chunk); // node:http would send a head in UTF-8 together with a string
    if (bytes.length === 0) return;
    if (!response.headersSent) begin(response, head);
    await new Promise<void>((resolve) => response.write(bytes, () => resolve()));
  };
  try {
    const environ = toEnviron(request, await buffer(request));
    const result = await app(environ, (status, headers, excInfo) => {
      if (head && !excInfo) throw new Error('start_response was called twice');
      if (response.headersSent) throw excInfo;
      head = { status, headers: [...headers] };
      return send;
    });
    for await (const chunk of result) await send(chunk);
    if (!response.headersSent) {
      if (!head) throw new Error('start_response was not called');
      begin(response, head);
    }
    response.end();
  } catch (error) {
    console.log(error);
    if (response.headersSent) response.destroy();
    else response.writeHead(500).end('sorry');
  }
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
  const [path = '', ...query] = url.split('?');
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
  for (const [name, values = []] of Object.entries(request.headersDistinct)) {
    const value = values.join(',');
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
server.listen(Number(process.env.PORT ?? 8888), () => {
  console.log(`Serving HTTP on port ${(server.address() as AddressInfo).port}`);
});
