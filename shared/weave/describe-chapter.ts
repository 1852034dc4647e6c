/**
 * The terminals of a chapter, played again, each section in a place of its own, as most of their time is spent waiting: they
 * must show what is printed today.
 */
import { describe, test, vi } from 'vitest';
import { testOnce } from '../harness/proven.ts';
import { readChapter, tell } from './book.ts';
import { whatIsMissing } from './needs.ts';
import { Play } from './play.ts';
import { toActs } from './transcript.ts';

/** A chapter may show any of them. */
const PARTS = ['part1', 'part2', 'part3'];
/** Seconds for a section: it bounds a hang, and is not measured against. */
const PATIENCE = 600;

/** `file` is relative to the project: `part1/README.md`. What cannot be played here is skipped, but not where CI is set. */
export function describeChapter(file: string): void {
  const chapter = readChapter(file);
  const acts = toActs(chapter);
  if (acts.length === 0) return; // it has no terminals
  vi.setConfig({ maxConcurrency: 3 }); // some of it shows what takes a second, and must not take three
  describe.skipIf(process.env.SERVER)(file, () => {
    for (const act of acts) {
      const missing = whatIsMissing(act);
      const title = `#${act.section}: its terminals show what is printed`;
      if (missing !== undefined && !process.env.CI) {
        test.skip(`${title} (${missing})`);
        continue;
      }
      const options = { timeout: PATIENCE * 1000 };
      const theTest = { group: file, title, options, parts: PARTS, withTexts: true };
      testOnce(theTest, async ({ expect }) => {
        expect(missing).toBeUndefined();
        const play = await Play.open(file, chapter.text);
        const { faults } = await play.perform(act).finally(() => play.close());
        expect(faults.map(tell).join('\n')).toBe('');
      });
    }
  });
}
