/** The checks of part 2, checked; and that they are fair to who does it in another way. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: edits are text of programs
import { describe, expect } from 'vitest';
import { stepsOf } from '../../shared/checks/ladder.ts';
import { applyEdits, copyPart } from '../../shared/checks/proof/copy.ts';
import { describeChecks, expectPass, ours } from '../../shared/checks/proof/describe-checks.ts';
import { LongTrial, runChecks } from '../../shared/checks/proof/long-trial.ts';
import { testOnce } from '../../shared/harness/proven.ts';

describeChecks('part2');

describe('what is right in another way passes', () => {
  const group = 'what is right in another way passes';
  const grounds = { group, parts: ['part2'], file: import.meta.filename };

  testOnce({ title: 'one on node:http, with chunks and keep-alive', ...grounds }, async () => {
    const subject = ours('part2/test/fair/node-http.ts');
    const checks = stepsOf('part2').filter(({ id }) => id !== '2-16'); // it has no such options
    const verdicts = await runChecks(new LongTrial(subject), subject, checks);
    for (const verdict of verdicts) expectPass(verdict);
  });

  testOnce(
    {
      title: 'one that sends its own headers first, all in lower case, and a reason of its own',
      ...grounds,
    },
    async () => {
      const text = applyEdits('part2/http.ts', [
        [
          'const lines = [`HTTP/1.1 ${status}`, ...headers.map(([name, value]) => `${name}: ${value}`)];',
          'const lines = [`HTTP/1.1 ${status.slice(0, 3)} Whatever`];',
        ],
        ["'Server: WSGIServer/2.0'", "'server: my very own (TypeScript)', 'x-powered-by: coffee'"],
        [
          "lines.push('Connection: close', '', '');",
          "lines.push(...headers.map(([name, value]) => `${name.toLowerCase()}:${value}`), 'connection: close', '', '');",
        ],
      ]);
      const { subject, remove } = copyPart('part2/http.ts', text, 'part2/webserver2.ts');
      const checks = stepsOf('part2').filter(({ id }) => id !== '2-01' && id !== '2-11'); // which look at other things
      const verdicts = await runChecks(new LongTrial(subject), subject, checks);
      remove();
      expect(verdicts).toHaveLength(checks.length);
      for (const verdict of verdicts) expectPass(verdict);
    },
  );
});
