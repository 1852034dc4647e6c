/** A program in a new folder: what comes along, and what its imports say there. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { copiesOf } from './program-copy.ts';

let root: string;
beforeAll(() => {
  root = mkdtempSync(path.join(tmpdir(), 'program-'));
});
afterAll(() => rmSync(root, { recursive: true }));

/** For tests that look for imports in this file: those below are of files that are not there. */
const written = (text: string) => text.replaceAll('USE', `import`);
const shown = (text: string) => text.replaceAll(/import(?=\(| ['"])/g, 'USE');

/** Writes the files, moves a/one.ts, and gives each copy as its place and its text. */
function move(files: Record<string, string>, to = 'b/two'): Record<string, string> {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), written(text));
  }
  const entry = path.join(root, 'a/one.ts');
  const copies = copiesOf({
    entry,
    from: path.dirname(entry),
    to: path.join(root, to),
    name: 'server.ts',
  });
  return Object.fromEntries(
    copies.map(({ target, content }) => [path.relative(root, target), shown(content.toString())]),
  );
}

test('modules of its folder come along, and theirs, however they are named', () => {
  const code = "USE './x.ts'; import type { Y } from './in/y.js'; await USE('./z');";
  const copies = move({
    'a/one.ts': code,
    'a/x.ts': '',
    'a/in/y.ts': "export * from '../w.ts';",
    'a/z.ts': '',
    'a/w.ts': '',
    'a/not-mine.ts': '',
  });
  expect(Object.keys(copies).sort()).toEqual(
    ['in/y.ts', 'server.ts', 'w.ts', 'x.ts', 'z.ts'].map((name) => `b/two/${name}`),
  );
  expect(copies['b/two/server.ts']).toBe(code);
});

test('modules elsewhere stay, and are found from the new place', () => {
  const copies = move({ 'a/one.ts': "import { x } from '../x.ts';", 'x.ts': '' });
  expect(copies).toEqual({ 'b/two/server.ts': "import { x } from '../../x.ts';" });
});

test('a module that imports the program finds it under its new name', () => {
  const copies = move({ 'a/one.ts': "USE './back.ts';", 'a/back.ts': 'USE "./one";' });
  expect(copies['b/two/back.ts']).toBe('USE "./server.ts";');
});

test('a file that is no code comes along as it is', () => {
  const copies = move({
    'a/one.ts': "new URL('./page.html', import.meta.url);",
    'a/page.html': "from '../x.ts'",
    'x.ts': '',
  });
  expect(copies['b/two/page.html']).toBe("from '../x.ts'");
});

test('what names nothing is left as it is', () => {
  const code = "new URL('../not/there', base); // from './nowhere.ts'";
  expect(move({ 'a/one.ts': code })).toEqual({ 'b/two/server.ts': code });
});
