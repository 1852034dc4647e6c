/** Children of a server under examination: how they are counted and killed, and clients that keep them busy. */
import { childrenOf } from '../../harness/proc.ts';
import type { RawClient } from '../../harness/raw-client.ts';
import type { ServerProcess } from '../../harness/server-process.ts';
import { askAll, begins, GET, hasBegun, isWhole, LONG } from './clients.ts';
import { Failure } from './failure.ts';
import { beginToAsk, finishAsking } from './manners.ts';
import type { Trial } from './trial.ts';

/** Milliseconds after which a client who has heard nothing asks again. */
export const IMPATIENCE = 300;

/** Asks until it is answered: who loses the first request is found out by 3-05, and only there. */
export async function insist(client: RawClient, who: string, first = GET): Promise<void> {
  const again = setInterval(() => hasBegun(client) || client.send(GET).catch(() => {}), IMPATIENCE);
  try {
    await client.send(first).catch(() => {});
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

/** Sleepers, each in a child of its own. The first of them takes its time to ask: until the others sleep. */
export async function putToSleep(trial: Trial, server: ServerProcess, count: number) {
  const who = `One of ${count} clients`;
  const slow = await beginToAsk(trial, server);
  const others = await askAll(trial, server, count - 1);
  await Promise.all(others.map((client) => begins(client, who)));
  await finishAsking(slow, server, who);
  await begins(slow, who);
  for (const client of others) expectAsleep(client, who);
  return [slow, ...others];
}

/** Who is told to sleep for minutes has not sent its page yet. */
export function expectAsleep(client: RawClient, who: string): void {
  if (!isWhole(client)) return;
  const message = `With --sleep ${LONG} ${who.toLowerCase()} had its page at once: expected it ${LONG} s after the head`;
  throw new Failure(message, { received: client.received, at: 0, mistake: 'does-not-sleep' });
}

/** Whether there is such a process, be it a zombie. */
export function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
