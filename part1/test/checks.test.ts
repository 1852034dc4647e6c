/** The checks of part 1, checked; and that they are fair to who does it in another way. */
import path from 'node:path';
import { describe } from 'vitest';
import { stepsOf } from '../../shared/checks/ladder.ts';
import { describeChecks, expectPass } from '../../shared/checks/proof/describe-checks.ts';
import { LongTrial, runChecks } from '../../shared/checks/proof/long-trial.ts';
import { testOnce } from '../../shared/harness/proven.ts';
import { quick } from '../../shared/harness/server-process.ts';

describeChecks('part1');

describe('others that are right', () => {
  const fair = (file: string) => path.join(import.meta.dirname, 'fair', file);
  const others = [
    ['node:http, chunked', quick(fair('node-http.ts'))],
    ["Python's http.server", ['python3', fair('http_server.py')]],
    ['sockets in Python', ['python3', fair('sockets.py')]],
  ] as const;
  const grounds = { parts: ['part1'], file: import.meta.filename };
  for (const [title, command] of others)
    testOnce({ group: 'others that are right', title, ...grounds }, async () => {
      const subject = { command: () => command };
      const verdicts = await runChecks(new LongTrial(subject), subject, stepsOf('part1'));
      for (const verdict of verdicts) expectPass(verdict);
    });
});
