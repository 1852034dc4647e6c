/**
 * What the blocks of a book make, held against the files: chapters come in, and out goes what keeps a reader who types them
 * from having the stages, each fault at the block that should be looked at. It types nothing itself.
 */
import { diffArrays } from 'diff';
import type { Chapter, Fault } from './chapter.ts';
import {
  type Block,
  blocksOf,
  faultAt,
  type Line,
  readBase,
  readLines,
  type Typing,
  typeBlocks,
} from './typing.ts';

/** What keeps the blocks of a book from making the files that are demanded. */
export function checkTyping(
  chapters: readonly Chapter[],
  typings: readonly Typing[],
  root: string,
): Fault[] {
  return typings
    .filter(({ isDemanded }) => isDemanded)
    .flatMap((typing) => {
      const blocks = blocksOf(chapters, typing.file);
      const { lines, faults } = typeBlocks(readBase(root, typing), blocks, typing);
      const late = typing.base === undefined ? [] : checkOrder(chapters, blocks, typing);
      if (faults.length > 0) return [...late, ...faults]; // what comes of them would only repeat them
      return [...late, ...findDifferences(lines, readLines(root, typing.file), blocks, typing)];
    });
}

/** A stage begins when the one before is whole. */
function checkOrder(
  chapters: readonly Chapter[],
  blocks: readonly Block[],
  { stage, base = '' }: Typing,
): Fault[] {
  const last = blocksOf(chapters, base).at(-1);
  return blocks
    .filter(({ index }) => last !== undefined && index < last.index)
    .map((block) =>
      faultAt(
        block,
        `stage ${stage}: this block stands before ${base} is whole (line ${last?.fence.line})`,
      ),
    );
}

/** The differences between what was typed and the file. */
function findDifferences(
  typed: readonly Line[],
  file: readonly string[],
  blocks: readonly Block[],
  typing: Typing,
): Fault[] {
  const faults: Fault[] = [];
  let at = 0; // in what was typed
  let line = 0; // in the file
  const changes = diffArrays(
    typed.map(({ text }) => text),
    [...file],
  );
  for (const [index, { value, added, removed }] of changes.entries()) {
    const next = changes[index + 1];
    const theirs = added ? value : removed && next?.added ? next.value : [];
    const isSecond = added && changes[index - 1]?.removed;
    const block = (removed ? typed[at] : typed[at - 1])?.block ?? blocks.at(-1);
    if ((added || removed) && !isSecond) {
      const ours = removed ? value : [];
      const message = tellDifference(typing, line, theirs, ours, typed[at]?.text);
      faults.push(block ? faultAt(block, message) : { file: typing.file, line: line + 1, message });
    }
    if (!added) at += value.length;
    if (!removed) line += value.length;
  }
  return faults;
}

function tellDifference(
  { stage, file }: Typing,
  at: number,
  theirs: readonly string[],
  ours: readonly string[],
  next: string | undefined,
): string {
  const told = (lines: readonly string[]) =>
    JSON.stringify(lines[0]) + (lines.length > 1 ? ` (and ${lines.length - 1} more)` : '');
  const place = `stage ${stage}: line ${at + 1} of ${file}`;
  if (theirs.length === 0)
    return `${place}: the blocks have ${told(ours)} before it, and the file has not`;
  if (ours.length > 0) return `${place} is ${told(theirs)}; the blocks make ${told(ours)} of it`;
  const instead = next === undefined ? 'end before it' : `have ${JSON.stringify(next)} there`;
  return `${place}, ${told(theirs)}, is typed nowhere: the blocks ${instead}`;
}
