/**
 * The growth matrix: which check each of our stages passes, from the first echo to the gateway. Checks are its rows, stages
 * its columns; what stands in a cell comes from running the one on the other. It knows no file it is kept in.
 */
import path from 'node:path';
import { quick, ROOT } from '../../harness/server-process.ts';
import { STAGES, type Stage } from '../../stages.ts';
import type { Check } from '../check.ts';
import { isExercise, LADDER } from '../ladder.ts';
import { runCheck, type Verdict } from '../run/run-check.ts';
import type { Subject } from '../run/trial.ts';
import { placeOf } from '../tell/report.ts';

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

function isAsked({ part, file, until }: Check, stage: Stage): boolean {
  const last = until === undefined ? -1 : STAGES.findIndex(({ id }) => id === until);
  if (until !== undefined && STAGES.indexOf(stage) > last) return false;
  const isGateway = stage.can.includes('gateway');
  if (part === 'part1') return stage.part !== 'part3' || isGateway;
  return file === undefined ? isGateway : stage.part === 'part3' && !isGateway;
}

/** Runs one check on one stage of ours. */
export function ask({ check, stage }: Cell): Promise<Verdict> {
  const command = quick(path.join(ROOT, stage.file));
  const subject: Subject = { isOurs: true, command: () => commandOf(check, stage, command) };
  return runCheck(check, subject);
}

function commandOf({ part }: Check, stage: Stage, command: string[]): readonly string[] {
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
