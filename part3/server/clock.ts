/**
 * The chess clock of a connection: whose move it is, and until when. It knows the time, and no more: what happens to
 * who is late is decided elsewhere.
 */
import type { Limits } from '../http/limits.ts';

/** Who has to move next, and what the move is. */
export type Turn =
  | 'client: next head'
  | 'client: head'
  | 'client: body'
  | 'client: answer' // takes it
  | 'client: FIN'
  | 'application'
  | 'application, after FIN' // of a client that may have left
  | 'nobody';

/** Each move has its own deadline. */
const DEADLINES = {
  'client: next head': 'keepAliveTimeout',
  'client: head': 'headTimeout',
  'client: body': 'bodyTimeout',
  'client: answer': 'writeTimeout',
  'client: FIN': 'lingerTimeout',
  application: 'requestTimeout',
  'application, after FIN': 'halfCloseTimeout',
} as const satisfies Record<Exclude<Turn, 'nobody'>, keyof Limits>;

const NEVER = Number.POSITIVE_INFINITY;

export class Clock {
  readonly #limits: Limits;
  #turn: Turn = 'nobody';
  /** Milliseconds, as performance.now() has them. */
  #deadline = NEVER;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get turn(): Turn {
    return this.#turn;
  }

  /** The time of this move begins. */
  start(turn: Exclude<Turn, 'nobody'>): void {
    this.#turn = turn;
    const seconds = this.#limits[DEADLINES[turn]];
    this.#deadline = seconds > 0 ? performance.now() + seconds * 1000 : NEVER;
  }

  /** The same, but for a move that has begun already: who makes it in small pieces does not get more time. */
  continue(turn: Exclude<Turn, 'nobody'>): void {
    if (this.#turn !== turn) this.start(turn);
  }

  stop(): void {
    this.#turn = 'nobody';
    this.#deadline = NEVER;
  }

  isOver(now: number): boolean {
    return now >= this.#deadline;
  }
}
