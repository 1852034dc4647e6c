/**
 * The book: all chapters, and all that can be said of them without running anything. It brings together what the checkers
 * must not know of each other: files, the ladder of checks, the stages, package.json.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../harness/server-process.ts';
import { type Origin, STAGES, type Stage } from '../stages.ts';
import { type Chapter, type Fault, parseChapter } from './chapter.ts';
import { checkTyping } from './check-typing.ts';
import { checkCode } from './code.ts';
import { checkCommands, type Offer } from './commands.ts';
import { checkFigures, loadFigures } from './figures.ts';
import { checkLinks } from './links.ts';
import { checkTranscripts } from './transcript.ts';
import type { Typing } from './typing.ts';

/** In the order in which they are read. */
export const FILES = [
  ...['README.md', 'part1/README.md', 'part2/README.md', 'part3/README.md'],
  ...['http', 'gateway', 'server'].map((room) => `part3/${room}/README.md`),
  'part3/operating.md',
];

/** The chapters that are written. */
export function readBook(): Chapter[] {
  return FILES.filter((file) => existsSync(path.join(ROOT, file))).map(readChapter);
}

export function readChapter(file: string): Chapter {
  return parseChapter(file, readFileSync(path.join(ROOT, file), 'utf8'));
}

/** The files that a reader types, stage by stage. */
export function typings(stages: readonly Stage[] = STAGES): Typing[] {
  const originOf = (origin: string | Origin | undefined): Pick<Typing, 'base' | 'cut'> => {
    if (origin === undefined) return {};
    const { from, ...cut } = typeof origin === 'string' ? { from: origin } : origin;
    const base = stages.find(({ id }) => id === from)?.file;
    if (!base)
      throw new Error(`shared/stages.ts: a stage is from ${from}, and there is no such stage`);
    return { base, ...(cut.before !== undefined || cut.at !== undefined ? { cut } : {}) };
  };
  return stages.flatMap(({ id, file, from, beside = [], isTyped = false }) => {
    const own: Typing = { stage: id, file, ...originOf(from), isDemanded: isTyped };
    const others = beside.map((other): Typing => {
      const { file, ...origin } = typeof other === 'string' ? { file: other } : other;
      const begin = 'from' in origin ? originOf(origin) : {};
      return { stage: id, file, ...begin, isDemanded: isTyped };
    });
    return [own, ...others];
  });
}

/** The files whose blocks are typed, and all of them shown. */
export function typedFiles(): Set<string> {
  return new Set(typings().flatMap(({ file, isDemanded }) => (isDemanded ? [file] : [])));
}

/** All faults of a book that need no running, in reading order. */
export async function checkBook(chapters: readonly Chapter[]): Promise<Fault[]> {
  const offer = takeOffer();
  const typed = typedFiles();
  const faults = [
    ...chapters.flatMap((chapter) => [
      ...chapter.faults,
      ...checkCode(chapter, ROOT, typed),
      ...checkCommands(chapter, offer),
      ...checkTranscripts(chapter),
    ]),
    ...checkTyping(chapters, typings(), ROOT),
    ...checkLinks(chapters, ROOT),
    ...checkFigures(chapters, await loadFigures(ROOT), ROOT),
  ];
  const place = ({ file }: Fault) => (FILES.indexOf(file) + FILES.length) % (FILES.length + 1);
  return faults.sort((a, b) => place(a) - place(b) || a.line - b.line);
}

/** `part1/README.md:12: what is wrong`, as editors and terminals make links of it. */
export function tell({ file, line, message }: Fault): string {
  return `${file}:${line}: ${message}`;
}

function takeOffer(): Offer {
  const { scripts } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const stages: Record<string, string[]> = {};
  for (const { part, id } of STAGES) {
    stages[part] ??= [];
    stages[part].push(id);
  }
  return { scripts: Object.keys(scripts), stages, checks: namesOfChecks() };
}

/** What `npm run check -- ` takes beside a part: `1-03` and `crlf`, of part1/checks/1-03-crlf.ts. */
function namesOfChecks(): string[] {
  const parts = new Set(STAGES.map(({ part }) => part));
  const files = [...parts].flatMap((part) => readdirSync(path.join(ROOT, part, 'checks')));
  return files.flatMap((file) => /^(\d-[x\d]+)-(.+)\.ts$/.exec(file)?.slice(1) ?? []);
}
