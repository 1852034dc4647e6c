/**
 * From one stage to the next in blocks: two files come in, and out come blocks that make the second of the first, each of
 * them short enough for a chapter. It helps an author to begin; the order, and the words between, are the author's.
 */
import { diffArrays } from 'diff';
import { MAX_LINES } from './code.ts';
import { indexesOfRun } from './source.ts';
import { isMargin } from './typing.ts';

export interface Step {
  readonly language: 'ts' | 'diff';
  readonly lines: readonly string[];
}

interface Change {
  readonly sign: ' ' | '-' | '+';
  readonly text: string;
}

/** Unchanged lines between two changes that still go into one block. */
const GAP = 2;

/** The blocks that make `file` of `base`, in the order of the lines. */
export function toSteps(base: readonly string[], file: readonly string[]): Step[] {
  const changes = diffArrays([...base], [...file]).flatMap(({ value, added, removed }) =>
    value.map((text): Change => ({ sign: added ? '+' : removed ? '-' : ' ', text })),
  );
  const end = changes.findLastIndex(({ sign }) => sign !== '+') + 1;
  const tail = changes.slice(end).map(({ text }) => text);
  const isFirst = end === 0; // the file it begins as is empty
  const isApart = isFirst || (tail.length < file.length && tail[0] === '' && isMargin(tail[1]));
  const steps = toDiffs(isApart ? changes.slice(0, end) : changes);
  if (!isApart) return steps;
  const typed = file.slice(0, file.length - tail.length);
  return [...steps, ...toAppended(typed, isFirst ? tail : tail.slice(1))];
}

function toDiffs(changes: readonly Change[]): Step[] {
  const steps: Step[] = [];
  for (let start = 0; ; ) {
    const next = changes.findIndex(({ sign }, index) => index >= start && sign !== ' ');
    if (next === -1) return steps;
    let best = { end: next + 1, lines: toDiff(changes, next, next + 1) };
    for (let end = next + 2; end <= changes.length; end++) {
      const inner = changes.slice(Math.max(next, end - GAP - 1), end);
      if (inner.length > GAP && inner.every(({ sign }) => sign === ' ')) break;
      if (changes[end - 1]?.sign === ' ') continue;
      const lines = toDiff(changes, next, end);
      if (lines.length > MAX_LINES) break;
      best = { end, lines };
    }
    steps.push({ language: 'diff', lines: best.lines });
    start = best.end;
  }
}

/** A run of changes with as many lines around it as it takes to find its place. */
function toDiff(changes: readonly Change[], start: number, end: number): string[] {
  const done = changes.slice(0, start).filter(({ sign }) => sign !== '-');
  const rest = changes.slice(end).filter(({ sign }) => sign !== '+');
  const inner = changes.slice(start, end);
  const old = inner.filter(({ sign }) => sign !== '+');
  const all = [...done, ...old, ...rest].map(({ text }) => text);
  for (let around = 1; ; around++) {
    const above = done.slice(-Math.min(around, done.length)).map(({ text }) => text);
    const below =
      around > 1 || above.length === 0 ? rest.slice(0, around).map(({ text }) => text) : [];
    const before = [...above, ...old.map(({ text }) => text), ...below];
    const isAll = above.length === done.length && below.length === rest.length;
    if (!isAll && indexesOfRun(all, before).length !== 1) continue;
    const kept = (text: string) => ` ${text}`.trimEnd();
    const signed = inner.map(({ sign, text }) => (sign === ' ' ? kept(text) : sign + text));
    return [...above.map(kept), ...signed, ...below.map(kept)];
  }
}

/** Lines at the end of a file, cut before those that begin at the margin, where there is an empty line. */
function toAppended(typed: readonly string[], lines: readonly string[]): Step[] {
  if (lines.length === 0) return [];
  const isApart = (at: number) =>
    at === lines.length || (lines[at] === '' && isMargin(lines[at + 1]));
  const goesOn = (at: number) => !isMargin(lines[at]) && !isApart(at);
  const most = Math.min(lines.length, MAX_LINES);
  const ends = Array.from({ length: most }, (_, index) => most - index);
  const end = ends.find(isApart) ?? ends.find(goesOn);
  if (end === undefined) {
    const old = typed.map((text): Change => ({ sign: ' ', text }));
    return toDiffs([...old, ...lines.map((text): Change => ({ sign: '+', text }))]);
  }
  const next = isApart(end) ? end + 1 : end;
  const step: Step = { language: 'ts', lines: lines.slice(0, end) };
  const before = typed.length > 0 && isMargin(lines[0]) ? [...typed, ''] : typed;
  return [step, ...toAppended([...before, ...step.lines], lines.slice(next))];
}
