/** How a check says that it has failed: a sentence for the person who wrote the server, and what there is to show. */

/** How a check can fail, told apart. */
export type Cause =
  | 'did not start' // or ended before it was ready
  | 'not ready' // it runs, and has not printed `Serving HTTP on port N`
  | 'exited' // in the middle of the check
  | 'refused' // no connection
  | 'reset' // a RST where a FIN should be
  | 'timed out'
  | 'wrong'; // bytes, or facts about the process

interface Details {
  readonly cause?: Cause;
  /** What came back, all of it, and where in it the fault is. */
  readonly received?: Buffer;
  readonly at?: number;
  /** Whether it came on standard output, and not over the network. */
  readonly isPrinted?: boolean;
  /** The name of a known mistake whose signature this is. */
  readonly mistake?: string;
  /** A command that shows this, if the check's own does not. */
  readonly byHand?: string;
  /** What the program said on its standard error. */
  readonly stderr?: string;
}

/** Why a check is not passed. Its message is one line for the person who wrote the server: expected this, got that. */
export class Failure extends Error {
  readonly details: Details;

  constructor(message: string, details: Details = {}) {
    super(message);
    this.details = details;
  }
}

/** For a `catch`: the failure again, under the name of the mistake that it betrays, and in other words if there are any. */
export function asMistake(
  mistake: string,
  inOtherWords = (message: string): string => message,
): (failure: Failure) => never {
  return ({ message, details }) => {
    throw new Failure(inOtherWords(message), { ...details, mistake });
  };
}
