/**
 * Clients that are slow on purpose: they keep a pace, and no deadline may hit them for it. Where this process was slower than
 * its pace, because the machine was busy, a cut proves nothing, and the client begins anew.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { RawClient } from '../../harness/raw-client.ts';

/** How often a client may begin anew. */
const MOST = 5;

/** Milliseconds between two looks at how late this process is. */
const LOOK = 50;

/** What was kept of a pace. */
export class Pace {
  #last = performance.now();
  /** Milliseconds, the longest between two steps. */
  longest = 0;

  /** The next step, so many milliseconds from now. */
  async step(milliseconds: number): Promise<void> {
    await delay(milliseconds);
    const now = performance.now();
    this.longest = Math.max(this.longest, now - this.#last);
    this.#last = now;
  }
}

/** Does something again and again; `longest` are the milliseconds between two times, as late as this process was. */
export function everySo(milliseconds: number, act: () => void = () => {}) {
  let [last, longest] = [performance.now(), 0];
  const timer = setInterval(() => {
    const now = performance.now();
    [last, longest] = [now, Math.max(longest, now - last)];
    act();
  }, milliseconds);
  return {
    get longest(): number {
      return longest;
    },
    stop: () => clearInterval(timer),
  };
}

/** Runs what must not fail for a client that makes each step within so many milliseconds. */
export async function atPace<T>(
  milliseconds: number,
  attempt: (pace: Pace) => Promise<T>,
): Promise<T> {
  for (let turn = 1; ; turn++) {
    const pace = new Pace();
    try {
      return await attempt(pace);
    } catch (error) {
      if (turn === MOST || pace.longest < milliseconds) throw error;
    }
  }
}

/**
 * Asks anew what fails while this process was late itself, by so many milliseconds: where the machine was busy, a server that
 * lost its patience proves nothing. `clear` ends what the last attempt has begun.
 */
export async function untilInTime(
  milliseconds: number,
  attempt: () => Promise<void>,
  clear: () => Promise<void>,
): Promise<void> {
  for (let turn = 1; ; turn++) {
    const looks = everySo(LOOK);
    try {
      return await attempt();
    } catch (error) {
      if (turn === MOST || looks.longest < milliseconds) throw error;
      await clear();
    } finally {
      looks.stop();
    }
  }
}

/** Sends one piece after the other, until there are no more, or something has come back. */
export async function drip(
  client: RawClient,
  pieces: Iterable<string>,
  milliseconds: number,
  pace = new Pace(),
): Promise<void> {
  const before = client.size;
  for (const piece of pieces) {
    await pace.step(milliseconds);
    if (client.size > before || client.ending !== 'open') return;
    await client.send(piece).catch(() => {}); // it was cut, which is seen in what came back
  }
}
