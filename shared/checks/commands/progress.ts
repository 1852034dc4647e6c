/**
 * What the checker remembers of a reader, in partN/my/.progress.json: what passed, and how many hints were asked for. Each
 * program that SERVER has named has a file of its own beside it.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../../harness/server-process.ts';
import type { Check, Part } from '../check.ts';
import type { Verdict } from '../run/run-check.ts';
import { explain, type Look } from '../tell/report.ts';
import { progressFile } from './reader.ts';
import { LADDER_VERSION, renumber } from './renumbering.ts';

export interface Progress {
  /** Ids of the checks that passed when they were last run. */
  readonly passed: readonly string[];
  /** For an id, how many hints were given. */
  readonly hints: Readonly<Record<string, number>>;
  /** For the id of a check that failed when it was last run, why, as it was said. */
  readonly failed: Readonly<Record<string, string>>;
}

const NOTHING: Progress = { passed: [], hints: {}, failed: {} };
/** How failures are remembered: without colours, and narrow enough for any screen. */
const PLAIN: Look = { width: 80, paint: (_, text) => text };
const HINTS = 3;

export function readProgress(part: Part): Progress {
  try {
    const {
      passed,
      hints,
      failed = {},
      ladder,
    } = JSON.parse(readFileSync(progressFile(part), 'utf8'));
    if (!Array.isArray(passed) || typeof hints !== 'object') return NOTHING;
    if (ladder === LADDER_VERSION) return { passed, hints, failed };
    return { ...renumber({ passed, hints }), failed: {} };
  } catch {
    return NOTHING; // not there yet, or spoilt: nobody loses more than a list of ticks
  }
}

export function forgetProgress(part: Part): void {
  rmSync(progressFile(part), { force: true });
}

/** Keeps the verdict: who breaks what once passed has not passed it any more. */
export function remember(verdict: Verdict): void {
  const { check, state } = verdict;
  const { passed, hints, failed } = readProgress(check.part);
  const others = passed.filter((id) => id !== check.id);
  const { [check.id]: _, ...faults } = failed;
  const why = explain(verdict, ROOT, PLAIN).join('\n');
  write(check.part, {
    passed: state === 'passed' ? [...others, check.id] : others,
    hints,
    failed: state === 'failed' ? { ...faults, [check.id]: why } : faults,
  });
}

/** One hint more than last time, and never more than there are: how many the reader may see now. */
export function takeHint(check: Check): number {
  const { hints, ...others } = readProgress(check.part);
  const level = Math.min((hints[check.id] ?? 0) + 1, HINTS);
  write(check.part, { ...others, hints: { ...hints, [check.id]: level } });
  return level;
}

export function hasPassed(check: Check): boolean {
  return readProgress(check.part).passed.includes(check.id);
}

/** Written beside and renamed: `learn` and `hint` may run at the same time, and none must read a half. */
function write(part: Part, progress: Progress): void {
  const file = progressFile(part);
  mkdirSync(path.dirname(file), { recursive: true });
  const kept = { ladder: LADDER_VERSION, ...progress };
  writeFileSync(`${file}.${process.pid}`, `${JSON.stringify(kept, null, 2)}\n`);
  renameSync(`${file}.${process.pid}`, file);
}
