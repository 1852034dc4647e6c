/**
 * Who is slow, and who has to wait for it: pours bytes until nothing moves any more, and weighs what a program holds
 * meanwhile. What moved is compared with what was offered, and never with a figure.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { groupBytes, hasProc, isIdle } from '../../harness/proc.ts';
import type { ServerProcess } from '../../harness/server-process.ts';
import { comesTrue, isWhole } from './clients.ts';
import { Failure } from './failure.ts';
import { head } from './gateway.ts';
import type { Trial } from './trial.ts';

/** Milliseconds between two looks at what moves. */
const GLANCE = 10;
/** Looks in a row at which nothing moved, and the program had nothing to do: what will not move then, does not. */
const STILL = 25;
/** Of what was offered, the part that a program may hold: the kernels' buffers are not its own, and garbage is. */
const FRACTION = 2;
/** Seconds in which another client is answered, if ever. */
const TURN = 1;

/** Looks until it is over, or nothing moves any more in a program that has nothing to do; whether it is over. */
export async function comesToRest(
  server: ServerProcess,
  moved: () => number,
  isOver: () => boolean,
): Promise<boolean> {
  // Looks are counted, and not time: where this process was busy itself, it has not looked.
  for (let [last, looks] = [moved(), 0]; !isOver(); ) {
    await delay(GLANCE);
    const now = moved();
    looks = now === last ? looks + 1 : 0;
    last = now;
    if (looks < STILL) continue;
    if (!hasProc || isIdle(server.pid)) return false;
    looks = 0;
  }
  return true;
}

/** Whatever a server does at once, it has done when it answers another client; not all serve several, so it is not demanded. */
export async function takeTurn(trial: Trial, server: ServerProcess): Promise<void> {
  const other = await trial.connect(server);
  void other.pour(Buffer.from(head('GET /hello')));
  await comesTrue(() => isWhole(other) || other.ending !== 'open', TURN);
  other.leave();
}

/** Where bytes are poured into; whether a piece has gone. */
interface Spout {
  pour(piece: Uint8Array): Promise<boolean>;
}

/** Somebody who sends as fast as they may, and how far they have come. */
export class Pouring {
  /** Bytes of all pieces that the kernels have taken. */
  taken = 0;
  readonly total: number;

  constructor(spout: Spout, pieces: readonly Uint8Array[]) {
    this.total = pieces.reduce((sum, { length }) => sum + length, 0);
    void this.#pour(spout, pieces);
  }

  get isOver(): boolean {
    return this.taken === this.total;
  }

  async #pour(spout: Spout, pieces: readonly Uint8Array[]): Promise<void> {
    for (const piece of pieces) {
      if (!(await spout.pour(piece))) return;
      this.taken += piece.length;
    }
  }
}

/** Weighs a program now, and says later how much heavier it has become. */
export function weigh(server: ServerProcess): { growth(): number } {
  const before = groupBytes(server.pid);
  return { growth: () => groupBytes(server.pid) - before };
}

/**
 * Whether a program has taken what it was offered to itself, where it should have let it wait: all of it moved, and its
 * memory has grown with it. Who puts it into a file has another way; where memory cannot be weighed, it is not asked for.
 */
export function isHoarded(growth: number, offered: number): boolean {
  return Number.isNaN(growth) || growth > offered / FRACTION;
}

export function inMiB(bytes: number): string {
  return `${Math.round(bytes / 1024 ** 2)} MiB`;
}

/** What a program's memory has grown by, as a failure tells it. */
export function tellGrowth(growth: number): string {
  return Number.isNaN(growth) ? '' : `, and your program's memory has grown by ${inMiB(growth)}`;
}

export function timedOut(message: string, mistake?: string): Failure {
  return new Failure(message, { cause: 'timed out', ...(mistake && { mistake }) });
}
