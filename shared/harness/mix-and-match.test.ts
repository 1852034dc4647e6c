/**
 * The promise of the contract: any application on any server. Four applications in Python on our server and on
 * three that people deploy, the same requests to each; what a client sees has to be the same.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Agent, request } from 'undici';
import { afterAll, describe, expect, test } from 'vitest';
import { hasPeer, PEERS, startPeer } from '../../shared/harness/python-servers.ts';
import { ROOT, type ServerProcess, startServer } from '../../shared/harness/server-process.ts';
import { STAGES, type Stage } from '../../shared/stages.ts';

const APPS = ['wsgiapp', 'flaskapp', 'pyramidapp', 'djangoapp'];
const COLUMNS = Object.keys(PEERS).filter((name) => name !== 'gunicorn gthread');
const OURS = STAGES.find(({ id }) => id === '2b') as Stage;
type Options = { method?: string; headers?: Record<string, string>; body?: string | Buffer };
const post = (type: string, body: string | Buffer): Options => ({
  method: 'POST',
  headers: { 'Content-Type': type },
  body,
});
const REQUESTS: [target: string, options?: Options][] = [
  ['/hello'],
  ['/hello?q=%C3%A9', { method: 'HEAD' }],
  ['/json', post('application/json', '{"name":"Zoë"}')],
  ['/form', post('application/x-www-form-urlencoded', 'name=Zo%C3%AB+B')],
  ['/upload', post('application/octet-stream', randomBytes(1024 * 1024))],
  ['/stream'],
  ['/cookies'],
  ['/caf%C3%A9'],
  ['/hello', { method: 'DELETE' }],
];
/** These are the server's: its own, about the connection, or added where the application is silent. */
const NOT_COMPARED = /^(date|server|connection|keep-alive|transfer-encoding|content-length|via)$/;

/** These answer an exception themselves. From the others it reaches the server: ours says 500, uWSGI hangs up. */
const ANSWERING_ERRORS = ['flaskapp', 'djangoapp'];

async function answers(server: ServerProcess, app: string): Promise<unknown[]> {
  const dispatcher = new Agent({ pipelining: 0 });
  const seen: unknown[] = [];
  for (const [target, options] of REQUESTS) {
    const url = server.origin + target;
    const { statusCode, headers, body } = await request(url, { ...options, dispatcher } as object);
    const own = Object.entries(headers).filter(([name]) => !NOT_COMPARED.test(name));
    seen.push([target, statusCode, Object.fromEntries(own), await body.text()]);
  }
  if (ANSWERING_ERRORS.includes(app)) {
    const { statusCode, body } = await request(`${server.origin}/error`, { dispatcher });
    seen.push(['/error', statusCode, await body.text()]);
  }
  await dispatcher.close();
  return seen;
}

describe.skipIf(process.env.SERVER)('mix and match', () => {
  const cells = new Map<string, string>();

  for (const app of APPS) {
    const file = app === 'wsgiapp' ? 'wsgiapp.py' : app;
    for (const peer of COLUMNS) {
      const isHere = hasPeer(peer) || process.env.CI;
      const title = `${app}: our server and ${peer} answer alike`;
      test.skipIf(!isHere)(`${title} (needs ${peer} in .venv)`, async () => {
        const servers = await Promise.all([
          startServer(OURS, { app: `${file}:app` }),
          startPeer(peer, app),
        ]);
        try {
          const [ours, theirs] = await Promise.all(servers.map((server) => answers(server, app)));
          expect(ours).toEqual(theirs);
          cells.set(`${app} ${peer}`, 'same');
        } finally {
          await Promise.all(servers.map((server) => server.stop()));
        }
      });
    }
  }

  afterAll(() => {
    const names = COLUMNS;
    const rows = APPS.map((app) => {
      const found = names.map((peer) => cells.get(`${app} ${peer}`) ?? '-');
      return `| ${app} | ${found.every((cell) => cell === 'same') ? 'same' : '-'} | ${found.join(' | ')} |`;
    });
    const head = `| the same answers on | part 2 | ${names.join(' | ')} |`;
    const table = [head, '|---|---|---|---|---|', ...rows].join('\n');
    console.log(table);
    const isFull = cells.size === APPS.length * names.length;
    if (isFull) expect(readFileSync(path.join(ROOT, 'README.md'), 'utf8')).toContain(table);
  });
});
