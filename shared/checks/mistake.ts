/**
 * A known mistake: a stage of ours with a few words changed, or a small program, and what a check must say to it. It is
 * run in a copy of its part that lives as long as the test does; nothing of the project itself is touched.
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
import { quick, ROOT } from '../harness/server-process.ts';
import type { Subject } from './trial.ts';

export type Edit = readonly [from: string, to: string];

export interface Mistake {
  /** What the check calls it, if it can tell: `details.mistake`. */
  readonly name: string;
  /** The check it fails, and the first one of the part that it does. */
  readonly check: string;
  /** The first line of the failure's message, as printed. */
  readonly says: string;
  /** The file it is made from, or replaces: `part1/webserver1.ts`. */
  readonly file: string;
  /** The file to run, if it is another one: `part2/webserver2.ts`. */
  readonly run?: string;
  /** Each is found exactly once in the file. */
  readonly edits?: readonly Edit[];
  /** Instead of edits: the whole file. */
  readonly program?: string;
  /** True if it is another program once it had a client: then each check needs one that has just begun. */
  readonly remembers?: boolean;
  /** False if its signature is that of another mistake, too: then the check names none. */
  readonly isNamed?: boolean;
}

/** A program in its temporary folder. `remove` it when done. */
export interface Copy {
  /** Where the part is: `${folder}/part1/webserver1.ts`. */
  readonly folder: string;
  /** What runs the one program, whichever file is asked for. */
  readonly subject: Subject;
  remove(): void;
}

/** The mistake as a program that runs. */
export function copyMistake({ file, run, edits = [], program }: Mistake): Copy {
  return copyPart(file, program ?? applyEdits(file, edits), run);
}

/** A copy of the programs of the part `file` is in, in which `file` has the given text. */
export function copyPart(file: string, text: string, run = file): Copy {
  const folder = mkdtempSync(path.join(tmpdir(), 'mistake-'));
  const [part = ''] = file.split('/');
  const isWanted = (source: string) => !/\/(test|my|figures|README\.md)$/.test(source);
  cpSync(path.join(ROOT, part), path.join(folder, part), { recursive: true, filter: isWanted });
  // Not for a solution, which is in shared itself: what is written must not arrive where the link leads.
  if (part !== 'shared') symlinkSync(path.join(ROOT, 'shared'), path.join(folder, 'shared'));
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
