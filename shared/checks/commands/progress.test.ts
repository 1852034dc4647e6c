/** What a reader has done is still done when the ladder gets more steps, and what nobody has done is not. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { find } from '../proof/describe-checks.ts';
import { Failure } from '../run/failure.ts';

const home = mkdtempSync(path.join(tmpdir(), 'progress-'));
process.env.CHECK_HOME = home; // read when the module is loaded
const { readProgress, remember, takeHint } = await import('./progress.ts');

const file = path.join(home, 'part3', 'my', '.progress.json');
const put = (progress: object) => writeFileSync(file, JSON.stringify(progress));
beforeEach(() => mkdirSync(path.dirname(file), { recursive: true }));
afterAll(() => rmSync(home, { recursive: true }));

const OLD = {
  passed: ['3-11', '3-13', '3-14', '3-x1', '3-x2', '3-x3', '3-x4', '3-x5'],
  hints: { '3-12': 1, '3-14': 2, '3-x1': 3, '3-x4': 1 },
};
/** Of what has moved, the same is asked in two places; in all others it is more. */
const NEW = {
  passed: ['3-11', '3-18', '3-x1'],
  hints: { '3-12': 1, '3-27': 2, '3-13': 3, '3-x1': 1 },
  failed: {},
};

test('progress on the first ladder is found under the numbers of this one', () => {
  put(OLD);
  expect(readProgress('part3')).toEqual(NEW);
});

test('numbers move once, however often it is written', () => {
  put(OLD);
  takeHint(find('3-11'));
  remember({ check: find('3-12'), state: 'passed', took: 1 });
  takeHint(find('3-11'));
  const wanted = {
    passed: [...NEW.passed, '3-12'],
    hints: { ...NEW.hints, '3-11': 2 },
    failed: {},
  };
  expect(readProgress('part3')).toEqual(wanted);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ ladder: 2, ...wanted });
});

test('progress on this ladder stays as it is', () => {
  put({ ladder: 2, passed: ['3-13', '3-14', '3-x4'], hints: { '3-x1': 1 } });
  expect(readProgress('part3')).toEqual({
    passed: ['3-13', '3-14', '3-x4'],
    hints: { '3-x1': 1 },
    failed: {},
  });
});

test('why a check failed is kept until it is run again', () => {
  put({ ladder: 2, passed: ['3-01'], hints: {} });
  const check = find('3-01');
  remember({ check, state: 'failed', failure: new Failure('It said nothing'), took: 1 });
  const { passed, failed } = readProgress('part3');
  expect(passed).toEqual([]);
  expect(failed['3-01']).toMatch(/^x 3-01 .*\n {2}It said nothing/);
  remember({ check, state: 'passed', took: 1 });
  expect(readProgress('part3')).toEqual({ passed: ['3-01'], hints: {}, failed: {} });
});
