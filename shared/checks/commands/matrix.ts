/**
 * The command line behind `npm run matrix`: asks every stage every check that it can be asked, and writes the growth matrix
 * into the README anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../../harness/server-process.ts';
import { ask, CELLS, findTable, keyOf, toTable } from '../proof/growth.ts';

const HELP = `Usage: npm run matrix

Asks every stage every check, and writes the growth matrix of README.md anew; takes some minutes.

  --help  this text`;

/** Checks that run side by side: most of them wait for what must not come. */
const SIDE_BY_SIDE = 4;

const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h' } } });
if (values.help) console.log(HELP);
else await writeMatrix(path.join(ROOT, 'README.md'));

async function writeMatrix(file: string): Promise<void> {
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
