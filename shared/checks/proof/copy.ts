/**
 * Copies of a part with something changed in them, for programs that are wrong on purpose. A copy lives as long as its
 * test does; nothing of the project itself is touched.
 */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { quick, ROOT } from '../../harness/server-process.ts';
import { STAGES } from '../../stages.ts';
import type { Check } from '../check.ts';
import type { Edit, Mistake } from '../mistake.ts';
import type { Subject } from '../run/trial.ts';

/** A program in its temporary folder. `remove` it when done. */
export interface Copy {
  /** Where the part is: `${folder}/part1/webserver1.ts`. */
  readonly folder: string;
  /** What runs the one program, whichever file is asked for. */
  readonly subject: Subject;
  remove(): void;
}

/** The program of ours that a check is about: the stage of the file it looks at, or what solves an exercise. */
export function programOf({ part, file, solution }: Check): string {
  if (solution.includes('/')) return solution;
  const stage = STAGES.find(({ id }) => id === file) ?? STAGES.findLast((one) => one.part === part);
  return stage?.file ?? '';
}

/** The mistake as a program that runs. */
export function copyMistake(check: Check, { file, edits = [], program }: Mistake): Copy {
  const changed = file ?? programOf(check);
  const isProgram = STAGES.some((stage) => stage.file === changed) || edits.length === 0;
  const run = isProgram && program === undefined ? changed : programOf(check);
  return copyPart(changed, program ?? applyEdits(changed, edits), run);
}

/** A copy of the programs of the part `file` is in, in which `file` has the given text. */
export function copyPart(file: string, text: string, run = file): Copy {
  const folder = mkdtempSync(path.join(tmpdir(), 'mistake-'));
  const [part = ''] = file.split('/');
  const isWanted = (source: string) => !/\/(test|my|checks|figures|README\.md)$/.test(source);
  cpSync(path.join(ROOT, part), path.join(folder, part), { recursive: true, filter: isWanted });
  symlinkSync(path.join(ROOT, 'shared'), path.join(folder, 'shared'));
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
  writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }\n');
  const copy = path.join(folder, file);
  mkdirSync(path.dirname(copy), { recursive: true });
  writeFileSync(copy, text);
  return {
    folder,
    subject: { command: () => quick(path.join(folder, run)), isOurs: true },
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/** The text of a project's file with every edit made; one that fits nowhere, or twice, has lost its place. */
export function applyEdits(file: string, edits: readonly Edit[]): string {
  return edits.reduce(
    (text, [from, to]) => {
      const found = text.split(from).length - 1;
      if (found !== 1) throw new Error(`${file} has ${found} times, and not once: ${from}`);
      return text.replace(from, () => to);
    },
    readFileSync(path.join(ROOT, file), 'utf8'),
  );
}
