/**
 * Compares what a chapter shows with what was printed: two lists of lines come in, and whether they are the same, or may
 * still become it. What differs from run to run is made alike first, on both sides.
 */
import { LEFT_OUT, withoutEnd } from './transcript.ts';

export interface Printed {
  readonly text: string;
  /** False while more may come. */
  readonly isWhole: boolean;
  /** Lines may have been left out before it: the step before ended with `...`. */
  readonly isLoose?: boolean;
}

export type Comparison =
  /** As expected, up to this line; `isLoose`: what follows is left out. */
  | { state: 'same'; lines: number; isLoose: boolean }
  /** As expected so far. */
  | { state: 'waiting'; missing: string }
  | {
      state: 'different';
      index: number;
      expected: string | undefined;
      printed: string | undefined;
    };

/** The lines of what was printed. */
export function toLines(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line) => line.trimEnd());
}

/** Ports a reader sees: these, and no others, are the same in each run. */
const PORT =
  /((?:port |localhost:|127\.0\.0\.1:|\[::1?\]:|0\.0\.0\.0:))(?!88\d\d\b|90\d\d\b|8000\b|8080\b)\d+/g;
const PROGRAMS = 'curl|nginx|gunicorn|waitress|uWSGI|Werkzeug|CPython|Python|node';
const MONTHS = 'Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec';
const ALIKE: readonly (readonly [RegExp, string])[] = [
  [new RegExp(`\\w{3}, \\d\\d (?:${MONTHS}) \\d{4} \\d\\d:\\d\\d:\\d\\d GMT`, 'g'), '<date>'],
  [
    new RegExp(`\\[\\d\\d/(?:${MONTHS})/\\d{4}[: ]\\d\\d:\\d\\d:\\d\\d(?: [+-]\\d{4})?\\]`, 'g'),
    '[<date>]',
  ],
  [/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z| ?[+-]\d\d:?\d\d)?/g, '<date>'],
  [/\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b/g, '<time>'],
  [/ *\b\d+(?:\.\d+)? ?(?:ms|µs|s|seconds?)\b/g, ' <time>'],
  [/\b(pid|process|child|parent|worker|primary|supervisor|PID)(es)?([ :=(#]+)\d+/gi, '$1$2$3<pid>'],
  [/^\[?\d+\]?: /, '<pid>: '],
  [PORT, '$1<port>'],
  [new RegExp(`\\b(${PROGRAMS})/v?\\d[\\w.+-]*`, 'gi'), '$1/<version>'],
  [/^([<>] )?(Server: .*?\/)\d[\w.]*/i, '$1$2<version>'],
];
const PID_COLUMNS = /^(PID|PPID|PGID|PGRP|SID|LWP)$/;

/** Lines in which all that differs from run to run is the same. */
export function makeAlike(lines: readonly string[], hidesLengths = false): string[] {
  let columns: number[] = [];
  return lines.map((line) => {
    const words = line.trim().split(/\s+/);
    const heads = words.flatMap((word, index) => (PID_COLUMNS.test(word) ? [index] : []));
    if (heads.length > 0) columns = heads;
    else if (line.trim() === '') columns = [];
    const hidePid = (word: string, at: number) =>
      columns.includes(at) && /^\d+$/.test(word) ? '<pid>' : word;
    let alike = columns.length > 0 ? words.map(hidePid).join(' ') : line.trimEnd();
    for (const [pattern, same] of ALIKE) alike = alike.replace(pattern, same);
    return hidesLengths ? alike.replace(/(Content-Length: )\d+/i, '$1<length>') : alike;
  });
}

/** Compares from the first line on. Where it is not whole, what follows the expected lines is somebody else's. */
export function compare(
  shown: readonly string[],
  { text, isWhole, isLoose = false }: Printed,
): Comparison {
  const hidesLengths = makeAlike(shown).some((line) => line.includes('<pid>')); // a pid may have a digit more
  const expected = makeAlike(withoutEnd(shown), hidesLengths);
  const lines = toLines(text);
  const empty =
    expected[0] === ''
      ? 0
      : Math.max(
          0,
          lines.findIndex((line) => line !== ''),
        ); // they set blocks apart
  const all = lines.slice(empty);
  const printed = makeAlike(isWhole ? withoutEnd(all) : all, hidesLengths);
  const isPartial = !isWhole && !text.endsWith('\n') && printed.length > 0;
  if (expected.length === 0 && isLoose) return { state: 'same', lines: 0, isLoose };
  const segments = toSegments(expected);
  let at = 0;
  let index = 0;
  for (const [count, segment] of segments.entries()) {
    const isFree = count > 0 || isLoose;
    const isLast = count === segments.length - 1;
    const wanted = isLast && isWhole && isFree ? Math.max(at, printed.length - segment.length) : at;
    const found = findSegment(segment, printed, wanted, isFree);
    if (found.at === undefined) {
      const { same } = found;
      const line = printed[wanted + same];
      const missing = shown[index + same] ?? '';
      const mayCome =
        !isWhole &&
        (isFree || line === undefined || (isPartial && wanted + same === printed.length - 1));
      if (mayCome) return { state: 'waiting', missing };
      return {
        state: 'different',
        index: index + same,
        expected: missing,
        printed: all[wanted + same],
      };
    }
    at = found.at + segment.length;
    index += segment.length + 1;
  }
  const endsLoose = segments.length > 1 && segments.at(-1)?.length === 0;
  if (isWhole && !endsLoose && at < printed.length) {
    return { state: 'different', index: expected.length, expected: undefined, printed: all[at] };
  }
  return { state: 'same', lines: empty + at, isLoose: endsLoose };
}

/** A difference in words, and at which of the expected lines it is. */
export function tellDifference(
  shown: readonly string[],
  result: Exclude<Comparison, { state: 'same' }>,
): { index: number; message: string } {
  if (result.state === 'waiting') {
    const message = `shown, and never printed: ${JSON.stringify(result.missing)}`;
    return { index: Math.max(0, shown.indexOf(result.missing)), message };
  }
  const { index, expected, printed } = result;
  const told = (line: string | undefined) =>
    line === undefined ? 'nothing' : JSON.stringify(line);
  return { index, message: `shown is ${told(expected)}, printed was ${told(printed)}` };
}

/** Runs of lines between those that are `...`. */
function toSegments(lines: readonly string[]): string[][] {
  const segments: string[][] = [[]];
  for (const line of lines) {
    if (line === LEFT_OUT) segments.push([]);
    else segments.at(-1)?.push(line);
  }
  return segments;
}

/** Where a run of lines is: at one place, or anywhere behind it. And how many of them were as they should be. */
function findSegment(
  segment: readonly string[],
  printed: readonly string[],
  from: number,
  isFree: boolean,
): { at?: number; same: number } {
  let same = 0;
  for (let at = from; at <= (isFree ? printed.length : from); at++) {
    const difference = segment.findIndex((line, index) => line !== printed[at + index]);
    if (difference === -1) return { at, same: segment.length };
    if (at === from) same = difference;
  }
  return { same };
}
