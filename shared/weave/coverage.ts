/**
 * How much of its stages a book shows: chapters and the files that are typed come in, and for each file the lines that are
 * new in it, and those of them that no block shows. It judges nothing.
 */
import { diffArrays } from 'diff';
import type { Chapter } from './chapter.ts';
import { parseHunks } from './hunk.ts';
import { findDedented, indexesOfRun } from './source.ts';
import { type Block, blocksOf, readBase, readLines, type Typing, typeBlocks } from './typing.ts';

export interface Coverage extends Typing {
  /** How many lines are added or changed against the file that it begins as. */
  readonly changed: number;
  /** Numbers of the lines that are typed nowhere. */
  readonly missing: readonly number[];
}

/** Counts the lines of each file that are shown. */
export function measureCoverage(
  chapters: readonly Chapter[],
  typings: readonly Typing[],
  root: string,
): Coverage[] {
  return typings.map((typing) => {
    const file = readLines(root, typing.file);
    const base = readBase(root, typing);
    const blocks = blocksOf(chapters, typing.file);
    const changed = newIn(base, file);
    const typed = () => typeBlocks(base, blocks, typing).lines.map(({ text }) => text);
    const shown = new Set(typing.isDemanded ? [] : blocks.flatMap((block) => shownBy(block, file)));
    const missing = typing.isDemanded
      ? newIn(typed(), file) // one that was there and was lost is missing, too
      : changed.filter((at) => !shown.has(at));
    return { ...typing, changed: changed.length, missing: missing.map((at) => at + 1) };
  });
}

/** A line for each file: `1b  part1/1b-hello.ts  12 of 12 lines shown`, and which are not. */
export function tellCoverage(coverages: readonly Coverage[]): string {
  const width = Math.max(...coverages.map(({ file }) => file.length));
  const id = Math.max(...coverages.map(({ stage }) => stage.length));
  return coverages
    .map(({ stage, file, changed, missing, isDemanded }) => {
      const shown = Math.max(0, changed - missing.length);
      const share = changed === 0 ? 100 : Math.floor((100 * shown) / changed);
      const count = `${String(shown).padStart(4)} of ${String(changed).padStart(4)} lines shown`;
      const rest = missing.length > 0 ? `; not shown: ${toRanges(missing)}` : '';
      const mark = isDemanded ? ' (all demanded)' : '';
      return `${stage.padEnd(id)}  ${file.padEnd(width)} ${count} ${String(share).padStart(4)} %${mark}${rest}`;
    })
    .join('\n');
}

/** `1-3, 7`. */
function toRanges(numbers: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([start, end]) => (start === end ? start : `${start}-${end}`)).join(', ');
}

/** Indexes of the lines that are in `lines` and were not in `base`. */
function newIn(base: readonly string[], lines: readonly string[]): number[] {
  let at = 0;
  const found: number[] = [];
  for (const { value, added, removed } of diffArrays([...base], [...lines])) {
    if (removed) continue;
    if (added) found.push(...value.map((_, index) => at + index));
    at += value.length;
  }
  return found;
}

/** Indexes of a file's lines that a block shows where it stands in the file as a whole. */
function shownBy({ fence }: Block, file: readonly string[]): number[] {
  if (fence.language !== 'diff') {
    const at = findDedented(file, fence.lines);
    return at === -1 ? [] : fence.lines.map((_, index) => at + index);
  }
  const hunks = parseHunks(fence.lines);
  if (typeof hunks === 'string') return [];
  return hunks.flatMap(({ after, added }) => {
    const [at] = indexesOfRun(file, after);
    return at === undefined ? [] : [...added].map((index) => at + index);
  });
}
