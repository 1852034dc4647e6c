/**
 * The chapter as its reader types it: blocks come in, in the order of the chapter, and out comes the file they make, or what
 * keeps them from making it. It knows how blocks are joined, and nothing of what they mean.
 *
 * A `ts` block goes to the end of what has been typed of its file. An empty line is left before it if it begins at the margin
 * and with no closing bracket; otherwise it goes on with what stands there, and shows an empty line where it wants one.
 * A `diff` block goes where its lines that begin with a space or a minus stand, which is at one place; behind a line `...`,
 * another place follows, further down.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { captionOf } from './caption.ts';
import type { Chapter, Fault, Fence } from './chapter.ts';
import { type Hunk, parseHunks } from './hunk.ts';
import { findNamed, indexesOfRun } from './source.ts';

/** A file that is typed. */
export interface Typing {
  /** The id of the stage at whose end it is whole. */
  readonly stage: string;
  /** Relative to the project's root. */
  readonly file: string;
  /** The file it begins as; without it, it begins empty. */
  readonly base?: string | undefined;
  /** If it begins as a piece of that: from one declaration on, before another one. */
  readonly cut?: { readonly at?: string; readonly before?: string };
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

export interface Line {
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

/** A file's lines; none if there is no file to begin with. */
export function readLines(root: string, file: string | undefined): string[] {
  if (file === undefined) return [];
  return readFileSync(path.join(root, file), 'utf8').replace(/\n$/, '').split('\n');
}

/** The lines that a file begins as. Throws if it is to begin at a declaration that is not there. */
export function readBase(root: string, { base, cut }: Pick<Typing, 'base' | 'cut'>): string[] {
  const lines = readLines(root, base);
  const place = (name: string) => {
    const [found] = findNamed(lines.join('\n'), 'ts', name);
    if (!found) throw new Error(`shared/stages.ts: there is no ${name} in ${base}`);
    return found.start;
  };
  const end = cut?.before === undefined ? lines.length : place(cut.before);
  const kept = lines.slice(cut?.at === undefined ? 0 : place(cut.at), end);
  return kept.slice(0, kept.findLastIndex((line) => line !== '') + 1);
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
  const isApart = lines.length > 0 && isMargin(first);
  const typed = isApart ? ['', ...block.fence.lines] : block.fence.lines;
  return [...lines, ...typed.map((text) => ({ text, block }))];
}

/** Whether a line begins at the margin, and closes nothing: appended, an empty line is left before it. */
export function isMargin(line: string | undefined): boolean {
  return line !== undefined && /^[^\s)}\]]/.test(line);
}

function change(lines: readonly Line[], block: Block): Line[] | string {
  const hunks = parseHunks(block.fence.lines);
  if (typeof hunks === 'string') return hunks;
  const done: Line[] = [];
  let rest = lines;
  for (const hunk of hunks) {
    const place = findPlace([...done, ...rest], hunk, block.name);
    if (typeof place === 'string') return place;
    const from = place - done.length;
    if (from < 0)
      return `${JSON.stringify(hunk.before[0])} is above what stands before it in the block`;
    const old = rest.slice(from, from + hunk.before.length);
    const typed = hunk.after.map((text, at) => old[hunk.kept[at] ?? -1] ?? { text, block });
    done.push(...rest.slice(0, from), ...typed);
    rest = rest.slice(from + old.length);
  }
  return [...done, ...rest];
}

/** The one place where a hunk fits, or why there is none. */
function findPlace(lines: readonly Line[], hunk: Hunk, name?: string): number | string {
  const { before, after, added } = hunk;
  if (after.length === before.length && added.size === 0) return 'it changes nothing';
  if (before.length === 0) return 'it does not say where: begin with a line that is there already';
  const texts = lines.map(({ text }) => text);
  const places = placesOf(texts, before, name);
  const [place] = places;
  if (place === undefined) {
    const isElsewhere = indexesOfRun(texts, before).length > 0;
    return isElsewhere ? `it fits only outside of \`${name}\`` : tellNearest(texts, before);
  }
  if (places.length === 1) return place;
  const numbers = places.map((at) => at + 1).join(' and ');
  return `it fits at lines ${numbers} of what is typed so far: show a line more around it`;
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
  if (best.same === 0) return `there is no line ${line} in what is typed so far`;
  const instead = best.instead === undefined ? 'nothing' : JSON.stringify(best.instead);
  return `where it has ${line}, there is ${instead} in what is typed so far`;
}

/** A fault of a block. */
export function faultAt({ chapter, fence }: Block, message: string): Fault {
  return { file: chapter, line: fence.line, message };
}
