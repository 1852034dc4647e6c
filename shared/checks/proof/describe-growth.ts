/** The reader's checks on our own stages, one part at a time, against what the README's growth matrix says of them. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { ROOT } from '../../harness/server-process.ts';
import { ask, CELLS, findTable, keyOf, passedIn, toTable } from './growth.ts';

export function describeGrowth(part: string): void {
  const table = findTable(readFileSync(path.join(ROOT, 'README.md'), 'utf8'));
  const passed = passedIn(table);
  const cells = CELLS.filter(({ stage }) => stage.part === part);
  vi.setConfig({ maxConcurrency: 4, testTimeout: 120_000 }); // most checks wait for what must not come

  describe.skipIf(process.env.SERVER)(`the checks on the stages of ${part}`, () => {
    test('the matrix in the README is one that the checks and stages of today make', () => {
      expect(toTable(passed)).toBe(table);
    });

    test.concurrent.each(cells.map((cell) => [keyOf(cell), cell] as const))(
      '%s',
      async (key, cell) => {
        const { state, failure, reason } = await ask(cell);
        const says = `the matrix in the README; npm run matrix makes it anew (${failure?.message ?? reason})`;
        if (state !== 'skipped') expect(state === 'passed', says).toBe(passed.has(key));
      },
    );
  });
}
