/** The measure of the checks, measured: what is mutated, who counts as killed, and that a run that was stopped goes on. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: mutants are text of programs
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { testOnce } from '../../harness/proven.ts';
import { launch, QUICK, runToEnd } from '../../harness/server-process.ts';
import {
  decide,
  type End,
  type Fate,
  type Fates,
  readKnown,
  reportLines,
  type Sight,
  writeKnown,
} from './fates.ts';
import { type Mutant, mutate } from './mutate.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'mutants-'));
afterAll(() => rmSync(folder, { recursive: true }));

const mutant = (id: string): Mutant => ({
  id,
  file: 'part1/a.ts',
  line: Number(id),
  original: 'a\n  < b',
  replacement: 'a >= b',
});

/** Each makes a hundred mutants or more, or runs them. */
const grounds = {
  group: 'mutants',
  parts: ['part1', 'part2', 'part3'],
  file: import.meta.filename,
  options: { concurrent: false },
};

describe('the mutants of a stage', () => {
  testOnce(
    { title: 'are changes of what is there, in code and not in texts for people', ...grounds },
    async () => {
      const { mutants, remove } = await mutate('part1/webserver1.ts');
      remove();
      const changes = mutants.map(({ original, replacement }) => `${original} -> ${replacement}`);
      expect(changes).toContain('end === -1 -> end !== -1');
      expect(changes).toContain('\'Connection: close\' -> ""'); // a text that travels
      expect(changes.join('\n')).not.toMatch(/^`(Serving|\$\{reason\})/m);
      expect(changes).toContain('`< ${visible(line)}` -> ``'); // code is called in it
    },
  );

  testOnce({ title: 'are those of all files of a part, but of no other', ...grounds }, async () => {
    const { mutants, remove } = await mutate('part2/webserver2.ts');
    remove();
    const files = new Set(mutants.map(({ file }) => path.basename(file)));
    expect([...files]).toEqual(['webserver2.ts', 'http.ts', 'input-stream.ts']);
    const texts = mutants.map(({ original }) => original);
    expect(texts).toContain("'400 Bad Request'");
    expect(texts).not.toContain("'malformed request line'");
  });
});

describe('fates', () => {
  const sights = ['a', 'b', 'c'].map((check, ms) => ({ check, ms, ids: ['1', '2', '3'] }));

  /** Which checks were run on which mutants, and what became of these. */
  async function fatesOf(
    ends: Record<string, (End | undefined)[]>,
    fates: Fates = new Map(),
    seen: readonly Sight[] = sights,
  ) {
    const asked: string[] = [];
    await decide(
      ['1', '2', '3'].map(mutant),
      seen,
      fates,
      async ({ id }, check) => {
        asked.push(id + check);
        return ends[id + check]?.shift();
      },
      () => {},
    );
    return { asked, fates: Object.fromEntries(fates) };
  }

  test('a mutant is killed by a check that it fails twice; one that passes all survives', async () => {
    const ends: Record<string, (End | undefined)[]> = {
      '1a': ['failed'],
      '1b': ['timed out', 'timed out'],
      '2c': ['crashed', 'crashed'],
    };
    const { fates } = await fatesOf(ends);
    expect(fates).toEqual({
      1: { by: 'b', end: 'timed out' },
      2: { by: 'c', end: 'crashed' },
      3: 'survived',
    });
  });

  test('what is known is not asked again, and what killed a neighbour is asked first', async () => {
    const { asked } = await fatesOf(
      {},
      new Map<string, Fate>([
        ['1', { by: 'b', end: 'failed' }],
        ['2', { by: 'c', end: 'failed' }],
      ]),
    );
    expect(asked).toEqual(['3c', '3b', '3a']);
  });

  test('a check that does not come by is not asked, and the quickest is asked first', async () => {
    const seen = [
      { check: 'a', ms: 9, ids: ['1', '3'] },
      { check: 'b', ms: 5, ids: ['1'] },
    ];
    const { asked, fates } = await fatesOf({ '3a': ['failed', 'failed'] }, new Map(), seen);
    expect(asked).toEqual(['1b', '1a', '3a', '3a']);
    expect(fates).toEqual({ 1: 'survived', 2: 'survived', 3: { by: 'a', end: 'failed' } });
  });

  test('they are kept while the stage is as it was; survivors only while the checks are, too', () => {
    const file = path.join(folder, 'kept/part1.json');
    const fates = new Map<string, Fate>([
      ['1', { by: '1-02', end: 'failed' }],
      ['2', 'survived'],
    ]);
    writeKnown(file, { stage: 's', checks: 'c' }, { fates, sights });
    expect(readKnown(file, { stage: 's', checks: 'c' })).toEqual({ fates, sights });
    const later = readKnown(file, { stage: 's', checks: 'other' });
    expect([[...later.fates.keys()], later.sights]).toEqual([['1'], []]);
    expect(readKnown(file, { stage: 'other', checks: 'c' }).fates.size).toBe(0);
    writeFileSync(file, '{"stage":');
    expect(readKnown(file, { stage: 's', checks: 'c' }).fates.size).toBe(0);
  });

  test('the report has the survivors, each as a change of a line, and the score', () => {
    const fates = new Map<string, Fate>([
      ['1', { by: '1-02', end: 'timed out' }],
      ['2', 'survived'],
      ['3', { by: '1-01', end: 'failed' }],
    ]);
    expect(reportLines('part1', ['1', '2', '3'].map(mutant), fates)).toEqual([
      'part1/a.ts:2 survives',
      '  - a < b',
      '  + a >= b',
      '',
      'part1: 2 of 3 mutants are killed, 0 have an excuse: 66.7 % of the others',
      '(1 fail a check, 0 crash in it, 1 run out of its time)',
    ]);
  });

  test('a survivor with an excuse does not count, and an excuse for nobody is told', () => {
    const fates = new Map<string, Fate>([
      ['1', { by: '1-02', end: 'failed' }],
      ['2', 'survived'],
      ['3', 'survived'],
    ]);
    const excuses = [
      { file: 'part1/a.ts', line: 'line 2', change: '>=', why: 'a tie' },
      { file: 'part1/a.ts', line: 'line 3', change: 'never', why: 'no such change' },
      { file: 'part1/b.ts', line: 'line 3', why: 'another file' },
    ];
    const lineOf = (_: string, line: number) => `line ${line}`;
    expect(reportLines('part1', ['1', '2', '3'].map(mutant), fates, excuses, lineOf)).toEqual([
      'part1/a.ts:3 survives',
      '  - a < b',
      '  + a >= b',
      'excuses nothing: part1/a.ts: line 3 never',
      'excuses nothing: part1/b.ts: line 3 ',
      '',
      'part1: 1 of 3 mutants are killed, 1 have an excuse: 50.0 % of the others',
      '(1 fail a check, 0 crash in it, 0 run out of its time)',
    ]);
  });
});

describe('the command', () => {
  const home = path.join(folder, 'home');
  const temporary = mkdtempSync(path.join(folder, 'tmp-'));
  const env = [`CHECK_HOME=${home}`, `TMPDIR=${temporary}`];
  const mutants = (...args: string[]) => [
    ...['env', ...env, process.execPath, ...QUICK, 'shared/checks/commands/mutants.ts'],
    ...args,
  ];

  testOnce(
    {
      title: 'Ctrl-C leaves nothing behind but what is known, and the same command goes on',
      ...grounds,
    },
    async () => {
      const kept = path.join(home, 'mutants/part1.json');
      const program = launch(mutants('part1'));
      await vi.waitFor(() => expect(existsSync(kept)).toBe(true), {
        timeout: 20_000,
        interval: 10,
      });
      program.interrupt();
      expect((await program.exited).code).toBe(2);
      expect(program.stderr).toMatch(/^\d of 71 are known; the same command goes on.\n$/);
      expect(readdirSync(temporary)).toEqual([]);
    },
  );

  testOnce(
    { title: '--only finds the fates of one line; who is killed leaves with 0', ...grounds },
    async () => {
      const { code, stdout } = await runToEnd(mutants('part1', '--only', 'webserver1.ts:49'));
      const told =
        /^part1\/webserver1.ts:49 killed by 1-\d\d: failed\n {2}- '\\r\\n'\n {2}\+ ""\n$/;
      expect(stdout).toMatch(told); // by the quickest, whoever that is today
      expect(code).toBe(0);
      expect(readdirSync(temporary)).toEqual([]);
    },
  );

  testOnce({ title: 'the gateway has those of its rooms, too', ...grounds }, async () => {
    const mutated = await mutate('part3/webserver3.ts');
    mutated.remove();
    const files = new Set(mutated.mutants.map(({ file }) => file));
    expect([...files]).toEqual(
      expect.arrayContaining([
        'part3/http/grammar.ts',
        'part3/gateway/environ.ts',
        'part3/server/clock.ts',
      ]),
    );
    expect([...files].filter((file) => !file.startsWith('part3/'))).toEqual([]);
  });

  test.each([
    ['', /^There are part1, part2, 3a, .*3h, gateway, and no ''/],
    [
      'part1 --only webserver1.ts:1',
      /^No mutant of part1 is at webserver1.ts:1; they are on lines \d+, /,
    ],
    ['part1 --onyl', /^Unknown option '--onyl'/],
    ['part1 --jobs some', /^--jobs takes a number from 1 on, and not 'some'/],
  ])('%s: says what to type instead, and exits with 2', async (typed, says) => {
    const { code, stderr } = await runToEnd(mutants(...typed.split(' ').filter(Boolean)));
    expect(stderr).toMatch(says);
    expect(code).toBe(2);
  });
});
