/**
 * Our program beside the reader's. The difference is git's: whoever has this project has git, its diff is the one people
 * know how to read, and a package for it would be one more thing to keep.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../harness/server-process.ts';
import type { Check } from './check.ts';
import { myFile, solutionFile, spoken } from './home.ts';

export function solutionText(check: Check, colour: boolean): string {
  const file = solutionFile(check);
  if (!file) return `There is no solution of ${check.id} here yet.`;
  const mine = myFile(check.part, check.file);
  const head = `A solution of ${check.id}, ${check.title}: ${spoken(file)}`;
  if (!existsSync(mine)) return head;
  const options = [`--color=${colour ? 'always' : 'never'}`, '--no-ext-diff', '--no-prefix'];
  const { stdout, status } = spawnSync(
    'git',
    [
      '--no-pager',
      'diff',
      '--no-index',
      ...options,
      '--',
      path.relative(ROOT, mine),
      path.relative(ROOT, file),
    ],
    { cwd: ROOT, encoding: 'utf8' },
  );
  if (status === 0) return `${head}\nYour file is the same.`;
  if (status !== 1)
    return `${head}\n(git, which would show the difference, is not here: diff -u ${spoken(mine)} ${spoken(file)})`;
  const lines = stdout.trimEnd().split('\n');
  const changes = lines.slice(lines.findIndex((line) => line.includes('--- '))); // above it stands what only git wants
  return [head, 'From yours (-) to it (+):', '', ...changes].join('\n');
}
