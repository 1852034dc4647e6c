/**
 * What a check is: one step of the ladder, proved over real sockets on a server of anybody's, in any language. It says
 * what it wants, helps in the right order, and when it fails, names what it saw. It knows no test framework and no
 * terminal; it starts programs through the harness, as all tests do.
 */
import type { Mistake } from './mistake.ts';
import type { Trial } from './run/trial.ts';

export type Part = 'part1' | 'part2' | 'part3';

export const PARTS: readonly Part[] = ['part1', 'part2', 'part3'];

/** What a file in a part's folder `checks` says. Its number, name and part are those of the file. */
export interface Lesson {
  /** A sentence about the server: `A strict client accepts your answer`. */
  readonly title: string;
  /** What is understood by who passes it. */
  readonly goal: string;
  /** A question; the API to read; the shape of the answer. */
  readonly hints: readonly [question: string, api: string, shape: string];
  /** Where the chapter tells it: an anchor of the part's README, or of a chapter in a room, as `http/README.md#chunks`. */
  readonly anchor: string;
  /** What it does not demand, though one might think so. */
  readonly lenient: readonly string[];
  /** A command that shows the same by hand, `$PORT` being the server's. */
  readonly byHand: string;
  /** A command before it, which makes the file that the server is started with. */
  readonly prepare?: string;
  /** Of the reader's files the one it looks at, without its extension; `server`, if nothing is said. */
  readonly file?: string;
  /** The stage of ours that solves it: an id of shared/stages.ts, or a file of the project. */
  readonly solution: string;
  /** The last stage of ours that it can be asked of: those behind it have no such fault, option or output. */
  readonly until?: string;
  /** Seconds until it is given up. */
  readonly seconds: number;
  /** What the machine must have: said where it is skipped. */
  readonly needs?: 'Linux';
  /** Resolves, or throws a Failure. */
  run(trial: Trial): Promise<void>;
  /** What goes wrong here, and what it is told. */
  readonly mistakes: readonly Mistake[];
}

/** A lesson in its place on the ladder. `part1/checks/1-03-crlf.ts` is 1-03, crlf, of part 1. */
export interface Check extends Lesson {
  /** `1-03`. Exercises have a letter: `1-x1`. */
  readonly id: string;
  /** In a word: `crlf`. */
  readonly name: string;
  readonly part: Part;
}
