/**
 * `npm run learn`: a check at a time, run again at each save. Keys go in, and saves; verdicts come out. In a terminal each
 * run begins with a clean screen; into a pipe it writes lines, reads the same keys from its input, and ends with it.
 */
import { ROOT } from '../../harness/server-process.ts';
import type { Check, Part } from '../check.ts';
import { exercisesOf } from '../ladder.ts';
import { endText, hintText, listText } from '../tell/hints.ts';
import { bar, explain, label, verdictLine, wrap } from '../tell/report.ts';
import { hasColour, lookOf } from '../tell/terminal.ts';
import { grade } from './check.ts';
import { readKeys } from './keys.ts';
import { fail } from './output.ts';
import { forgetProgress, hasPassed, readProgress, remember, takeHint } from './progress.ts';
import { examine, foldersToWatch, missingFile, stepsFromFirstFile } from './reader.ts';
import { solutionText } from './solution.ts';
import { watchFolders } from './watch.ts';

const KEYS = 'n(ext) h(int) l(ist) a(ll) s(olution) r(eset) q(uit)';

/** Watches until the reader has had enough; its exit status, if it could not begin. */
export async function learn(part: Part): Promise<number> {
  const [first] = stepsFromFirstFile(part);
  if (!first) return fail(`There are no checks in ${part} yet.`);
  const reason = missingFile(first);
  if (reason) return fail(reason);
  await new Learn(part).run();
  process.exit(0); // a trial that was overtaken by a save may still be under way
}

class Learn {
  readonly #part: Part;
  readonly #isInteractive = Boolean(process.stdin.isTTY && process.stdout.isTTY);
  /** The ladder, and behind it, when it is climbed, the exercises. */
  #checks: readonly Check[];
  #at = 0;
  /** Counts runs: an older one that is still under way has nothing to say any more. */
  #run = 0;
  /** What was tried, and did not fail, with the files as they are now. */
  readonly #fresh = new Set<string>();
  /** What stands on the screen below its head. */
  #page: string[] = [];
  #hasBeenAsked = false;
  #isPeeking = false;
  /** Keys and saves, one after the other. */
  #queue: Promise<void> = Promise.resolve();
  /** Settles when the last run has. */
  #settled: Promise<void> = Promise.resolve();

  constructor(part: Part) {
    this.#part = part;
    this.#checks = stepsFromFirstFile(part);
    this.#toFirstOpen();
  }

  /** Resolves when the reader has had enough: q, or the end of the input. */
  async run(): Promise<void> {
    const stopWatching = watchFolders(
      () => foldersToWatch(this.#part),
      () => {
        this.#enqueue(() => {
          this.#fresh.clear();
          this.#go();
        });
      },
    );
    this.#go();
    await new Promise<void>((resolve) => {
      const stopReading = readKeys(this.#isInteractive, {
        onKey: (key) => {
          this.#hasBeenAsked = true;
          if (key === 'q' && this.#isInteractive) end(); // at once, whatever is under way
          this.#enqueue(() => (key === 'q' ? end() : this.#press(key)));
        },
        onEnd: async () => {
          await this.#queue;
          for (let run = -1; run !== this.#run; await this.#settled) run = this.#run;
          if (!this.#hasBeenAsked)
            this.#say('', 'That was one look: npm run learn goes on looking in a terminal.');
          end();
        },
      });
      const end = () => {
        stopReading();
        resolve();
      };
    });
    stopWatching();
  }

  #enqueue(task: () => void | Promise<void>): void {
    this.#queue = this.#queue.then(task);
  }

  get #check(): Check | undefined {
    return this.#checks[this.#at];
  }

  /** Runs the current check, and those behind it as long as they pass. */
  #go(): void {
    this.#run += 1;
    this.#isPeeking = false;
    this.#settled = this.#climb(this.#run);
  }

  async #climb(run: number): Promise<void> {
    this.#header();
    for (let check = this.#check; check; check = this.#nextOpen()) {
      const at = this.#checks.indexOf(check);
      if (at < this.#at) this.#say('And from the top, with your files as they are now:');
      this.#at = at;
      const verdict = await examine(check);
      if (run !== this.#run) return; // there are newer files
      remember(verdict);
      if (verdict.state === 'failed') {
        this.#say(...explain(verdict, ROOT, this.#look));
        this.#footer();
        const hasStarted = verdict.evidence && verdict.failure?.details.cause !== 'did not start';
        return hasStarted ? this.#lookBack(run, check.file) : undefined;
      }
      this.#say(verdictLine(verdict, this.#look));
      this.#fresh.add(check.id);
    }
    this.#at = this.#checks.length;
    this.#say('', ...endText(this.#part, this.#passed, this.#hasExercises(), this.#look));
    this.#footer(this.#hasExercises() ? undefined : 'n goes on to them.');
  }

  /** Whether what passed before with this file still does: who is told of a step that is broken again knows which save has done it. */
  async #lookBack(run: number, file: string | undefined): Promise<void> {
    const { passed } = readProgress(this.#part);
    for (const check of this.#checks) {
      if (check.file !== file || !passed.includes(check.id) || this.#fresh.has(check.id)) continue;
      const verdict = await examine(check);
      if (run !== this.#run) return;
      if (verdict.state !== 'failed') {
        this.#fresh.add(check.id);
        continue;
      }
      remember(verdict);
      this.#at = this.#checks.indexOf(check);
      this.#say('', 'And what had passed fails with your files as they are now:');
      this.#say(...explain(verdict, ROOT, this.#look));
      return this.#footer();
    }
  }

  /** The next to pass; at the end, again what passed with older files: a later step can break an earlier one. */
  #nextOpen(): Check | undefined {
    const { passed } = readProgress(this.#part);
    const later = this.#checks.slice(this.#at + 1);
    return (
      later.find(({ id }) => !passed.includes(id) && !this.#fresh.has(id)) ??
      this.#checks.find(({ id }) => !this.#fresh.has(id))
    );
  }

  async #press(key: string): Promise<void> {
    const check = this.#check ?? this.#checks.at(-1);
    if (!check) return;
    if (key === 'h') this.#say('', ...hintText(check, takeHint(check), this.#look));
    if (key === 'l') this.#say('', ...listText(this.#part, this.#passed, this.#look));
    if (key === 's') this.#solution(check);
    if (key === 'n') this.#next();
    if (key === 'a') await this.#all();
    if (key === 'r') {
      forgetProgress(this.#part);
      this.#checks = stepsFromFirstFile(this.#part);
      this.#fresh.clear();
      this.#at = 0;
      this.#say('', 'Forgotten what had passed; your files are as they were.');
      this.#go();
    }
  }

  #solution(check: Check): void {
    if (hasPassed(check) || this.#isPeeking) {
      this.#say('', solutionText(check, hasColour(process.stdout)));
    } else {
      this.#isPeeking = true;
      this.#say('', `You have not passed ${check.id} yet. s again shows it all the same.`);
    }
  }

  /** On without having passed; behind the ladder, to the exercises. */
  #next(): void {
    this.#at = Math.min(this.#at + 1, this.#checks.length);
    if (this.#at >= this.#checks.length) {
      const exercises = exercisesOf(this.#part);
      if (!this.#hasExercises()) this.#checks = [...this.#checks, ...exercises];
      if (this.#at >= this.#checks.length) this.#toFirstOpen();
    }
    this.#go();
  }

  async #all(): Promise<void> {
    this.#run += 1;
    this.#header();
    const verdicts = await grade(this.#checks, { all: true, isPart: true });
    const first = verdicts.find(({ state }) => state === 'failed');
    if (first) this.#at = this.#checks.indexOf(first.check);
    else this.#say('', ...endText(this.#part, this.#passed, this.#hasExercises(), this.#look));
    this.#footer();
  }

  #toFirstOpen(): void {
    const [first] = this.#checks.filter(({ id }) => !this.#passed.includes(id));
    this.#at = first ? this.#checks.indexOf(first) : 0;
  }

  /** Whether they are in the list, or there are none. */
  #hasExercises(): boolean {
    const exercises = exercisesOf(this.#part);
    return exercises.length === 0 || this.#checks.at(-1) === exercises.at(-1);
  }

  get #passed(): readonly string[] {
    return readProgress(this.#part).passed;
  }

  get #look() {
    return lookOf(process.stdout);
  }

  /** A clean screen, with how far the reader is. */
  #header(): void {
    this.#page = [];
    this.#drawHead();
  }

  #drawHead(): void {
    if (!this.#isInteractive) return;
    const done = this.#checks.filter(({ id }) => this.#passed.includes(id)).length;
    const isDone = done === this.#checks.length;
    const now = isDone || !this.#check ? 'all, as they are now' : `now: ${label(this.#check)}`;
    process.stdout.write('\x1b[2J\x1b[H');
    console.log(
      [bar(this.#part, done, this.#checks.length, this.#look), now, ...this.#page].join('\n'),
    );
  }

  /** What can be pressed; by now the head tells of the run that is over. */
  #footer(note = ''): void {
    if (!this.#isInteractive) return;
    this.#drawHead();
    const text = note ? `${KEYS}  ${note}` : KEYS;
    this.#say('', ...wrap(text, this.#look.width).map((line) => this.#look.paint('dim', line)));
  }

  #say(...lines: string[]): void {
    this.#page.push(...lines);
    console.log(lines.join('\n'));
  }
}
