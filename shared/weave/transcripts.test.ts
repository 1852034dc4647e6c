/** Whatever the terminals of a chapter show wrongly is seen. The chapters' own are played by the tests of their part. */
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { hasProc } from '../harness/proc.ts';
import { parseChapter } from './chapter.ts';
import { compare, makeAlike } from './compare.ts';
import { Play } from './play.ts';
import { checkTranscripts, replaceExpected, toActs } from './transcript.ts';
import { Workplace } from './workplace.ts';

const chapter = (text: string) => parseChapter('part1/README.md', text);
const fence = (info: string, ...lines: string[]) =>
  `\`\`\`${info}\n${[...lines, '```'].join('\n')}\n`;

describe('comparing', () => {
  const whole = (shown: string[], text: string) => compare(shown, { text, isWhole: true });
  const sofar = (shown: string[], text: string) => compare(shown, { text, isWhole: false });

  test('the lines are the same, and no others', () => {
    expect(whole(['a', 'b'], 'a\nb\n')).toMatchObject({ state: 'same', lines: 2 });
    expect(whole(['a', 'b', ''], 'a\r\nb  \n\n')).toMatchObject({ state: 'same' });
    expect(whole(['a', 'b'], 'a\nc\n')).toEqual({
      state: 'different',
      index: 1,
      expected: 'b',
      printed: 'c',
    });
    expect(whole(['a'], 'a\nb\n')).toMatchObject({ index: 1, expected: undefined, printed: 'b' });
    expect(whole(['a', 'b'], 'a\n')).toMatchObject({ index: 1, expected: 'b', printed: undefined });
  });

  test('`...` is any number of lines', () => {
    for (const text of ['a\nz\n', 'a\nb\nc\nz\n', 'a\nz\nz\n']) {
      expect(whole(['a', '...', 'z'], text)).toMatchObject({ state: 'same' });
    }
    expect(whole(['...'], '')).toMatchObject({ state: 'same' });
    expect(whole(['a', '...', 'z'], 'a\nb\n')).toMatchObject({ state: 'different', index: 2 });
    expect(whole(['...', 'z'], 'a\nz\nb\n')).toMatchObject({ state: 'different' });
  });

  test('a program that runs may still print what is missing, and nothing else', () => {
    expect(sofar(['a', 'b'], 'a\n')).toEqual({ state: 'waiting', missing: 'b' });
    expect(sofar(['a', 'bcd'], 'a\nbc')).toMatchObject({ state: 'waiting' });
    expect(sofar(['a', 'b'], 'a\nc\n')).toMatchObject({ state: 'different', printed: 'c' });
    expect(sofar(['a'], 'a\nb\n')).toMatchObject({ state: 'same', lines: 1 });
    expect(sofar(['a', '...', 'z'], 'a\nb\n')).toMatchObject({ state: 'waiting', missing: 'z' });
  });

  test.each([
    ['Date: Mon, 23 Nov 2026 18:24:00 GMT', 'Date: Tue, 01 Dec 2026 08:00:01 GMT'],
    ['x [23/Nov/2026:18:24:00 +0000] y', 'x [01/Dec/2026:08:00:01 +0100] y'],
    ['it took 12 ms', 'it took   3 ms'],
    ['in 0.35 s', 'in 12 s'],
    ['Serving HTTP on port 8888 ... (process 4711)', 'Serving HTTP on port 8888 ... (process 31)'],
    ['4711: 200 OK', '98: 200 OK'],
    ['connected from 127.0.0.1:50123', 'connected from 127.0.0.1:40001'],
    ['Server: WSGIServer/2.0', 'Server: WSGIServer/2.1'],
    ['User-Agent: curl/7.88.1', 'User-Agent: curl/8.5.0'],
  ])('%j is %j', (one, other) => {
    expect(makeAlike([one])).toEqual(makeAlike([other]));
  });

  test.each([
    ['Content-Length: 14', 'Content-Length: 15'],
    ['Serving HTTP on port 8888 ...', 'Serving HTTP on port 9000 ...'],
    ['HTTP/1.1 200 OK', 'HTTP/1.0 200 OK'],
    ['12 bytes', '13 bytes'],
  ])('%j is not %j', (one, other) => {
    expect(makeAlike([one])).not.toEqual(makeAlike([other]));
  });

  test('numbers in a column of process numbers are alike, those beside it are not', () => {
    const table = (pid: string, count: string) => ['  PID N COMMAND', `${pid} ${count} node`];
    expect(makeAlike(table('    1', '2'))).toEqual(makeAlike(table('30000', '2')));
    expect(makeAlike(table('    1', '2'))).not.toEqual(makeAlike(table('    1', '3')));
  });
});

test('what cannot be run is a fault', () => {
  const faultsOf = (...fences: string[]) =>
    checkTranscripts(chapter(`# One\n\n${fences.join('\n')}`)).map(
      ({ line, message }) => `${line}: ${message}`,
    );
  expect(faultsOf(fence('console', 'hello', '$ ls'))).toEqual([
    '4: only a terminal with a name goes on: ```console NAME',
  ]);
  expect(faultsOf(fence('console server', 'hello'))).toEqual([
    '4: no command has been typed into the terminal server in #one',
  ]);
  expect(faultsOf(fence('console my server', '$ ls'))).toEqual([
    '3: the name of a terminal is one word',
  ]);
  expect(faultsOf(fence('sh', '$ ls'))).toEqual([expect.stringMatching(/^4: .* no `\$` before/)]);
});

describe.runIf(hasProc)('playing', () => {
  /** Plays all acts of a text; the faults, and what the steps printed if that is asked for. */
  async function play(text: string, isTaking = false) {
    const stage = await Play.open('part1/README.md', text, isTaking);
    try {
      const results = [];
      for (const act of toActs(chapter(text))) results.push(await stage.perform(act));
      const faults = results.flatMap((result) => result.faults);
      return {
        faults: faults.map(({ line, message }) => `${line}: ${message.split('\n')[0]}`),
        takes: results.flatMap((result) => result.takes),
      };
    } finally {
      stage.close();
    }
  }
  const faultsOf = async (...fences: string[]) =>
    (await play(`# One\n\n${fences.join('\n')}`)).faults;

  test('a server in its terminal, a client in another, on the ports of the text', async () => {
    expect(
      await faultsOf(
        fence('console server', '$ npm run part1 -- 1a', 'Serving one echo on port 8888 ...'),
        fence('console', "$ printf 'hello\\n' | nc 127.0.0.1 8888", 'hello'),
        fence('console server', '$ npm run part1 -- 1b --port 9000'),
        fence('console', '$ curl -i localhost:9000/', 'HTTP/1.1 200 OK', '', 'Hello, World!'),
        fence('console server', 'Serving HTTP on port 9000 ...', '< GET / HTTP/1.1', '...', '^C'),
        fence('console', '$ curl localhost:9000; echo $?', '...', '7'),
      ),
    ).toEqual([]);
  });

  test('a server is waited for that takes its time to start, also one of which nothing is shown', async () => {
    const asks = fence('console', '$ curl localhost:9000', 'Hello, World!');
    for (const shown of [[], ['...']])
      expect(
        await faultsOf(
          fence('console server', '$ sleep 0.5; exec npm run part1 -- 1b --port 9000', ...shown),
          asks,
        ),
      ).toEqual([]);
  });

  test('a line that differs, one too many, one too few', async () => {
    expect(await faultsOf(fence('console', '$ printf "a\\nb\\n"', 'a', 'c'))).toEqual([
      '6: shown is "c", printed was "b"',
    ]);
    expect(await faultsOf(fence('console', '$ printf "a\\nb\\n"', 'a'))).toEqual([
      '6: shown is nothing, printed was "b"',
    ]);
    expect(await faultsOf(fence('console', '$ echo a', 'a', 'b'))).toEqual([
      '6: shown is "b", printed was nothing',
    ]);
    expect(await faultsOf(fence('console x', '$ echo a', 'a', 'b'))).toEqual([
      '6: shown, and never printed: "b"',
    ]);
  });

  test('what a terminal prints behind all that is shown of it', async () => {
    const first = fence('console x', '$ echo a; echo b; echo c; cat', 'a');
    expect(await faultsOf(first)).toEqual([]);
    expect(await faultsOf(first, fence('console x', 'b'))).toEqual([
      '4: printed, and not shown: "c"; show it, or let the last block of this terminal end with `...`',
    ]);
    expect(await faultsOf(first, fence('console x', 'b', '...'))).toEqual([]);
    expect(await faultsOf(first, fence('console x', '^C', 'b', 'c'))).toEqual([]);
    const loose = fence('console x', '$ echo a; echo b; cat', 'a', '...', '^C');
    expect(await faultsOf(loose)).toEqual([]);
  });

  test('commands of sh, which must succeed or serve', async () => {
    const fences = [fence('sh', '# nothing', 'npm install && true', 'test \\', '  1 = 1')];
    expect(await faultsOf(...fences)).toEqual([]);
    expect(await faultsOf(fence('sh', 'true', 'exit 3'))).toEqual(['5: exit status 3: exit 3']);
    const page = `/tmp/page-${process.pid}`; // it stays where it was made
    const serves = fence('sh', 'npm run part1');
    const asks = fence('console', `$ curl -s -o ${page} -w "%{http_code}" localhost:8888`, '200');
    expect(await faultsOf(serves, asks)).toEqual([]);
    expect(existsSync(page)).toBe(false);
  });

  test('a section ends all its terminals', async () => {
    const text = `## One\n\n${fence('console x', '$ echo a; sleep 98765', 'a')}\n## Two\n\n${fence(
      'console',
      '$ ps -o args | grep -c "[s]leep 98765"',
      '0',
    )}`;
    expect((await play(text)).faults).toEqual([]);
  });

  test('written anew, a block has what was printed, and one that is right stays as it is', async () => {
    const text = `# One\n\n${fence(
      'console',
      '$ echo "process 1"',
      'process 22',
      '',
      '$ printf "a\\nb\\n"',
      'old',
      '',
      '$ true',
    )}${fence('console x', '$ echo c; cat')}`;
    const { takes, faults } = await play(text, true);
    expect(faults).toEqual([]);
    const after = takes.map(({ step }) =>
      replaceExpected(
        step.fence,
        takes.filter((take) => take.step.fence === step.fence),
      ),
    );
    expect(after).toEqual([
      ['$ echo "process 1"', 'process 22', '', '$ printf "a\\nb\\n"', 'a', 'b', '', '$ true'],
      ['$ echo c; cat', 'c'],
    ]);
  });

  test('nothing is left of the place where it was played', async () => {
    const place = await Workplace.open('on port 8888');
    expect(existsSync(`${place.folder}/package.json`)).toBe(true);
    place.close();
    expect(existsSync(place.folder)).toBe(false);
  });
});
