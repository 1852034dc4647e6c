/**
 * Figures in chapters: chapters and the figures that can be drawn come in, faults go out. Each figure has alt text, is what
 * its source draws now, and is used. It knows no SVG.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Chapter, Fault } from './chapter.ts';

/** What draws each figure, by its path from the project's root: `part1/figures/socket-life.svg`. */
export type Figures = Readonly<Record<string, () => string>>;

/** Shorter than this it says what a figure is called, and not what it says. */
const MIN_ALT = 20;

/** The figures that can be drawn; none where there is no such file yet. */
export async function loadFigures(root: string): Promise<Figures> {
  const file = path.join(root, 'shared', 'weave', 'figures', 'index.ts');
  if (!existsSync(file)) return {};
  const { FIGURES } = (await import(pathToFileURL(file).href)) as { FIGURES: Figures };
  return FIGURES;
}

/** Alt texts; and drawn, there, used: each figure is all three. */
export function checkFigures(
  chapters: readonly Chapter[],
  figures: Figures,
  root: string,
): Fault[] {
  const used = new Set<string>();
  const faults: Fault[] = [];
  for (const { file, images } of chapters) {
    for (const { line, href, alt } of images) {
      const target = path.join(path.dirname(file), href);
      used.add(target);
      if (alt.length < MIN_ALT)
        faults.push({ file, line, message: `${href} has no alt text that says what it says` });
      if (target.endsWith('.svg') && !(target in figures))
        faults.push({ file, line, message: `shared/weave/figures draws no ${target}` });
    }
  }
  for (const file of new Set([...Object.keys(figures), ...filesOf(root)])) {
    const message = examine(file, figures[file], root);
    if (message) faults.push({ file, line: 1, message });
    if (!used.has(file)) faults.push({ file, line: 1, message: 'no chapter shows it' });
  }
  return faults;
}

function examine(file: string, draw: (() => string) | undefined, root: string): string | undefined {
  if (!draw) return 'nothing in shared/weave/figures draws it';
  const full = path.join(root, file);
  if (!existsSync(full)) return 'not drawn yet: npm run weave -- --figures';
  if (readFileSync(full, 'utf8') !== draw())
    return 'not as its source draws it: npm run weave -- --figures';
  return undefined;
}

function filesOf(root: string): string[] {
  return ['part1', 'part2', 'part3'].flatMap((part) => {
    const folder = path.join(root, part, 'figures');
    if (!existsSync(folder)) return [];
    return readdirSync(folder).map((name) => `${part}/figures/${name}`);
  });
}
