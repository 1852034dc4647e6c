/**
 * The chapter as its reader types it: blocks come in, in the order of the chapter, and out comes the file they make, or what
 * keeps them from making it. It knows how blocks are joined, and nothing of what they mean.
 *
 * A `ts` block goes to the end of what has been typed of its file. An empty line is left before it if it begins at the margin
 * and with no closing bracket; otherwise it goes on with what stands there, and shows an empty line where it wants one.
 * A `diff` block goes where its lines that begin with a space or a minus stand, which is at one place.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { diffArrays } from 'diff';
import { captionOf } from './caption.ts';
import type { Chapter, Fault, Fence } from './chapter.ts';
import { findNamed, indexesOfRun } from './source.ts';

/** A file that is typed. */
export interface Typing {
  /** The id of the stage at whose end it is whole. */
  readonly stage: string;
  /** Relative to the project's root. */
  readonly file: string;
  /** The file it begins as; without it, it begins empty. */
  readonly base?: string | undefined;
  /** Whether a chapter must show all of it. */
  readonly isDemanded: boolean;
}

/** A fence whose caption names a file into which it is typed. */
export interface Block {
  readonly chapter: string;
  readonly fence: Fence;
  readonly name: string | undefined;
  /** Its place in the book. */
  readonly index: number;
}

interface Line {
  readonly text: string;
  /** The block that typed it; undefined for a line of the file that it began as. */
  readonly block?: Block;
}

/** The blocks of the book that are typed into a file, in their order. */
export function blocksOf(chapters: readonly Chapter[], file: string): Block[] {
  const all = chapters.flatMap((chapter) => chapter.fences.map((fence) => ({ chapter, fence })));
  return all.flatMap(({ chapter, fence }, index) => {
    const caption = captionOf(chapter, fence);
    const isTyped = ['ts', 'diff'].includes(fence.language) && caption?.isQuote === false;
    if (!isTyped || caption.file !== file) return [];
    return [{ chapter: chapter.file, fence, name: caption.name, index }];
  });
}

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
      const { lines, faults } = typeBlocks(readLines(root, typing.base), blocks, typing);
      const late = typing.base === undefined ? [] : checkOrder(chapters, blocks, typing);
      if (faults.length > 0) return [...late, ...faults]; // what comes of them would only repeat them
      return [...late, ...compare(lines, readLines(root, typing.file), blocks, typing)];
    });
}

/** A file's lines; none if there is no file to begin with. */
export function readLines(root: string, file: string | undefined): string[] {
  if (file === undefined) return [];
  return readFileSync(path.join(root, file), 'utf8').replace(/\n$/, '').split('\n');
}

/** Types blocks, one after the other. One that fits nowhere is a fault, and left out. */
export function typeBlocks(
  base: readonly string[],
  blocks: readonly Block[],
  { stage, file }: Pick<Typing, 'stage' | 'file'>,
): { lines: Line[]; faults: Fault[] } {
  const faults: Fault[] = [];
  let lines: Line[] = base.map((text) => ({ text }));
  for (const block of blocks) {
    const typed = block.fence.language === 'diff' ? change(lines, block) : append(lines, block);
    if (typeof typed !== 'string') lines = typed;
    else faults.push(faultAt(block, `stage ${stage}: this block does not fit ${file}: ${typed}`));
  }
  return { lines, faults };
}

function append(lines: readonly Line[], block: Block): Line[] {
  const [first = ''] = block.fence.lines;
  const isApart = lines.length > 0 && /^[^\s)}\]]/.test(first);
  const typed = isApart ? ['', ...block.fence.lines] : block.fence.lines;
  return [...lines, ...typed.map((text) => ({ text, block }))];
}

function change(lines: readonly Line[], block: Block): Line[] | string {
  const signed = block.fence.lines.map((line) => ({ sign: line[0] ?? ' ', text: line.slice(1) }));
  const wrong = signed.find(({ sign }) => ![' ', '-', '+'].includes(sign));
  if (wrong) return `a line of a diff begins with a space, - or +: "${wrong.sign}${wrong.text}"`;
  const before = signed.filter(({ sign }) => sign !== '+').map(({ text }) => text);
  if (before.length === signed.length && signed.every(({ sign }) => sign === ' '))
    return 'it changes nothing';
  if (before.length === 0) return 'it does not say where: begin with a line that is there already';
  const texts = lines.map(({ text }) => text);
  const places = placesOf(texts, before, block.name);
  const [place] = places;
  if (place === undefined) return `${tellNearest(texts, before)} so far`;
  if (places.length > 1) {
    const numbers = places.map((at) => at + 1).join(' and ');
    return `it fits at lines ${numbers} of what is typed so far: show a line more around it`;
  }
  let at = place;
  const typed = signed.flatMap(({ sign, text }): Line[] => {
    if (sign === '+') return [{ text, block }];
    const old = lines[at++];
    return sign === ' ' && old ? [old] : [];
  });
  return [...lines.slice(0, place), ...typed, ...lines.slice(at)];
}

/** Where a run of lines stands; with a name, only in what is so named. */
function placesOf(lines: readonly string[], run: readonly string[], name?: string): number[] {
  const places = indexesOfRun(lines, run);
  if (name === undefined) return places;
  const ranges = findNamed(lines.join('\n'), 'ts', name);
  return places.filter((at) => ranges.some(({ start, end }) => at >= start && at < end));
}

/** The first line of a run that is not where it should be, at the place where most of them are. */
function tellNearest(lines: readonly string[], run: readonly string[]): string {
  let best = { same: 0, instead: undefined as string | undefined };
  for (const start of lines.keys()) {
    const index = run.findIndex((text, offset) => text !== lines[start + offset]);
    if (index > best.same) best = { same: index, instead: lines[start + index] };
  }
  const line = JSON.stringify(run[best.same]);
  if (best.same === 0)
    return `its first line of before, ${line}, is not in what is named and typed`;
  const instead = best.instead === undefined ? 'nothing' : JSON.stringify(best.instead);
  return `where it has ${line}, there is ${instead} in what is typed`;
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
function compare(
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

function faultAt({ chapter, fence }: Block, message: string): Fault {
  return { file: chapter, line: fence.line, message };
}
