/**
 * For the proofs: a trial that goes on through many checks. It starts each program once for all the checks that ask for it in
 * the same way; what they prove of it is the same, and dozens of wrong servers are proved in the time of a few.
 */
import type { ServerProcess, StartOptions } from '../../harness/server-process.ts';
import type { Check } from '../check.ts';
import { runCheck, type Verdict } from '../run/run-check.ts';
import { type Subject, Trial } from '../run/trial.ts';

export class LongTrial extends Trial {
  readonly #started = new Map<string, Promise<ServerProcess>>();
  /** How often the check that is under way has asked for a program: a second call starts a second one here, too. */
  readonly #asked = new Map<string, number>();

  constructor(subject: Subject) {
    super(subject, 'server');
  }

  override start(options: StartOptions = {}): Promise<ServerProcess> {
    const words = JSON.stringify(options);
    const times = (this.#asked.get(words) ?? 0) + 1;
    this.#asked.set(words, times);
    const key = `${times} ${words}`;
    const started = this.#started.get(key) ?? super.start(options);
    this.#started.set(key, started);
    return started;
  }

  /** The next check goes on with the programs, and must not wait for the clients of this one. */
  override async end(): Promise<void> {
    this.leave();
    this.#asked.clear();
  }

  async stop(): Promise<void> {
    await super.end();
  }
}

/** One check after the other on the same processes. */
export async function runChecks(
  trial: LongTrial,
  subject: Subject,
  checks: readonly Check[],
): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  try {
    for (const check of checks) {
      verdicts.push(await runCheck(check, subject, trial));
    }
    return verdicts;
  } finally {
    await trial.stop();
  }
}
