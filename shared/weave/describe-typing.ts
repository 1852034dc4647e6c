/**
 * The blocks of a part's chapters, typed one after the other, as a reader does who types along: in the end they are the
 * stages, and wherever the chapter says that a check passes, it passes with what is typed so far.
 */
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'vitest';
import { testOnce } from '../harness/proven.ts';
import { quick, ROOT, runToEnd } from '../harness/server-process.ts';
import { readBook, tell, typings } from './book.ts';
import type { Chapter } from './chapter.ts';
import { checkTyping } from './check-typing.ts';
import { type Block, blocksOf, readBase, type Typing, typeBlocks } from './typing.ts';

/** A line that sends its reader to a check, when a step is done. */
const CHECK = /^Check: `npm run check -- (\d-\d+)`/;
/** Seconds for a check: it bounds a hang, and is not measured against. */
const PATIENCE = 120;

interface Mention {
  readonly check: string;
  readonly chapter: Chapter;
  readonly line: number;
}

/** What is to be known of a check, to ask it of a typed program. */
interface Asked {
  readonly id: string;
  /** The stage that passes it. */
  readonly solution: string;
  /** The name under which it looks for a program of the reader's, if it wants a certain one. */
  readonly file?: string;
}

/** `part1`, or another. Only stages that are shown whole (`isTyped` in shared/stages.ts) are typed. */
export function describeTyping(part: string, checks: readonly Asked[]): void {
  const book = readBook();
  const isOurs = ({ file, isDemanded }: Typing) => isDemanded && file.startsWith(`${part}/`);
  const typed = typings().filter(isOurs);
  const group = `${part}: its blocks, typed in their order,`;
  describe.skipIf(process.env.SERVER)(group, () => {
    for (const typing of typed) {
      const begin = typing.base ?? 'an empty file';
      test(`make ${typing.file} (${typing.stage}) of ${begin}`, ({ expect }) => {
        expect(checkTyping(book, [typing], ROOT).map(tell).join('\n')).toBe('');
      });
    }
    for (const mention of mentionsIn(book.filter(({ file }) => file.startsWith(`${part}/`)))) {
      const now = typed.findLast(({ file }) => blocksBefore(book, file, mention).length > 0);
      const check = checks.find(({ id }) => id === mention.check);
      // A check of a stage that is not typed is not passed by those that are.
      if (!now || !typed.some(({ stage }) => stage === check?.solution)) continue;
      const title = `pass ${mention.check} where #${sectionOf(mention)} says so`;
      const options = { timeout: PATIENCE * 1000 };
      const theTest = { group, title, options, parts: [part], withTexts: true };
      testOnce(theTest, async ({ expect }) => {
        const home = type(book, part, typed, mention);
        const { file } = typed.find(({ stage }) => stage === now.stage) ?? now;
        const SERVER = toServer(home, part, file, check?.file);
        const command = quick('shared/checks/commands/cli.ts', 'check', mention.check);
        const told = await runToEnd(command, { SERVER, CHECK_HOME: home }).finally(() =>
          rmSync(home, { recursive: true }),
        );
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

/** What SERVER says for a typed program. Where a check wants a file by its name, it is put there, and SERVER says nothing. */
function toServer(home: string, part: string, file: string, name: string | undefined): string {
  if (name === undefined) return quick(path.join(home, file)).join(' ');
  mkdirSync(path.join(home, part, 'my'));
  copyFileSync(path.join(home, file), path.join(home, part, 'my', `${name}.ts`));
  return '';
}

/** A folder that looks like the project, with all that is typed up to a line. */
function type(
  book: readonly Chapter[],
  part: string,
  typed: readonly Typing[],
  mention: Mention,
): string {
  const home = mkdtempSync(path.join(tmpdir(), 'typed-'));
  writeFileSync(path.join(home, 'package.json'), '{"type":"module"}');
  symlinkSync(path.join(ROOT, 'shared'), path.join(home, 'shared'));
  const furnish = (folder: string) => {
    mkdirSync(path.join(home, folder));
    for (const name of readdirSync(path.join(ROOT, folder))) {
      const file = path.join(folder, name);
      const typing = typed.find((one) => one.file === file);
      if (name === 'my') continue;
      if (typing) write(typing);
      else if (typed.some((one) => one.file.startsWith(`${file}/`))) furnish(file);
      else symlinkSync(path.join(ROOT, file), path.join(home, file));
    }
  };
  const write = (typing: Typing) => {
    const blocks = blocksBefore(book, typing.file, mention);
    const { lines } = typeBlocks(readBase(ROOT, typing), blocks, typing);
    writeFileSync(path.join(home, typing.file), `${lines.map(({ text }) => text).join('\n')}\n`);
  };
  furnish(part);
  return home;
}
