/**
 * `npm run solution`: our program beside the reader's. The difference is git's: whoever has this project has git, its diff is the one people
 * know how to read, and a package for it would be one more thing to keep.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../../harness/server-process.ts';
import type { Check } from '../check.ts';
import { hasColour } from '../tell/terminal.ts';
import { fail, say } from './output.ts';
import { hasPassed } from './progress.ts';
import { myFile, solutionFile, spoken } from './reader.ts';

/** Shows it to who has passed the check, or peeks. */
export function solution(check: Check, peek: boolean): number {
  if (!peek && !hasPassed(check))
    return fail(
      `You have not passed ${check.id} yet; npm run solution -- ${check.id} --peek shows it all the same`,
    );
  say(solutionText(check, hasColour(process.stdout)));
  return 0;
}

/** The solution's name, and the way to it from the reader's file. */
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
