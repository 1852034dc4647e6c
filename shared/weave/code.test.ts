/** Blocks are found in their sources, cut anew when those have changed, and told of when they have lost their place. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseChapter, replaceLines } from './chapter.ts';
import { checkCode, refreshCode } from './code.ts';
import { findNamed } from './source.ts';

const SOURCE = `/** Greets. */
const server = createServer((socket) => {
  socket.on('data', (packet) => {
    count += packet.length;
    socket.end(HELLO);
  });
  socket.on('error', () => {});
});

const QUOTE = /[!\`]/;

export class Greeter {
  readonly #name: string;

  /** Says it. */
  async greet(
    socket: Socket,
  ): Promise<void> {
    if (this.#name === '') {
      socket.end();
    } else {
      socket.end(\`
Hello, \${this.#name}
\`);
    }
  }

  get name(): string {
    return this.#name;
  }
}
`;

const PYTHON = `import os

@route('/')
def hello(request):
    text = """
Hello
"""
    return text


class App:
    def __init__(self):
        self.count = 0

    def __call__(self, environ):
        return [b'hello']

    def again(self):
        return [b'hello']
`;

let root = '';
beforeAll(() => {
  root = mkdtempSync(path.join(tmpdir(), 'weave-'));
  mkdirSync(path.join(root, 'part1'));
  writeFileSync(path.join(root, 'part1', 'a.ts'), SOURCE);
  writeFileSync(path.join(root, 'part1', 'a.py'), PYTHON);
});
afterAll(() => rmSync(root, { recursive: true }));

/** A chapter with one block, which begins on its line 5. */
function chapterOf(caption: string, block: string, language = 'ts') {
  const lines = block === '' ? '' : `${block}\n`;
  return parseChapter(
    'part1/README.md',
    `# One\n\n${caption}\n\n\`\`\`${language}\n${lines}\`\`\`\n\nEnd.\n`,
  );
}
const check = (caption: string, block: string, language?: string) =>
  checkCode(chapterOf(caption, block, language), root).map(
    ({ line, message }) => `${line}: ${message}`,
  );
function refresh(caption: string, block: string, language?: string): string {
  const chapter = chapterOf(caption, block, language);
  const { changes, faults } = refreshCode(chapter, root);
  if (faults[0]) return faults[0].message;
  const after = parseChapter('part1/README.md', replaceLines(chapter, changes));
  expect(after.text.replace(/```[\s\S]*```/, '')).toBe(chapter.text.replace(/```[\s\S]*```/, ''));
  return after.fences[0]?.lines.join('\n') ?? '';
}
const SERVER = '[a.ts](a.ts), `server`:';

describe('a name', () => {
  const cut = (name: string, text = SOURCE, language: 'ts' | 'python' = 'ts') =>
    findNamed(text, language, name).map(({ start, head, end }) => [start + 1, head + 1, end]);

  test('is a declaration with its comment, up to the line that closes it', () => {
    expect(cut('server')).toEqual([[1, 2, 8]]);
    expect(cut('QUOTE')).toEqual([[10, 10, 10]]);
    expect(cut('Greeter')).toEqual([[12, 12, 31]]);
    expect(cut('nobody')).toEqual([]);
  });

  test('is a member of a class, whatever its signature and the texts in it look like', () => {
    expect(cut('Greeter.greet')).toEqual([[15, 16, 26]]);
    expect(cut('Greeter.#name')).toEqual([[13, 13, 13]]);
    expect(cut('Greeter.name')).toEqual([[28, 28, 30]]);
  });

  test('in Python ends where the indentation does', () => {
    expect(cut('hello', PYTHON, 'python')).toEqual([[3, 4, 8]]);
    expect(cut('App', PYTHON, 'python')).toEqual([[11, 11, 19]]);
    expect(cut('App.__init__', PYTHON, 'python')).toEqual([[12, 12, 13]]);
  });
});

describe('a block', () => {
  test('is a run of lines of what is named, less the indentation they share', () => {
    const part = "socket.on('data', (packet) => {\n  count += packet.length;";
    expect(check(SERVER, part)).toEqual([]);
    expect(check('[a.ts](a.ts):', part)).toEqual([]);
    expect(check('[a.py](a.py), `App.__call__`:', "return [b'hello']", 'python')).toEqual([]);
  });

  test('that has drifted is told by its first line that is not in the source', () => {
    const drifted =
      "socket.on('data', (packet) => {\n  total += packet.length;\n  socket.end(HELLO);";
    expect(check(SERVER, drifted)).toEqual([
      '7: not in part1/a.ts, `server`: "  total += packet.length;", where the source has ' +
        '"    count += packet.length;"; npm run weave refreshes it',
    ]);
  });

  test('is looked for in what is named and not elsewhere in the file', () => {
    expect(check(SERVER, 'const QUOTE = /[!`]/;')).toEqual([
      expect.stringMatching(/^6: not in part1\/a.ts, `server`/),
    ]);
  });

  test('has a source, which is there', () => {
    const line = 'socket.end(HELLO);';
    expect(check('Look:', line)).toEqual([expect.stringMatching(/^5: .* line of its own above/)]);
    expect(check('[b.ts](b.ts):', line)).toEqual(['5: there is no file part1/b.ts']);
    expect(check('[a.ts](a.ts), `no`:', line)).toEqual(['5: there is no `no` in part1/a.ts']);
    expect(check('[a.py](a.py):', line)).toEqual(['5: a.py is no file in ts']);
    expect(check(SERVER, line, 'typescript')).toEqual([]);
    expect(check('Look:', line, 'typescript')).toEqual([
      expect.stringMatching(/^5: there is no language `typescript` here/),
    ]);
  });

  test('has sixteen lines at most', () => {
    const long = SOURCE.split('\n').slice(11, 28).join('\n');
    expect(check('[a.ts](a.ts), `Greeter`:', long)).toEqual([
      '5: a block of 17 lines; 16 at most: make it two',
    ]);
  });
});

describe('refreshing', () => {
  test('cuts between the first and the last line, which are still there', () => {
    expect(refresh(SERVER, "socket.on('data', (p) => {\n});")).toMatch(/lost its place: its first/);
    expect(refresh(SERVER, "socket.on('data', (packet) => {\n  old();\n});")).toBe(
      "socket.on('data', (packet) => {\n  count += packet.length;\n  socket.end(HELLO);\n});",
    );
    expect(refresh('[a.py](a.py), `App`:', 'class App:\n        self.count = 0', 'python')).toBe(
      'class App:\n    def __init__(self):\n        self.count = 0',
    );
  });

  test('makes an empty block the whole thing, without its comment', () => {
    expect(refresh('[a.ts](a.ts), `Greeter.name`:', '')).toBe(
      'get name(): string {\n  return this.#name;\n}',
    );
    expect(refresh('[a.py](a.py), `hello`:', '', 'python')).toMatch(/^def hello/);
  });

  test('leaves alone what is right, and never guesses', () => {
    const right = "socket.on('error', () => {});";
    expect(refresh(SERVER, right)).toBe(right);
    expect(refresh('[a.ts](a.ts), `Greeter`:', 'socket.end();\nx();\ngone();')).toBe(
      'the block lost its place: its last line "gone();" is not in part1/a.ts, `Greeter`',
    );
    const twice = "class App:\n    gone()\n        return [b'hello']";
    expect(refresh('[a.py](a.py), `App`:', twice, 'python')).toMatch(/its last line .* is 2 times/);
    expect(refresh('[a.ts](a.ts):', '  }\n\n  get other(): string {')).toMatch(
      /lost its place: its first line " {2}\}" is 4 times in part1\/a.ts/,
    );
  });
});
