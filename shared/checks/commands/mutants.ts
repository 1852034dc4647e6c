/**
 * The command line behind `npm run mutants`, the measure of the checks: a stage with one small thing changed should fail one
 * of its checks, and each that passes them all is printed. Exit status: 0 all fail, 1 some survive, 2 not all was measured.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { makeBar } from '../../harness/progress.ts';
import { ROOT } from '../../harness/server-process.ts';
import { STAGES, type Stage } from '../../stages.ts';
import type { Check } from '../check.ts';
import { PARTS, stepsOf } from '../ladder.ts';
import {
  type Digests,
  decide,
  type Excuse,
  endOf,
  type Fates,
  fateLines,
  readFates,
  reportLines,
  writeFates,
} from '../proof/fates.ts';
import { digestOf, type Mutant, type Mutated, mutate } from '../proof/mutate.ts';
import { runCheck } from '../run/run-check.ts';

const HELP = `Usage: npm run mutants -- part1 | part2 | 3a ... 3h [--only FILE:LINE] [--fresh]

Measures the checks: makes mutants of a stage (a condition turned, a call left out, a text emptied), runs the stage's
checks on each until one fails, and prints those that pass them all, with the line and the change. Each of them is a
mistake that nobody would be told of. Texts that are for people only are left as they are; and what nobody can tell, or
need not, is listed with its reason in partN/test/survivors.ts and not printed.

What was found is kept in node_modules/.cache/mutants: after Ctrl-C the same command goes on. When the stage has changed,
all is found again; when a check has changed, the survivors are.

  --only FILE:LINE  the mutants of one line, again: webserver2.ts:104
  --fresh           forget what was found
  --help            this text

Exit status: 0 all fail or are listed, 1 others survive, 2 not all was measured.`;

/** Where it is kept; CHECK_HOME moves it elsewhere, for tests of this command. */
const CACHE = process.env.CHECK_HOME ?? path.join(ROOT, 'node_modules/.cache');
/** The stage as it is, among its mutants: it must survive. */
const UNCHANGED: Mutant = { id: 'none', file: '', line: 0, original: '', replacement: '' };
/** What can be measured, and by which checks. */
const CHECKS = new Map<string, readonly Check[]>([
  ...(['part1', 'part2'] as const).map((part) => [part, stepsOf(part)] as const),
  ...STAGES.map(
    ({ id }) => [id, stepsOf('part3').filter(({ file }) => file === id)] as const,
  ).filter(([, checks]) => checks.length > 0),
]);

/** Why nothing is measured: one line for who typed the command. */
class UsageError extends Error {}

async function run(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      only: { type: 'string' },
      fresh: { type: 'boolean' },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const [name = '', surplus] = positionals;
  if (surplus) throw new UsageError(`One stage at a time: '${name}' or '${surplus}'`);
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
  measure = new Measure(name, mutated, checks, wanted);
  if (fresh) measure.forget();
  if (only !== undefined) measure.forget(wanted);
  await measure.run();
  const lines =
    only === undefined
      ? reportLines(name, wanted, measure.fates, await excusesIn(stage), lineOf)
      : wanted.flatMap((mutant) => fateLines(mutant, measure.fates));
  console.log(lines.join('\n'));
  return lines.some((line) => line.endsWith(' survives')) ? 1 : 0;
}

/** What is known of survivors that nobody can tell, or need not. */
async function excusesIn({ part, file }: Stage): Promise<readonly Excuse[]> {
  const list = path.join(ROOT, part, 'test', 'survivors.ts');
  const { SURVIVORS } = (await import(pathToFileURL(list).href)) as {
    SURVIVORS: readonly Excuse[];
  };
  const isOfAnother = (one: Excuse) =>
    STAGES.some((stage) => stage.file === one.file) && one.file !== file;
  return SURVIVORS.filter((excuse) => !isOfAnother(excuse));
}

function lineOf(file: string, line: number): string {
  return readFileSync(path.join(ROOT, file), 'utf8').split('\n')[line - 1] ?? '';
}

/** The mutants of a line, as it was typed: the file's name may lack its folder. */
function mutantsAt(place: string, mutants: readonly Mutant[], name: string): readonly Mutant[] {
  const [, typed = '', line = ''] = /^(.+):(\d+)$/.exec(place) ?? [];
  if (!typed) throw new UsageError(`--only takes FILE:LINE, and not '${place}'`);
  const inFile = mutants.filter(({ file }) => `/${file}`.endsWith(`/${typed}`));
  const found = inFile.filter((mutant) => mutant.line === Number(line));
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

  constructor(name: string, mutated: Mutated, checks: readonly Check[], wanted: readonly Mutant[]) {
    this.#name = name;
    this.#mutated = mutated;
    this.#checks = checks;
    this.#wanted = wanted;
    this.#file = path.join(CACHE, 'mutants', `${name}.json`);
    this.#digests = { stage: mutated.digest, checks: digestOfChecks() };
    this.fates = readFates(this.#file, this.#digests);
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

  async run(): Promise<void> {
    const told = () => ({ what: `${this.survivors} survive` });
    this.#bar.start(this.#wanted.length, this.#known, told());
    try {
      await this.#decide([UNCHANGED], () => {});
      const own = this.fates.get(UNCHANGED.id);
      if (typeof own === 'object') {
        this.forget([UNCHANGED]);
        this.#keep();
        const { by } = own;
        throw new UsageError(
          `${this.#name} fails ${by} with nothing changed; until it passes there is nothing to measure: npm test -- shared/checks`,
        );
      }
      await this.#decide(this.#wanted, () => this.#bar.update(this.#known, told()));
    } finally {
      this.#bar.stop();
    }
  }

  /** What is to be said when it is stopped in the middle. */
  stop(): void {
    this.#bar.stop();
    console.error(`${this.#known} of ${this.#wanted.length} are known; the same command goes on.`);
  }

  #decide(mutants: readonly Mutant[], tell: () => void): Promise<void> {
    const checks = new Map(this.#checks.map((check) => [check.id, check]));
    const examine = async (mutant: Mutant, id: string) =>
      endOf(await runCheck(checks.get(id) as Check, this.#mutated.subject(mutant)));
    return decide(mutants, [...checks.keys()], this.fates, examine, () => {
      this.#keep();
      tell();
    });
  }

  #keep(): void {
    writeFates(this.#file, this.#digests, this.fates);
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
