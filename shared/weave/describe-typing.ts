/**
 * The blocks of a part's chapters, typed one after the other, as a reader does who types along: in the end they are the
 * stages, and wherever the chapter says that a check passes, it passes with what is typed so far.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'vitest';
import { ROOT, runToEnd } from '../harness/server-process.ts';
import { readBook, tell, typings } from './book.ts';
import type { Chapter } from './chapter.ts';
import { checkTyping } from './check-typing.ts';
import { type Block, blocksOf, readLines, type Typing, typeBlocks } from './typing.ts';

/** A line that sends its reader to a check, when a step is done. */
const CHECK = /^Check: `npm run check -- (\d-\d+)`/;
/** Seconds for a check: it bounds a hang, and is not measured against. */
const PATIENCE = 120;

interface Mention {
  readonly check: string;
  readonly chapter: Chapter;
  readonly line: number;
}

/** `part1`, or another. Only stages that are shown whole (`isTyped` in shared/stages.ts) are typed. */
export function describeTyping(part: string): void {
  const book = readBook();
  const isOurs = ({ file, isDemanded }: Typing) => isDemanded && file.startsWith(`${part}/`);
  const typed = typings().filter(isOurs);
  describe.skipIf(process.env.SERVER)(`${part}: its blocks, typed in their order,`, () => {
    for (const typing of typed) {
      const begin = typing.base ?? 'an empty file';
      test(`make ${typing.file} (${typing.stage}) of ${begin}`, ({ expect }) => {
        expect(checkTyping(book, [typing], ROOT).map(tell).join('\n')).toBe('');
      });
    }
    for (const mention of mentionsIn(book.filter(({ file }) => file.startsWith(`${part}/`)))) {
      const now = typed.findLast(({ file }) => blocksBefore(book, file, mention).length > 0);
      if (!now) continue;
      test.concurrent(`pass ${mention.check} where #${sectionOf(mention)} says so`, {
        timeout: PATIENCE * 1000,
      }, async ({ expect }) => {
        const home = type(book, part, typed, mention);
        const { file } = typed.find(({ stage }) => stage === now.stage) ?? now;
        const SERVER = `node --import tsx ${path.join(home, file)}`;
        const env = { SERVER, CHECK_HOME: home, NODE_OPTIONS: '' };
        const check = ['npm', 'run', '--silent', 'check', '--', mention.check];
        const told = await runToEnd(check, env).finally(() => rmSync(home, { recursive: true }));
        expect(told).toMatchObject({ code: 0, stdout: expect.stringContaining('✓') });
      });
    }
  });
}

function mentionsIn(chapters: readonly Chapter[]): Mention[] {
  return chapters.flatMap((chapter) =>
    chapter.text.split('\n').flatMap((text, index) => {
      const [, check] = CHECK.exec(text) ?? [];
      return check === undefined ? [] : [{ check, chapter, line: index + 1 }];
    }),
  );
}

function sectionOf({ chapter, line }: Mention): string {
  return chapter.headings.findLast((heading) => heading.line < line)?.slug ?? '';
}

/** The blocks of a file that stand above a line. */
function blocksBefore(book: readonly Chapter[], file: string, { chapter, line }: Mention): Block[] {
  const place = (name: string) => book.findIndex((one) => one.file === name);
  return blocksOf(book, file).filter(
    (block) =>
      place(block.chapter) < place(chapter.file) ||
      (block.chapter === chapter.file && block.fence.line < line),
  );
}

/** A folder that looks like the project, with all that is typed up to a line. */
function type(
  book: readonly Chapter[],
  part: string,
  typed: readonly Typing[],
  mention: Mention,
): string {
  const home = mkdtempSync(path.join(tmpdir(), 'typed-'));
  mkdirSync(path.join(home, part));
  writeFileSync(path.join(home, 'package.json'), '{"type":"module"}');
  symlinkSync(path.join(ROOT, 'shared'), path.join(home, 'shared'));
  for (const name of readdirSync(path.join(ROOT, part))) {
    const file = path.join(part, name);
    const typing = typed.find((one) => one.file === file);
    if (name === 'my') continue;
    if (!typing) {
      symlinkSync(path.join(ROOT, file), path.join(home, file));
      continue;
    }
    const blocks = blocksBefore(book, file, mention);
    const { lines } = typeBlocks(readLines(ROOT, typing.base), blocks, typing);
    writeFileSync(path.join(home, file), `${lines.map(({ text }) => text).join('\n')}\n`);
  }
  return home;
}
