/**
 * The command line behind `npm run start`, `check`, `learn`, `hint` and `solution`: what the reader typed goes in, text and an
 * exit status come out: 0 passed, 1 failed, 2 not understood.
 */
import { parseArgs } from 'node:util';
import type { Check, Part } from '../check.ts';
import { exercisesOf, LADDER, PARTS, stepsOf } from '../ladder.ts';
import { HELP } from '../tell/help.ts';
import { check } from './check.ts';
import { hint } from './hint.ts';
import { learn } from './learn.ts';
import { say, UsageError } from './output.ts';
import { readProgress } from './progress.ts';
import { lastPart } from './reader.ts';
import { solution } from './solution.ts';
import { start } from './start.ts';

process.stdout.once('error', () => process.exit(1)); // `| head` has seen enough

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
  if (command === 'learn') return learn(toPart(what ?? lastPart()));
  const part = what === undefined ? lastPart() : named(what);
  if (command === 'check') return check(part ?? toCheck(`${what}`), values);
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
