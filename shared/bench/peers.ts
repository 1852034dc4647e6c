/**
 * The servers that ours is held against, and how to start each. Ours and Fastify run the example apps; the others are
 * shared/bench/peer.ts, which does what has to be done and nothing else.
 */
import path from 'node:path';
import {
  ROOT,
  type ServerProcess,
  sameWay,
  startCommand,
  startServer,
} from '../harness/server-process.ts';
import { STAGES, type Stage } from '../stages.ts';

const HOST = path.join(ROOT, 'shared', 'harness', 'node-http-host.ts');
const PEER = path.join(ROOT, 'shared', 'bench', 'peer.ts');

export function startStage(id: string, app: string, ...args: string[]): Promise<ServerProcess> {
  const stage = STAGES.find((candidate) => candidate.id === id) as Stage;
  return startServer(stage, { app, args });
}

export function startGateway(app: string, ...args: string[]): Promise<ServerProcess> {
  return startStage('gateway', app, ...args);
}

/** An app of shared/apps under node:http, as its convention is served there. */
export function startHost(app: string, mode: '--native' | '--fetch'): Promise<ServerProcess> {
  return startCommand(sameWay(HOST, `${app}:handler`, mode));
}

export function startPeer(kind: 'net' | 'http' | 'transfer'): Promise<ServerProcess> {
  return startCommand(sameWay(PEER, kind));
}
