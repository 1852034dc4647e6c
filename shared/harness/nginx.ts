/**
 * nginx as part3/nginx.conf sets it up, before as many gateways as there are; of that file only the addresses are
 * replaced. It is started like a stage of ours, and its folder goes when it is stopped.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { ROOT, type ServerProcess, startCommand } from './server-process.ts';
import { makeDoor } from './transport.ts';

const CONF = path.join(ROOT, 'part3', 'nginx.conf');

export const hasNginx = spawnSync('nginx', ['-v']).status === 0;

/** nginx says nothing when it listens, so a shell tries until it does, or gives up with it; and waits for its end. */
const SCRIPT = `"\${@:2}" & trap 'kill -QUIT $!' TERM
until (: </dev/tcp/127.0.0.1/$1) 2>/dev/null; do kill -0 $! || exit 1; sleep 0.05; done
echo Serving HTTP on port $1; wait; wait`;

/** Resolves when it listens. What is behind it, at `host:port` each, is the caller's to start and to stop. */
export async function startNginx(gateways: readonly string[]): Promise<ServerProcess> {
  const port = await freePort('127.0.0.1');
  const folder = mkdtempSync(path.join(os.tmpdir(), 'nginx-'));
  const conf = path.join(folder, 'nginx.conf');
  writeFileSync(conf, configure(readFileSync(CONF, 'utf8'), port, gateways));
  const door = { ...makeDoor('tcp'), remove: () => rmSync(folder, { recursive: true }) };
  const command = ['bash', '-c', SCRIPT, 'bash', `${port}`, 'nginx', '-p', folder, '-c', conf];
  return startCommand(command, { isOurs: false, door });
}

/** A port that was free a moment ago: nginx, and who is to come back to the same one, must be told. */
export async function freePort(host: string): Promise<number> {
  const listener = createServer().listen(0, host);
  await new Promise((resolve) => listener.once('listening', resolve));
  const { port } = listener.address() as { port: number };
  await new Promise((resolve) => listener.close(resolve));
  return port;
}

function configure(text: string, port: number, gateways: readonly string[]): string {
  const behind = /^( *server )127\.0\.0\.1:\d+( .*\n)(?:\1.*\n)*/m;
  if (!behind.test(text) || !text.includes('listen 127.0.0.1:8880;')) {
    throw new Error('part3/nginx.conf has other addresses than it had');
  }
  return text
    .replace('listen 127.0.0.1:8880;', `listen 127.0.0.1:${port};`)
    .replace(behind, (_, before, after) =>
      gateways.map((address) => `${before}${address}${after}`).join(''),
    );
}
