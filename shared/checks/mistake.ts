/**
 * A known mistake: a program of ours with a few words changed, or a small program, and what a check must say to it. It
 * fails its own check, and passes all before it.
 */

/** Found exactly once in the file, and replaced. */
export type Edit = readonly [from: string, to: string];

export interface Mistake {
  /** What the check calls it, if it can tell: `details.mistake`. */
  readonly name: string;
  /** The first line of the failure's message, as printed; `NOW` stands for a time, `N` for a number. */
  readonly says: string;
  /** The file that is changed, if it is not the program that solves the check; with no change, the program that fails. */
  readonly file?: string;
  readonly edits?: readonly Edit[];
  /** Instead of edits: the whole file. */
  readonly program?: string;
  /** True if it is another program once it had a client: then each check needs one that has just begun. */
  readonly remembers?: boolean;
  /** False if its signature is that of another mistake, too: then the check names none. */
  readonly isNamed?: boolean;
}
