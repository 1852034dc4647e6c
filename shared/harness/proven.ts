/**
 * A memory of what is proven. Some tests take long and always end in the same way, as long as nothing has changed that they
 * stand on: programs, checks, packages, Node.js. When such a test has passed, that is kept with a digest of all this; while
 * the digest is the same, the test is skipped, and its title says why. Where CI is set nothing is believed, and PROOFS=again
 * proves all of it anew.
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, type TestOptions, test } from 'vitest';
import { ROOT } from './server-process.ts';

/** What the title of a test says that is not run again. */
export const SAID = 'proven before, and nothing has changed';

const FOLDER = path.join(ROOT, 'node_modules/.cache/proven');
/** Not of the project, a reader's own, or made while something runs. */
const NOT_OURS = /^(node_modules|my|cache|__pycache__|\.(?!vitepress$).*)$/;
/** No check and no program under it opens these: it is prose, or tests and tools of their own. */
const NO_PROGRAM = /\.test\.ts$|\.md$|\/figures\/|^shared\/(bench|book|config|weave)\//;
/** Programs of the machine that are started beside ours. */
const TOOLS = 'python3 sh bash curl nc nginx openssl lsof ps ss ruby chromium'.split(' ');

/** What a test stands on: nothing in these parts, or in what is shared, may have changed. */
export interface Grounds {
  readonly parts: readonly string[];
  /** Whether the texts belong to it, too, and the tools that keep them true. */
  readonly withTexts?: boolean;
  /** The file of the test, where it says itself what it expects. */
  readonly file?: string;
}

/** What it stands on, as it is now. */
export interface State {
  readonly digest: string;
  /** Whether no file has been written since this process began. */
  isSame(): boolean;
}

interface Named {
  /** Where it stands: `the mistakes of part1`. */
  readonly group: string;
  readonly title: string;
  /** What it proves, if neither of these says so: the next one of the same name proves another thing. */
  readonly what?: unknown;
}

interface TheTest extends Named, Grounds {
  readonly options?: TestOptions;
}

/**
 * A test that is not run if it has passed before and all that it stands on is the same; side by side with others, if its options
 * say nothing else.
 */
export function testOnce(theTest: TheTest, body: (context: TestContext) => Promise<void>): void {
  const { title, options = {} } = theTest;
  const proof = new Proof(theTest, stateOf(theTest));
  if (names.has(proof.file)) throw new Error(`two tests would share one proof: ${title}`);
  names.add(proof.file);
  if (isBelieved() && proof.holds) {
    test.skip(`${title} (${SAID})`);
    return;
  }
  test(title, { concurrent: true, ...options }, async (context) => {
    proof.forget(); // now, and not when it has failed: it may be interrupted
    context.onTestFinished(({ task }) => {
      if (task.result?.state === 'pass') proof.keep(); // what stands behind it, as afterEach, can fail it, too
    });
    await body(context);
  });
}

const names = new Set<string>();

/** Whether what was proven is believed at all. */
export function isBelieved({ CI, PROOFS, SERVER }: NodeJS.ProcessEnv = process.env): boolean {
  return !CI && !SERVER && PROOFS !== 'again' && PROOFS !== 'full';
}

/** That a test has passed, as a small file of its own: several processes test at the same time. */
export class Proof {
  readonly file: string;
  readonly #name: string;
  readonly #state: State;

  constructor({ group, title, what }: Named, state: State, folder = FOLDER) {
    this.#name = `${group}: ${title}`;
    this.file = path.join(folder, hash(JSON.stringify([group, title, what])).slice(0, 24));
    this.#state = state;
  }

  get holds(): boolean {
    if (!existsSync(this.file)) return false;
    return readFileSync(this.file, 'utf8').split('\n')[0] === this.#state.digest;
  }

  forget(): void {
    rmSync(this.file, { force: true });
  }

  /** Keeps nothing if a file has been written since the test began: nobody knows which text was proven. */
  keep(): void {
    if (!this.#state.isSame()) return;
    mkdirSync(path.dirname(this.file), { recursive: true });
    const draft = `${this.file}.${process.pid}`;
    writeFileSync(draft, `${this.#state.digest}\n${this.#name}\n`);
    renameSync(draft, this.file); // whole, or not there
  }
}

const states = new Map<string, State>();

/** Found once in each process for the same grounds, before the first test of a file begins. */
function stateOf({ parts, withTexts = false, file = '' }: Grounds): State {
  const key = `${parts} ${withTexts} ${file}`;
  const known = states.get(key) ?? readState({ parts, withTexts, file });
  states.set(key, known);
  return known;
}

export function readState(grounds: Grounds, root = ROOT, since = performance.timeOrigin): State {
  const look = () => filesOf(grounds, root).map((file) => stampOf(path.join(root, file)));
  const tell = (stamps: readonly Stamp[]) => JSON.stringify(stamps);
  const before = look(); // first: what is written while we read is found out
  const texts = filesOf(grounds, root).map((file) => [file, contentOf(path.join(root, file))]);
  const isOld = before.every(({ written = 0 }) => written < since);
  return {
    digest: hash(JSON.stringify([machine(root), texts])),
    isSame: () => isOld && tell(look()) === tell(before),
  };
}

/** All files that a test stands on, from the root, in the order of their names. */
function filesOf({ parts, withTexts = false, file }: Grounds, root: string): string[] {
  const folders = [...parts, 'shared'].flatMap((folder) => readTree(root, folder));
  const files = withTexts ? [...folders, 'README.md'] : folders.filter((f) => !NO_PROGRAM.test(f));
  if (file) files.push(path.relative(root, file));
  return [...files, 'package.json', 'tsconfig.json', 'node_modules/.package-lock.json'].sort();
}

function readTree(root: string, folder: string): string[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const file = `${folder}/${entry.name}`;
    if (NOT_OURS.test(entry.name)) return [];
    return entry.isDirectory() ? readTree(root, file) : [file];
  });
}

interface Stamp {
  readonly file: string;
  readonly node?: number;
  readonly size?: number;
  /** When it was written, in milliseconds since 1970. */
  readonly written?: number;
}

/** Nearly as good as the content, in a tenth of the time. */
function stampOf(file: string): Stamp {
  const stats = statSync(file, { throwIfNoEntry: false });
  return { file, ...(stats && { node: stats.ino, size: stats.size, written: stats.mtimeMs }) };
}

function contentOf(file: string): string {
  return existsSync(file) ? hash(readFileSync(file)) : '';
}

/** All but the project's files: the machine, and what is installed on it. */
function machine(root: string): unknown {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const tools = TOOLS.map((tool) => {
    const found = folders.map((folder) => path.join(folder, tool)).find((file) => existsSync(file));
    return found && stampOf(realpathSync(found));
  });
  const libraries = path.join(root, '.venv/lib');
  const ofPython = (existsSync(libraries) ? readdirSync(libraries) : []).map((version) => [
    version,
    readdirSync(path.join(libraries, version, 'site-packages')).sort(), // among them each package with its version
  ]);
  return [process.version, process.platform, process.arch, os.release(), tools, ofPython];
}

function hash(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
