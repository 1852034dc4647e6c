/** A program is told by options what it has to bear: how it is started with them, and what is said if it knows one not. */
import type { ServerProcess } from '../../harness/server-process.ts';
import { CONTRACT } from './contract.ts';
import { Failure } from './failure.ts';
import type { Trial, TrialOptions } from './trial.ts';

/** Starts it with options that the check's text names. */
export async function startWith(
  trial: Trial,
  options: readonly string[],
  more: TrialOptions = {},
): Promise<ServerProcess> {
  try {
    return await trial.start({ app: CONTRACT, args: options, ...more });
  } catch (error) {
    if (!(error instanceof Failure) || error.details.cause !== 'did not start') throw error;
    if (/ERR_MODULE_NOT_FOUND/.test(error.details.stderr ?? '')) throw error; // no option's fault
    const said = `Started with ${options.join(' ')} your program ended before it was ready`;
    throw new Failure(said, { ...error.details, mistake: 'unknown-option' });
  }
}
