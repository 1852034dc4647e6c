/** Children of a server under examination: how they are counted and killed, and clients that keep them busy. */
import { childrenOf } from '../../harness/proc.ts';
import type { RawClient } from '../../harness/raw-client.ts';
import type { ServerProcess } from '../../harness/server-process.ts';
import { askAll, begins, GET, hasBegun } from './clients.ts';
import type { Trial } from './trial.ts';

/** Milliseconds after which a client who has heard nothing asks again. */
export const IMPATIENCE = 300;

/** Asks until it is answered: who loses the first request is found out by 3-05, and only there. */
export async function insist(client: RawClient, who: string): Promise<void> {
  const again = setInterval(() => hasBegun(client) || client.send(GET).catch(() => {}), IMPATIENCE);
  try {
    await client.send(GET).catch(() => {});
    await begins(client, who);
  } finally {
    clearInterval(again);
  }
}

export const pidsOf = (server: ServerProcess) => childrenOf(server.pid).map(({ pid }) => pid);

export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended by itself
  }
}

/** Sleepers, each in a child of its own. */
export async function putToSleep(trial: Trial, server: ServerProcess, count: number) {
  const clients = await askAll(trial, server, count);
  await Promise.all(clients.map((client) => begins(client, `One of ${count} clients`)));
  return clients;
}
