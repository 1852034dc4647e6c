/**
 * A block that changes lines, as `diff` shows it: its lines come in, and its hunks go out. A hunk is one place in a file; a
 * line `...` between two of them stands for the lines of the file that lie between.
 */
import { LEFT_OUT } from './transcript.ts';

export interface Hunk {
  /** What there is, and what there shall be instead. */
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** Indexes in `after` of the lines that are new. */
  readonly added: ReadonlySet<number>;
  /** For each line of `after` that is not new, its index in `before`. */
  readonly kept: readonly (number | undefined)[];
}

/** The hunks of a diff, or what is wrong with one of its lines. */
export function parseHunks(lines: readonly string[]): Hunk[] | string {
  const wrong = lines.find((line) => line !== '' && line !== LEFT_OUT && !/^[ +-]/.test(line));
  if (wrong !== undefined) return `a line of a diff begins with a space, - or +: "${wrong}"`;
  const groups: string[][] = [[]];
  for (const line of lines) {
    if (line === LEFT_OUT) groups.push([]);
    else groups.at(-1)?.push(line);
  }
  return groups.map(toHunk);
}

/** An empty line may have lost the space that begins it. */
function toHunk(lines: readonly string[]): Hunk {
  const before: string[] = [];
  const after: string[] = [];
  const kept: (number | undefined)[] = [];
  for (const line of lines) {
    const text = line.slice(1);
    if (!line.startsWith('-')) {
      after.push(text);
      kept.push(line.startsWith('+') ? undefined : before.length);
    }
    if (!line.startsWith('+')) before.push(text);
  }
  const added = new Set(kept.flatMap((index, at) => (index === undefined ? [at] : [])));
  return { before, after, added, kept };
}
