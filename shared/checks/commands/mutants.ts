/**
 * The command line behind `npm run mutants`, the measure of the checks: a stage with one small thing changed should fail one
 * of its checks, and each that passes them all is printed. Exit status: 0 all fail, 1 some survive, 2 not all was measured.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { makeBar } from '../../harness/progress.ts';
import { ROOT } from '../../harness/server-process.ts';
import { STAGES, type Stage } from '../../stages.ts';
import { type Check, PARTS } from '../check.ts';
import { stepsOf } from '../ladder.ts';
import {
  type Digests,
  decide,
  type Excuse,
  endOf,
  excuseOf,
  type Fates,
  fateLines,
  readKnown,
  reportLines,
  type Sight,
  writeKnown,
} from '../proof/fates.ts';
import { digestOf, type Mutant, type Mutated, mutate } from '../proof/mutate.ts';
import { runCheck } from '../run/run-check.ts';

const HELP = `Usage: npm run mutants -- part1 | part2 | 3a ... 3h | gateway [--only FILE[:LINE]] [options]

Measures the checks: makes mutants of a stage (a condition turned, a call left out, a text emptied), runs the stage's
checks on each until one fails, and prints those that pass them all, with the line and the change. Each of them is a
mistake that nobody would be told of. Checks that do not come by the changed place are not asked; part 2's are asked of
the gateway, too. Texts that are for people only are left as they are; and what nobody can tell, or need not, is listed
with its reason in partN/test/survivors.ts and not printed.

What was found is kept in node_modules/.cache/mutants: after Ctrl-C the same command goes on. When the stage has changed,
all is found again; when a check has changed, the survivors are.

  --only FILE:LINE  the mutants of one line, again: webserver2.ts:104
  --only FILE       those of one file: the gateway has some thousands in all
  --fresh           forget what was found
  --jobs N          mutants at a time (default: 2; with many a busy machine may fail a mutant that no check tells)
  --help            this text

Exit status: 0 all fail or are listed, 1 others survive, 2 not all was measured.`;

/** Where it is kept; CHECK_HOME moves it elsewhere, for tests of this command. */
const CACHE = process.env.CHECK_HOME ?? path.join(ROOT, 'node_modules/.cache');
/** What can be measured, and by which checks. The gateway passes part 2's, too: what it may lose of these counts. */
const CHECKS = new Map<string, readonly Check[]>([
  ...(['part1', 'part2'] as const).map((part) => [part, stepsOf(part)] as const),
  ...STAGES.map(
    ({ id, part }) => [id, stepsOf('part3').filter(isAskedOf(id, part))] as const,
  ).filter(([, checks]) => checks.length > 0),
]);
CHECKS.set('gateway', [
  ...stepsOf('part2').filter(({ until }) => until === undefined),
  ...(CHECKS.get('gateway') ?? []),
]);

/** How a line of a file ends. */
const LINE = /:(\d+)$/;

/** The ladder's checks look at a file of the ladder, all others at the gateway. */
function isAskedOf(id: string, part: string): (check: Check) => boolean {
  return ({ file = 'gateway' }) => part === 'part3' && file === id;
}

/** Why nothing is measured: one line for who typed the command. */
class UsageError extends Error {}

async function run(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      only: { type: 'string' },
      fresh: { type: 'boolean' },
      jobs: { type: 'string', default: '2' },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const [name = '', surplus] = positionals;
  if (surplus) throw new UsageError(`One stage at a time: '${name}' or '${surplus}'`);
  const jobs = Number(values.jobs);
  if (!(jobs >= 1))
    throw new UsageError(`--jobs takes a number from 1 on, and not '${values.jobs}'`);
  const checks = CHECKS.get(name);
  if (!checks) throw new UsageError(`There are ${[...CHECKS.keys()].join(', ')}, and no '${name}'`);
  const stage = STAGES.findLast(({ id, part }) => id === name || part === name) as Stage;
  let measure: Measure | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      measure?.stop();
      process.exit(2); // takes the servers and the folder along
    });
  }
  const mutated = await mutate(stage.file);
  process.once('exit', mutated.remove);
  const { only, fresh } = values;
  const wanted = only === undefined ? mutated.mutants : mutantsAt(only, mutated.mutants, name);
  const files = new Set(wanted.map(({ file }) => file));
  const excuses = (await excusesIn(stage)).filter(({ file }) => files.has(file));
  measure = new Measure(name, mutated, checks, excusedLast(wanted, excuses));
  if (fresh) measure.forget();
  const isLine = only !== undefined && LINE.test(only);
  if (isLine) measure.forget(wanted);
  await measure.run(jobs);
  const lines = isLine
    ? wanted.flatMap((mutant) => fateLines(mutant, measure.fates))
    : reportLines(name, wanted, measure.fates, excuses, lineOf);
  console.log(lines.join('\n'));
  return lines.some((line) => line.endsWith(' survives')) ? 1 : 0;
}

/** Who passes all checks takes the longest, and these are expected to: a run that is stopped has seen the others. */
function excusedLast(mutants: readonly Mutant[], excuses: readonly Excuse[]): readonly Mutant[] {
  const isExcused = (mutant: Mutant) => excuseOf(mutant, excuses, lineOf) !== undefined;
  const excused = new Set(mutants.filter(isExcused));
  return [...mutants.filter((mutant) => !excused.has(mutant)), ...excused];
}

/** What is known of survivors that nobody can tell, or need not. */
async function excusesIn({ part }: Stage): Promise<readonly Excuse[]> {
  const list = path.join(ROOT, part, 'test', 'survivors.ts');
  return ((await import(pathToFileURL(list).href)) as { SURVIVORS: readonly Excuse[] }).SURVIVORS;
}

function lineOf(file: string, line: number): string {
  return readFileSync(path.join(ROOT, file), 'utf8').split('\n')[line - 1] ?? '';
}

/** The mutants of a line, as it was typed: the file's name may lack its folder. */
function mutantsAt(place: string, mutants: readonly Mutant[], name: string): readonly Mutant[] {
  const [typed, line] = [place.replace(LINE, ''), LINE.exec(place)?.[1]];
  const inFile = mutants.filter(({ file }) => `/${file}`.endsWith(`/${typed}`));
  const found = inFile.filter((mutant) => line === undefined || mutant.line === Number(line));
  if (found.length > 0) return found;
  const lines = new Set(inFile.map((mutant) => mutant.line));
  const files = new Set(mutants.map(({ file }) => file));
  const where =
    lines.size > 0 ? `on lines ${[...lines].join(', ')}` : `in ${[...files].join(', ')}`;
  throw new UsageError(`No mutant of ${name} is at ${place}; they are ${where}`);
}

/** One run of the command: what was known before it, and what it finds. */
class Measure {
  readonly #name: string;
  readonly #mutated: Mutated;
  readonly #checks: readonly Check[];
  readonly #wanted: readonly Mutant[];
  readonly #file: string;
  readonly #digests: Digests;
  readonly #bar = makeBar();
  readonly fates: Fates;
  #sights: readonly Sight[];

  constructor(name: string, mutated: Mutated, checks: readonly Check[], wanted: readonly Mutant[]) {
    this.#name = name;
    this.#mutated = mutated;
    this.#checks = checks;
    this.#wanted = wanted;
    this.#file = path.join(CACHE, 'mutants', `${name}.json`);
    this.#digests = { stage: mutated.digest, checks: digestOfChecks() };
    const { fates, sights } = readKnown(this.#file, this.#digests);
    this.fates = fates;
    this.#sights = sights;
  }

  get survivors(): number {
    return this.#wanted.filter(({ id }) => this.fates.get(id) === 'survived').length;
  }

  get #known(): number {
    return this.#wanted.filter(({ id }) => this.fates.has(id)).length;
  }

  /** Forgets the fates of these mutants, or all. */
  forget(mutants?: readonly Mutant[]): void {
    for (const id of mutants?.map((mutant) => mutant.id) ?? [...this.fates.keys()])
      this.fates.delete(id);
  }

  async run(jobs: number): Promise<void> {
    const told = () => ({ what: `${this.survivors} survive` });
    this.#bar.start(this.#wanted.length, this.#known, told());
    const checks = new Map(this.#checks.map((check) => [check.id, check]));
    const examine = async (mutant: Mutant, id: string) =>
      endOf(await runCheck(checks.get(id) as Check, this.#mutated.subject(mutant)));
    const tell = () => {
      this.#keep();
      this.#bar.update(this.#known, told());
    };
    try {
      if (this.#sights.length === 0) this.#sights = await this.#look();
      await decide(this.#wanted, this.#sights, this.fates, examine, tell, jobs);
    } finally {
      this.#bar.stop();
    }
  }

  /** Runs each check on the stage as it is. It must pass. */
  async #look(): Promise<readonly Sight[]> {
    const folder = mkdtempSync(path.join(tmpdir(), 'noted-'));
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    const sights: Sight[] = [];
    for (const check of this.#checks) {
      const note = path.join(folder, check.id);
      const start = performance.now();
      if (endOf(await runCheck(check, this.#mutated.noting(note))))
        throw new UsageError(
          `${this.#name} fails ${check.id} with nothing changed; until it passes there is nothing to measure: npm test -- shared/checks`,
        );
      const text = existsSync(note) ? readFileSync(note, 'utf8') : '';
      const ids = [...new Set(text.split('\n').filter(Boolean))];
      sights.push({ check: check.id, ms: Math.round(performance.now() - start), ids });
    }
    return sights;
  }

  /** What is to be said when it is stopped in the middle. */
  stop(): void {
    this.#bar.stop();
    console.error(`${this.#known} of ${this.#wanted.length} are known; the same command goes on.`);
  }

  #keep(): void {
    writeKnown(this.#file, this.#digests, { fates: this.fates, sights: this.#sights });
  }
}

/** Another one when a check changes, or what it stands on. */
function digestOfChecks(): string {
  const rooms = ['shared', ...PARTS.map((part) => `${part}/checks`)];
  const texts = rooms.flatMap((room) => {
    const folder = path.join(ROOT, room);
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
    return names
      .filter((name) => /\.(ts|py|cjs)$/.test(name) && !/\.test\.ts$|node_modules/.test(name))
      .map((name) => readFileSync(path.join(folder, name), 'utf8'));
  });
  return digestOf(texts);
}

try {
  process.exitCode = await run();
} catch (error) {
  const { code } = error as NodeJS.ErrnoException;
  if (!(error instanceof UsageError) && !code?.startsWith('ERR_PARSE_ARGS')) throw error;
  console.error(`${(error as Error).message.split('. ')[0]} (npm run mutants -- --help)`);
  process.exitCode = 2;
}
