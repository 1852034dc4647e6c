/**
 * The oracle: the same app files under node:http. `module:handler --native` serves a Node.js handler as its
 * framework means it to be served, `--fetch` a fetch-style one with the platform's own Request and Response;
 * `module:app` runs an Application in the fewest lines that will do. What clients see has to be the same as from
 * a server of ours.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { FetchHandler } from '../adapters/fetch-handler.ts';
import type { NodeHandler } from '../adapters/node-handler.ts';
import { loadApplication } from '../app-loader.ts';
import type { Environ } from '../wsgi.ts';

const [name = '', mode] = process.argv.slice(2);
const loaded = await loadApplication(name);
const handler = toHandler();
const server = createServer(handler).listen(Number(process.env.PORT ?? 8888), '127.0.0.1', () => {
  console.log(`node:http: Serving HTTP on port ${(server.address() as AddressInfo).port} ...`);
});

function toHandler(): NodeHandler {
  if (mode === '--native') return loaded as unknown as NodeHandler;
  if (mode === '--fetch') return (request, response) => hostFetch(request, response);
  return host;
}

async function hostFetch(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const { method = 'GET', headersDistinct } = incoming;
  const headers = Object.entries(headersDistinct).flatMap(([name, values = []]) =>
    values.map((value): [string, string] => [name, value]),
  );
  const hasBody = method !== 'GET' && method !== 'HEAD';
  const body = hasBody ? (Readable.toWeb(incoming) as ReadableStream) : null;
  const url = `http://${incoming.headers.host}${incoming.url}`;
  const init: RequestInit & { duplex: 'half' } = { method, headers, body, duplex: 'half' };
  const response = await (loaded as unknown as FetchHandler)(new Request(url, init));
  outgoing.statusCode = response.status;
  outgoing.setHeaders(response.headers);
  if (response.body) await pipeline(response.body, outgoing);
  else outgoing.end();
}

async function host(request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const result = await loaded(await toEnviron(request), (status, headers) => {
      response.statusCode = Number(status.slice(0, 3));
      response.statusMessage = status.slice(4);
      for (const [name, value] of headers) response.appendHeader(name, value);
      return async (chunk) => void response.write(chunk);
    });
    if (Array.isArray(result)) {
      response.setHeader('Content-Length', Buffer.byteLength(result.join('')));
    }
    for await (const chunk of result) response.write(chunk);
    response.end();
  } catch {
    response.writeHead(500, { 'Content-Type': 'text/plain' }).end('500 Internal Server Error\n');
  }
}

async function toEnviron(request: IncomingMessage): Promise<Environ> {
  const [path = '', query = ''] = (request.url ?? '').split('?');
  const body = [await buffer(request)];
  const environ: Record<string, unknown> = {
    REQUEST_METHOD: request.method,
    SCRIPT_NAME: '',
    PATH_INFO: Buffer.from(decodeURIComponent(path)).toString('latin1'),
    QUERY_STRING: query,
    REQUEST_URI: request.url,
    SERVER_NAME: 'localhost',
    SERVER_PORT: `${request.socket.localPort}`,
    SERVER_PROTOCOL: 'HTTP/1.1',
    CONTENT_TYPE: request.headers['content-type'] ?? '',
    CONTENT_LENGTH: request.headers['content-length'] ?? '',
    'wsgi.url_scheme': 'http',
    'wsgi.input': { read: async () => body.splice(0)[0] ?? Buffer.alloc(0) },
  };
  for (const [field, value] of Object.entries(request.headers)) {
    if (field === 'content-type' || field === 'content-length') continue;
    environ[`HTTP_${field.toUpperCase().replaceAll('-', '_')}`] ??= `${value}`;
  }
  return environ as unknown as Environ;
}
