/** The checks of part 3, checked; and that they are fair to who does it in another way. */
import path from 'node:path';
import { describe, test } from 'vitest';
import { describeChecks, expectPass, find } from '../../shared/checks/proof/describe-checks.ts';
import { runCheck } from '../../shared/checks/run/run-check.ts';
import type { Subject } from '../../shared/checks/run/trial.ts';
import { quick, ROOT } from '../../shared/harness/server-process.ts';

describeChecks('part3');

describe('fair to who does it otherwise', () => {
  const python = ['python3', path.join(ROOT, 'part3/test/fair/ladder.py')];
  const node = quick(path.join(ROOT, 'part2/test/fair/on-node-http.ts'));
  test.concurrent.each([
    ...(['3-01', '3-02', '3-03', '3-04', '3-05'] as const).map((id) => [id, python] as const),
    ...(['3-11', '3-13', '3-14'] as const).map((id) => [id, node] as const),
  ])('%s passes with %s', async (id, command) => {
    const subject: Subject = { command: (stage) => [...command, `--stage=${stage}`] };
    expectPass(await runCheck(find(id), subject));
  });
});
