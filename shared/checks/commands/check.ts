/** `npm run check`: runs checks in order and prints the ladder as it goes, and at the end why the first that failed did. */
import { ROOT } from '../../harness/server-process.ts';
import type { Check, Part } from '../check.ts';
import { exercisesOf } from '../ladder.ts';
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
import { examine, missingFile, stepsFromFirstFile } from './reader.ts';

interface Flags {
  readonly all?: boolean;
  readonly exercises?: boolean;
  readonly verbose?: boolean;
}

/** Runs a part's checks, or one; its exit status. */
export async function check(what: Part | Check, flags: Flags): Promise<number> {
  const part = typeof what === 'string' ? what : undefined;
  const steps = typeof what === 'string' ? stepsFromFirstFile(what) : [what];
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
  const begin = beginnerOf(checks);
  for (const check of checks) {
    if (failed && !options.all) {
      console.log(ladderLine(check, 'open', look));
      continue;
    }
    if (stdout.isTTY) stdout.write(ladderLine(check, 'open', look)); // what we are waiting for
    const verdict = await begin(check);
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

/**
 * Begins a check, and the one behind it: most of their time is spent waiting. Not in part 3, whose checks count processes and
 * measure; there each is alone.
 */
function beginnerOf(checks: readonly Check[]): (check: Check) => Promise<Verdict> {
  const begun = new Map<Check, Promise<Verdict>>();
  const begin = (check: Check) => {
    const verdict = begun.get(check) ?? examine(check);
    begun.set(check, verdict);
    return verdict;
  };
  return (check) => {
    const verdict = begin(check);
    const next = checks[checks.indexOf(check) + 1];
    if (next && next.part !== 'part3') begin(next);
    return verdict;
  };
}
