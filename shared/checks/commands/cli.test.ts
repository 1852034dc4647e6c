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
import { testOnce } from '../../harness/proven.ts';
import { quick, ROOT, runToEnd, tsx } from '../../harness/server-process.ts';
import { STAGES } from '../../stages.ts';
import type { Part } from '../check.ts';
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
/** The same through tsx, as it goes for a reader; the reader's program is then started so, too. */
const AS_TYPED = tsx('shared/checks/commands/cli.ts');

/** The gateway's first check: of those of part 3 the first one that looks at server.ts. */
const [GATEWAY = fail()] = stepsOf('part3').filter(({ file = 'server' }) => file === 'server');
const IS_NOT_THERE = 'part3/my/server.ts is not there; this makes it:';

interface Home {
  /** A path in part1/my, or in that of another part. */
  my(file?: string, part?: Part): string;
  put(text: string, file?: string, part?: Part): string;
  run(args: string, env?: Record<string, string>): ReturnType<typeof runToEnd>;
  runAsTyped(args: string): ReturnType<typeof runToEnd>;
  learn(part?: Part): ChildProcessWithoutNullStreams;
}

function fail(): never {
  throw new Error('there is no such check');
}

/** A file of ours, as the reader would have it in part2/my. */
function ofPart2(file: string): string {
  return readFileSync(path.join(ROOT, 'part2', file), 'utf8').replace(
    '../shared/',
    '../../shared/',
  );
}

/** A test with a home of its own, as a reader has one. */
function atHome(body: (home: Home) => Promise<void>): () => Promise<void> {
  return async () => {
    const home = mkdtempSync(path.join(tmpdir(), 'checks-'));
    writeFileSync(path.join(home, 'package.json'), '{"type":"module"}');
    symlinkSync(path.join(ROOT, 'shared'), path.join(home, 'shared'));
    const learners: ChildProcessWithoutNullStreams[] = [];
    const my = (file = 'server.ts', part = 'part1') => path.join(home, part, 'my', file);
    const env = { CHECK_HOME: home, SERVER: '', NODE_OPTIONS: '' };
    try {
      await body({
        my,
        put(text, file, part) {
          mkdirSync(path.dirname(my(file, part)), { recursive: true });
          writeFileSync(my(file, part), text);
          return my(file, part);
        },
        run: (args, more) => runToEnd([...CLI, ...args.split(' ')], { ...env, ...more }),
        runAsTyped: (args) => runToEnd([...AS_TYPED, ...args.split(' ')], env),
        learn(part = 'part1') {
          const [node = '', ...args] = [...CLI, 'learn', part];
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

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ');
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
    'makes every file that a check of the part runs, but the gateway',
    atHome(async ({ my, run }) => {
      await run('start part3');
      for (const { file = 'server' } of [...stepsOf('part3'), ...exercisesOf('part3')])
        expect([file, existsSync(my(`${file}.ts`, 'part3'))]).toEqual([file, file !== 'server']);
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

describe.concurrent('start --gateway', () => {
  test(
    'begins with our server of part 2 where there is no other: it serves, one at a time',
    atHome(async ({ my, put, run }) => {
      const { code, stdout } = await run('start 3 --gateway');
      expect(code).toBe(0);
      expect(oneLine(stdout)).toMatch(
        /^part2\/my\/server\.ts is not there, .* part2\/webserver2\.ts\. /,
      );
      expect(stdout).toContain('part3/my/server.ts is yours now, a copy of part2/webserver2.ts.\n');
      expect(readFileSync(my('http.ts', 'part3'), 'utf8')).toBe(ofPart2('http.ts'));

      const checked = await run(`check ${GATEWAY.id}`);
      expect(checked.code).toBe(1);
      expect(checked.stdout).not.toContain('did not start');
      expect(checked.stdout).toContain('This looks like the mistake `');

      put('// mine', 'server.ts', 'part3');
      const again = await run('start --gateway');
      expect([again.code, again.stdout]).toEqual([
        1,
        'part3/my/server.ts is there already and stays as it is (--force writes over it).\n' +
          '  next: npm run learn -- part3\n',
      ]);
      expect(readFileSync(my('server.ts', 'part3'), 'utf8')).toBe('// mine');
    }),
    60_000,
  );

  testOnce(
    {
      group: 'start --gateway',
      title: "copies the reader's server, with what it imports, when the checks of part 2 pass",
      parts: ['part2', 'part3'],
      file: import.meta.filename,
      options: { timeout: 180_000 },
    },
    atHome(async ({ my, put, run }) => {
      const server = ofPart2('webserver2.ts')
        .replace('./http.ts', './lib/http.ts') // in a folder
        .replace('./wsgi.ts', '../wsgi.ts'); // outside
      put(`${server}// mine\n`, 'server.ts', 'part2');
      put(ofPart2('http.ts').replace('./wsgi.ts', '../../wsgi.ts'), 'lib/http.ts', 'part2');
      put(
        ofPart2('input-stream.ts').replace('./wsgi.ts', '../wsgi.ts'),
        'input-stream.ts',
        'part2',
      );
      put(ofPart2('wsgi.ts'), '../wsgi.ts', 'part2');
      put('// not imported', 'form.ts', 'part2');
      const { code, stdout } = await run('start part3 --gateway');
      expect([code, /^x[\s\S]*/m.exec(stdout)?.[0]]).toEqual([0, undefined]);
      expect(stdout.match(/^✓/gm)).toHaveLength(stepsOf('part2').length);
      expect(stdout).toContain('part3/my/server.ts is yours now, a copy of part2/my/server.ts.\n');
      const copy = readFileSync(my('server.ts', 'part3'), 'utf8');
      expect(copy).toMatch(/from '\.\.\/\.\.\/part2\/wsgi\.ts'[\s\S]*\/\/ mine\n$/);
      expect(existsSync(my('lib/http.ts', 'part3'))).toBe(true);
      expect(existsSync(my('form.ts', 'part3'))).toBe(false);
      expect((await run(`check ${GATEWAY.id}`)).stdout).not.toContain('did not start');
    }),
  );

  test(
    "begins with ours when the reader's fails a check, and shows which",
    atHome(async ({ my, put, run }) => {
      put(ofPart2('start/server.ts'), 'server.ts', 'part2');
      const { code, stdout } = await run('start part3 --gateway');
      expect(code).toBe(0);
      expect(stdout).toMatch(/^x 2-01[\s\S]*^Your server does not pass part 2 yet, /m);
      expect(readFileSync(my('server.ts', 'part3'), 'utf8')).toContain('2e: one server for every');
    }),
    60_000,
  );

  test(
    'makes nothing where a module of the reader is in the way, and says which',
    atHome(async ({ my, put, run }) => {
      put('// mine', 'http.ts', 'part3');
      const { code, stdout, stderr } = await run('start part3 --gateway');
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toMatch(/^part3\/my\/http\.ts is there already, and part2\/http\.ts .*\n$/);
      expect(existsSync(my('server.ts', 'part3'))).toBe(false);
      expect((await run('start part3 --gateway --force')).code).toBe(0);
      expect(readFileSync(my('http.ts', 'part3'), 'utf8')).toBe(ofPart2('http.ts'));
    }),
  );

  test(
    'leaves a program that SERVER names where it is, and says how to go on',
    atHome(async ({ my, run }) => {
      const SERVER = 'python3 my.py';
      const { code, stdout } = await run('start part3 --gateway', { SERVER });
      expect(code).toBe(0);
      expect(stdout).toMatch(/^ {2}SERVER="python3 my\.py" npm run learn -- part3\n$/m);
      expect(existsSync(my('server.ts', 'part3'))).toBe(false);
    }),
  );
});

describe.concurrent('check', () => {
  test(
    'without the gateway says which command makes it',
    atHome(async ({ run }) => {
      expect(await run(`check ${GATEWAY.id}`)).toEqual({
        code: 1,
        stdout: '',
        stderr: `${IS_NOT_THERE} npm run start -- part3 --gateway\n`,
      });
    }),
  );

  test(
    'begins with the gateway where its reader has left the ladder out',
    atHome(async ({ put, run }) => {
      put('console.error("not yet"); process.exit(1);', 'server.ts', 'part3');
      const { stdout } = await run('check part3');
      expect(stdout).toMatch(new RegExp(`^x ${GATEWAY.id} `));
      expect((await run('hint part3')).stdout).toMatch(
        new RegExp(`^Hint 1 of 3 for ${GATEWAY.id} `),
      );
    }),
  );

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
    atHome(async ({ put, runAsTyped }) => {
      put(LF_ONLY);
      const { code, stdout } = await runAsTyped('check 1-02 -v');
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

describe.concurrent('the solution of a stage in several files', () => {
  test(
    'names them, and compares those that the reader has',
    atHome(async ({ put, run }) => {
      put('// mine', 'server.ts', 'part3');
      put('// mine, too', 'http/limits.ts', 'part3');
      const { code, stdout } = await run(`solution ${GATEWAY.id} --peek`);
      expect(code).toBe(0);
      expect(oneLine(stdout)).toMatch(/, in part3\/http\/: http-error\.ts, limits\.ts, /);
      expect(stdout.match(/^\+\+\+ .*/gm)).toEqual([
        `+++ ${STAGES.find(({ id }) => id === GATEWAY.solution)?.file}`,
        '+++ part3/http/limits.ts',
      ]);
    }),
  );

  test(
    'tells what is new with it from what is older',
    atHome(async ({ run }) => {
      const check = stepsOf('part2').find(({ solution }) => solution === '2d') ?? fail();
      const { stdout } = await run(`solution ${check.id} --peek`);
      expect(stdout).toMatch(/^New with 2d, in part2\/: http\.ts$/m);
      expect(stdout).toMatch(
        /^From the stages before it, in part2\/: wsgi\.ts, input-stream\.ts$/m,
      );
    }),
  );
});

describe.concurrent('learn', () => {
  test(
    'behind the ladder says the one command that makes the gateway, and goes on when it is there',
    atHome(async ({ put, run, learn }) => {
      const ladder = stepsOf('part3').filter(({ id }) => id < GATEWAY.id);
      put('', '3a.ts', 'part3');
      put(
        JSON.stringify({ passed: ladder.map(({ id }) => id), hints: {} }),
        '.progress.json',
        'part3',
      );
      const learner = learn('part3');
      const reader = new Reader(learner);
      const told = await reader.until(/ --gateway\n/);
      expect(told).toMatch(new RegExp(`^x ${GATEWAY.id}`));
      expect(told).toContain(`${IS_NOT_THERE}\n    npm run start -- part3 --gateway\n`);
      expect(told).not.toContain('npm run hint');
      await run('start part3 --gateway');
      const next = `next: npm run hint -- ${GATEWAY.id}`;
      expect(await reader.until(new RegExp(next))).toContain('This looks like the mistake `');
    }),
    60_000,
  );

  test(
    'sees a save in a folder of the reader, too',
    atHome(async ({ put, learn }) => {
      put("export * from './room/server.ts';");
      put(LF_ONLY, 'room/server.ts');
      const reader = new Reader(learn());
      await reader.until(/next: npm run hint -- 1-03 .*\n/);
      put(REFERENCE, 'room/server.ts');
      await reader.until(/^✓ 1-03.*\n/m);
    }),
  );

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
    'tells of what had passed and fails now, and goes back to it',
    atHome(async ({ put, learn }) => {
      put(JSON.stringify({ passed: ['1-01', '1-02', '1-03'], hints: {} }), '.progress.json');
      put(LF_ONLY.replace(/(?<=Content-Length: )[^`]*/, '1'));
      const reader = new Reader(learn());
      await reader.until(/next: npm run hint -- 1-04 .*\n/);
      const told = await reader.until(/next: npm run hint -- 1-03 .*\n/);
      expect(told).toMatch(
        /^\nAnd what had passed fails with your files as they are now:\nx 1-03 /m,
      );
      put(REFERENCE);
      expect(await reader.until(/^. 1-0\d.*\n/m)).toMatch(/^✓ 1-03 /m);
    }),
  );

  test(
    'behind the last check n goes on to the first exercise',
    atHome(async ({ put, learn }) => {
      put(REFERENCE);
      const learner = learn();
      const reader = new Reader(learner);
      await reader.until(/^Part 1 is done: all /m);
      learner.stdin.write('n');
      expect(await reader.until(/^[x✓] .*\n/m)).toMatch(/^x 1-x1 /m);
    }),
  );

  test(
    'into a pipe, without input, gives its verdict, says that it goes no further, and ends',
    atHome(async ({ put, run }) => {
      put(LF_ONLY);
      const { code, stdout } = await run('learn part1');
      expect(code).toBe(0);
      expect(stdout).toMatch(/^x 1-03[\s\S]*^That was one look: /m);
    }),
  );
});

describe.concurrent('what is not understood', () => {
  test.each([
    ['frob', /^There are start, check, learn, hint and solution, and no 'frob'\n$/],
    ['check 1-99', /^There is no check '1-99'; there are 1-01, 1-02, .*--help\)\n$/],
    ['check --frob', /^Unknown option '--frob' \(npm run check -- --help\)\n$/],
    ['check part9', /^There is no check 'part9'; there are part1, part2, part3, and .* 1-03 .*\n$/],
    ['start part2 --gateway', /^The gateway is of part 3, not of part2 .*--help\)\n$/],
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
