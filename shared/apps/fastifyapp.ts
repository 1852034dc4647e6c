/** Fastify: routes compiled beforehand. Once it is ready, it, too, is `(request, response)`. */
import { Readable } from 'node:stream';
import fastify from 'fastify';
import { fromNodeHandler } from '../adapters/node-handler.ts';

const server = fastify({ bodyLimit: 8 * 1024 * 1024 });

server.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_, body, done) =>
  done(null, body),
);
server.get('/hello', (_request, reply) => {
  reply.type('text/plain; charset=utf-8').send('Hello world from Fastify!\n');
});
server.post<{ Body: { name: string } }>('/json', (request, reply) => {
  reply.send({ hello: request.body.name });
});
server.post<{ Body: Buffer }>('/upload', (request, reply) => {
  reply.send(`${request.body.length} bytes\n`);
});
server.get('/stream', (_request, reply) => {
  reply.type('text/plain; charset=utf-8').send(Readable.from(countdown()));
});
server.get('/cookies', (_request, reply) => {
  reply.header('Set-Cookie', ['a=1', 'b=2']).send('two cookies\n');
});
server.get('/error', () => {
  throw new Error('this app was asked to fail');
});

async function* countdown(): AsyncGenerator<string> {
  for (const n of [3, 2, 1]) {
    yield `${n}\n`;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  yield 'lift-off\n';
}

await server.ready();
export const handler = server.routing;
export const app = fromNodeHandler(handler);
