/** What is proven is believed as long as nothing has changed, and no longer. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Grounds, isBelieved, Proof, readState, SAID, testOnce } from './proven.ts';
import { ROOT, runToEnd } from './server-process.ts';

const FILES = [
  'part1/server.ts',
  'part1/README.md',
  'part1/checks/1-01.ts',
  'part1/test/part1.test.ts',
  'part1/my/server.ts',
  'part2/server.ts',
  'shared/checks/check.ts',
  'shared/harness/app.py',
  'shared/weave/play.ts',
  'README.md',
  'package.json',
  'node_modules/.package-lock.json',
  '.venv/lib/python3/site-packages/Flask-1',
];
const YESTERDAY = new Date(Date.now() - 86_400_000);
let root = '';

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'proven-'));
  for (const file of FILES) put(file, 'as it was');
});
afterEach(() => rmSync(root, { recursive: true }));

function put(file: string, text: string, at = YESTERDAY): void {
  mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  writeFileSync(path.join(root, file), text);
  utimesSync(path.join(root, file), at, at);
}

/** A proof as the next process finds it. */
function proof(grounds: Grounds = { parts: ['part1'] }, title = 'it serves'): Proof {
  const state = readState(grounds, root);
  return new Proof({ group: 'a group', title }, state, path.join(root, 'proven'));
}

describe('a proof', () => {
  test('holds from when it is kept until it is forgotten', () => {
    expect(proof().holds).toBe(false);
    proof().keep();
    expect(proof().holds).toBe(true);
    expect(proof(undefined, 'it does another thing').holds).toBe(false);
    proof().forget();
    expect(proof().holds).toBe(false);
  });

  test.each([
    'part1/server.ts',
    'part1/checks/1-01.ts',
    'shared/checks/check.ts',
    'shared/harness/app.py',
    'package.json',
    'node_modules/.package-lock.json',
  ])('ends when %s changes, and holds when it is again what it was', (file) => {
    proof().keep();
    put(file, 'as it is');
    expect(proof().holds).toBe(false);
    put(file, 'as it was');
    expect(proof().holds).toBe(true);
  });

  test('ends when a file comes, goes, or has another name, and when a package of Python is another', () => {
    proof().keep();
    put('part1/new.ts', '');
    expect(proof().holds).toBe(false);
    rmSync(path.join(root, 'part1/new.ts'));
    expect(proof().holds).toBe(true);
    rmSync(path.join(root, 'part1/server.ts'));
    put('part1/servant.ts', 'as it was');
    expect(proof().holds).toBe(false);
    put('part1/server.ts', 'as it was');
    rmSync(path.join(root, 'part1/servant.ts'));
    put('.venv/lib/python3/site-packages/Flask-2', '');
    expect(proof().holds).toBe(false);
  });

  test.each([
    'part1/my/server.ts',
    'part1/README.md',
    'part1/test/part1.test.ts',
    'part2/server.ts',
    'shared/weave/play.ts',
    'README.md',
  ])('of programs of part 1 does not stand on %s', (file) => {
    proof().keep();
    put(file, 'as it is');
    expect(proof().holds).toBe(true);
  });

  test.each(['part1/README.md', 'part2/server.ts', 'shared/weave/play.ts', 'README.md'])(
    'of texts, and of two parts, stands on %s',
    (file) => {
      const grounds = { parts: ['part1', 'part2'], withTexts: true };
      proof(grounds).keep();
      put(file, 'as it is');
      expect(proof(grounds).holds).toBe(false);
    },
  );

  test('of what a test file says stands on that file, and on no other one', () => {
    const file = path.join(root, 'part1/test/part1.test.ts');
    proof({ parts: [], file }).keep();
    put('part1/server.ts', 'as it is');
    expect(proof({ parts: [], file }).holds).toBe(true);
    put('part1/test/part1.test.ts', 'as it is');
    expect(proof({ parts: [], file }).holds).toBe(false);
  });

  test('is not kept if a file was written while it was proved, or after this process had begun', () => {
    const late = proof();
    put('part1/server.ts', 'as it is');
    late.keep();
    expect(readdirSync(root)).not.toContain('proven');
    put('part1/server.ts', 'as it was', new Date());
    proof().keep();
    expect(readdirSync(root)).not.toContain('proven');
  });
});

describe('a test', () => {
  const SUITE = `
import { testOnce } from '${ROOT}/shared/harness/proven.ts';
import { readFileSync } from 'node:fs';
import { afterEach } from 'vitest';
afterEach(() => {
  if (process.env.LATE) throw new Error('it fails behind the test');
});
testOnce({ group: '${path.basename(import.meta.filename)}', title: 'a file says yes', what: process.env.FILE, parts: [] }, async ({ expect }) => {
  expect(readFileSync(process.env.FILE, 'utf8')).toBe('yes');
});`;
  const run = async (env: Record<string, string>) => {
    put('suite/once.test.ts', SUITE);
    put('suite/package.json', '{}');
    rmSync(path.join(root, 'suite/node_modules'), { force: true });
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(root, 'suite/node_modules'));
    const vitest = path.join(ROOT, 'node_modules/vitest/vitest.mjs');
    const { code, stdout } = await runToEnd(
      [
        process.execPath,
        vitest,
        'run',
        '--root',
        path.join(root, 'suite'),
        '--reporter',
        'verbose',
        '--no-color',
      ],
      { CI: '', PROOFS: '', SERVER: '', FILE: path.join(root, 'answer'), ...env },
    );
    const title = /[✓↓×].*a file says yes.*/.exec(stdout)?.[0] ?? stdout;
    return [code, title[0], title.includes(SAID)];
  };

  const title =
    'that has passed, with all hooks, is not run again, but where CI is set; and one that fails is forgotten';
  const options = { timeout: 60_000, concurrent: false };
  testOnce({ group: 'a test', title, parts: [], file: import.meta.filename, options }, async () => {
    put('answer', 'yes');
    expect(await run({ LATE: 'yes' })).toEqual([1, '×', false]);
    expect(await run({})).toEqual([0, '✓', false]);
    put('answer', 'no'); // it does not stand on this file: that it is run shows in what becomes of it
    expect(await run({})).toEqual([0, '↓', true]);
    expect(await run({ CI: 'true' })).toEqual([1, '×', false]);
    expect(await run({})).toEqual([1, '×', false]);
  });

  test('has a proof of its own', () => {
    const theTest = { group: 'a test', title, parts: [] };
    expect(() => testOnce(theTest, async () => {})).toThrow(/^two tests would share one proof: /);
  });

  test('is run again where all shall be proven, and on a program that is not ours', () => {
    expect(isBelieved({})).toBe(true);
    expect(isBelieved({ CI: 'true' })).toBe(false);
    expect(isBelieved({ PROOFS: 'again' })).toBe(false);
    expect(isBelieved({ PROOFS: 'full' })).toBe(false);
    expect(isBelieved({ SERVER: 'python3 my.py' })).toBe(false);
  });
});

test('a check names programs of its own part alone, but for those that make a mistake', () => {
  const foreign = ['part1', 'part2', 'part3'].flatMap((part) => {
    const folder = path.join(ROOT, part, 'checks');
    return readdirSync(folder).filter((file) => {
      const named =
        readFileSync(path.join(folder, file), 'utf8').match(/(?<!file: ')\bpart\d(?=\/)/g) ?? [];
      return named.some((one) => one !== part);
    });
  });
  expect(foreign).toEqual([]);
});
