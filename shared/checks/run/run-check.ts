/** Runs a check on a program: in come the two, out comes a verdict, whatever happens in between. */
import type { Check } from '../check.ts';
import type { Evidence } from './evidence.ts';
import { Failure } from './failure.ts';
import { START_TIMEOUT, type Subject, Trial } from './trial.ts';

export interface Verdict {
  readonly check: Check;
  readonly state: 'passed' | 'failed' | 'skipped';
  readonly failure?: Failure;
  /** Why it was skipped, where that is not what it needs. */
  readonly reason?: string;
  /** Nothing where nothing was started. */
  readonly evidence?: Evidence;
  /** Milliseconds, with the start of the program. */
  readonly took: number;
}

/** Runs one check. Whatever happens in it, it is over in its time, and nothing of it is left. */
export async function runCheck(
  check: Check,
  subject: Subject,
  trial = new Trial(subject, check.file ?? 'server'),
): Promise<Verdict> {
  const start = performance.now();
  const verdict = (state: Verdict['state'], failure?: Failure): Verdict => ({
    check,
    state,
    ...(failure && { failure }),
    ...(state !== 'skipped' && { evidence: trial.evidence }),
    took: performance.now() - start,
  });
  if (check.needs === 'Linux' && process.platform !== 'linux') return verdict('skipped');
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const message = `This took longer than the ${check.seconds} s it has`;
    const giveUp = () => reject(new Failure(message, { cause: 'timed out' }));
    timer = setTimeout(giveUp, (check.seconds + START_TIMEOUT) * 1000);
  });
  try {
    await Promise.race([check.run(trial), late]);
    return verdict('passed');
  } catch (error) {
    await trial.settle();
    return verdict('failed', toFailure(error, trial));
  } finally {
    clearTimeout(timer);
    await trial.end();
  }
}

function toFailure(error: unknown, trial: Trial): Failure {
  const isTold = error instanceof Failure && error.details.cause === 'did not start';
  if (trial.hasExited && !trial.mayEnd && !isTold) {
    const known = error instanceof Failure ? error : undefined;
    const details = { ...known?.details, cause: 'exited', stderr: trial.stderr } as const;
    return new Failure(tellEnd(known), details);
  }
  if (error instanceof Failure) return error;
  const { message, stack } = error as Error;
  return new Failure(message, { cause: 'wrong', stderr: trial.stderr || (stack ?? '') });
}

/** What the check missed, and why: it is the end of the program that explains it. */
function tellEnd(known: Failure | undefined): string {
  if (!known) return 'Your program ended in the middle of the check';
  const isSaid = known.details.cause === 'exited';
  return isSaid ? known.message : `${known.message}; your program ended`;
}
