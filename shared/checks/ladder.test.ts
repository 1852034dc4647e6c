/** A check is a file and a section of the chapter: who has forgotten one of the two is told. */
import { slug } from 'github-slugger';
import { expect, test } from 'vitest';
import { readBook } from '../weave/book.ts';
import { LADDER } from './ladder.ts';
import { placeOf } from './tell/report.ts';

/** Each chapter's sections by their anchors, each with those below it; of two with one heading, the first. */
const sections = new Map<string, string>();
for (const { file, text } of readBook()) {
  for (const { index, 1: level = '', 2: heading = '' } of text.matchAll(/^(##+) (.+)\n/gm)) {
    const rest = text.slice(index + level.length);
    const end = rest.search(new RegExp(`^#{2,${level.length}} `, 'm'));
    const place = `${file}#${slug(heading)}`;
    if (!sections.has(place)) sections.set(place, end === -1 ? rest : rest.slice(0, end));
  }
}

test.each(LADDER)('$id $name has its section in the chapter, which says how to run it', (check) => {
  expect([...sections.keys()]).toContain(placeOf(check));
  expect(sections.get(placeOf(check))).toContain(`npm run check -- ${check.id}`);
});

test('every check that a chapter names has its file', () => {
  const named = readBook().flatMap(
    ({ text }) => text.match(/(?<=npm run check -- )\d-[x\d]+/g) ?? [],
  );
  expect([...new Set(named)].filter((id) => !LADDER.some((check) => check.id === id))).toEqual([]);
});
