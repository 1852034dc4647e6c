/**
 * `npm run solution`: our program beside the reader's. The difference is git's: whoever has this project has git, its diff is the one people
 * know how to read, and a package for it would be one more thing to keep.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../../harness/server-process.ts';
import { STAGES } from '../../stages.ts';
import type { Check } from '../check.ts';
import { wrap } from '../tell/report.ts';
import { hasColour, lookOf } from '../tell/terminal.ts';
import { fail, say } from './output.ts';
import { hasPassed } from './progress.ts';
import { inMyFolder, myFile, solutionFile, spoken } from './reader.ts';

/** Shows it to who has passed the check, or peeks. */
export function solution(check: Check, peek: boolean): number {
  if (!peek && !hasPassed(check))
    return fail(
      `You have not passed ${check.id} yet; npm run solution -- ${check.id} --peek shows it all the same`,
    );
  say(solutionText(check, hasColour(process.stdout)));
  return 0;
}

/** The solution's name, the modules it needs, and the way to all of them from the reader's files. */
export function solutionText(check: Check, colour: boolean): string {
  const file = solutionFile(check);
  if (!file) return `There is no solution of ${check.id} here yet.`;
  const modules = modulesOf(check.solution);
  const head = [
    `A solution of ${check.id}, ${check.title}: ${spoken(file)}`,
    ...listed(`New with ${check.solution}`, modules.own),
    ...listed('From the stages before it', modules.before),
  ];
  const pairs = [[myFile(check.part, check.file), file] as const];
  for (const module of [...modules.own, ...modules.before])
    pairs.push([inMyFolder(module), path.join(ROOT, module)]);
  const ways = pairs
    .filter(([mine]) => existsSync(mine))
    .map(([mine, ours]) => way(mine, ours, colour));
  if (ways.length === 0) return head.join('\n');
  const changes = ways.filter((text) => text !== '');
  if (changes.length === 0) return [...head, 'Your file is the same.'].join('\n');
  return [...head, 'From yours (-) to it (+):', '', ...changes].join('\n');
}

/** The modules that a stage is typed with, and those that it has from the stages before it. */
function modulesOf(id: string): { own: string[]; before: string[] } {
  const stage = STAGES.find((one) => one.id === id);
  const beside = (stage?.beside ?? []).map((one) =>
    typeof one === 'string' ? { file: one } : one,
  );
  const origins = [stage?.from, ...beside.map((one) => ('from' in one ? one.from : undefined))];
  const earlier = origins.flatMap((origin) => {
    if (origin === undefined) return [];
    const { own, before } = modulesOf(typeof origin === 'string' ? origin : origin.from);
    return [...before, ...own];
  });
  const own = beside.map(({ file }) => file);
  return { own, before: [...new Set(earlier)].filter((file) => !own.includes(file)) };
}

/** A line for each folder: `New with 3k, in part3/server/: outbox.ts`. */
function listed(what: string, modules: readonly string[]): string[] {
  const { width } = lookOf(process.stdout);
  return [...new Set(modules.map((module) => path.dirname(module)))].flatMap((folder) => {
    const here = modules.filter((module) => path.dirname(module) === folder);
    const names = here.map((module) => path.basename(module)).join(', ');
    return wrap(`${what}, in ${folder}/: ${names}`, width);
  });
}

/** What git says of two files; nothing if they are the same. */
function way(mine: string, ours: string, colour: boolean): string {
  const options = [`--color=${colour ? 'always' : 'never'}`, '--no-ext-diff', '--no-prefix'];
  const files = [mine, ours].map((file) => path.relative(ROOT, file));
  const { stdout, status } = spawnSync(
    'git',
    ['--no-pager', 'diff', '--no-index', ...options, '--', ...files],
    { cwd: ROOT, encoding: 'utf8' },
  );
  if (status === 0) return '';
  if (status !== 1)
    return `(git, which would show the difference, is not here: diff -u ${spoken(mine)} ${spoken(ours)})`;
  const lines = stdout.trimEnd().split('\n');
  return lines.slice(lines.findIndex((line) => line.includes('--- '))).join('\n'); // above it stands what only git wants
}
