/** A chapter is typed as its reader types it: what comes of it is the file, or the first thing that is wrong is told. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { typings } from './book.ts';
import { parseChapter } from './chapter.ts';
import { checkTyping } from './check-typing.ts';
import { checkCode, refreshCode } from './code.ts';
import { measureCoverage, tellCoverage } from './coverage.ts';
import { blocksOf, readBase, type Typing, typeBlocks } from './typing.ts';

const ONE = `/** One. */
const server = createServer();
await listen();

async function listen(): Promise<void> {
  server.listen(8888);
}
`;
const TWO = ONE.replace('8888', 'port').replace('const server', 'const port = 80;\nconst server');

/** The blocks that make ONE, and TWO of it. */
const FIRST =
  '[one.ts](one.ts):\n\n```ts\n/** One. */\nconst server = createServer();\nawait listen();\n```\n';
const LISTEN =
  '[one.ts](one.ts), `listen`:\n\n```ts\nasync function listen(): Promise<void> {\n  server.listen(8888);\n}\n```\n';
const PORT =
  '[two.ts](two.ts):\n\n```diff\n /** One. */\n+const port = 80;\n const server = createServer();\n```\n';
const USED =
  '[two.ts](two.ts), `listen`:\n\n```diff\n-  server.listen(8888);\n+  server.listen(port);\n```\n';

const TYPINGS: Typing[] = [
  { stage: '1a', file: 'part1/one.ts', isDemanded: true },
  { stage: '1b', file: 'part1/two.ts', base: 'part1/one.ts', isDemanded: true },
];
const TYPED = new Set(TYPINGS.map(({ file }) => file));

let root = '';
beforeAll(() => {
  root = mkdtempSync(path.join(tmpdir(), 'weave-'));
  mkdirSync(path.join(root, 'part1'));
  writeFileSync(path.join(root, 'part1', 'one.ts'), ONE);
  writeFileSync(path.join(root, 'part1', 'two.ts'), TWO);
});
afterAll(() => rmSync(root, { recursive: true }));

const chapter = (...blocks: string[]) => parseChapter('part1/README.md', blocks.join('\n'));
const told = (...blocks: string[]) =>
  checkTyping([chapter(...blocks)], TYPINGS, root).map(
    ({ line, message }) => `${line}: ${message}`,
  );
/** What blocks make of a few lines. */
function type(base: string, ...blocks: string[]): string {
  const fences = blocksOf([chapter(...blocks)], 'part1/one.ts');
  const { lines, faults } = typeBlocks(base.split('\n'), fences, { stage: '1a', file: 'one.ts' });
  return faults[0]?.message ?? lines.map(({ text }) => text).join('\n');
}
const block = (language: string, ...lines: string[]) =>
  ['[one.ts](one.ts):', '', `\`\`\`${language}`, ...lines, '```', ''].join('\n');
const diff = (...lines: string[]) => block('diff', ...lines);

test('the blocks of a chapter, in their order, make the files', () => {
  expect(told(FIRST, LISTEN, PORT, USED)).toEqual([]);
});

test('the files of a stage: its own, made of the stage that it is from, and those beside it', () => {
  const stage = { part: 'part1', summary: '', can: [] };
  const one = { ...stage, id: '1a', file: 'part1/one.ts' };
  const two = { ...stage, id: '1b', file: 'part1/two.ts', from: '1a', beside: ['part1/http.ts'] };
  const three = { file: 'part1/three.ts', from: '1a', before: 'serve' };
  expect(typings([one, { ...two, beside: [three] }])[2]).toEqual({
    stage: '1b',
    file: 'part1/three.ts',
    base: 'part1/one.ts',
    cut: { before: 'serve' },
    isDemanded: false,
  });
  expect(typings([one, { ...two, isTyped: true }])).toEqual([
    { stage: '1a', file: 'part1/one.ts', base: undefined, isDemanded: false },
    { stage: '1b', file: 'part1/two.ts', base: 'part1/one.ts', isDemanded: true },
    { stage: '1b', file: 'part1/http.ts', isDemanded: true },
  ]);
  expect(() => typings([two])).toThrow('from 1a, and there is no such stage');
});

test('a file may begin as a piece of another', () => {
  const root = mkdtempSync(path.join(tmpdir(), 'typing-'));
  try {
    const [base, two] = ['one.ts', ['/** All. */', 'function two() {}']];
    const lines = ['import x;', '', ...two, '', 'const three = 3;'];
    writeFileSync(path.join(root, base), `${lines.join('\n')}\n`);
    expect(readBase(root, { base })).toEqual(lines);
    expect(readBase(root, { base, cut: { before: 'two' } })).toEqual(['import x;']);
    expect(readBase(root, { base, cut: { at: 'two' } })).toEqual(lines.slice(2));
    expect(readBase(root, { base, cut: { at: 'two', before: 'three' } })).toEqual(two);
    expect(readBase(root, {})).toEqual([]);
    expect(() => readBase(root, { base, cut: { at: 'four' } })).toThrow('no four in one.ts');
  } finally {
    rmSync(root, { recursive: true });
  }
});

describe('a chapter that makes another file says where', () => {
  test('a line is typed nowhere', () => {
    expect(told(FIRST, LISTEN, USED)).toEqual([
      '19: stage 1b: line 2 of part1/two.ts, "const port = 80;", is typed nowhere: the blocks have "const server = createServer();" there',
    ]);
    expect(told(FIRST, PORT, USED)[0]).toBe(
      '3: stage 1a: line 4 of part1/one.ts, "" (and 3 more), is typed nowhere: the blocks end before it',
    );
  });

  test('a line is another', () => {
    expect(told(FIRST, LISTEN, PORT, USED.replace('(port)', '(prot)'))).toEqual([
      '27: stage 1b: line 7 of part1/two.ts is "  server.listen(port);"; the blocks make "  server.listen(prot);" of it',
    ]);
    expect(told(FIRST.replace('await', ' await'), LISTEN, PORT, USED)).toEqual([
      expect.stringMatching(/^3: stage 1a: line 3 .* is "await listen\(\);"; .* " await listen/),
    ]);
  });

  test('a line is too many', () => {
    expect(told(FIRST.replace('await', 'x();\nawait'), LISTEN, PORT, USED)).toEqual([
      '3: stage 1a: line 3 of part1/one.ts: the blocks have "x();" before it, and the file has not',
    ]);
  });

  test('blocks stand in another order', () => {
    expect(told(LISTEN, FIRST, PORT, USED)).toEqual([
      '3: stage 1a: line 1 of part1/one.ts: the blocks have "async function listen(): Promise<void> {" (and 3 more) before it, and the file has not',
      '11: stage 1a: line 4 of part1/one.ts, "" (and 3 more), is typed nowhere: the blocks end before it',
    ]);
  });

  test('a stage begins before the one before is whole', () => {
    expect(told(FIRST, PORT, USED, LISTEN)).toEqual([
      '11: stage 1b: this block stands before part1/one.ts is whole (line 26)',
      '19: stage 1b: this block stands before part1/one.ts is whole (line 26)',
    ]);
  });

  test('and is left alone where nothing is demanded', () => {
    const free = TYPINGS.map((typing) => ({ ...typing, isDemanded: false }));
    expect(checkTyping([chapter(LISTEN)], free, root)).toEqual([]);
  });
});

describe('a diff', () => {
  test('takes lines away and puts others there, and an empty line may have no space', () => {
    expect(type('a\n\nb', diff(' a', '', '-b', '+c', '+d'))).toBe('a\n\nc\nd');
    expect(type('a\n  - b', diff('-  - b', '+  + b'))).toBe('a\n  + b');
  });

  test('that fits nowhere tells the line that is not there', () => {
    expect(type('a\nb', diff(' a', '-c', '+d'))).toBe(
      'stage 1a: this block does not fit one.ts: where it has "c", there is "b" in what is typed so far',
    );
    expect(type('a\nb', diff('-c', '+d'))).toMatch(/there is no line "c" in what is typed so far$/);
    expect(told(FIRST, LISTEN, PORT, USED.replace('-  server', '- server'))).toEqual([
      expect.stringMatching(/^27: stage 1b: this block does not fit part1\/two.ts: /),
    ]);
  });

  test('that fits twice tells where, and a name tells which is meant', () => {
    expect(type('a\nb\na', diff('-a', '+d'))).toBe(
      'stage 1a: this block does not fit one.ts: it fits at lines 1 and 3 of what is typed so far: show a line more around it',
    );
    const twice = 'function a() {\n  x();\n}\n\nfunction b() {\n  x();\n}';
    const named = diff('-  x();', '+  y();').replace(':', ', `b`:');
    expect(type(twice, named)).toBe(twice.replace(/x\(\);\n}$/, 'y();\n}'));
    expect(type(`${twice}\nz();`, diff('-z();').replace(':', ', `b`:'))).toMatch(
      /: it fits only outside of `b`$/,
    );
  });

  test('may have several places, from the top down', () => {
    expect(type('a\nb\nc\nd', diff('-a', '+A', '...', ' c', '+x', '...', '-d', '+D'))).toBe(
      'A\nb\nc\nx\nD',
    );
    expect(type('a\nb\nc', diff(' c', '+d', '...', ' a', '+b'))).toMatch(
      /: "a" is above what stands before it in the block$/,
    );
    expect(type('a\nb', diff('-a', '+A', '...', '-c', '+C'))).toMatch(/there is no line "c"/);
  });

  test('says where, and changes something', () => {
    expect(type('a', diff('+b'))).toMatch(/it does not say where/);
    expect(type('a', diff(' a'))).toMatch(/it changes nothing/);
    expect(type('a', diff(' a', '*b'))).toMatch(/begins with a space, - or \+: "\*b"/);
  });
});

describe('a block of new code', () => {
  test('stands apart if it begins at the margin, and else goes on', () => {
    const ts = (...lines: string[]) => block('ts', ...lines);
    expect(type('a', ts('b', '  c'), ts('d'))).toBe('a\n\nb\n  c\n\nd');
    expect(type('a {', ts('  b'), ts('', '  c'), ts('}'))).toBe('a {\n  b\n\n  c\n}');
  });

  test('is not typed if it is quoted, and then it is held against the file', () => {
    const quote = `From ${LISTEN.replace('8888', '80')}`;
    expect(told(FIRST, LISTEN, quote, PORT, USED)).toEqual([]);
    expect(checkCode(chapter(FIRST, LISTEN, quote), root, TYPED)).toEqual([
      expect.objectContaining({
        line: 21,
        message: expect.stringContaining('not in part1/one.ts'),
      }),
    ]);
    expect(checkCode(chapter(`From ${USED}`), root, TYPED)).toEqual([
      expect.objectContaining({ message: expect.stringContaining('leave From away') }),
    ]);
  });

  test('may be one that a later block changes, but has sixteen lines at most', () => {
    const draft = block('ts', ...Array.from({ length: 17 }, (_, line) => `line(${line});`));
    const says = 'a block of 17 lines; 16 at most: make it two';
    expect(checkCode(chapter(draft), root, TYPED)).toEqual([
      expect.objectContaining({ message: says }),
    ]);
    expect(checkCode(chapter(draft.replace('line(0);\n', '')), root, TYPED)).toEqual([]);
    expect(checkCode(chapter(draft.replace('line(0);\n', '')), root)).toEqual([
      expect.objectContaining({ message: expect.stringContaining('not in part1/one.ts') }),
    ]);
  });

  test('is not refreshed, unless it is empty', () => {
    const draft = chapter(LISTEN.replace('8888', '80'));
    expect(refreshCode(draft, root, TYPED)).toEqual({ changes: new Map(), faults: [] });
    expect(refreshCode(draft, root).changes.size).toBe(1);
    const empty = chapter('[one.ts](one.ts), `listen`:\n\n```ts\n```\n');
    expect([...refreshCode(empty, root, TYPED).changes.values()]).toEqual([
      ONE.trimEnd().split('\n').slice(4),
    ]);
  });
});

test('a diff of a file that is not typed yet leaves lines that the file has', () => {
  expect(checkCode(chapter(USED), root)).toEqual([]);
  expect(checkCode(chapter(USED.replace('(port)', '(prot)')), root)).toEqual([
    expect.objectContaining({ line: 3, message: expect.stringContaining('prot') }),
  ]);
});

describe('coverage', () => {
  const measured = (isDemanded: boolean, ...blocks: string[]) =>
    measureCoverage(
      [chapter(...blocks)],
      TYPINGS.map((typing) => ({ ...typing, isDemanded })),
      root,
    );

  test('counts the lines that are new, and names those that are shown nowhere', () => {
    for (const isDemanded of [true, false]) {
      expect(measured(isDemanded, FIRST, LISTEN, PORT, USED)).toMatchObject([
        { changed: 7, missing: isDemanded ? [] : [4] },
        { changed: 2, missing: [] },
      ]);
      expect(measured(isDemanded, FIRST, USED)).toMatchObject([
        { changed: 7, missing: [4, 5, 6, 7] },
        { changed: 2, missing: [2] },
      ]);
    }
  });

  test('counts no line that only says where', () => {
    const alone: Typing[] = [{ stage: '1b', file: 'part1/two.ts', isDemanded: false }];
    expect(measureCoverage([chapter(PORT)], alone, root)).toMatchObject([
      { changed: 8, missing: [1, 3, 4, 5, 6, 7, 8] },
    ]);
  });

  test('is told with a line for each file', () => {
    expect(tellCoverage(measured(true, FIRST, PORT, USED))).toBe(
      '1a  part1/one.ts    3 of    7 lines shown   42 % (all demanded); not shown: 4-7\n' +
        '1b  part1/two.ts    2 of    2 lines shown  100 % (all demanded)',
    );
  });
});
