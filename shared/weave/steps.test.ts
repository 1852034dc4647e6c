/** The blocks that are printed for an author: typed one after the other, they make the file. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../harness/server-process.ts';
import { typings } from './book.ts';
import { toSteps } from './steps.ts';
import { readBase, readLines, typeBlocks } from './typing.ts';

/** Types the blocks from one file to the other. */
function typed(base: readonly string[], file: readonly string[]) {
  const blocks = toSteps(base, file).map(({ language, lines }, index) => {
    const fence = { line: index, language, info: '', lines, above: '', section: '' };
    return { chapter: '', fence, name: undefined, index };
  });
  const { lines, faults } = typeBlocks(base, blocks, { stage: '', file: '' });
  return { faults, lines: lines.map(({ text }) => text) };
}

describe('from stage to stage', () => {
  for (const typing of typings()) {
    const { stage, file, base } = typing;
    const lines = readLines(ROOT, file);
    test(`${stage}: ${base ?? 'an empty file'} becomes ${file}, in blocks of 16 lines at most`, () => {
      const begin = readBase(ROOT, typing);
      expect(typed(begin, lines)).toEqual({ faults: [], lines });
      const sizes = toSteps(begin, lines).map((block) => block.lines.length);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(16);
      expect(readFileSync(path.join(ROOT, file), 'utf8')).toBe(`${lines.join('\n')}\n`);
    });
  }
});

test('any lines become any others', () => {
  const lines = fc.array(fc.constantFrom('', 'a', 'b', '  c', '}'), { maxLength: 40 });
  fc.assert(
    fc.property(lines, lines, (base, file) => {
      expect(typed(base, file)).toEqual({ faults: [], lines: file });
    }),
    { numRuns: 1000 },
  );
});
