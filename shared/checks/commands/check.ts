/** `npm run check`: runs checks in order and prints the ladder as it goes, and at the end why the first that failed did. */
import { ROOT } from '../../harness/server-process.ts';
import type { Check, Part } from '../check.ts';
import { exercisesOf, stepsOf } from '../ladder.ts';
import type { Verdict } from '../run/run-check.ts';
import { endText } from '../tell/hints.ts';
import {
  aligned,
  bar,
  explain,
  label,
  ladderLine,
  transcript,
  verdictLine,
  wrap,
} from '../tell/report.ts';
import { lookOf } from '../tell/terminal.ts';
import { fail, say } from './output.ts';
import { readProgress, remember } from './progress.ts';
import { examine, missingFile } from './reader.ts';

interface Flags {
  readonly all?: boolean;
  readonly exercises?: boolean;
  readonly verbose?: boolean;
}

/** Runs a part's checks, or one; its exit status. */
export async function check(what: Part | Check, flags: Flags): Promise<number> {
  const part = typeof what === 'string' ? what : undefined;
  const steps = typeof what === 'string' ? stepsOf(what) : [what];
  const extra = part && flags.exercises ? exercisesOf(part) : [];
  const checks = [...steps, ...extra];
  const [first] = checks;
  if (!first) return fail(`There are no checks in ${part} yet.`);
  const reason = missingFile(first);
  if (reason) return fail(reason);
  const verdicts = await grade(checks, { all: Boolean(flags.all), isPart: Boolean(part) });
  const look = lookOf(process.stdout);
  if (flags.verbose)
    say('', ...verdicts.flatMap((one) => [label(one.check), ...transcript(one, look)]));
  if (verdicts.some(({ state }) => state === 'failed')) return 1;
  if (part) say('', ...endText(part, readProgress(part).passed, Boolean(flags.exercises), look));
  return 0;
}

interface Options {
  /** Go on after a failure. */
  readonly all: boolean;
  /** Whether these are the checks of a part, and a bar says how far one has come. */
  readonly isPart: boolean;
}

/** Runs them, says how each does, remembers it, and explains the first failure. */
export async function grade(checks: readonly Check[], options: Options): Promise<Verdict[]> {
  const { stdout } = process;
  const look = aligned(lookOf(stdout), checks);
  const verdicts: Verdict[] = [];
  let failed: Verdict | undefined;
  for (const check of checks) {
    if (failed && !options.all) {
      console.log(ladderLine(check, 'open', look));
      continue;
    }
    if (stdout.isTTY) stdout.write(ladderLine(check, 'open', look)); // what we are waiting for
    const verdict = await examine(check);
    remember(verdict);
    verdicts.push(verdict);
    if (stdout.isTTY) stdout.write('\r\x1b[2K');
    if (options.isPart || verdict.state !== 'failed') console.log(verdictLine(verdict, look));
    if (failed && verdict.failure)
      console.log(wrap(verdict.failure.message, look.width, '    ').join('\n'));
    if (verdict.failure) failed ??= verdict;
  }
  const good = verdicts.filter(({ state }) => state === 'passed').length;
  if (options.isPart) console.log(`\n${bar(checks[0]?.part ?? '', good, checks.length, look)}`);
  if (failed)
    console.log([...(options.isPart ? [''] : []), ...explain(failed, ROOT, look)].join('\n'));
  return verdicts;
}
