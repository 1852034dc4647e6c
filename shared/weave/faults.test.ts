/** Links, anchors, commands and figures: each kind of fault is seen, where it is. And the book as it is has none. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { quick, ROOT, runToEnd } from '../harness/server-process.ts';
import { FILES, tell } from './book.ts';
import { type Fault, parseChapter } from './chapter.ts';
import { checkCommands } from './commands.ts';
import { checkFigures } from './figures.ts';
import { checkLinks, checkReferences } from './links.ts';
import { DONE_BY_CI, leftToRun } from './needs.ts';

let root = '';
beforeAll(() => {
  root = mkdtempSync(path.join(tmpdir(), 'weave-'));
  mkdirSync(path.join(root, 'part1', 'figures'), { recursive: true });
  writeFileSync(path.join(root, 'part1', 'a.ts'), '');
  writeFileSync(path.join(root, 'part1', 'figures', 'life.svg'), '<svg/>');
});
afterAll(() => rmSync(root, { recursive: true }));

const chapter = (text: string, file = 'part1/README.md') => parseChapter(file, text);
const told = (faults: readonly Fault[]) =>
  faults.map(({ line, message }) => `${line}: ${message}`).sort();

test('a chapter is taken apart with the lines of its source', () => {
  const { headings, links, images, fences, codes, faults } = chapter(
    '# One\n\nSee [a](b.ts),\nand `npm test`.\n\n- an item\n- with [c](d.ts)\n\n| [e](f.ts) |\n|---|\n| `g` |\n\n' +
      '## One: `two` & three\n\n![of it](h.svg)\n\n```console server\n$ ls\n```\n',
  );
  expect(faults).toEqual([]);
  expect(headings.map(({ line, slug }) => [line, slug])).toEqual([
    [1, 'one'],
    [13, 'one-two--three'],
  ]);
  expect(links.map(({ line, href }) => [line, href])).toEqual([
    [3, 'b.ts'],
    [7, 'd.ts'],
    [9, 'f.ts'],
  ]);
  expect(images).toEqual([{ line: 15, href: 'h.svg', alt: 'of it' }]);
  expect(fences).toEqual([
    expect.objectContaining({
      line: 17,
      language: 'console',
      info: 'server',
      lines: ['$ ls'],
      section: 'one-two--three',
    }),
  ]);
  expect(codes.map(({ line, text }) => [line, text])).toEqual([
    [4, 'npm test'],
    [11, 'g'],
    [13, 'two'],
    [18, '$ ls'],
  ]);
});

test('what cannot be checked is a fault', () => {
  expect(told(chapter('- a\n\n  ```ts\n  b\n  ```\n').faults)).toEqual([
    expect.stringMatching(/^[13]: a fence inside a list/),
  ]);
  expect(told(chapter('Code:\n\n    indented\n').faults)).toEqual([
    expect.stringMatching(/^[23]: code by indentation/),
  ]);
  expect(told(chapter('See [this][that].\n').faults)).toEqual([
    expect.stringMatching(/^1: a link whose reference is nowhere defined/),
  ]);
});

describe('links', () => {
  const faultsOf = (text: string) => told(checkLinks([chapter(text)], root));

  test('to files, folders and headings', () => {
    const text =
      '# One\n\n[a](a.ts) [b](b.ts) [c](A.ts) [d](figures) [e](../..) [f](/part1/a.ts)\n[g](#one) [h](#two) [i](a.ts#L3)\n';
    expect(faultsOf(text)).toEqual([
      '3: ../.. leads out of the project',
      '3: /part1/a.ts begins at no folder of this project: drop the slash',
      '3: A.ts leads to no file: part1/A.ts',
      '3: b.ts leads to no file: part1/b.ts',
      '4: #two: no heading makes this anchor',
      '4: a.ts#L3: only headings of chapters can be linked to',
    ]);
  });

  test('to a heading of another chapter, and to one that is there twice', () => {
    const one = chapter('# One\n\n## A\n\n## A\n\n[x](../part2/README.md#b) [y](#a-1)\n');
    const two = chapter('# Two\n\n[x](../part1/README.md#b)\n\n## B\n', 'part2/README.md');
    mkdirSync(path.join(root, 'part2'), { recursive: true });
    for (const part of ['part1', 'part2']) writeFileSync(path.join(root, part, 'README.md'), '');
    expect(told(checkLinks([one, two], root))).toEqual([
      '3: ../part1/README.md#b: no heading makes this anchor',
    ]);
  });

  test('on the web: addresses, each in one spelling', () => {
    const text =
      '[a](https://example.com/x#1) [b](https://example.com/x#2)\n\n[c](http://www.example.com/x/) [d](ftp://x) [e](http://)\n';
    expect(faultsOf(text)).toEqual([
      '3: ftp://x: neither http, https nor mailto',
      '3: http:// is no address',
      '3: http://www.example.com/x/ is https://example.com/x elsewhere: one spelling for one page',
    ]);
  });

  test('from a check, which names an anchor', () => {
    const references = ['one', 'two'].map((anchor) => ({
      file: 'part1/README.md',
      anchor,
      from: 'check 1-01',
    }));
    expect(told(checkReferences([chapter('# One\n')], references))).toEqual([
      '1: no heading makes the anchor #two, to which check 1-01 sends its reader',
    ]);
  });
});

test('commands name scripts, stages and checks that are there', () => {
  const offer = {
    scripts: ['part1', 'part2', 'check', 'learn'],
    stages: { part1: ['1a', '1b'], part2: ['2a', '2b'] },
    checks: ['1-03', 'crlf'],
  };
  const text =
    '`npm run part1 -- 1a` `npm run part1 -- --port 9000` `npm run part2 -- wsgiapp:app --port 1`\n\n' +
    '`npm run check -- 1-03 -v` `npm run check -- part1` `npm run learn -- part1` `npm run check -- crlf`\n\n' +
    '`npm run part9` `npm run part1 -- 1x` `npm run check -- 1-04`\n\n' +
    '```console\n$ npm run part2 -- 3a | head\n```\n';
  expect(told(checkCommands(chapter(text), offer))).toEqual([
    '5: `npm run check` knows no `1-04`',
    '5: package.json has no script `part9`',
    '5: part1 has no stage `1x`: there are 1a, 1b',
    '8: part2 has no stage `3a`: there are 2a, 2b',
  ]);
});

describe('figures', () => {
  const draws = { 'part1/figures/life.svg': () => '<svg/>' };
  const shown = chapter('![How a life goes on, from end to end.](figures/life.svg)\n');

  test('are drawn, there, and used, with alt text', () => {
    expect(told(checkFigures([shown], draws, root))).toEqual([]);
    expect(told(checkFigures([chapter('![life](figures/life.svg)\n')], draws, root))).toEqual([
      '1: figures/life.svg has no alt text that says what it says',
    ]);
    expect(told(checkFigures([], draws, root))).toEqual(['1: no chapter shows it']);
  });

  test('are what their source draws', () => {
    const others = { ...draws, 'part1/figures/new.svg': () => '' };
    expect(told(checkFigures([shown], others, root))).toEqual([
      '1: no chapter shows it',
      '1: not drawn yet: npm run weave -- --figures',
    ]);
    const changed = { 'part1/figures/life.svg': () => '<svg></svg>' };
    expect(told(checkFigures([shown], changed, root))).toEqual([
      '1: not as its source draws it: npm run weave -- --figures',
    ]);
    expect(told(checkFigures([shown], {}, root))).toEqual([
      '1: nothing in shared/weave/figures draws it',
      '1: shared/weave/figures draws no part1/figures/life.svg',
    ]);
  });
});

test('what is not run here is run by .ci/run', () => {
  const ci = readFileSync(path.join(ROOT, '.ci', 'run'), 'utf8').replace(/^\s*#.*$/gm, '');
  for (const [, inCi] of DONE_BY_CI) expect(ci).toContain(inCi);
  expect(leftToRun('npm install && npm run part2 -- wsgiapp:app')).toBe(
    'npm run part2 -- wsgiapp:app',
  );
  expect(leftToRun('npm test # all of it')).toBeUndefined();
  expect(leftToRun('npm testing')).toBe('npm testing');
});

describe('npm run weave', () => {
  const weave = (...args: string[]) => runToEnd(quick('shared/weave/cli.ts', ...args));

  test('-- --check finds no fault in the book as it is', async () => {
    expect(await weave('--check')).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('says what it can do, and what it has not understood', async () => {
    const help = await weave('--help');
    expect(help).toMatchObject({ code: 0, stderr: '' });
    for (const option of ['--check', '--coverage', '--steps', '--transcripts', '--figures']) {
      expect(help.stdout).toContain(option);
    }
    expect(await weave('part9')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^There is no chapter 'part9'[^\n]*--help\)\n$/),
    });
    expect(await weave('--chekc')).toMatchObject({ code: 2, stderr: expect.stringMatching(/^Un/) });
  });

  test('-- --steps prints the blocks from one stage to another', async () => {
    const steps = await weave('--steps', '1b', '1c');
    expect(steps).toMatchObject({ code: 0, stderr: '' });
    expect(steps.stdout).toMatch(
      /^\[webserver1\.ts\]\(webserver1\.ts\):\n\n```diff\n \/\*\*\n- \* 1b: /,
    );
    expect(await weave('--steps', '1c')).toEqual(steps);
    expect(await weave('--steps', '9z')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^There is no stage '9z'/),
    });
  });

  test('-- --coverage says how much is shown of the stages of a chapter', async () => {
    const coverage = await weave('--coverage', 'part1');
    expect(coverage).toMatchObject({ code: 0, stderr: '' });
    expect(coverage.stdout.split('\n').map((line) => line.slice(0, 2))).toEqual([
      '1a',
      '1b',
      '1c',
      '',
    ]);
  });

  test('tells a fault as editors and terminals make links of it', () => {
    expect(tell({ file: 'README.md', line: 3, message: 'no' })).toBe('README.md:3: no');
    expect(FILES).toContain('README.md');
  });
});
