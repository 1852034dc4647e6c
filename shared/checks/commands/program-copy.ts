/**
 * A program that moves to another folder with the modules beside it: in go its file and both folders, out come the files to
 * write. Modules elsewhere stay where they are, and its imports still find them. It reads files, and runs and writes none.
 */
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';

export interface Move {
  /** The file that is started. */
  readonly entry: string;
  /** Where it stands; modules that are elsewhere are not copied. */
  readonly from: string;
  readonly to: string;
  /** What the file that is started is called there. */
  readonly name: string;
}

export interface Copied {
  readonly source: string;
  readonly target: string;
  readonly content: Buffer;
}

/** What names a file beside this one: behind from, import, import( or new URL( */
const SPECIFIER = /(\bfrom\s*|\bimport\s*\(?\s*|\bnew URL\(\s*)(['"])(\.\.?\/[^'"\n]+)\2/g;
const IS_CODE = /\.[cm]?[jt]s$/;
/** As tsx finds a module: as it is named, without its extension, or with that of what it would be compiled to. */
const SPELLINGS: readonly ((name: string) => string)[] = [
  (name) => name,
  (name) => `${name}.ts`,
  (name) => name.replace(/js$/, 'ts'),
];

/** The program and all that it imports from its own folder, the file that is started first. */
export function copiesOf(move: Move): Copied[] {
  const copies: Copied[] = [];
  const sources = new Set([move.entry]);
  for (const source of sources) {
    const content = readFileSync(source);
    const { text, beside } = IS_CODE.test(source)
      ? withNewImports(source, content.toString(), move)
      : { text: content, beside: [] };
    for (const file of beside) sources.add(file); // the loop comes to them, too
    copies.push({ source, target: targetOf(source, move), content: Buffer.from(text) });
  }
  return copies;
}

/** A file's text as it reads in its new place, and which of the files it names come along. */
function withNewImports(source: string, old: string, move: Move) {
  const beside: string[] = [];
  const folder = path.dirname(targetOf(source, move));
  const text = old.replace(SPECIFIER, (all, before: string, quote: string, specifier: string) => {
    const named = path.resolve(path.dirname(source), specifier);
    const found = SPELLINGS.map((spell) => spell(named)).find(isFile);
    if (!found) return all;
    if (isInside(found, move.from)) beside.push(found);
    const way = path.relative(folder, targetOf(found === move.entry ? found : named, move));
    return before + quote + (way.startsWith('.') ? way : `./${way}`) + quote;
  });
  return { text, beside };
}

function targetOf(file: string, { entry, from, to, name }: Move): string {
  if (file === entry) return path.join(to, name);
  return isInside(file, from) ? path.join(to, path.relative(from, file)) : file;
}

function isInside(file: string, folder: string): boolean {
  return !path.relative(folder, file).startsWith('..');
}

function isFile(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}
