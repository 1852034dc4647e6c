/**
 * The promise of the contract: any application on any server. Four applications in Python on our servers and on
 * three that people deploy, the same requests to each; what a client sees has to be the same.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { STAGES } from '../stages.ts';
import { hasPeer, PEERS, startPeer } from './python-servers.ts';
import { ROOT, type ServerProcess, startServer } from './server-process.ts';

const APPS = ['wsgiapp', 'flaskapp', 'pyramidapp', 'djangoapp'];
const OURS = STAGES.filter(({ can }) => can.includes('contract'));
const PEER_NAMES = Object.keys(PEERS).filter((name) => name !== 'gunicorn gthread');
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
  const dispatcher = await server.openAgent({ pipelining: 0 });
  const seen: unknown[] = [];
  for (const [target, options] of REQUESTS) {
    const { statusCode, headers, body } = await server.request(target, {
      method: 'GET',
      ...options,
      dispatcher,
    });
    const own = Object.entries(headers).filter(([name]) => !NOT_COMPARED.test(name));
    seen.push([target, statusCode, Object.fromEntries(own), await body.text()]);
  }
  if (ANSWERING_ERRORS.includes(app)) {
    const { statusCode, body } = await server.request('/error', { dispatcher });
    seen.push(['/error', statusCode, await body.text()]);
  }
  await dispatcher.close();
  return seen;
}

/** What all of it gets from one server, which is then stopped. */
async function answersOf(starting: Promise<ServerProcess>, app: string): Promise<unknown[]> {
  const server = await starting;
  try {
    return await answers(server, app);
  } finally {
    await server.stop();
  }
}

describe.skipIf(process.env.SERVER)('mix and match', () => {
  const cells = new Map<string, string>();

  for (const app of APPS) {
    const file = app === 'wsgiapp' ? 'wsgiapp.py' : app;
    let ours: Promise<unknown[]>[] = []; // the same for each peer: asked once

    for (const peer of PEER_NAMES) {
      const isHere = hasPeer(peer) || process.env.CI;
      const title = `${app}: our servers and ${peer} answer alike`;
      test.skipIf(!isHere)(`${title} (needs ${peer} in .venv)`, async () => {
        if (ours.length === 0) {
          ours = OURS.map((stage) => answersOf(startServer(stage, { app: `${file}:app` }), app));
        }
        const [theirs, ...both] = await Promise.all([
          answersOf(startPeer(peer, app), app),
          ...ours,
        ]);
        for (const [index, answered] of both.entries()) {
          expect(answered, OURS[index]?.id).toEqual(theirs);
        }
        cells.set(`${app} ${peer}`, 'same');
      });
    }
  }

  afterAll(() => {
    const rows = APPS.map((app) => {
      const found = PEER_NAMES.map((peer) => cells.get(`${app} ${peer}`) ?? '-');
      const own = found.every((cell) => cell === 'same') ? 'same' : '-';
      return [app, ...OURS.map(() => own), ...found];
    });
    const head = ['the same answers on', ...OURS.map(({ part }) => part.replace(/(?=\d)/, ' '))];
    const lines = [[...head, ...PEER_NAMES], ...rows].map((cells) => `| ${cells.join(' | ')} |`);
    const rule = `|${'---|'.repeat(head.length + PEER_NAMES.length)}`;
    const table = [lines[0], rule, ...lines.slice(1)].join('\n');
    console.log(table);
    const isFull = cells.size === APPS.length * PEER_NAMES.length;
    if (isFull) expect(readFileSync(path.join(ROOT, 'README.md'), 'utf8')).toContain(table);
  });
});
