/**
 * Where a reader's own work is, and how it is started: partN/my/*.ts, or the program that SERVER names. CHECK_HOME moves
 * all of it elsewhere, for tests of this checker.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { ROOT, sameWay } from '../../harness/server-process.ts';
import { STAGES } from '../../stages.ts';
import { type Check, PARTS, type Part } from '../check.ts';
import { stepsOf } from '../ladder.ts';
import { Failure } from '../run/failure.ts';
import { findingPythonApps, isPython, PythonTrial } from '../run/python-trial.ts';
import { runCheck, type Verdict } from '../run/run-check.ts';
import type { Subject } from '../run/trial.ts';

const HOME = process.env.CHECK_HOME ?? ROOT;
/** A program of the reader's in any language; split on spaces, `{file}` being the stage that a check of part 3 wants. */
export const SERVER = process.env.SERVER?.trim() ?? '';
const WORDS = SERVER.split(' ').filter((word) => word !== '');
/** Whether it is given applications in Python; where its command does not say so, APPS does. */
const WANTS_PYTHON =
  SERVER !== '' && (process.env.APPS ? process.env.APPS === 'python' : isPython(WORDS));

export function myFolder(part: Part): string {
  return path.join(HOME, part, 'my');
}

/** Where the progress is kept: the reader's own, or that of the program which SERVER names. */
const PROGRESS =
  SERVER === ''
    ? '.progress.json'
    : `.progress-${createHash('sha256').update(SERVER).digest('hex').slice(0, 8)}.json`;

export function progressFile(part: Part): string {
  return path.join(myFolder(part), PROGRESS);
}

export function myFile(part: Part, file = 'server'): string {
  return path.join(myFolder(part), `${file}.ts`);
}

/** Where a reader has the module of ours of that name: part3/my/http/limits.ts. */
export function inMyFolder(file: string): string {
  const [part = '', ...way] = file.split('/');
  return path.join(HOME, part, 'my', ...way);
}

/** A path as it is said to the reader. */
export function spoken(file: string): string {
  const [inHome, inRoot] = [path.relative(HOME, file), path.relative(ROOT, file)];
  return [inHome, inRoot].find((name) => !name.startsWith('..')) ?? file;
}

/** The part in which something was saved or passed last; part 1 for a beginner. */
export function lastPart(): Part {
  const times = PARTS.map((part) => {
    const folder = myFolder(part);
    if (!existsSync(folder)) return 0;
    const isOwn = (name: string) => name === PROGRESS || !name.startsWith('.progress');
    const files = readdirSync(folder).filter(isOwn);
    return Math.max(0, ...files.map((name) => changed(path.join(folder, name))));
  });
  const latest = Math.max(...times);
  return (latest > 0 && PARTS[times.indexOf(latest)]) || 'part1';
}

function changed(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** What stands in the way of a check before it has begun: a file that is not there. */
export function missingFile(check: Check): string | undefined {
  const file = myFile(check.part, check.file);
  return SERVER === '' && !existsSync(file) ? missing(file, check.part) : undefined;
}

/** A part's checks, from the first one on whose file the reader has: who builds the gateway may have left the ladder out. */
export function stepsFromFirstFile(part: Part): readonly Check[] {
  const steps = stepsOf(part);
  return steps.slice(
    Math.max(
      0,
      steps.findIndex((check) => missingFile(check) === undefined),
    ),
  );
}

function missing(file: string, part: Part): string {
  const gateway = part === 'part3' && file === myFile(part) ? ' --gateway' : '';
  return `${spoken(file)} is not there; this makes it: npm run start -- ${part}${gateway}`;
}

function subjectFor(part: Part): Subject {
  return {
    command: (file) => {
      if (WORDS.length === 0) return sameWay(myFile(part, file));
      const words = WORDS.map((word) => word.replaceAll('{file}', file));
      const runsApps = part !== 'part1' && file === 'server';
      return runsApps && WANTS_PYTHON ? findingPythonApps(words) : words;
    },
  };
}

/** Runs a check on the reader's program. */
export async function examine(check: Check): Promise<Verdict> {
  const reason = missingFile(check);
  if (reason) {
    return { check, state: 'failed', failure: new Failure(reason), took: 0 };
  }
  if (lacksStage(check)) return { check, state: 'skipped', reason: '{file} in SERVER', took: 0 };
  const subject = subjectFor(check.part);
  return WANTS_PYTHON
    ? runCheck(check, subject, new PythonTrial(subject, check.file ?? 'server'))
    : runCheck(check, subject);
}

/** Whether a check wants one of several small programs, and SERVER names a single one. */
function lacksStage({ file = 'server' }: Check): boolean {
  return SERVER !== '' && file !== 'server' && !SERVER.includes('{file}');
}

/** The folders in which a save means a new trial, as they are now. */
export function foldersToWatch(part: Part): string[] {
  const files = SERVER.split(' ').filter(
    (word) => (path.extname(word) !== '' || word.startsWith('.')) && !word.startsWith('-'),
  );
  const folders = files.map((file) => path.dirname(path.resolve(ROOT, file)));
  return SERVER === ''
    ? withFolders(myFolder(part))
    : [...new Set(folders)].filter((name) => existsSync(name));
}

/** A folder and those in it, however deep: the rooms of a gateway. */
function withFolders(folder: string): string[] {
  if (!existsSync(folder)) return [folder]; // in the middle of being replaced
  const inner = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !/^\.|^node_modules$/.test(entry.name))
    .flatMap(({ name }) => withFolders(path.join(folder, name)));
  return [folder, ...inner];
}

/** The program of ours that solves a check. */
export function solutionFile({ solution }: Check): string | undefined {
  const file = path.join(ROOT, STAGES.find(({ id }) => id === solution)?.file ?? solution);
  return existsSync(file) ? file : undefined;
}
