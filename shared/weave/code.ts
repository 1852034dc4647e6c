/**
 * Code in chapters is cut from files. A chapter comes in; out go the faults of its blocks, and the lines that a block
 * should have. The line above a block names its source: `[webserver1.ts](webserver1.ts), `respond`:`. Blocks that are typed
 * into a file, one after the other, are not held against it here: typing.ts does that.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Caption, captionOf, FORM } from './caption.ts';
import type { Chapter, Fault, Fence } from './chapter.ts';
import { parseHunks } from './hunk.ts';
import { dedent, findDedented, findNamed, indentOf, indexesOfRun, type Named } from './source.ts';

/** A block says one thing; a longer one is two. */
export const MAX_LINES = 16;
/** Languages whose blocks are cut from files, and what those files end in. */
const LANGUAGES: Record<string, RegExp> = {
  ts: /\.ts$/,
  diff: /\.ts$/,
  js: /\.m?js$/,
  python: /\.py$/,
  ruby: /\.(rb|ru)$/,
  java: /\.java$/,
  perl: /\.(pl|psgi)$/,
  nginx: /\.conf$/,
};
/** Languages of fences that hold no code of ours. */
const OTHERS = ['', 'text', 'console', 'sh'];

/** A block and the lines of its source it must be found in; several where a name is declared several times. */
interface Cut {
  readonly what: string;
  /** The first is the declaration with its comment, without it the second. */
  readonly sources: readonly { lines: readonly string[]; head: number }[];
}

/** What is wrong with a chapter's blocks of code, as they are. `typed` are the files that its reader types. */
export function checkCode(
  chapter: Chapter,
  root: string,
  typed: ReadonlySet<string> = new Set(),
): Fault[] {
  return chapter.fences.flatMap((fence) => {
    if (!isCode(chapter, fence)) {
      if (OTHERS.includes(fence.language)) return [];
      const message = `there is no language \`${fence.language}\` here: ${languages()}`;
      return [{ file: chapter.file, line: fence.line, message }];
    }
    const messages = checkBlock(chapter, fence, root, typed);
    return messages.map(([line, message]) => ({ file: chapter.file, line, message }));
  });
}

function checkBlock(
  chapter: Chapter,
  fence: Fence,
  root: string,
  typed: ReadonlySet<string>,
): [line: number, message: string][] {
  const { line, lines: block } = fence;
  const caption = captionOf(chapter, fence);
  const cut = findSource(fence, caption, root);
  if (typeof cut === 'string') return [[line, cut]];
  const faults: [number, string][] = [];
  if (block.length > MAX_LINES)
    faults.push([line, `a block of ${block.length} lines; ${MAX_LINES} at most: make it two`]);
  if (fence.language === 'diff' && caption?.isQuote)
    faults.push([line, 'a diff is typed and not quoted: leave From away']);
  if (isTyped(fence, caption, typed)) return faults;
  if (fence.language === 'diff') {
    const message = checkDiff(cut, block);
    return message === undefined ? faults : [...faults, [line, message]];
  }
  if (cut.sources.some(({ lines }) => findDedented(lines, block) !== -1)) return faults;
  const [index, message] = tellDifference(cut, block);
  return [...faults, [line + 1 + index, `${message}; npm run weave refreshes it`]];
}

/** What a diff leaves is in a file that is not typed yet; later blocks may change it only in one that is. */
function checkDiff(cut: Cut, block: readonly string[]): string | undefined {
  const hunks = parseHunks(block);
  if (typeof hunks === 'string') return hunks;
  const isThere = (run: readonly string[]) =>
    cut.sources.some(({ lines }) => indexesOfRun(lines, run).length > 0);
  const lost = hunks.find(({ after }) => !isThere(after));
  return lost && tellDifference(cut, lost.after)[1];
}

/** The lines that a chapter's blocks should have where they have others, and the blocks that have lost their place. */
export function refreshCode(
  chapter: Chapter,
  root: string,
  typed: ReadonlySet<string> = new Set(),
): { changes: Map<Fence, readonly string[]>; faults: Fault[] } {
  const changes = new Map<Fence, readonly string[]>();
  const faults: Fault[] = [];
  for (const fence of chapter.fences.filter((fence) => isCode(chapter, fence))) {
    const caption = captionOf(chapter, fence);
    const cut = findSource(fence, caption, root);
    const line = fence.line;
    const isGiven = isTyped(fence, caption, typed) && fence.lines.length > 0;
    if (typeof cut === 'string') {
      faults.push({ file: chapter.file, line, message: cut });
    } else if (fence.language !== 'diff' && !isGiven) {
      if (cut.sources.some(({ lines }) => findDedented(lines, fence.lines) !== -1)) continue;
      const found = cut.sources.map((source) => recut(source, fence.lines));
      const lines = found.find((result) => typeof result !== 'string');
      if (lines) changes.set(fence, lines as readonly string[]);
      else faults.push({ file: chapter.file, line, message: `${found[0]} in ${cut.what}` });
    }
  }
  return { changes, faults };
}

/** Whether a block goes into a file that is typed, and so is no part of what the file has in the end. */
function isTyped(
  { language }: Fence,
  caption: Caption | undefined,
  typed: ReadonlySet<string>,
): boolean {
  if (!caption || caption.isQuote) return false;
  return ['ts', 'diff'].includes(language) && typed.has(caption.file);
}

/** Fences that must have a source, and those that name one all the same. */
function isCode(chapter: Chapter, fence: Fence): boolean {
  if (fence.language in LANGUAGES) return true;
  return captionOf(chapter, fence) !== undefined && !['console', 'sh'].includes(fence.language);
}

/** The lines a block is cut from, or what is in the way. */
function findSource({ language }: Fence, caption: Caption | undefined, root: string): Cut | string {
  if (!caption)
    return `a block in ${language} has a line of its own above it that says what it is cut from: ${FORM}`;
  const { link, file, name } = caption;
  if (file.startsWith('..')) return `${link} is not a file of this project`;
  const wanted = LANGUAGES[language];
  if (wanted && !wanted.test(file)) return `${link} is no file in ${language}`;
  let text: string;
  try {
    text = readFileSync(path.join(root, file), 'utf8').trimEnd();
  } catch {
    return `there is no file ${file}`;
  }
  const lines = text.split('\n');
  if (name === undefined) return { what: file, sources: [{ lines, head: 0 }] };
  const named = toNamed(file);
  if (!named) return `names are known in TypeScript and Python only: leave \`${name}\` away`;
  const ranges = findNamed(text, named, name);
  if (ranges.length === 0) return `there is no \`${name}\` in ${file}`;
  const sources = ranges.map(({ start, head, end }) => ({
    lines: lines.slice(start, end),
    head: head - start,
  }));
  return { what: `${file}, \`${name}\``, sources };
}

function toNamed(file: string): Named | undefined {
  if (/\.m?[tj]s$/.test(file)) return 'ts';
  return file.endsWith('.py') ? 'python' : undefined;
}

function languages(): string {
  return `${[...Object.keys(LANGUAGES), 'console', 'sh'].join(', ')}, and text for all else`;
}

/** Cuts a block anew by its first and its last line. An empty block becomes the whole thing. */
function recut(
  { lines, head }: { lines: readonly string[]; head: number },
  block: readonly string[],
): string[] | string {
  const [first, last] = [block[0], block.at(-1)];
  if (first === undefined || last === undefined) return dedent(lines.slice(head));
  const starts = indexesOf(lines, (line) => line.trim() === first.trim());
  if (starts.length !== 1) return lost('first', first, starts.length);
  const [start = 0] = starts;
  if (block.length === 1) return dedent(lines.slice(start, start + 1));
  // A closing brace is there many times: it is the one that stands as deep, seen from the first line.
  const depth = indentOf(lines[start] ?? '') + indentOf(last) - indentOf(first);
  const isEnd = (line: string, index: number) =>
    index > start && line.trim() === last.trim() && indentOf(line) === depth;
  const ends = indexesOf(lines, isEnd);
  const isAlone = block.filter((line) => line === last).length === 1;
  const isCloser = /^[)}\]]/.test(last.trim()) && indentOf(last) === indentOf(first);
  const [end] = ends;
  if (end === undefined || (ends.length > 1 && !(isAlone && isCloser)))
    return lost('last', last, ends.length);
  return dedent(lines.slice(start, end + 1));
}

function lost(which: string, line: string, times: number): string {
  const count = times === 0 ? 'is not' : `is ${times} times`;
  return `the block lost its place: its ${which} line ${JSON.stringify(line)} ${count}`;
}

function indexesOf(
  lines: readonly string[],
  matches: (line: string, index: number) => boolean,
): number[] {
  return lines.flatMap((line, index) => (matches(line, index) ? [index] : []));
}

/** The first line of a block that is not in its source, and what is there instead. */
function tellDifference(cut: Cut, block: readonly string[]): [number, string] {
  const [index, theirs] = firstDifference(cut, block);
  const instead = theirs === undefined ? '' : `, where the source has ${JSON.stringify(theirs)}`;
  return [index, `not in ${cut.what}: ${JSON.stringify(block[index] ?? '')}${instead}`];
}

/** Where a block leaves its source: the longest run of the source that it begins with. */
function firstDifference(cut: Cut, block: readonly string[]): [number, string | undefined] {
  let best: [number, string | undefined] = [0, undefined];
  for (const { lines } of cut.sources) {
    for (const start of lines.keys()) {
      const run = lines.slice(start, start + block.length).map((line) => line.trim());
      const index = block.findIndex((line, at) => line.trim() !== run[at]);
      const same = index === -1 ? 0 : index; // all the same but for the indentation
      if (same > best[0] || (index === -1 && best[0] === 0)) best = [same, lines[start + same]];
    }
  }
  return best;
}
