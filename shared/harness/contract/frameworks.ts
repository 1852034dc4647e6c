/** The point of it all: every framework, unchanged, on a server that has heard of none of them. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Stage } from '../../stages.ts';
import { type DescribeServers, useServer } from '../describe-stages.ts';
import type { RequestOptions, ServerProcess } from '../server-process.ts';

export const ORACLE: Stage = {
  id: 'node:http',
  part: 'shared',
  file: 'shared/harness/node-http-host.ts',
  summary: 'the same app under node:http',
  can: [],
};

/** Name, greeting, and whether the framework can be served by node:http as it is. */
const APPS = [
  ['wsgiapp', 'WSGI', false],
  ['expressapp', 'Express', true],
  ['koaapp', 'Koa', true],
  ['fastifyapp', 'Fastify', true],
  ['honoapp', 'Hono', false],
] as const;

const JSON_POST: RequestOptions = {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: '{"name":"Zoë"}',
};
const BYTES_TYPE = { 'Content-Type': 'application/octet-stream' };
const UPLOAD: RequestOptions = {
  method: 'POST',
  headers: BYTES_TYPE,
  body: randomBytes(1024 * 1024),
};

/** The same requests for every app. */
const REQUESTS: [title: string, path: string, options?: RequestOptions][] = [
  ['GET /hello', '/hello'],
  ['HEAD /hello', '/hello', { method: 'HEAD' }],
  ['a query with escapes', '/hello?q=a%20b&c=%C3%A9'],
  ['a JSON POST', '/json', JSON_POST],
  ['an upload of 1 MiB', '/upload', UPLOAD],
  ['an empty upload', '/upload', { method: 'POST', headers: BYTES_TYPE, body: '' }],
  ['a streamed answer', '/stream'],
  ['two cookies', '/cookies'],
  ['an unknown path', '/nope'],
  ['a path with escapes', '/caf%C3%A9%2Fx'],
  ['a method the route does not have', '/hello', { method: 'DELETE' }],
  ['a conditional GET', '/hello', { headers: { 'If-None-Match': '*' } }],
];

/** These are the server's own, or about the connection. */
const NOT_COMPARED = ['date', 'server', 'connection', 'keep-alive', 'transfer-encoding'];

async function ask(server: ServerProcess, path: string, options: RequestOptions = {}) {
  const dispatcher = await server.openAgent({ pipelining: 0 });
  const { statusCode, headers, body } = await server.request(path, { ...options, dispatcher });
  const bytes = Buffer.from(await body.arrayBuffer()).toString('latin1');
  await dispatcher.close();
  for (const name of NOT_COMPARED) delete headers[name];
  return { statusCode, headers, body: bytes };
}

export function describeFrameworks(describeServers: DescribeServers): void {
  for (const [module, greeting, isNative] of APPS) {
    describeServers(`serves ${module}`, (stage) => {
      const server = useServer(stage, { app: `${module}:app` });

      test('greets', async () => {
        const { statusCode, headers, body } = await ask(server(), '/hello');
        expect(body).toBe(`Hello world from ${greeting}!\n`);
        expect(statusCode).toBe(200);
        expect(headers['content-type']).toMatch(/^text\/plain/);
      });

      test('parses JSON, takes 1 MiB, sets two cookies, streams, fails, and goes on', async () => {
        const json = await ask(server(), '/json', JSON_POST);
        expect(JSON.parse(Buffer.from(json.body, 'latin1').toString())).toEqual({ hello: 'Zoë' });
        const upload = await ask(server(), '/upload', UPLOAD);
        expect(upload.body).toBe('1048576 bytes\n');
        const cookies = await ask(server(), '/cookies');
        expect(cookies.headers['set-cookie']).toHaveLength(2);
        const streamed = await ask(server(), '/stream');
        expect(streamed.body).toBe('3\n2\n1\nlift-off\n');
        expect((await ask(server(), '/error')).statusCode).toBe(500);
        expect((await ask(server(), '/nope')).statusCode).toBe(404);
        expect((await ask(server(), '/hello')).statusCode).toBe(200);
      });

      describe.skipIf(process.env.SERVER)(
        'and what clients see is the same under node:http',
        () => {
          const oracle = useServer(
            ORACLE,
            isNative ? { app: `${module}:handler`, args: ['--native'] } : { app: `${module}:app` },
          );

          test.each(REQUESTS)('%s', async (_title, path, options) => {
            const [ours, theirs] = await Promise.all([
              ask(server(), path, options),
              ask(oracle(), path, options),
            ]);
            expect(ours).toEqual(theirs);
          });

          test('an error: the same status and type, whatever the stack says', async () => {
            const [ours, theirs] = await Promise.all([
              ask(server(), '/error'),
              ask(oracle(), '/error'),
            ]);
            expect(ours.statusCode).toBe(theirs.statusCode);
            expect(ours.headers['content-type']).toBe(theirs.headers['content-type']);
          });
        },
      );
    });
  }

  describeServers('serves environapp', (stage) => {
    const server = useServer(stage, { app: 'environapp:app' });

    test('shows the environ as a page in which a request cannot plant markup', async () => {
      const { headers, body } = await ask(server(), '/a%3Cscript%3E?q=%3Cb%3E');
      expect(headers['content-type']).toBe('text/html; charset=utf-8');
      expect(body).toContain('PATH_INFO');
      expect(body).toContain('/a&#60;script&#62;');
      expect(body).not.toContain('<script>');
    });
  });
}
