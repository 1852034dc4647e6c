/** Runs checks in order and prints the ladder as it goes: one line each, and at the end why the first that failed did. */
import { ROOT } from '../harness/server-process.ts';
import type { Check } from './check.ts';
import { examine } from './home.ts';
import { remember } from './progress.ts';
import { aligned, bar, explain, ladderLine, verdictLine, wrap } from './report.ts';
import type { Verdict } from './run-check.ts';
import { lookOf } from './terminal.ts';

interface Options {
  /** Go on after a failure. */
  readonly all: boolean;
  /** Whether these are the checks of a part, and a bar says how far one has come. */
  readonly isPart: boolean;
}

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
