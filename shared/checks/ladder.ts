/**
 * All checks, in the order a reader meets them: each is a file in its part's folder `checks`, and is found there.
 * Exercises come behind the ladder of their part and are not needed to pass it.
 */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from '../harness/server-process.ts';
import { type Check, type Lesson, PARTS, type Part } from './check.ts';

/** `1-03-crlf.ts`, `1-x1-page.ts`: an exercise's x sorts it behind all digits. */
const FILE = /^(\d-(?:\d\d|x\d))-(.+)\.ts$/;

export const LADDER: readonly Check[] = (await Promise.all(PARTS.map(checksIn))).flat();

async function checksIn(part: Part): Promise<Check[]> {
  const folder = path.join(ROOT, part, 'checks');
  const places = readdirSync(folder)
    .sort()
    .flatMap((file) => {
      const [, id, name] = FILE.exec(file) ?? [];
      return id && name ? [{ id, name, part, file }] : [];
    });
  const place = async ({ file, ...where }: (typeof places)[number]): Promise<Check> => {
    const { check } = (await import(pathToFileURL(path.join(folder, file)).href)) as {
      check: Lesson;
    };
    return { ...where, ...check };
  };
  return Promise.all(places.map(place));
}

export const isExercise = ({ id }: Check): boolean => id.includes('x');

export function stepsOf(part: Part): readonly Check[] {
  return LADDER.filter((check) => check.part === part && !isExercise(check));
}

export function exercisesOf(part: Part): readonly Check[] {
  return LADDER.filter((check) => check.part === part && isExercise(check));
}
