/**
 * The same bytes for us, for node:http and for nginx: where they differ, a table says why, and no row of it is idle.
 * A verdict is the statuses in a row, or `silence` of one who waits for more; 200 stands for a request that was read.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect, type NetConnectOpts } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ServerProcess, startCommand } from '../../../shared/harness/server-process.ts';
import { DIFFERENCES } from './differences.ts';
import { parse, readFixtures } from './outcome.ts';

const NGINX = '/usr/sbin/nginx';
const fixtures = [...readFixtures('valid'), ...readFixtures('invalid')];
/** Seconds after which the others close what is idle, or is waiting for more. */
const PATIENCE = 2;

function ourVerdict(bytes: Buffer): string {
  const { requests, status } = parse([bytes]);
  const whole = requests.filter(({ isWhole }) => isWhole);
  const last = whole.findIndex(({ head }) => !head.keepAlive);
  if (last !== -1) return toVerdict(whole.slice(0, last + 1).map(() => 200));
  return toVerdict([...whole.map(() => 200), ...(status === undefined ? [] : [status])]);
}

async function verdictOf(server: NetConnectOpts, bytes: Buffer): Promise<string> {
  const text = (await converse(server, bytes)).toString('latin1');
  const statuses = [...text.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => Number(status));
  if (text !== '' && statuses.length === 0) return 'a bare body';
  return toVerdict(statuses.filter((status) => status !== 100 && status !== 408));
}

function toVerdict(statuses: number[]): string {
  return statuses.join(' ') || 'silence';
}

/** Says everything at once, and listens until the other side closes, by a FIN or by a RST. */
function converse(server: NetConnectOpts, bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve) => {
    const pieces: Buffer[] = [];
    const socket = connect(server, () => socket.write(bytes));
    socket.on('data', (piece) => pieces.push(piece));
    socket.setTimeout(2 * PATIENCE * 1000, () => socket.destroy()); // Node.js 20.18 forgets one
    socket.on('error', () => {}); // the close that follows is all we want to know
    socket.on('close', () => resolve(Buffer.concat(pieces)));
  });
}

async function verdictsOf(server: NetConnectOpts): Promise<Map<string, string>> {
  const verdicts = fixtures.map(
    async ([name, bytes]) => [name, await verdictOf(server, bytes)] as const,
  );
  return new Map(await Promise.all(verdicts));
}

/** The rows of the table that are about this one: names and verdicts. */
function listedFor(other: 'node' | 'nginx'): [name: string, verdict: string][] {
  return DIFFERENCES.flatMap((row) => Object.entries(row[other] ?? {}));
}

/** What is not as we have it, and what the table says of it: to be the same. */
function differencesTo(other: 'node' | 'nginx', verdicts: Map<string, string>) {
  const listed = new Map(listedFor(other));
  const found = new Map<string, string>();
  for (const [name, bytes] of fixtures) {
    const theirs = verdicts.get(name) ?? 'nothing';
    if (listed.get(name) === 'varies') found.set(name, 'varies');
    else if (theirs !== ourVerdict(bytes)) found.set(name, theirs);
  }
  const sorted = (map: Map<string, string>) => Object.fromEntries([...map].sort());
  return { found: sorted(found), listed: sorted(listed) };
}

test.each(['node', 'nginx'] as const)('the table for %s is about fixtures, each once', (other) => {
  const names = listedFor(other).map(([name]) => name);
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  const known = fixtures.map(([name]) => name);
  expect(names.filter((name) => !known.includes(name))).toEqual([]);
});

describe('node:http', () => {
  let server: Server;

  beforeAll(async () => {
    server = createServer({ connectionsCheckingInterval: 100 }, (request, response) => {
      const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
      if (length === undefined && coding === undefined) response.end();
      else request.resume().on('end', () => response.end());
    });
    server.headersTimeout = server.requestTimeout = PATIENCE * 1000;
    server.keepAliveTimeout = PATIENCE * 1000;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => server.close());

  test('differs where the table says so, and nowhere else', async () => {
    const address = server.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    const { found, listed } = differencesTo('node', await verdictsOf({ port, host: '127.0.0.1' }));
    expect(found).toEqual(listed);
  });
});

const hasNginx = existsSync(NGINX);
if (!hasNginx) console.log(`nginx is not compared: there is no ${NGINX}`);

describe.skipIf(!hasNginx && !process.env.CI)('nginx', () => {
  let folder = '';
  let nginx: ServerProcess | undefined;

  beforeAll(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'nginx-'));
    const file = path.join(folder, 'nginx.conf');
    writeFileSync(file, nginxConfig(folder));
    const command = [NGINX, '-e', 'stderr', '-p', folder, '-c', file];
    nginx = await startCommand(command, { isOurs: false, ready: /start worker process (\d+)/ });
  });
  afterAll(async () => {
    await nginx?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('differs where the table says so, and nowhere else', async () => {
    const { found, listed } = differencesTo(
      'nginx',
      await verdictsOf({ path: path.join(folder, 'front') }),
    );
    expect(found).toEqual(listed);
  });
});

/** A proxy, so that bodies are read before they are answered, in front of one that says 200 to all. */
function nginxConfig(folder: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
    daemon off;
    user ${os.userInfo().username};
    pid ${folder}/pid;
    error_log stderr notice;
    events { worker_connections 2048; }
    http {
      access_log off;
      ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n')}
      keepalive_timeout ${PATIENCE}s;
      client_header_timeout ${PATIENCE}s;
      client_body_timeout ${PATIENCE}s;
      lingering_timeout ${PATIENCE}s;
      client_max_body_size 1g;
      large_client_header_buffers 4 16k;
      server {
        listen unix:${folder}/front;
        location / { proxy_pass http://unix:${folder}/back; }
      }
      server {
        listen unix:${folder}/back;
        return 200;
      }
    }`;
}
