/** `npm run start`: puts the starters of a part where the reader will write, and never over what has been written there. */
import { copyFileSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../../harness/server-process.ts';
import type { Part } from '../check.ts';
import { wrap } from '../tell/report.ts';
import { lookOf } from '../tell/terminal.ts';
import { fail, say } from './output.ts';
import { myFolder, spoken } from './reader.ts';

export function start(part: Part, force: boolean): number {
  const { made, kept } = putStarters(part, force);
  for (const file of kept)
    say(`${file} is there already and stays as it is (--force writes over it).`);
  if (made.length === 0 && kept.length > 0) say(`  next: npm run learn -- ${part}`);
  if (made.length === 0) return kept.length > 0 ? 1 : fail(`There is no starter for ${part} yet.`);
  for (const file of made) say(`${file} is yours now.`);
  say('', 'Open it in your editor, and in a terminal beside it:', `  npm run learn -- ${part}`);
  const without =
    'Each time you save, it says what your server does and does not do yet. Without watching:';
  say('', ...wrap(without, lookOf(process.stdout).width), `  npm run check -- ${part}`);
  return 0;
}

/** What was made, and what was there already and is left alone. `my` and `start` are neighbours: imports stay right. */
function putStarters(part: Part, force: boolean): { made: string[]; kept: string[] } {
  const [from, folder] = [path.join(ROOT, part, 'start'), myFolder(part)];
  mkdirSync(folder, { recursive: true });
  const [made, kept]: [string[], string[]] = [[], []];
  for (const name of readdirSync(from).filter((file) => file.endsWith('.ts'))) {
    const target = path.join(folder, name);
    const isKept = existsSync(target) && !force;
    if (!isKept) copyFileSync(path.join(from, name), target);
    (isKept ? kept : made).push(spoken(target));
  }
  return { made, kept };
}
