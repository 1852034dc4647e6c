/** The commands of the checker as a reader types them, in a home of their own: nobody's files are touched. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { quick, ROOT, runToEnd } from '../../harness/server-process.ts';
import { exercisesOf, stepsOf } from '../ladder.ts';
import { HELP } from '../tell/help.ts';

const REFERENCE = readFileSync(path.join(ROOT, 'part1/webserver1.ts'), 'utf8');
/** The reference with the line ends of 2015. */
const LF_ONLY = REFERENCE.replace("head.join('\\r\\n')", "head.join('\\n')");
const PYTHON = `
import os, socket
server = socket.create_server(('127.0.0.1', int(os.environ.get('PORT', '8888'))))
print('Serving HTTP on port', server.getsockname()[1], flush=True)
while True:
    client, _ = server.accept()
    while b'\\r\\n\\r\\n' not in client.recv(4096): pass
    client.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 14\\r\\nConnection: close\\r\\n\\r\\nHello, World!\\n')
    client.close()
`;
const CLI = quick('shared/checks/commands/cli.ts');

interface Home {
  /** A path in part1/my. */
  my(file?: string): string;
  put(text: string, file?: string): string;
  run(args: string, env?: Record<string, string>): ReturnType<typeof runToEnd>;
  learn(): ChildProcessWithoutNullStreams;
}

/** A test with a home of its own, as a reader has one. */
function atHome(body: (home: Home) => Promise<void>): () => Promise<void> {
  return async () => {
    const home = mkdtempSync(path.join(tmpdir(), 'checks-'));
    writeFileSync(path.join(home, 'package.json'), '{"type":"module"}');
    symlinkSync(path.join(ROOT, 'shared'), path.join(home, 'shared'));
    const learners: ChildProcessWithoutNullStreams[] = [];
    const my = (file = 'server.ts') => path.join(home, 'part1', 'my', file);
    const env = { CHECK_HOME: home, SERVER: '', NODE_OPTIONS: '' };
    try {
      await body({
        my,
        put(text, file) {
          mkdirSync(path.dirname(my(file)), { recursive: true });
          writeFileSync(my(file), text);
          return my(file);
        },
        run: (args, more) => runToEnd([...CLI, ...args.split(' ')], { ...env, ...more }),
        learn() {
          const [node = '', ...args] = [...CLI, 'learn', 'part1'];
          const learner = spawn(node, args, { cwd: ROOT, env: { ...process.env, ...env } });
          learner.stdout.setEncoding('utf8');
          learners.push(learner);
          return learner;
        },
      });
    } finally {
      for (const learner of learners) learner.kill();
      rmSync(home, { recursive: true });
    }
  };
}

/** Reads what a learner prints, without losing a word between two questions. */
class Reader {
  readonly #learner: ChildProcessWithoutNullStreams;
  #text = '';

  constructor(learner: ChildProcessWithoutNullStreams) {
    this.#learner = learner;
    learner.stdout.on('data', (chunk) => {
      this.#text += chunk;
    });
  }

  /** What came since the last time, up to and with that. */
  async until(pattern: RegExp): Promise<string> {
    for (;;) {
      const match = pattern.exec(this.#text);
      if (match) return this.#take(match.index + match[0].length);
      await once(this.#learner.stdout, 'data');
    }
  }

  /** All the rest, when it has ended. */
  async untilEnd(): Promise<string> {
    await once(this.#learner, 'close');
    return this.#take(this.#text.length);
  }

  #take(length: number): string {
    const taken = this.#text.slice(0, length);
    this.#text = this.#text.slice(length);
    return taken;
  }
}

describe.concurrent('start', () => {
  test(
    'puts the starter in its place and says what to do next',
    atHome(async ({ my, run }) => {
      const { code, stdout } = await run('start part1');
      expect(code).toBe(0);
      expect(stdout).toContain('part1/my/server.ts is yours now.');
      expect(stdout).toContain('npm run learn -- part1');
      expect(existsSync(my())).toBe(true);
    }),
  );

  test(
    'makes every file that a check of the part runs',
    atHome(async ({ my, run }) => {
      await run('start part3');
      const folder = path.dirname(my()).replace('part1', 'part3');
      for (const { file = 'server' } of [...stepsOf('part3'), ...exercisesOf('part3')])
        expect(existsSync(path.join(folder, `${file}.ts`)), file).toBe(true);
    }),
  );

  test(
    "never writes over a reader's work, unless told to",
    atHome(async ({ my, put, run }) => {
      put('// mine');
      const { code, stdout } = await run('start part1');
      expect([code, readFileSync(my(), 'utf8')]).toEqual([1, '// mine']);
      expect(stdout).toMatch(
        /^part1\/my\/server\.ts is there already and stays as it is \(--force/,
      );
      expect((await run('start 1 --force')).code).toBe(0);
      expect(readFileSync(my(), 'utf8')).not.toBe('// mine');
    }),
  );
});

describe.concurrent('check', () => {
  test(
    'without a program says which command makes it',
    atHome(async ({ run }) => {
      expect(await run('check')).toEqual({
        code: 1,
        stdout: '',
        stderr: 'part1/my/server.ts is not there; this makes it: npm run start -- part1\n',
      });
    }),
  );

  test(
    'goes to the first failure, explains it, and leaves the rest open',
    atHome(async ({ put, run }) => {
      put(LF_ONLY);
      const { code, stdout, stderr } = await run('check part1');
      expect([code, stderr]).toEqual([1, '']);
      const ladder = stdout.split('\n\n')[0]?.split('\n') ?? [];
      const states = stepsOf('part1').map(({ id }) =>
        id < '1-03' ? '✓' : id === '1-03' ? 'x' : '·',
      );
      expect(ladder.map((line) => line[0])).toEqual(states);
      expect(stdout).toContain(`\npart 1 [======`);
      expect(stdout).toContain(`2 of ${states.length}\n`);
      expect(stdout.match(/^ {2}next: .*/gm)).toHaveLength(1);
      expect(stdout).toContain('  next: npm run hint -- 1-03 ');
    }),
  );

  test(
    'passes with 0, and says how the story goes on',
    atHome(async ({ put, run }) => {
      put(REFERENCE);
      const { code, stdout } = await run('check part1');
      expect([code, stdout.match(/^x.*/gm)]).toEqual([0, null]);
      expect(stdout).toContain('Part 1 is done: all ');
      expect(stdout).toContain('npm run start -- part2');
    }),
  );

  test(
    'of one step, with all bytes',
    atHome(async ({ put, run }) => {
      put(LF_ONLY);
      const { code, stdout } = await run('check 1-02 -v');
      expect(code).toBe(0);
      expect(stdout).toMatch(/^ {2}> "GET \/\S* HTTP\/1\.1\\r\\n/m);
      expect(stdout).toMatch(/^ {2}< "HTTP\/1\.1 200 OK\\n/m);
      expect(stdout).toMatch(/^ {2}\| Serving HTTP on port \d+/m);
    }),
  );

  test(
    'takes a program in any language',
    atHome(async ({ put, run }) => {
      const SERVER = `python3 ${put(PYTHON, 'my.py')}`;
      expect((await run('check 1-02', { SERVER })).code).toBe(0);
      const { code, stdout } = await run('check 1-02', { SERVER: `${SERVER}.not-there` });
      expect(code).toBe(1);
      expect(stdout).toMatch(/did not start: [\s\S]*! .*No such file/);
    }),
  );

  test(
    "keeps the progress of a program that SERVER names apart from the reader's own",
    atHome(async ({ my, put, run }) => {
      put(REFERENCE);
      await run('check 1-01');
      const own = readFileSync(my('.progress.json'), 'utf8');
      const SERVER = `python3 ${put(PYTHON, 'my.py')}`;
      await run('check 1-02', { SERVER });
      await run('check 1-01', { SERVER: 'not-there' });
      expect(readFileSync(my('.progress.json'), 'utf8')).toBe(own);
      expect((await run('solution 1-02')).code).toBe(1);
      expect((await run('solution 1-02', { SERVER })).code).toBe(0);
      expect((await run('hint', { SERVER })).stdout).toContain(' for 1-01');
      expect((await run('hint')).stdout).toContain(' for 1-02');
      await run('check 2-01', { SERVER: 'not-there' });
      expect((await run('hint')).stdout).toContain(' for 1-02'); // part 1 is still the last
    }),
  );

  test(
    'tells a program that ends in mid-answer from one that is wrong',
    atHome(async ({ put, run }) => {
      put(REFERENCE.replace('let head = Buffer.alloc(0);', 'process.exit(7); let head;'));
      const { code, stdout } = await run('check 1-02');
      expect(code).toBe(1);
      expect(stdout.replace(/\s+/g, ' ')).toMatch(
        / exited: [^;]* a byte[^;]*; your program ended \(exit code 7\) /, // a RST came, or a FIN
      );
    }),
  );
});

describe.concurrent('hint and solution', () => {
  test(
    'a hint more each time, and never more than three',
    atHome(async ({ run }) => {
      for (const level of [1, 2, 3, 3]) {
        const { code, stdout } = await run('hint 1-03');
        expect([code, stdout.split(' for ')[0]]).toEqual([0, `Hint ${level} of 3`]);
      }
    }),
  );

  test(
    'alone, for the first check that has not been passed',
    atHome(async ({ put, run }) => {
      put(REFERENCE);
      expect((await run('hint')).stdout).toContain(' for 1-01');
      await run('check 1-01');
      expect((await run('hint')).stdout).toContain(' for 1-02');
      expect((await run('hint part1')).stdout).toContain(' for 1-02');
    }),
  );

  test(
    'the solution comes after passing, or to who peeks',
    atHome(async ({ put, run }) => {
      put(LF_ONLY);
      const refused = await run('solution 1-02');
      expect([refused.code, refused.stdout]).toEqual([1, '']);
      expect(refused.stderr).toMatch(
        /^You have not passed 1-02 yet; .* --peek shows it all the same\n$/,
      );
      expect((await run('solution 1-02 --peek')).code).toBe(0);
      await run('check 1-02');
      const { code, stdout } = await run('solution 1-02');
      expect(code).toBe(0);
      expect(stdout).toMatch(/^A solution of 1-02, .*: part1\/\S+\.ts\n/);
      expect(stdout).toContain('\n+++ part1/');
    }),
  );
});

describe.concurrent('learn', () => {
  test(
    'says at each save, however it is saved, how the current check does, and goes on by itself',
    atHome(async ({ my, put, learn }) => {
      put(LF_ONLY);
      const learner = learn();
      const reader = new Reader(learner);
      expect(await reader.until(/next: npm run hint -- 1-03 .*\n/)).toMatch(
        /^✓ 1-01[\s\S]*^✓ 1-02[\s\S]*^x 1-03/m,
      );
      put('syntax error');
      expect(await reader.until(/next: npm run hint -- 1-03 .*\n/)).toContain('did not start: ');
      put(REFERENCE, 'server.ts~');
      renameSync(my('server.ts~'), my());
      await reader.until(/^✓ 1-03.*\n/m);
      learner.stdin.end('l');
      const rest = await reader.untilEnd();
      expect(rest).toMatch(/And from the top[\s\S]*^✓ 1-01[\s\S]*^Part 1 is done: all /m);
      expect(rest).toMatch(/^✓ 1-03 .* answer$/m); // the list, which has no times
      expect(rest).not.toContain('\x1b');
      expect(learner.exitCode).toBe(0);
    }),
  );

  test(
    'into a pipe, without input, gives its verdict and ends',
    atHome(async ({ put, run }) => {
      put(LF_ONLY);
      const { code, stdout } = await run('learn part1');
      expect(code).toBe(0);
      expect(stdout).toMatch(/^x 1-03/m);
    }),
  );
});

describe.concurrent('what is not understood', () => {
  test.each([
    ['frob', /^There are start, check, learn, hint and solution, and no 'frob'\n$/],
    ['check 1-99', /^There is no check '1-99'; there are 1-01, 1-02, .*--help\)\n$/],
    ['check --frob', /^Unknown option '--frob' \(npm run check -- --help\)\n$/],
    ['check part9', /^There is no check 'part9'; there are part1, part2, part3, and .* 1-03 .*\n$/],
    ['start part9', /^There is part1, part2 and part3, and no 'part9' .*\n$/],
    ['hint 1-01 1-02', /^One thing at a time: '1-01' or '1-02' .*\n$/],
  ])('is one line and exit 2: %s', async (args, pattern) => {
    const { code, stdout, stderr } = await runToEnd([...CLI, ...args.split(' ')]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(pattern);
  });

  test.each(Object.entries(HELP))('%s --help tells', async (command, help) => {
    const { code, stdout } = await runToEnd([...CLI, command, '--help']);
    expect([code, stdout]).toEqual([0, `${help}\n`]);
    expect(help).toContain(`Usage: npm run ${command} -- `);
  });
});
