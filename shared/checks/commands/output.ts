/** How the commands speak: what was asked for on standard output, what went wrong on standard error. */

export function say(...lines: string[]): void {
  console.log(lines.join('\n'));
}

/** One line that says why, and the exit status for it. */
export function fail(reason: string): 1 {
  console.error(reason);
  return 1;
}

/** What the reader did not mean: one line, and another exit status than a server that fails. */
export class UsageError extends Error {}
