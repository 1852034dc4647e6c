/** 3g and the gateway in another manner: on node:http, which keeps connections, chunks bodies and writes its own headers. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { loadApplication } from '../../../shared/app-loader.ts';
import type { Application, Environ } from '../../../shared/wsgi.ts';

const { values, positionals } = parseArgs({
  options: {
    stage: { type: 'string' },
    sleep: { type: 'string', default: '3' },
    busy: { type: 'boolean' },
  },
  allowPositionals: true,
});
const handler =
  values.stage === '3g' ? greet : gateway(await loadApplication(positionals[0] ?? ''));
/** Answers under way: what of them has no head yet is told when the server stops. */
const answers = new Set<ServerResponse>();
const sockets = new Set<Socket>();
const server = createServer((request, response) => {
  answers.add(response);
  response.once('close', () => answers.delete(response));
  if (!server.listening) response.setHeader('Connection', 'close');
  handler(request, response).catch((error) => {
    console.error(error);
    if (response.headersSent) return response.destroy();
    response.writeHead(500).end('something went wrong\n');
  });
});
await once(server.listen(Number(process.env.PORT ?? 8888)), 'listening');
console.log(`Serving HTTP on port ${(server.address() as AddressInfo).port}`);
server.on('connection', (socket) => {
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
});
process.once('SIGTERM', () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
  for (const socket of sockets) if (socket.bytesRead === 0) socket.end(); // idle, too, and not for Node.js
  for (const answer of answers) if (!answer.headersSent) answer.setHeader('Connection', 'close');
  process.once('SIGTERM', () => process.exit(1));
});

async function greet(_: IncomingMessage, response: ServerResponse): Promise<void> {
  response.flushHeaders();
  const nap = Number(values.sleep) * 1000;
  if (values.busy) for (const end = performance.now() + nap; performance.now() < end; );
  else await delay(nap);
  response.end(`process ${process.pid} says hello`);
}

function gateway(application: Application) {
  return async (request: IncomingMessage, response: ServerResponse) => {
    const result = await application(toEnviron(request), (status, headers) => {
      const [, code = '', reason = ''] = /^(\d+) (.*)$/.exec(status) ?? [];
      response.statusCode = Number(code);
      response.statusMessage = reason;
      for (const [name, value] of headers) response.appendHeader(name, value);
      return async (chunk) => void response.write(chunk);
    });
    try {
      for await (const chunk of result) if (chunk.length > 0) response.write(chunk);
    } finally {
      (result as { close?(): void }).close?.();
    }
    response.end();
  };
}

function toEnviron(request: IncomingMessage): Environ {
  const [path = '', query = ''] = (request.url ?? '').split('?', 2);
  const body = request[Symbol.asyncIterator]();
  const environ = {
    REQUEST_METHOD: request.method ?? '',
    SCRIPT_NAME: '',
    PATH_INFO: Buffer.from(decodeURIComponent(path)).toString('latin1'),
    QUERY_STRING: query,
    'wsgi.multithread': false,
    'wsgi.multiprocess': false,
    'wsgi.errors': process.stderr,
    'wsgi.input': { read: async () => (await body.next()).value ?? Buffer.alloc(0) },
  } as unknown as Environ;
  for (const [name, value] of Object.entries(request.headers)) {
    environ[`HTTP_${name.toUpperCase().replaceAll('-', '_')}`] = `${value}`;
  }
  return environ;
}
