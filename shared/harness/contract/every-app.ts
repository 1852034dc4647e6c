/**
 * What each example app has to say, whatever framework and language it is made of, and whatever it is reached over:
 * in short, for servers that take bodies without a length.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type DescribeServers, useServer } from '../describe-stages.ts';
import { ROOT, type ServerProcess } from '../server-process.ts';

export const JAVASCRIPT = {
  wsgiapp: 'WSGI',
  expressapp: 'Express',
  koaapp: 'Koa',
  fastifyapp: 'Fastify',
  honoapp: 'Hono',
};
export const PYTHON = {
  'wsgiapp.py': 'WSGI',
  flaskapp: 'Flask',
  pyramidapp: 'Pyramid',
  djangoapp: 'Django',
};

/** In CI everything has to be there; elsewhere a reader may not have run `npm run setup:python`. */
export const hasFrameworks = existsSync(path.join(ROOT, '.venv')) || Boolean(process.env.CI);
const PIECES = [randomBytes(300_000), randomBytes(1), randomBytes(248_575), randomBytes(500_000)];

/** Defines tests for each of these apps, where what it needs is installed. */
export function forEveryApp(
  apps: Readonly<Record<string, string>>,
  define: (app: string, greeting: string) => void,
): void {
  for (const [module, greeting] of Object.entries(apps)) {
    const isReady = module in JAVASCRIPT || module === 'wsgiapp.py' || hasFrameworks;
    const needs = isReady ? '' : ' (needs npm run setup:python)';
    describe.skipIf(!isReady)(`${module}${needs}`, () => define(`${module}:app`, greeting));
  }
}

export function describeEveryApp(
  describeServers: DescribeServers,
  apps: Readonly<Record<string, string>>,
): void {
  forEveryApp(apps, (app, greeting) => {
    describeServers('has its say', (stage) => {
      const server = useServer(stage, { app });

      test('greets, and streams', async () => {
        expect(await textOf(server(), '/hello')).toBe(`Hello world from ${greeting}!\n`);
        expect(await textOf(server(), '/stream')).toBe('3\n2\n1\nlift-off\n');
      });

      test('takes a body that says how long it is, and bodies in chunks that do not', async () => {
        const whole = Buffer.concat(PIECES);
        const size = `${whole.length} bytes\n`;
        const bytes = 'application/octet-stream';
        expect(await textOf(server(), '/upload', bytes, [whole], whole.length)).toBe(size);
        expect(await textOf(server(), '/upload', bytes, PIECES)).toBe(size);
        const json = Buffer.from('{"name":"Zoë"}');
        const pieces = [json.subarray(0, 12), json.subarray(12)]; // in the middle of the ë
        const answer = await textOf(server(), '/json', 'application/json', pieces);
        expect(JSON.parse(answer)).toEqual({ hello: 'Zoë' });
      });
    });
  });
}

/** Asks for it; with a body, in these pieces, if there are any: chunked, unless it says its length. */
async function textOf(
  server: ServerProcess,
  target: string,
  type = '',
  pieces: readonly Buffer[] = [],
  length?: number,
): Promise<string> {
  const headers = {
    ...(type && { 'Content-Type': type }),
    ...(length && { 'Content-Length': `${length}` }),
  };
  const posted = { method: 'POST', headers, body: pieces.values() as unknown as null } as const;
  const { statusCode, body } = await server.request(target, pieces.length > 0 ? posted : {});
  const text = await body.text();
  expect(statusCode, text).toBe(200);
  return text;
}
