/**
 * The command line behind `npm run start`, `check`, `learn`, `hint` and `solution`: what the reader typed goes in, text and an
 * exit status come out: 0 passed, 1 failed, 2 not understood.
 */
import { parseArgs } from 'node:util';
import type { Check, Part } from './check.ts';
import { grade } from './grade.ts';
import { endText, hintText } from './guide.ts';
import { HELP } from './help.ts';
import { lastPart, missingFile, PARTS } from './home.ts';
import { exercisesOf, LADDER, stepsOf } from './ladder.ts';
import { Learn } from './learn.ts';
import { hasPassed, readProgress, takeHint } from './progress.ts';
import { label, transcript, wrap } from './report.ts';
import { solutionText } from './solution.ts';
import { putStarters } from './start.ts';
import { hasColour, lookOf } from './terminal.ts';

const { stdout } = process;
stdout.once('error', () => process.exit(1)); // `| head` has seen enough
const say = (...lines: string[]) => console.log(lines.join('\n'));

/** What the reader did not mean: one line, and another exit status than a server that fails. */
class UsageError extends Error {}

const [command = '', ...args] = process.argv.slice(2);
try {
  process.exitCode = await run();
} catch (error) {
  const isUsage =
    error instanceof UsageError ||
    `${(error as NodeJS.ErrnoException).code}`.startsWith('ERR_PARSE_ARGS');
  if (!isUsage) throw error;
  const where = command in HELP ? ` (npm run ${command} -- --help)` : '';
  console.error(`${(error as Error).message.split('. ')[0]}${where}`);
  process.exitCode = 2;
}

async function run(): Promise<number> {
  const help = HELP[command as keyof typeof HELP];
  if (!help)
    throw new UsageError(`There are start, check, learn, hint and solution, and no '${command}'`);
  const flag = { type: 'boolean', default: false } as const;
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      help: { ...flag, short: 'h' },
      ...(command === 'start' && { force: flag }),
      ...(command === 'check' && { all: flag, verbose: { ...flag, short: 'v' }, exercises: flag }),
      ...(command === 'solution' && { peek: flag }),
    } as Record<string, { type: 'boolean'; default: boolean; short?: string }>,
  });
  if (values.help) {
    say(help);
    return 0;
  }
  const [what, more] = positionals;
  if (more !== undefined) throw new UsageError(`One thing at a time: '${what}' or '${more}'`);
  if (command === 'start') return start(toPart(what ?? 'part1'), Boolean(values.force));
  if (command === 'learn') return learnPart(toPart(what ?? lastPart()));
  if (command === 'check') return check(what ?? lastPart(), values);
  const part = what === undefined ? lastPart() : named(what);
  const one = part ? firstOpen(part) : toCheck(`${what}`);
  return command === 'hint' ? hint(one) : solution(one, Boolean(values.peek));
}

function named(text: string): Part | undefined {
  return PARTS.find((name) => name === text || name === `part${text}`);
}

function toPart(text: string): Part {
  const part = named(text);
  if (!part) throw new UsageError(`There is part1, part2 and part3, and no '${text}'`);
  return part;
}

function toCheck(text: string): Check {
  const found = LADDER.find(({ id, name }) => id === text || name === text);
  if (found) return found;
  const near = LADDER.filter(({ id }) => id[0] === text[0]).map(({ id }) => id);
  const known = near.length > 0 ? near.join(', ') : `${PARTS.join(', ')}, and checks like 1-03`;
  throw new UsageError(`There is no check '${text}'; there are ${known}`);
}

function firstOpen(part: Part): Check {
  const { passed } = readProgress(part);
  const all = [...stepsOf(part), ...exercisesOf(part)];
  const open = all.find(({ id }) => !passed.includes(id)) ?? all.at(-1);
  if (!open) throw new UsageError(`There are no checks in ${part} yet`);
  return open;
}

function start(part: Part, force: boolean): number {
  const { made, kept } = putStarters(part, force);
  for (const file of kept)
    say(`${file} is there already and stays as it is (--force writes over it).`);
  if (made.length === 0 && kept.length > 0) say(`  next: npm run learn -- ${part}`);
  if (made.length === 0) return kept.length > 0 ? 1 : fail(`There is no starter for ${part} yet.`);
  for (const file of made) say(`${file} is yours now.`);
  say('', 'Open it in your editor, and in a terminal beside it:', `  npm run learn -- ${part}`);
  say(
    '',
    ...wrap(
      'Each time you save, it says what your server does and does not do yet. Without watching:',
      lookOf(stdout).width,
    ),
  );
  say(`  npm run check -- ${part}`);
  return 0;
}

function fail(reason: string): number {
  console.error(reason);
  return 1;
}

async function check(what: string, flags: Record<string, unknown>): Promise<number> {
  const part = named(what);
  const [steps, extra] = part ? [stepsOf(part), exercisesOf(part)] : [[toCheck(what)], []];
  const checks = flags.exercises ? [...steps, ...extra] : steps;
  const [first] = checks;
  if (!first) return fail(`There are no checks in ${what} yet.`);
  const reason = missingFile(first);
  if (reason) return fail(reason);
  const verdicts = await grade(checks, { all: Boolean(flags.all), isPart: Boolean(part) });
  if (flags.verbose)
    say(
      '',
      ...verdicts.flatMap((verdict) => [
        label(verdict.check),
        ...transcript(verdict, lookOf(stdout)),
      ]),
    );
  if (verdicts.some(({ state }) => state === 'failed')) return 1;
  if (part)
    say('', ...endText(part, readProgress(part).passed, Boolean(flags.exercises), lookOf(stdout)));
  return 0;
}

async function learnPart(part: Part): Promise<number> {
  const [first] = stepsOf(part);
  if (!first) return fail(`There are no checks in ${part} yet.`);
  const reason = missingFile(first);
  if (reason) return fail(reason);
  await new Learn(part).run();
  process.exit(0); // a trial that was overtaken by a save may still be under way
}

function hint(check: Check): number {
  say(...hintText(check, takeHint(check), lookOf(stdout)));
  return 0;
}

function solution(check: Check, peek: boolean): number {
  if (!peek && !hasPassed(check))
    return fail(
      `You have not passed ${check.id} yet; npm run solution -- ${check.id} --peek shows it all the same`,
    );
  say(solutionText(check, hasColour(stdout)));
  return 0;
}
