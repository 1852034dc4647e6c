/** Puts the starters of a part where the reader will write, and never over what has been written there. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../harness/server-process.ts';
import type { Part } from './check.ts';
import { myFolder, spoken } from './home.ts';

const STARTERS = path.join(import.meta.dirname, 'starters');
const RELATIVE = /(\bfrom\s*|\bimport\s*\(?\s*)(['"])(\.{1,2}\/[^'"]+)\2/g;

/** part1.ts becomes the server of part 1, part2-form.ts the form of part 2, 3b.ts a stage of part 3. */
function startersOf(part: Part): [from: string, to: string][] {
  const files = readdirSync(STARTERS).sort();
  return files.flatMap((file): [string, string][] => {
    if (file === `${part}.ts`) return [[file, 'server.ts']];
    if (file.startsWith(`${part}-`)) return [[file, file.slice(part.length + 1)]];
    return /^\d/.test(file) && file[0] === part.at(-1) ? [[file, file]] : [];
  });
}

/** What was made, and what was there already and is left alone. */
export function putStarters(part: Part, force: boolean): { made: string[]; kept: string[] } {
  const folder = myFolder(part);
  mkdirSync(folder, { recursive: true });
  const [made, kept]: [string[], string[]] = [[], []];
  for (const [from, to] of startersOf(part)) {
    const target = path.join(folder, to);
    if (existsSync(target) && !force) {
      kept.push(spoken(target));
    } else {
      writeFileSync(target, rebase(readFileSync(path.join(STARTERS, from), 'utf8'), part));
      made.push(spoken(target));
    }
  }
  return { made, kept };
}

/** A starter that imports a file of the project finds it from its new place, too. */
function rebase(text: string, part: Part): string {
  return text.replace(RELATIVE, (whole, before: string, quote: string, target: string) => {
    const file = path.resolve(STARTERS, target);
    if (!existsSync(file) || path.dirname(file) === STARTERS) return whole;
    return before + quote + path.relative(path.join(ROOT, part, 'my'), file) + quote;
  });
}
