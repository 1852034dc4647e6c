/** The growth matrix of the README, made anew: every check runs on every stage that it can be asked of. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ask, CELLS, findTable, keyOf, toTable } from '../checks/growth.ts';

/** Checks that run side by side: most of them wait for what must not come. */
const SIDE_BY_SIDE = 4;

/** Writes the matrix into the README under `root`; a minute or two. */
export async function writeMatrix(root: string): Promise<void> {
  const file = path.join(root, 'README.md');
  const passed = new Set<string>();
  const cells = CELLS.values();
  const work = async () => {
    for (const cell of cells) {
      const { state, failure } = await ask(cell);
      if (state === 'passed') passed.add(keyOf(cell));
      console.log(`${keyOf(cell)}: ${failure?.message ?? state}`);
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work));
  const page = readFileSync(file, 'utf8');
  writeFileSync(
    file,
    page.replace(findTable(page), () => toTable(passed)),
  );
}
