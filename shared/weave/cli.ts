/**
 * The command line behind `npm run weave`: what the writer typed goes in, chapters that are up to date or faults come out,
 * with exit status 0: all well, 1: faults, 2: not understood.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Progress } from '../harness/progress.ts';
import { ROOT } from '../harness/server-process.ts';
import { checkBook, FILES, readBook, readChapter, tell, typedFiles, typings } from './book.ts';
import { type Chapter, type Fault, type Fence, replaceLines } from './chapter.ts';
import { checkTyping } from './check-typing.ts';
import { refreshCode } from './code.ts';
import { measureCoverage, tellCoverage } from './coverage.ts';
import { loadFigures } from './figures.ts';
import { whatIsMissing } from './needs.ts';
import { Play } from './play.ts';
import { type Step, toSteps } from './steps.ts';
import { checkTranscripts, replaceExpected, toActs } from './transcript.ts';
import { readBase, readLines } from './typing.ts';

const HELP = `Usage: npm run weave -- [options] [CHAPTER]

Brings the code in the chapters up to date: each block is cut anew from the file that the line above it names, by its first
and its last line. An empty block becomes the whole of what is named. CHAPTER is README, part1, part3/http and the like; without it: all.
A block that a reader types (no From in the line above it, and its stage is one of those that are shown whole) stays as it is.

  --check         change nothing; a line for each fault of the book, and exit status 1 if there is one
  --transcripts   run what the terminals of CHAPTER show, and write anew what they printed; with --check compare only.
                  CHAPTER#ANCHOR is one section of it
  --coverage      how many lines of each stage, or of those of CHAPTER, are shown, and which are not; exit status 1 if
                  a line is missing in a stage that is shown whole (isTyped in shared/stages.ts)
  --steps STAGE   print blocks, ready to be pasted, that make STAGE of the one it begins from;
                  --steps 1a 1c: that make 1c of 1a
  --figures       draw all figures
  --help          this text`;

/** What the writer did not mean. */
class UsageError extends Error {}

process.exitCode = await main(process.argv.slice(2)).catch((error: NodeJS.ErrnoException) => {
  if (!error.code?.startsWith('ERR_PARSE_ARGS') && !(error instanceof UsageError)) throw error;
  console.error(`${error.message.split('. ')[0]} (npm run weave -- --help)`);
  return 2;
});

async function main(args: string[]): Promise<number> {
  const flag = { type: 'boolean', default: false } as const;
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      check: flag,
      coverage: flag,
      steps: flag,
      figures: flag,
      transcripts: flag,
      help: { ...flag, short: 'h' },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  if (values.steps) return printSteps(positionals);
  if (values.transcripts)
    return playAll(positionals.length > 0 ? positionals : FILES, values.check);
  const files = positionals.length > 0 ? positionals.map(toFile) : FILES;
  if (values.figures && !values.check) return drawFigures();
  if (values.coverage) return printCoverage(files);
  const inFiles = ({ file }: Fault) => positionals.length === 0 || files.includes(file);
  if (values.check) return report((await checkBook(readBook())).filter(inFiles));
  const chapters = readBook().filter(({ file }) => files.includes(file));
  return report(chapters.flatMap(refresh));
}

function toFile(name: string): string {
  const file = FILES.find((one) =>
    [one, one.replace(/\/?README.md$/, ''), one.replace(/\.md$/, '')].includes(name),
  );
  if (file) return file;
  const names = FILES.map((one) => one.replace(/(?<=.)\/README.md$|\.md$/, ''));
  throw new UsageError(`There is no chapter '${name}': ${names.join(', ')}`);
}

/** Writes a chapter with its blocks cut anew, and tells of those that could not be. */
function refresh(chapter: Chapter): Fault[] {
  const { changes, faults } = refreshCode(chapter, ROOT, typedFiles());
  if (changes.size > 0) {
    writeFileSync(path.join(ROOT, chapter.file), replaceLines(chapter, changes));
    const lines = [...changes.keys()].map(({ line }) => line).join(', ');
    console.log(`${chapter.file}: cut anew: the blocks at line ${lines} (as it was before)`);
  }
  return faults.length > 0 && changes.size > 0
    ? refreshCode(readChapter(chapter.file), ROOT, typedFiles()).faults
    : faults;
}

/** Plays the terminals of chapters, `part1` or `part1#listening`. */
async function playAll(names: readonly string[], isCheck: boolean): Promise<number> {
  const faults: Fault[] = [];
  for (const name of names) {
    const [chapterName = '', section] = name.split('#');
    const file = toFile(chapterName);
    if (existsSync(path.join(ROOT, file))) faults.push(...(await play(file, section, isCheck)));
  }
  return report(faults);
}

async function play(file: string, section: string | undefined, isCheck: boolean): Promise<Fault[]> {
  const chapter = readChapter(file);
  const faults = checkTranscripts(chapter);
  if (faults.length > 0) return faults;
  const acts = toActs(chapter).filter((act) => section === undefined || act.section === section);
  if (acts.length === 0 && section !== undefined)
    throw new UsageError(`Nothing is run in ${file} under '##' #${section}`);
  const changes = new Map<Fence, readonly string[]>();
  const progress = new Progress(acts.filter((act) => !whatIsMissing(act)).length);
  const stage = await Play.open(file, chapter.text, !isCheck);
  try {
    for (const act of acts) {
      const missing = whatIsMissing(act);
      console.log(`${file}#${act.section}${missing ? `: not run, ${missing}` : ''}`);
      if (missing) continue;
      const result = await progress.during(act.section, () => stage.perform(act));
      faults.push(...result.faults);
      for (const fence of new Set(result.takes.map(({ step }) => step.fence)))
        changes.set(
          fence,
          replaceExpected(
            fence,
            result.takes.filter(({ step }) => step.fence === fence),
          ),
        );
    }
  } finally {
    stage.close();
  }
  if (changes.size > 0) writeFileSync(path.join(ROOT, file), replaceLines(chapter, changes));
  for (const { line } of changes.keys()) console.log(`${file}:${line}: written anew`);
  return faults;
}

/** Says how much of each stage is shown. A file is of the chapters in its folder, and in those that hold it. */
function printCoverage(files: readonly string[]): number {
  const folders = files.map((file) => `${path.dirname(file)}/`);
  const ours = typings().filter(({ file }) => folders.some((folder) => file.startsWith(folder)));
  const coverages = measureCoverage(readBook(), ours, ROOT);
  console.log(tellCoverage(coverages));
  const isLacking = coverages.some(({ isDemanded, missing }) => isDemanded && missing.length > 0);
  const faults = checkTyping(readBook(), ours, ROOT);
  return Math.max(isLacking ? 1 : 0, report(faults));
}

/** Prints the blocks from one stage to another, given as `1c`, or as `1b 1c`. */
function printSteps(ids: readonly string[]): number {
  const [from, to] = [...ids.slice(0, -1), ids.at(-1)].map((id) => {
    const typing = typings().find(({ stage }) => stage === id);
    if (!typing) throw new UsageError(`There is no stage '${id}' in shared/stages.ts`);
    return typing;
  });
  const target = to ?? from;
  if (!target || ids.length > 2) throw new UsageError('--steps takes a stage, or two');
  const base = to ? readLines(ROOT, from?.file) : readBase(ROOT, target);
  const name = path.basename(target.file);
  const toText = ({ language, lines }: Step) =>
    [`[${name}](${name}):`, '', `\`\`\`${language}`, ...lines, '```', ''].join('\n');
  console.log(toSteps(base, readLines(ROOT, target.file)).map(toText).join('\n'));
  return 0;
}

async function drawFigures(): Promise<number> {
  for (const [file, draw] of Object.entries(await loadFigures(ROOT))) {
    const target = path.join(ROOT, file);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, draw());
    console.log(file);
  }
  return 0;
}

function report(faults: readonly Fault[]): number {
  for (const fault of faults) console.error(tell(fault));
  return faults.length > 0 ? 1 : 0;
}
