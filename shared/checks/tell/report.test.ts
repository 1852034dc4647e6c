/** What the checker prints, to the letter: bytes and the caret, the explanation, the ladder, narrow and wide. */
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Check } from '../check.ts';
import { LADDER } from '../ladder.ts';
import { Failure } from '../run/failure.ts';
import type { Verdict } from '../run/run-check.ts';
import { escapeBytes, showBytes } from './bytes.ts';
import { hintText } from './hints.ts';
import {
  aligned,
  bar,
  explain,
  type Look,
  ladderLine,
  lastWords,
  transcript,
  verdictLine,
} from './report.ts';

const plain = (width: number): Look => ({ width, paint: (_, text) => text });
const check: Check = {
  id: '1-03',
  name: 'crlf',
  part: 'part1',
  title: 'A strict client accepts your answer',
  goal: 'lines end in CR LF',
  hints: ['Which byte does the caret point at?', 'RFC 9112, section 2.2', "'200 OK\\r\\n\\r\\n'"],
  anchor: '#line-endings',
  lenient: [],
  byHand: String.raw`printf 'GET / HTTP/1.1\r\nHost: x\r\n\r\n' | nc 127.0.0.1 $PORT`,
  solution: '1c',
  seconds: 1,
  run: async () => {},
  mistakes: [],
};
const evidence = {
  command: [process.execPath, '--import', 'tsx', '/root of/part1/my/server.ts'],
  port: 49152,
  talks: [
    { sent: Buffer.from('GET\r\n\r\n'), received: Buffer.from('Hi\n'), ending: 'fin' as const },
  ],
  printed: 'Serving HTTP on port 49152 ...\n',
};
const failed = (failure: Failure, more: Partial<Verdict> = {}): Verdict => ({
  check,
  state: 'failed',
  took: 41.3,
  failure,
  evidence,
  ...more,
});
const lf = new Failure('expected \\r\\n, got \\n', {
  received: Buffer.from('HTTP/1.1 200 OK\n\nHello, World!\n'),
  at: 15,
  mistake: 'lf-only',
});
const text = (lines: readonly string[]) => `\n${lines.join('\n')}\n`;

describe('bytes', () => {
  test('every byte is visible, and none is taken for another', () => {
    const bytes = Buffer.from('a\\r "ö"\t\r\n\0\x7f');
    expect(escapeBytes(bytes)).toBe('a\\\\r "\\xc3\\xb6"\\t\\r\\n\\x00\\x7f');
  });

  test('what fits in a line is in a line, the caret under the fault', () => {
    const bytes = Buffer.from('HTTP/1.1 200 OK\n\nHi\n');
    const shown = showBytes(bytes, { width: 80, sign: '  < ', at: 15, note: 'got \\n' });
    expect(text(shown.lines)).toBe(`
  < "HTTP/1.1 200 OK\\n\\nHi\\n"
                    ^ byte 15: got \\n
`);
    expect(shown.saysNote).toBe(true);
  });

  test('what does not is cut where its lines end, and shown around the fault', () => {
    const head = 'HTTP/1.1 200 OK\r\n'.concat(...'abcdefgh'.split('').map((c) => `${c}: 1\r\n`));
    const bytes = Buffer.from(`${head}bad: header\nContent-Length: 5\r\n\r\nHello`);
    const at = bytes.indexOf('r\nContent') + 1;
    const shown = showBytes(bytes, { width: 60, sign: '< ', at, note: 'expected \\r\\n' });
    expect(text(shown.lines)).toBe(`
< ... 35 bytes
< "d: 1\\r\\n"
< "e: 1\\r\\n"
< "f: 1\\r\\n"
< "g: 1\\r\\n"
< "h: 1\\r\\n"
< "bad: header\\n"
              ^ byte 76: expected \\r\\n
< "Content-Length: 5\\r\\n"
< "\\r\\n"
< ... 5 bytes
`);
  });

  test('a fault far to the right stays in sight', () => {
    const bytes = Buffer.from(`${'x'.repeat(100)}!yyy`);
    const shown = showBytes(bytes, { width: 40, sign: '< ', at: 100, note: 'no room for this' });
    expect(text(shown.lines)).toBe(`
< "...xxxxxxxxxxxxxxxxxxxxx!yyy"
                           ^ byte 100
`);
    expect(shown.saysNote).toBe(false);
  });

  test('at the right edge the caret has its number before it', () => {
    const bytes = Buffer.from(`${'x'.repeat(35)}!`);
    expect(text(showBytes(bytes, { width: 40, sign: '< ', at: 35 }).lines)).toBe(`
< "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx!"
                              byte 35 ^
`);
  });

  test('what is missing is pointed at behind the last byte; nothing is called nothing', () => {
    expect(text(showBytes(Buffer.from('Hi'), { width: 80, sign: '', at: 2 }).lines)).toBe(`
"Hi"
   ^ byte 2
`);
    expect(showBytes(Buffer.alloc(0), { width: 80, sign: '< ', at: 0 }).lines).toEqual([
      '< nothing',
    ]);
  });

  test('a megabyte takes no time and no page', () => {
    const bytes = Buffer.alloc(1 << 20, 'x');
    const start = performance.now();
    expect(showBytes(bytes, { width: 60, sign: '', at: 1 << 19 }).lines).toHaveLength(2);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

describe('a failure', () => {
  test('is told as the ladder promises', () => {
    expect(text(explain(failed(lf), '/root of', plain(80)))).toBe(`
x 1-03 crlf  A strict client accepts your answer                           41 ms
  $ PORT=8888 npx tsx part1/my/server.ts    # then, in a second terminal:
  $ printf 'GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' | nc 127.0.0.1 8888
  < "HTTP/1.1 200 OK\\n\\nHello, World!\\n"
                    ^ byte 15: expected \\r\\n, got \\n
  This looks like the mistake \`lf-only\`: part1/README.md#line-endings
  next: npm run hint -- 1-03        all bytes: npm run check -- 1-03 -v
`);
  });

  test('in 40 columns breaks text, and never what is to be typed or clicked', () => {
    expect(text(explain(failed(lf), '/root of', plain(40)))).toBe(`
x 1-03 crlf  41 ms
  A strict client accepts your answer
  expected \\r\\n, got \\n
  $ PORT=8888 npx tsx part1/my/server.ts
    # then, in a second terminal:
  $ printf 'GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' | nc 127.0.0.1 8888
  < "HTTP/1.1 200 OK\\n\\nHello, World!\\n"
                    ^ byte 15
  This looks like the mistake \`lf-only\`:
    part1/README.md#line-endings
  next: npm run hint -- 1-03
  all bytes: npm run check -- 1-03 -v
`);
  });

  test('to start shows the last words of the program, and no question to one that is not there', () => {
    const stderr = `node:internal/x:1
/root of/part1/my/server.ts:3:7: ERROR: Expected ";"

    at failure (/root of/node_modules/x.js:1:1)
Node.js v20.18.1
`;
    const failure = new Failure('Your program ended before it was ready', {
      cause: 'did not start',
      stderr,
    });
    const { port: _, ...unborn } = evidence;
    expect(text(explain(failed(failure, { evidence: unborn }), '/root of', plain(80)))).toBe(`
x 1-03 crlf  A strict client accepts your answer                           41 ms
  did not start: Your program ended before it was ready
  $ PORT=8888 npx tsx part1/my/server.ts
  ! part1/my/server.ts:3:7: ERROR: Expected ";"
  Nothing was asked of it yet. Run it as above until it stays and says "Serving
  HTTP on port N".
  The chapter on it: part1/README.md#line-endings
  next: npm run hint -- 1-03        all bytes: npm run check -- 1-03 -v
`);
  });

  test.each([
    ['not ready', /not ready: why[\s\S]*Print "Serving HTTP on port N" when it listens/],
    ['refused', /refused: why[\s\S]*must listen on 127\.0\.0\.1/],
    ['reset', /reset: why[\s\S]*end\(\) waits/],
    ['timed out', /timed out: why\n/],
    ['exited', /exited: why \(exit code 3\)\n/],
    ['wrong', /^ {2}why\n/m],
  ] as const)('%s is told apart from the others', (cause, pattern) => {
    const ended = { ...evidence, ...(cause === 'exited' && { ended: 'exit code 3' }) };
    const verdict = failed(new Failure('why', { cause }), { evidence: ended });
    expect(text(explain(verdict, '/root of', plain(80)))).toMatch(pattern);
  });

  test('by the end of the program is told above its bytes and its last words', () => {
    const details = { cause: 'exited', received: lf.details.received, at: 0, stderr: 'Error: x' };
    const failure = new Failure('no body; your program ended', details as Failure['details']);
    const ended = { ...evidence, ended: 'exit code 3' };
    expect(explain(failed(failure, { evidence: ended }), '/', plain(60)).join('\n')).toContain(`
  < "HTTP/1.1 200 OK\\n\\nHello, World!\\n"
     ^ byte 0
  ! Error: x
`);
    expect(text(explain(failed(failure, { evidence: ended }), '/', plain(80)))).toContain(
      '\n  exited: no body; your program ended (exit code 3)\n',
    );
  });

  test('has the command that shows it, and before it the one that makes its file', () => {
    const page = path.join(tmpdir(), 'page-aB12cD', 'page.html'); // gone when this is read
    const started = { ...evidence, command: ['./mine', '--page', page] };
    const slow = { ...check, prepare: 'make page.html' };
    const lines = (failure: Failure) =>
      explain(failed(failure, { check: slow, evidence: started }), '/root of', plain(40)).slice(
        2,
        7,
      );
    const why = new Failure('why', { byHand: 'curl 127.0.0.1:$PORT/why' });
    expect(text(lines(why))).toBe(`
  why
  $ make page.html
  $ PORT=8888 ./mine --page ${tmpdir()}/page.html
    # then, in a second terminal:
  $ curl 127.0.0.1:8888/why
`);
    expect(lines(lf)).toContain(`  $ ${check.byHand.replace('$PORT', '8888')}`);
  });

  test('in what the program printed looks like the transcript', () => {
    const printed = new Failure('no arrow', { received: Buffer.from('GET /\n'), isPrinted: true });
    expect(explain(failed(printed), '/', plain(80))).toContain('  | "GET /\\n"');
  });

  test('has all its bytes for who asks', () => {
    expect(text(transcript(failed(lf), plain(80)))).toBe(`
  client 1, port 49152
  > "GET\\r\\n\\r\\n"
  < "Hi\\n"
    (FIN)
  the program printed
  | Serving HTTP on port 49152 ...
`);
  });

  test('a program that talks too much has only its last words shown', () => {
    const lines = Array.from({ length: 30 }, (_, i) => `line ${i}`);
    expect(lastWords(lines.join('\n'), '/')).toEqual(lines.slice(-10).map((line) => `  ! ${line}`));
  });
});

describe('the ladder', () => {
  const long = { ...check, id: '2-06', name: 'start_response', title: 'The head is fixed' };

  test('stands in columns, with times at the right', () => {
    const look = aligned(plain(60), [check, long]);
    const lines = [
      verdictLine({ check, state: 'passed', took: 312 }, look),
      verdictLine({ check: { ...long, needs: 'Linux' }, state: 'skipped', took: 0 }, look),
      ladderLine(long, 'open', look),
      bar('part2', 2, 3, look),
    ];
    expect(text(lines)).toBe(`
✓ 1-03 crlf            A strict client accepts you... 312 ms
- 2-06 start_response  The head is fixed         needs Linux
· 2-06 start_response  The head is fixed
part 2 [======...] 2 of 3
`);
  });

  test('never is wider than the terminal', () => {
    for (const width of [40, 59, 60, 80]) {
      const look = aligned(plain(width), [check, long]);
      expect(ladderLine(check, 'failed', look, '12345 ms').length).toBeLessThanOrEqual(width);
      expect(bar('part2', 12, 34, look).length).toBeLessThanOrEqual(width);
    }
  });
});

test('hints come one by one, with the way to the next', () => {
  expect(text(hintText(check, 2, plain(80)))).toBe(`
Hint 2 of 3 for 1-03 crlf: A strict client accepts your answer
  To learn: lines end in CR LF
  1. Which byte does the caret point at?
  2. RFC 9112, section 2.2
  One more: npm run hint -- 1-03
`);
  expect(hintText(check, 3, plain(80)).at(-1)).toBe(
    '  Our program: npm run solution -- 1-03 --peek',
  );
});

test("who writes in another language is told the system call beside Node's name for it", () => {
  const nodes =
    /(?:socket|server|child|cluster|child_process)\.\w+|process\.on\(|Atomics|createServer|node:(?:cluster|worker)/;
  const silent = LADDER.filter(({ hints }) => {
    const [question, api, shape] = hints;
    return nodes.test(question + api) && !/\b[a-z_]+\([23]\)/.test(question + api + shape);
  });
  expect(silent.map(({ id }) => id)).toEqual([]);
});
