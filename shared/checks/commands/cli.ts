/**
 * The command line behind `npm run start`, `check`, `learn`, `hint` and `solution`: what the reader typed goes in, text and an
 * exit status come out: 0 passed, 1 failed, 2 not understood.
 */
import { parseArgs } from 'node:util';
import { PARTS, type Part } from '../check.ts';
import { HELP } from '../tell/help.ts';
import { say, UsageError } from './output.ts';

process.stdout.once('error', () => process.exit(1)); // `| head` has seen enough

const [command = '', ...args] = process.argv.slice(2);
try {
  process.exit(await run()); // a check behind one that failed may still be under way
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
      ...(command === 'start' && { force: flag, gateway: flag }),
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
  if (command === 'start') return begin(what, values);
  const part = what === undefined ? undefined : command === 'learn' ? toPart(what) : named(what);
  const { dispatch } = await import('./dispatch.ts'); // all the checks come with it
  return dispatch(command, part ?? what, values);
}

async function begin(
  what: string | undefined,
  { force = false, gateway }: Record<string, boolean>,
) {
  const part = toPart(what ?? (gateway ? 'part3' : 'part1'));
  if (gateway && part !== 'part3') throw new UsageError(`The gateway is of part 3, not of ${part}`);
  // Each when it is wanted: the gateway's beginning is checked, and all the checks come with it.
  if (gateway) return (await import('./start-gateway.ts')).startGateway(force);
  return (await import('./start.ts')).start(part, force);
}

function named(text: string): Part | undefined {
  return PARTS.find((name) => name === text || name === `part${text}`);
}

function toPart(text: string): Part {
  const part = named(text);
  if (!part) throw new UsageError(`There is part1, part2 and part3, and no '${text}'`);
  return part;
}
