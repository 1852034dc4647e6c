/** That the measurements run, not what comes out of them: a machine under test is no place for that. */
import path from 'node:path';
import { expect, test } from 'vitest';
import { ROOT, runToEnd, tsx } from '../harness/server-process.ts';

const BENCH = path.join(ROOT, 'shared', 'bench', 'bench.ts');

test('a table has a row for each server, ours first, and a ratio for each other one', async () => {
  const options = ['--rounds', '1', '--seconds', '0.1', '--warm-up', '0', '--connections', '2'];
  const { code, stdout, stderr } = await runToEnd(tsx(BENCH, 'gateway', ...options));
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/our gateway +\d+ .*\n +bare node:net +\d+ +\d+\.\d\d \(.*\n +node:http/);
});

test('a table that is not there is one clear line', async () => {
  const { code, stderr } = await runToEnd(tsx(BENCH, 'gatway'));
  expect([code, stderr.trim()]).toEqual([
    1,
    "No table 'gatway'; there are gateway, hosting, memory, transfer, tails, python",
  ]);
});
