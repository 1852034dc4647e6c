/** The terminals of a chapter, played again section by section: they must show what is printed today. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readChapter, tell } from '../weave/book.ts';
import { whatIsMissing } from '../weave/needs.ts';
import { Play } from '../weave/play.ts';
import { toActs } from '../weave/transcript.ts';

/** Seconds for a section: it bounds a hang, and is not measured against. */
const PATIENCE = 600;

/** `file` is relative to the project: `part1/README.md`. What cannot be played here is skipped, but not where CI is set. */
export function describeChapter(file: string): void {
  const chapter = readChapter(file);
  describe.skipIf(process.env.SERVER)(file, () => {
    let play: Play;
    beforeAll(async () => {
      play = await Play.open(file, chapter.text);
    });
    afterAll(() => play.close());

    for (const act of toActs(chapter)) {
      const missing = whatIsMissing(act);
      const title = `#${act.section}: its terminals show what is printed`;
      test.skipIf(missing !== undefined && !process.env.CI)(
        missing ? `${title} (${missing})` : title,
        { timeout: PATIENCE * 1000 },
        async () => {
          expect(missing).toBeUndefined();
          const { faults } = await play.perform(act);
          expect(faults.map(tell).join('\n')).toBe('');
        },
      );
    }
  });
}
