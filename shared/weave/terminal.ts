/**
 * A terminal with a program in it: a command comes in, and what it has printed goes out, in the words of the text, as far as
 * the text has not shown it yet. It knows no chapter and compares nothing.
 */
import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { holdsSocket, isIdle } from '../harness/proc.ts';
import { ServerProcess } from '../harness/server-process.ts';
import { toLines } from './compare.ts';
import type { Step } from './transcript.ts';
import type { Workplace } from './workplace.ts';

/** Seconds for expected lines to come, and for a program to end. They bound; nothing is measured against them. */
export const PATIENCE = 20;
/** The same for a program to come to rest; one that computes on is left to it. */
const IDLE_PATIENCE = 2;
/** Milliseconds between two looks at what no output tells; and at whether anything runs. */
const LOOK = 100;
const GLANCE = 20;
/** Milliseconds without a word after which it is taken to be quiet; asked only where a text is written anew. */
const QUIET = 1000;
/** Lines that curl -v says of its own doings, in other words in each of its versions. */
const CURL_TALK = /^(\* |[{}] \[\d+ bytes data\])/;

export class Terminal {
  /** The step that opened it. */
  readonly step: Step;
  readonly process: ServerProcess;
  /** Lines that the text has shown, or has left out, so far. */
  shown = 0;
  /** The last step ended with `...`: whatever comes next is left out. */
  isLoose = false;
  /** The text has come back to it. */
  isRevisited = false;
  /** Ctrl-C has been pressed; again would mean: now. */
  isInterrupted = false;
  readonly #place: Workplace;

  /** Types a command: a process group of its own, whose two outputs are one. Nobody types anything after it. */
  constructor(step: Step, command: string, place: Workplace) {
    const child = spawn('sh', ['-c', place.toCommand(command)], {
      cwd: place.folder,
      env: place.environment,
      detached: true,
      stdio: [place.keyboard, 'pipe', 'pipe'],
    });
    this.step = step;
    this.process = new ServerProcess(child, true);
    this.#place = place;
  }

  /** All that has been printed. */
  get text(): string {
    return this.#place.toText(this.process.stdout);
  }

  /** What has been printed and not shown. */
  get rest(): string {
    const { command, fence } = this.step;
    const lines = this.text.split('\n');
    const isTalk = (line: string) => CURL_TALK.test(line) && !fence.lines.includes(line.trimEnd());
    const talks = /\bcurl\b.* (-\w*v|--verbose)/.test(command);
    return (talks ? lines.filter((line) => !isTalk(line)) : lines).slice(this.shown).join('\n');
  }

  /** All that has been printed up to now counts as shown. */
  showAll(): void {
    this.shown += toLines(this.rest).length;
  }

  /** Whether its programs wait for clients. */
  get listens(): boolean {
    return holdsSocket(this.process.pid, 'LISTEN');
  }

  /** Whether its programs are connected to somebody, or wait for clients. */
  get isAbroad(): boolean {
    return holdsSocket(this.process.pid, 'LISTEN', 'ESTABLISHED');
  }

  /** What has become of it, for whoever wonders about another one. */
  tellState(): string {
    const { step, process, text } = this;
    const state = process.hasExited ? 'has ended' : this.listens ? 'listens' : 'runs';
    return `terminal ${step.terminal} ${state}, and printed last: ${JSON.stringify(toLines(text).findLast(Boolean) ?? '')}`;
  }

  /** Ctrl-C, when it has done what there is to do: a shell that is about to start something can miss it. */
  async interrupt(): Promise<void> {
    await this.settle();
    this.isInterrupted = true;
    this.process.interrupt();
  }

  /** Resolves when something is so that no output tells, when the program has ended, or when the time is over. */
  async until(isSo: () => boolean, seconds = PATIENCE, pause = LOOK): Promise<void> {
    const deadline = Date.now() + seconds * 1000;
    while (!this.process.hasExited && !isSo() && Date.now() < deadline) await delay(pause);
  }

  /** Resolves when it waits for others, and all it has printed has been read. */
  async settle(): Promise<void> {
    let looks = 0; // it may wait for a moment, and go on
    const isAtRest = () => {
      looks = isIdle(this.process.pid) ? looks + 1 : 0;
      return looks === 2;
    };
    await this.until(isAtRest, IDLE_PATIENCE, GLANCE);
    await new Promise((resolve) => setImmediate(resolve)); // the event loop has looked into its pipe
  }

  /** Resolves when nothing is printed any more. */
  async quiet(): Promise<void> {
    for (let length = -1; length !== this.text.length && !this.process.hasExited; ) {
      length = this.text.length;
      await delay(QUIET);
    }
  }

  /** Whether the program has ended, at the latest after so many seconds. */
  async isOver(seconds = PATIENCE): Promise<boolean> {
    await this.process.waitFor(() => undefined, seconds);
    return this.process.hasExited;
  }
}
