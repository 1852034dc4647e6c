/**
 * The servers that people deploy Python applications on, each with one process if nothing is said, started on a free port like a
 * stage of ours. They come from shared/harness/requirements.txt.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { ROOT, type ServerProcess, startCommand } from './server-process.ts';

const BIN = path.join(ROOT, '.venv', 'bin');
const FOLDER = path.join(ROOT, 'shared', 'apps');

interface Peer {
  readonly program: string;
  args(app: string): string[];
  /** What it prints when it is ready, the port in the first group. */
  readonly ready: RegExp;
}

const GUNICORN: Peer = {
  program: 'gunicorn',
  args: (app) => ['--chdir', FOLDER, '--bind', '127.0.0.1:0', `${app}:app`],
  ready: /Listening at: http:\/\/127\.0\.0\.1:(\d+)/,
};

export const PEERS: Record<string, Peer> = {
  gunicorn: GUNICORN,
  'gunicorn gthread': { ...GUNICORN, args: (app) => ['--threads', '4', ...GUNICORN.args(app)] },
  waitress: {
    program: 'waitress-serve',
    args: (app) => ['--listen=127.0.0.1:0', `${app}:app`],
    ready: /Serving on http:\/\/127\.0\.0\.1:(\d+)/,
  },
  uWSGI: {
    program: 'uwsgi',
    args: (app) => [
      ...['--http-socket', '127.0.0.1:0', '--chdir', FOLDER, '--module', `${app}:app`],
      ...['--die-on-term', '--need-app', '--disable-logging', '--so-keepalive', '--http-keepalive'],
    ],
    ready: /bound to TCP address 127\.0\.0\.1:(\d+)[\s\S]*spawned uWSGI/,
  },
};

/** Whether it is installed. */
export function hasPeer(name: string): boolean {
  return existsSync(path.join(BIN, PEERS[name]?.program ?? name));
}

/** Starts it with an app of shared/apps, and with options of its own. */
export function startPeer(name: string, app: string, ...options: string[]): Promise<ServerProcess> {
  const { program, args, ready } = PEERS[name] as Peer;
  const command = [
    'env',
    `PYTHONPATH=${FOLDER}`,
    path.join(BIN, program),
    ...options,
    ...args(app),
  ];
  return startCommand(command, { isOurs: false, ready });
}
