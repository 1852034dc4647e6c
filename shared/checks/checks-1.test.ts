import path from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { quick, ROOT } from '../harness/server-process.ts';
import type { Check } from './check.ts';
import { EXERCISES1 } from './exercises-1.ts';
import { LongTrial, runChecks } from './long-trial.ts';
import { type Copy, copyMistake } from './mistake.ts';
import { MISTAKES1 } from './mistakes-1.ts';
import { PART1 } from './part1.ts';
import { runCheck, type Verdict } from './run-check.ts';
import type { Subject } from './trial.ts';

vi.setConfig({ testTimeout: 120_000 }); // a mistake passes up to seven checks before its own

/** How far a program gets: the first check it fails, and what it is told. */
async function climb(checks: readonly Check[], subject: Subject): Promise<Verdict | undefined> {
  for (const check of checks) {
    const verdict = await runCheck(check, subject);
    if (verdict.state === 'failed') return verdict;
  }
  return undefined;
}

const isFailed = ({ state }: Verdict) => state === 'failed';

function told(verdict: Verdict | undefined): string {
  return verdict
    ? `${verdict.check.id} ${verdict.failure?.message.replace(/after \d+ of/, 'after N of')}`
    : 'passes';
}

function stage(file: string): Subject {
  return { command: () => quick(path.join(ROOT, file)), isOurs: true };
}

describe('the stages of part 1', () => {
  test.each([
    [
      '1a-echo-once.ts',
      '1-02 Your answer is the request, sent back: expected the status line, "HTTP/1.1 200 OK", got "GET / HTTP/1.1\\r\\n"',
    ],
    ['1b-hello.ts', '1-04 There is no Content-Length: expected "Content-Length: 14" in the head'],
  ])('%s: %s', async (file, says) => {
    expect(told(await climb(PART1, stage(`part1/${file}`)))).toBe(says);
  });

  test('the starter fails at the first check, and is told what is missing', async () => {
    const verdict = await climb(PART1, stage('shared/checks/starters/part1.ts'));
    expect(told(verdict)).toBe(
      '1-01 Connected, a request sent, and in 1 s nothing came back, nor a FIN when the client hung up: does your program read what it is sent?',
    );
  });
});

describe('others that are right', () => {
  test.concurrent.each([
    ['node:http, chunked', quick(path.join(ROOT, 'shared/checks/fair/part1-node-http.ts'))],
    [
      "Python's http.server",
      ['python3', path.join(ROOT, 'shared/checks/fair/part1_http_server.py')],
    ],
    ['sockets in Python', ['python3', path.join(ROOT, 'shared/checks/fair/part1_sockets.py')]],
  ])('%s', async (_, command) => {
    expect(told(await climb(PART1, { command: () => command }))).toBe('passes');
  });
});

describe('the exercises of part 1', () => {
  const { solution = '' } = EXERCISES1[0] ?? {};

  test('the solution passes them, and all checks before', async () => {
    expect(told(await climb([...PART1, ...EXERCISES1], stage(solution)))).toBe('passes');
  });

  test.concurrent.each([
    [
      '1-x1',
      'Expected a page that says "GET /?colour=blue HTTP/1.1", got "Hello, World! (Hallo, schöne Welt! 👋)\\n"',
    ],
    ['1-x2', 'Expected status 404 for /no/such/page, got 200'],
    ['1-x3', 'There are 0 lines for one request: expected a line with "GET /?log=1 200" in it'],
  ])('who has finished the part fails %s: %s', async (id, says) => {
    const exercise = EXERCISES1.filter((check) => check.id === id);
    expect(told(await climb(exercise, stage('part1/webserver1.ts')))).toBe(`${id} ${says}`);
  });
});

describe('the mistakes of part 1', () => {
  const running: Copy[] = [];
  afterAll(() => {
    for (const copy of running) copy.remove();
  });

  test.concurrent.each(MISTAKES1.map((mistake) => [mistake.check, mistake.name, mistake] as const))(
    '%s %s',
    async (check, name, mistake) => {
      const copy = copyMistake(mistake);
      running.push(copy);
      const all = [...PART1, ...EXERCISES1];
      const own = all.findIndex(({ id }) => id === check);
      const earlier = all.slice(0, own);
      const passes = mistake.remembers
        ? await climb(earlier, copy.subject)
        : (await runChecks(new LongTrial(copy.subject), copy.subject, earlier)).find(isFailed);
      expect(told(passes)).toBe('passes');
      const verdict = await runCheck(all[own] as Check, copy.subject); // told to a program that has just begun
      expect(told(verdict)).toBe(`${check} ${mistake.says}`);
      expect(verdict.failure?.details.mistake).toBe(mistake.isNamed === false ? undefined : name);
    },
  );
});
