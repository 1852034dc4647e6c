/**
 * The growth matrix: which check each of our stages passes, from the first echo to the gateway. Checks are its rows, stages
 * its columns; what stands in a cell comes from running the one on the other. It knows no file it is kept in.
 */
import path from 'node:path';
import { quick, ROOT } from '../../harness/server-process.ts';
import { STAGES, type Stage } from '../../stages.ts';
import type { Check, Part } from '../check.ts';
import { isExercise, LADDER } from '../ladder.ts';
import { runCheck, type Verdict } from '../run/run-check.ts';
import type { Subject } from '../run/trial.ts';
import { placeOf } from '../tell/report.ts';
import { LongTrial, runChecks } from './long-trial.ts';

export interface Cell {
  readonly check: Check;
  readonly stage: Stage;
}

const ROWS = LADDER.filter((check) => !isExercise(check));
/** All that serve in HTTP or nearly so: not 2a, which has no socket, and not the client. */
const COLUMNS = STAGES.filter(({ can }) => can.length > 0);
/** The cells that are asked: those where the stage speaks the check's language, and has the options it needs. */
export const CELLS: readonly Cell[] = ROWS.flatMap((check) =>
  COLUMNS.filter((stage) => isAsked(check, stage)).map((stage) => ({ check, stage })),
);

/** Where a row turns: the stage that solves a check, and the one before it in the row, which does not. */
export function isTurn({ check, stage }: Cell): boolean {
  const row = CELLS.filter((cell) => cell.check === check).map((cell) => cell.stage.id);
  const turn = row.indexOf(check.solution);
  return turn === -1 || [turn - 1, turn].includes(row.indexOf(stage.id));
}

function isAsked({ part, file, until }: Check, stage: Stage): boolean {
  const last = STAGES.findLastIndex(({ id }) => until === undefined || id === until);
  if (STAGES.indexOf(stage) > last) return false;
  const isOfLadder = stage.part === 'part3' && !stage.can.includes('keep-alive');
  if (file !== undefined) return isOfLadder;
  if (part === 'part3') return stage.can.includes('contract') || stage.can.includes('keep-alive');
  const isRunner = part === 'part1' || stage.can.includes('gateway');
  return stage.part === 'part3' ? stage.can.includes('contract') : isRunner;
}

/** Runs one check on one stage of ours. */
export function ask({ check, stage }: Cell): Promise<Verdict> {
  return runCheck(check, subjectOf(check.part, stage));
}

/** Runs checks of one part on one stage, one after the other on the same processes. */
export function askAll(part: Part, stage: Stage, checks: readonly Check[]): Promise<Verdict[]> {
  const subject = subjectOf(part, stage);
  return runChecks(new LongTrial(subject), subject, checks);
}

function subjectOf(part: Part, stage: Stage): Subject {
  const command = quick(path.join(ROOT, stage.file));
  return { isOurs: true, command: () => commandOf(part, stage, command) };
}

function commandOf(part: Part, stage: Stage, command: string[]): readonly string[] {
  if (part !== 'part1' || !stage.can.includes('gateway')) return command;
  const words = [...command, path.join(import.meta.dirname, 'page-app.ts:app')];
  const quoted = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  return ['sh', '-c', `PAGE="$2" exec ${quoted}`, 'sh']; // part 1's option --page FILE, if it is there
}

const [YES, NO, NOT_ASKED] = ['●', '·', ''];

/** The matrix as a table in Markdown; `passed` has the cells that passed, as `keyOf` names them. */
export function toTable(passed: ReadonlySet<string>): string {
  const asked = new Set(CELLS.map(keyOf));
  const row = (cells: readonly (string | undefined)[]) => `| ${cells.join(' | ')} |`;
  return [
    row(['check', ...COLUMNS.map(({ id }) => id)]),
    row(['---', ...COLUMNS.map(() => ':-:')]),
    ...ROWS.map((check) => {
      const cells = COLUMNS.map((stage) => {
        const key = keyOf({ check, stage });
        return !asked.has(key) ? NOT_ASKED : passed.has(key) ? YES : NO;
      });
      return row([`[${check.id}](${placeOf(check)}) ${check.title}`, ...cells]);
    }),
  ].join('\n');
}

/** The cells that a table says are passed: what `toTable` was given. */
export function passedIn(table: string): Set<string> {
  const passed = new Set<string>();
  for (const line of table.split('\n')) {
    const id = /^\| \[([\d-]+)\]/.exec(line)?.[1];
    const check = ROWS.find((candidate) => candidate.id === id);
    const cells = line.split('|').slice(2);
    for (const [index, stage] of COLUMNS.entries())
      if (check && cells[index]?.trim() === YES) passed.add(keyOf({ check, stage }));
  }
  return passed;
}

export function keyOf({ check, stage }: Cell): string {
  return `${check.id} on ${stage.id}`;
}

/** Finds the matrix in a page, by its heading row. */
export function findTable(page: string): string {
  return /^\| check \| 1a .*(?:\n\|.*)+/m.exec(page)?.[0] ?? '';
}
