/** The checks of part 3, checked: our stages pass them, the starters do not, and each mistake is told by its name. */
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { quick, ROOT } from '../harness/server-process.ts';
import { STAGES } from '../stages.ts';
import type { Check } from './check.ts';
import { EXERCISES3 } from './exercises-3.ts';
import { copyMistake } from './mistake.ts';
import { MISTAKES3 } from './mistakes-3.ts';
import { PART3 } from './part3.ts';
import { runCheck, type Verdict } from './run-check.ts';
import type { Subject } from './trial.ts';

vi.setConfig({ maxConcurrency: 3, testTimeout: 120_000 }); // each starts several processes

const fileOf = (id: string) => STAGES.find((stage) => stage.id === id)?.file ?? id;

/** Runs a file of this project. */
function ours(file: string): Subject {
  return { isOurs: true, command: () => quick(path.join(ROOT, file)) };
}

function expectPass({ check, state, failure }: Verdict): void {
  const told = failure && `${failure.message} ${failure.details.stderr ?? ''}`;
  expect([check.id, state, told]).toEqual([check.id, 'passed', undefined]);
}

const onLinux = ({ needs }: Check) => needs !== 'Linux' || process.platform === 'linux';
const find = (id: string) => [...PART3, ...EXERCISES3].find((check) => check.id === id) as Check;

describe('what a check of part 3 is made of', () => {
  test('fourteen, in order, five exercises, and each has all that helps', () => {
    const ids = PART3.map(({ id }) => id);
    expect(ids).toEqual(Array.from({ length: 14 }, (_, i) => `3-${`${i + 1}`.padStart(2, '0')}`));
    expect(EXERCISES3.map(({ id }) => id)).toEqual(['3-x1', '3-x2', '3-x3', '3-x4', '3-x5']);
    for (const { hints, lenient, solution, title } of [...PART3, ...EXERCISES3]) {
      expect(hints.filter((hint) => hint.length > 20)).toHaveLength(3);
      expect(lenient.length).toBeGreaterThan(0);
      expect(fileOf(solution)).toMatch(/\.ts$/);
      expect(title).toMatch(/^[A-Z].*[^.]$/);
    }
  });

  test('every check has a mistake that it catches, and every name is there once', () => {
    const caught = new Set(MISTAKES3.map(({ check }) => check));
    expect([...caught].sort()).toEqual(PART3.map(({ id }) => id));
    const names = MISTAKES3.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('the solutions of exercises', () => {
  test.concurrent.each(EXERCISES3)('$id passes: $title', async (check) => {
    const verdict = await runCheck(check, ours(fileOf(check.solution)));
    if (onLinux(check)) expectPass(verdict);
  });
});

describe('starters fail their first check, and are told why', () => {
  test.concurrent.each([
    ['3-01', '3a', /^The third client was answered while the first had not finished asking/],
    ['3-02', '3b', /^With --sleep 0.8 the body came at once: expected it 0.8 s after the head$/],
    ['3-04', '3c', /^An answer came from the server process itself: expected it from a child$/],
    ['3-06', '3d', /^With --keep-open the server keeps nothing of what it has given away/],
    ['3-08', '3e', /^With --blocked 0.6 3 children died and none stayed a zombie/],
    ['3-09', '3f', /^5 children are at work: expected 4 at most, the others wait$/],
    ['3-11', '3g', /^200 say nothing, and of 50 who asked nobody was answered$/],
    ['3-12', '3h', /^4 asked while the first slept: expected 4 processes to answer, got 1$/],
    ['3-13', 'part3', /^A request did not reach the application: expected both to be under way$/],
    ['3-14', 'part3', /^A request did not reach the application$/],
    ['3-x4', 'part3-pool', /^GET \/hello was answered after all 6 jobs/],
  ])('%s from starters/%s.ts', async (id, file, says) => {
    const { failure } = await runCheck(find(id), ours(`shared/checks/starters/${file}.ts`));
    if (onLinux(find(id))) expect(failure?.message).toMatch(says);
  });
});

describe('mistakes', () => {
  const mistakes = MISTAKES3.filter(({ check }) => onLinux(find(check)));
  test.concurrent.each(mistakes)('$check: $name', async (mistake) => {
    const { subject, remove } = copyMistake(mistake);
    try {
      const { file } = find(mistake.check);
      const earlier = PART3.filter((check) => check.id < mistake.check && check.file === file);
      for (const check of earlier) expectPass(await runCheck(check, subject));
      const { failure } = await runCheck(find(mistake.check), subject);
      const says = failure?.message.replace(/port \d+/, 'port 0');
      const name = mistake.isNamed === false ? undefined : mistake.name;
      expect([says, failure?.details.mistake]).toEqual([mistake.says, name]);
    } finally {
      remove();
    }
  });
});

describe('fair to who does it otherwise', () => {
  const python = (...ids: string[]) => ids.map((id) => [id, 'ladder.py'] as const);
  test.concurrent.each([
    ...python('3-01', '3-02', '3-03', '3-04', '3-05'),
    ...(['3-11', '3-13', '3-14'] as const).map((id) => [id, 'on-node-http.ts'] as const),
  ])('%s passes with fair/%s', async (id, file) => {
    const program = path.join(ROOT, 'shared/checks/fair', file);
    const command = file.endsWith('.py') ? ['python3', program] : quick(program);
    const check = find(id);
    const subject: Subject = { command: (stage) => [...command, `--stage=${stage}`] };
    if (onLinux(check)) expectPass(await runCheck(check, subject));
  });
});
