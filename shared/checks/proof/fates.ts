/**
 * Puts checks to mutants, and keeps how each fared: a check that no mutant fails, and a mutant that no check sees, say where
 * a reader's mistake would pass. It starts nothing itself: who calls it says how a check is run.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Verdict } from '../run/run-check.ts';
import type { Mutant } from './mutate.ts';

/** How a check saw a mutant fail. */
export type End = 'failed' | 'timed out' | 'crashed';
/** The check that a mutant failed, and how; or that it passed them all. */
export type Fate = { readonly by: string; readonly end: End } | 'survived';
export type Fates = Map<string, Fate>;

/** Runs a check on a mutant: how it failed, or nothing if it passed. */
export type Examine = (mutant: Mutant, check: string) => Promise<End | undefined>;

/** What a check sees of the unchanged stage: which mutants' places it leads to, in how many milliseconds. */
export interface Sight {
  readonly check: string;
  readonly ms: number;
  readonly ids: readonly string[];
}

/**
 * Finds the fate of every mutant that has none yet, so many at a time, and tells of each at once. A check whose run does not
 * lead to the mutant's place cannot tell, and is not asked.
 */
export async function decide(
  mutants: readonly Mutant[],
  sights: readonly Sight[],
  fates: Fates,
  examine: Examine,
  tell: () => void,
  atATime = 1,
): Promise<void> {
  const open = mutants.filter(({ id }) => !fates.has(id)).values();
  const quickFirst = sights
    .toSorted((a, b) => a.ms - b.ms)
    .map(({ check, ids }) => ({ check, ids: new Set(ids) }));
  const work = async () => {
    for (const mutant of open) {
      const checks = quickFirst.filter(({ ids }) => ids.has(mutant.id)).map(({ check }) => check);
      fates.set(mutant.id, await fateOf(mutant, likeliestFirst(checks, mutant, fates), examine));
      tell();
    }
  };
  await Promise.all(Array.from({ length: atATime }, work));
}

async function fateOf(mutant: Mutant, checks: readonly string[], examine: Examine): Promise<Fate> {
  for (const check of checks) {
    const end = await examine(mutant, check);
    // Once may be bad luck on a busy machine, and would make the checks look better than they are.
    if (end && (await examine(mutant, check))) return { by: check, end };
  }
  return 'survived';
}

/** The checks that killed its neighbours come first, the nearest at the head. */
function likeliestFirst(
  checks: readonly string[],
  { id }: Mutant,
  fates: Fates,
): readonly string[] {
  const distance = (other: string) => Math.abs(Number(other) - Number(id));
  const killers = [...fates].flatMap(([other, fate]) =>
    fate === 'survived' ? [] : [{ check: fate.by, distance: distance(other) }],
  );
  const near = killers.sort((a, b) => a.distance - b.distance).map(({ check }) => check);
  return [...new Set([...near.filter((check) => checks.includes(check)), ...checks])];
}

/** How a verdict is told of a mutant. */
export function endOf({ state, failure }: Verdict): End | undefined {
  if (state !== 'failed') return undefined;
  const cause = failure?.details.cause ?? 'wrong';
  if (cause === 'timed out' || cause === 'not ready') return 'timed out';
  return cause === 'exited' || cause === 'did not start' ? 'crashed' : 'failed';
}

/** What the stage and the checks were when something was found. */
export interface Digests {
  readonly stage: string;
  readonly checks: string;
}

/** What was found before. */
export interface Known {
  readonly fates: Fates;
  readonly sights: readonly Sight[];
}

interface Kept extends Digests {
  readonly fates: readonly (readonly [id: string, fate: Fate])[];
  readonly sights: readonly Sight[];
}

/** Reads what is known: of another stage nothing holds; of other checks, what was killed is dead, what survived is asked again. */
export function readKnown(file: string, { stage, checks }: Digests): Known {
  const nothing = { fates: new Map(), sights: [] };
  try {
    const kept: Kept = JSON.parse(readFileSync(file, 'utf8'));
    if (kept.stage !== stage) return nothing;
    if (kept.checks === checks) return { fates: new Map(kept.fates), sights: kept.sights };
    return { fates: new Map(kept.fates.filter(([, fate]) => fate !== 'survived')), sights: [] };
  } catch {
    return nothing; // not there yet, or spoilt: it is found again
  }
}

/** Written beside and renamed: whenever it is stopped, the file is whole. */
export function writeKnown(file: string, digests: Digests, { fates, sights }: Known): void {
  mkdirSync(path.dirname(file), { recursive: true });
  const kept: Kept = { ...digests, sights, fates: [...fates] };
  writeFileSync(`${file}.${process.pid}`, JSON.stringify(kept));
  renameSync(`${file}.${process.pid}`, file);
}

/** A survivor that nobody can tell from the stage, or need not, and why: a line of `partN/test/survivors.ts`. */
export interface Excuse {
  readonly file: string;
  /** What the line says, or a part of it that no other line has. */
  readonly line: string;
  /** The changes meant: those whose original, or replacement, has this text. Without it: all on the line. */
  readonly change?: string;
  readonly why: string;
}

/** The excuse of a mutant, if it has one. `lineOf` gives the text of a line. */
export function excuseOf(
  { file, line, original, replacement }: Mutant,
  excuses: readonly Excuse[],
  lineOf: (file: string, line: number) => string,
): Excuse | undefined {
  const isMeant = ({ change = '' }: Excuse) =>
    original.includes(change) || replacement.includes(change);
  const there = excuses.filter((excuse) => excuse.file === file);
  const text = there.length > 0 ? lineOf(file, line) : '';
  return there.find((excuse) => text.includes(excuse.line) && isMeant(excuse));
}

/** Each survivor without an excuse, with its place; excuses that excuse nothing; and the score. */
export function reportLines(
  name: string,
  mutants: readonly Mutant[],
  fates: Fates,
  excuses: readonly Excuse[] = [],
  lineOf: (file: string, line: number) => string = () => '',
): string[] {
  const alive = mutants.filter(({ id }) => fates.get(id) === 'survived');
  const excused = new Map(alive.map((mutant) => [mutant, excuseOf(mutant, excuses, lineOf)]));
  const survivors = alive.filter((mutant) => !excused.get(mutant));
  const idle = excuses.filter((excuse) => ![...excused.values()].includes(excuse));
  const [count, others] = [mutants.length, mutants.length - (alive.length - survivors.length)];
  const killed = count - alive.length;
  const by = (end: End) =>
    mutants
      .map(({ id }) => fates.get(id))
      .filter((fate) => typeof fate === 'object' && fate.end === end).length;
  const percent = ((100 * killed) / others).toFixed(1);
  return [
    ...survivors.flatMap((mutant) => fateLines(mutant, fates)),
    ...idle.map(({ file, line, change = '' }) => `excuses nothing: ${file}: ${line} ${change}`),
    '',
    `${name}: ${killed} of ${count} mutants are killed, ${count - others} have an excuse: ${percent} % of the others`,
    `(${by('failed')} fail a check, ${by('crashed')} crash in it, ${by('timed out')} run out of its time)`,
  ];
}

/** A mutant as a change, and how it fared: where, what stood there, what stands there instead. */
export function fateLines({ id, file, line, original, replacement }: Mutant, fates: Fates) {
  const fate = fates.get(id);
  const told = typeof fate === 'object' ? `killed by ${fate.by}: ${fate.end}` : 'survives';
  return [`${file}:${line} ${told}`, `  - ${brief(original)}`, `  + ${brief(replacement)}`];
}

const MOST = 110;

function brief(code: string): string {
  const text = code.replace(/\s+/g, ' ');
  return text.length > MOST ? `${text.slice(0, MOST)} …` : text;
}
