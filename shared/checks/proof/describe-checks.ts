/**
 * The checks of a part, checked: what is right passes, and each mistake fails its check under its name, and none before it.
 * It finds checks, mistakes, starters and solutions in the part's folders.
 */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { testOnce } from '../../harness/proven.ts';
import { quick, ROOT } from '../../harness/server-process.ts';
import type { Check, Part } from '../check.ts';
import { exercisesOf, isExercise, LADDER, stepsOf } from '../ladder.ts';
import type { Mistake } from '../mistake.ts';
import { runCheck, type Verdict } from '../run/run-check.ts';
import type { Subject } from '../run/trial.ts';
import { copyMistake, programOf } from './copy.ts';
import { LongTrial, runChecks } from './long-trial.ts';

/**
 * Whether each mistake is put to all checks before its own, too. That takes three times as long, and is for who has changed
 * a check.
 */
const IS_FULL = process.env.PROOFS === 'full';

const isHere = ({ needs }: Check) => needs !== 'Linux' || process.platform === 'linux';

/** A program of this project. */
export function ours(file: string): Subject {
  return { isOurs: true, command: () => quick(path.join(ROOT, file)) };
}

export function find(id: string): Check {
  const check = LADDER.find((one) => one.id === id);
  if (!check) throw new Error(`There is no check ${id}`);
  return check;
}

export function expectPass({ check, state, failure }: Verdict): void {
  const told = failure && `${failure.message} ${failure.details.stderr ?? ''}`;
  const wanted = isHere(check) ? 'passed' : 'skipped';
  expect([check.id, state, told]).toEqual([check.id, wanted, undefined]);
}

/** What a check says to a program, or that it passes. */
export async function told(check: Check, subject: Subject): Promise<string> {
  const { failure } = await runCheck(check, subject);
  return failure?.message ?? 'passes';
}

export function describeChecks(part: Part): void {
  const [steps, exercises] = [stepsOf(part), exercisesOf(part)];
  const all = [...steps, ...exercises];
  vi.setConfig({ maxConcurrency: part === 'part3' ? 3 : 4, testTimeout: 180_000 }); // a mistake may pass many checks before its own

  describe(`what the checks of ${part} are made of`, () => {
    test('they are numbered without a gap, and each has a name of its own', () => {
      const number = part.slice(-1);
      const two = (index: number) => `${index + 1}`.padStart(2, '0');
      expect(steps.map(({ id }) => id)).toEqual(steps.map((_, i) => `${number}-${two(i)}`));
      expect(exercises.map(({ id }) => id)).toEqual(exercises.map((_, i) => `${number}-x${i + 1}`));
      expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
    });

    test.each(all)('$id has all that helps, and a mistake that it catches', (check) => {
      expect(check.hints.filter((hint) => hint.length > 20)).toHaveLength(3);
      expect(check.lenient.length).toBeGreaterThan(0);
      expect(check.title).toMatch(/^[A-Z].*[^.]$/);
      expect(programOf(check)).toMatch(/\.ts$/);
      expect(check.mistakes.length).toBeGreaterThan(0);
      const named = check.mistakes.filter(({ isNamed }) => isNamed !== false);
      const kinds = new Set(
        named.map(({ name, file, edits }) => JSON.stringify([name, file, edits])),
      );
      expect(kinds.size).toBe(named.length);
    });

    test('every starter fails a check, which says what to do next', () => {
      const names = readdirSync(path.join(ROOT, part, 'start')).filter((name) =>
        name.endsWith('.ts'),
      );
      const failing = all.flatMap(({ mistakes }) => mistakes.map(({ file }) => file));
      expect(
        names.map((name) => `${part}/start/${name}`).filter((file) => !failing.includes(file)),
      ).toEqual([]);
    });
  });

  describe(`the solutions of ${part}`, () => {
    for (const program of new Set(exercises.map(programOf))) {
      const solved = exercises.filter((check) => programOf(check) === program);
      const title = `${program} passes ${solved.map(({ id }) => id).join(', ')}`;
      testOnce({ group: `the solutions of ${part}`, title, parts: [part] }, async () => {
        const [first] = solved;
        const earlier = first?.solution.includes('/') ? before(first, all) : [];
        for (const verdict of await runAll(earlier, ours(program))) expectPass(verdict);
        for (const check of solved) expectPass(await runCheck(check, ours(program)));
      });
    }
  });

  const group = `the mistakes of ${part}`;
  describe(group, () => {
    for (const check of all.filter(isHere))
      for (const mistake of check.mistakes) {
        const title = `${check.id} ${labelOf(mistake)}`;
        const [of = part] = mistake.file?.split('/') ?? [];
        const parts = [...new Set([part, of])];
        testOnce({ group, title, what: mistake, parts }, () => prove(check, mistake, all));
      }
  });
}

async function prove(check: Check, mistake: Mistake, all: readonly Check[]): Promise<void> {
  const copy = copyMistake(check, mistake);
  try {
    const isOwnProgram = !isExercise(check) || mistake.edits; // not one that has never heard of the exercise
    const earlier = IS_FULL && isOwnProgram ? before(check, all) : [];
    for (const verdict of await runAll(earlier, copy.subject, mistake)) expectPass(verdict);
    const { failure } = await runCheck(check, copy.subject);
    const says = failure?.message ?? 'passes';
    expect(isSaid(says, mistake.says) ? mistake.says : says).toBe(mistake.says);
    const name = mistake.isNamed === false ? undefined : mistake.name;
    expect(failure?.details.mistake).toBe(name);
  } finally {
    copy.remove();
  }
}

/** The checks before this one that look at the same file of the reader's. */
function before({ id, file }: Check, all: readonly Check[]): readonly Check[] {
  const end = all.findIndex((check) => check.id === id);
  return all.slice(0, end).filter((check) => check.file === file);
}

/** Part 3's checks count processes and descriptors, and end what they are given: each of them gets a new one. */
async function runAll(
  checks: readonly Check[],
  subject: Subject,
  { remembers }: Pick<Mistake, 'remembers'> = {},
): Promise<Verdict[]> {
  const isFresh = remembers || checks[0]?.part === 'part3';
  if (!isFresh) return runChecks(new LongTrial(subject), subject, checks);
  const verdicts: Verdict[] = [];
  for (const check of checks) verdicts.push(await runCheck(check, subject));
  return verdicts;
}

function labelOf({ name, file, edits, program }: Mistake): string {
  return file && !edits && !program ? `${name} (${file})` : name;
}

/** Whether a message is the one that is pinned, in which NOW is some time, and N some number. */
function isSaid(message: string, pinned: string): boolean {
  const pattern = pinned
    .replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
    .replace(/\bNOW\b/g, '[^"]+')
    .replace(/\bN\b/g, '[\\d,]+');
  return new RegExp(`^${pattern}$`, 's').test(message);
}
