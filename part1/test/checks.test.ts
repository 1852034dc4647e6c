/** The checks of part 1, checked; and that they are fair to who does it in another way. */
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { stepsOf } from '../../shared/checks/ladder.ts';
import { describeChecks, told } from '../../shared/checks/proof/describe-checks.ts';
import { quick } from '../../shared/harness/server-process.ts';

describeChecks('part1');

describe('others that are right', () => {
  const fair = (file: string) => path.join(import.meta.dirname, 'fair', file);
  test.concurrent.each([
    ['node:http, chunked', quick(fair('node-http.ts'))],
    ["Python's http.server", ['python3', fair('http_server.py')]],
    ['sockets in Python', ['python3', fair('sockets.py')]],
  ])('%s', async (_, command) => {
    for (const check of stepsOf('part1'))
      expect([check.id, await told(check, { command: () => command })]).toEqual([
        check.id,
        'passes',
      ]);
  });
});
