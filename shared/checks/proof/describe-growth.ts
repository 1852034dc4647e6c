/** The reader's checks on our own stages, one part at a time, against what the README's growth matrix says of them. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { testOnce } from '../../harness/proven.ts';
import { ROOT } from '../../harness/server-process.ts';
import {
  ask,
  askAll,
  CELLS,
  type Cell,
  findTable,
  isTurn,
  keyOf,
  passedIn,
  toTable,
} from './growth.ts';

/** Whether all cells are asked, and not only those where a row turns; `npm run matrix` asks all of them. */
const IS_FULL = process.env.PROOFS === 'full';

export function describeGrowth(part: string): void {
  const table = findTable(readFileSync(path.join(ROOT, 'README.md'), 'utf8'));
  const passed = passedIn(table);
  const cells = CELLS.filter((cell) => cell.stage.part === part && (IS_FULL || isTurn(cell)));
  vi.setConfig({ maxConcurrency: 4, testTimeout: 120_000 }); // most checks wait for what must not come

  const group = `the checks on the stages of ${part}`;
  describe.skipIf(process.env.SERVER)(group, () => {
    test('the matrix in the README is one that the checks and stages of today make', () => {
      expect(toTable(passed)).toBe(table);
    });

    const shared = cells.filter((cell) => passed.has(keyOf(cell)) && cell.check.part !== 'part3');
    const groups = new Map<string, Cell[]>();
    for (const cell of shared) {
      const name = `${cell.check.part}'s that ${cell.stage.id} passes`;
      groups.set(name, [...(groups.get(name) ?? []), cell]);
    }
    for (const [name, [first, ...more]] of groups) {
      if (!first) continue;
      const title = `${name}, on the same process`;
      const checks = [first, ...more].map(({ check }) => check);
      const what = checks.map(({ id }) => id);
      testOnce({ group, title, what, parts: partsOf(first) }, async () => {
        const verdicts = await askAll(first.check.part, first.stage, checks);
        const failed = verdicts.filter(({ state }) => state !== 'passed');
        expect(failed.map((one) => [one.check.id, one.failure?.message])).toEqual([]);
        expect(verdicts).toHaveLength(checks.length);
      });
    }

    // Who fails may have ended, and part 3's checks end what they are given: a program for each.
    for (const cell of cells.filter((one) => !shared.includes(one))) {
      const title = keyOf(cell);
      const what = passed.has(title);
      testOnce({ group, title, what, parts: partsOf(cell) }, async () => {
        const { state, failure, reason } = await ask(cell);
        const says = `the matrix in the README; npm run matrix makes it anew (${failure?.message ?? reason})`;
        if (state !== 'skipped') expect(state === 'passed', says).toBe(what);
      });
    }
  });
}

function partsOf({ check, stage }: Cell): string[] {
  return [...new Set([check.part, stage.part])].sort();
}
