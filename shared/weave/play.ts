/**
 * Plays the terminals of a chapter: an act comes in, its commands are run as a reader would, and out goes what differs from the
 * text, or what the text should say. It waits for output; only where there is nothing to expect does it wait for quiet.
 */
import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { ServerProcess } from '../harness/server-process.ts';
import type { Fault } from './chapter.ts';
import { type Comparison, compare, tellDifference, toLines } from './compare.ts';
import { leftToRun } from './needs.ts';
import { type Act, LEFT_OUT, type Step, withoutEnd } from './transcript.ts';
import { Workplace } from './workplace.ts';

/** Seconds for expected lines to come, and for a command that runs to its end. They bound; nothing is measured against them. */
const PATIENCE = 20;
const COMMAND_PATIENCE = 120;
/** Milliseconds without a word after which a terminal is taken to be quiet, where its text is written anew. */
const QUIET = 1000;
/** Lines that curl -v says of its own doings, in other words in each of its versions. */
const CURL_TALK = /^(\* |[{}] \[\d+ bytes data\])/;

/** What a step printed, as lines for the chapter. */
export interface Take {
  readonly step: Step;
  readonly lines: readonly string[];
}

interface Terminal {
  readonly step: Step;
  readonly process: ServerProcess;
  /** Lines that the text has shown, or has left out, so far. */
  shown: number;
  /** The last step ended with `...`. */
  isLoose: boolean;
  /** Ctrl-C has been pressed; again would mean: now. */
  isInterrupted: boolean;
}

export class Play {
  readonly #file: string;
  readonly #place: Workplace;
  readonly #isTaking: boolean;
  readonly #terminals = new Map<string, Terminal>();
  #faults: Fault[] = [];
  #takes: Take[] = [];

  private constructor(file: string, place: Workplace, isTaking: boolean) {
    this.#file = file;
    this.#place = place;
    this.#isTaking = isTaking;
  }

  /** Opens a stage for a chapter. With `isTaking` its terminals are not compared but written down. */
  static async open(file: string, text: string, isTaking = false): Promise<Play> {
    return new Play(file, await Workplace.open(text), isTaking);
  }

  close(): void {
    this.#place.close();
  }

  /** Plays an act to its end; whatever happens in it, nothing of it runs on. */
  async perform(act: Act): Promise<{ faults: Fault[]; takes: Take[] }> {
    this.#faults = [];
    this.#takes = [];
    try {
      for (const step of act.steps) {
        await this.#perform(step);
        if (this.#faults.length > 0 && !this.#isTaking) break; // what follows would follow from it
      }
    } finally {
      for (const terminal of this.#terminals.values()) await this.#end(terminal);
      this.#terminals.clear();
    }
    return { faults: this.#faults, takes: this.#takes };
  }

  async #perform(step: Step): Promise<void> {
    const before = this.#terminals.get(step.terminal);
    if (step.kind === 'continues' || step.kind === 'interrupts') {
      if (!before) return; // told by checkTranscripts
      if (step.kind === 'interrupts') await this.#interrupt(before, step);
      else await this.#watch(before, step);
      return;
    }
    if (before) {
      this.#terminals.delete(step.terminal);
      await this.#end(before);
    }
    const command = step.kind === 'runs' ? leftToRun(step.command) : step.command;
    if (command === undefined) return;
    const traffic = this.#place.traffic;
    const terminal = {
      step,
      process: this.#start(command),
      shown: 0,
      isLoose: false,
      isInterrupted: false,
    };
    if (step.terminal === '') {
      await this.#runToEnd(terminal);
      return;
    }
    this.#terminals.set(step.terminal, terminal);
    if (step.kind === 'runs') return this.#run(terminal, traffic.listening);
    if (this.#isTaking || withoutEnd(step.expected).length === 0) {
      await this.#until(terminal, () => {
        const now = this.#place.traffic;
        const isAbroad = now.listening > traffic.listening || now.connected > traffic.connected;
        return isAbroad || terminal.process.stdout !== '';
      });
    }
    await this.#watch(terminal, step);
  }

  /** A process group of its own, whose two outputs are one, as in a terminal; nobody types. */
  #start(command: string): ServerProcess {
    const child = spawn('sh', ['-c', this.#place.toCommand(command)], {
      cwd: this.#place.folder,
      env: this.#place.environment,
      detached: true,
    });
    child.stdin.on('error', () => {}); // it has ended; we have nothing to say
    return new ServerProcess(child, true);
  }

  /** A command without a terminal of its own: all it prints is compared. */
  async #runToEnd(terminal: Terminal): Promise<void> {
    const { step, process } = terminal;
    if (!(await isOver(process, COMMAND_PATIENCE))) {
      const advice = 'if it is to go on, give it a terminal: ```console NAME';
      this.#fault(step.line, `it has not ended after ${COMMAND_PATIENCE} s; ${advice}`, terminal);
      process.killGroup();
    } else {
      this.#compareAll(terminal, step);
    }
    terminal.isLoose = true; // all it printed has been looked at
    await this.#end(terminal);
  }

  /** A command of which only its success matters: it ends with 0, or it serves. */
  async #run(terminal: Terminal, listening: number): Promise<void> {
    const { step, process } = terminal;
    const isWatcher = /\bnpm run learn\b/.test(step.command);
    await this.#until(
      terminal,
      () => this.#place.traffic.listening > listening || (isWatcher && process.stdout !== ''),
      COMMAND_PATIENCE,
    );
    if (!process.hasExited) {
      const serves = isWatcher || this.#place.traffic.listening > listening;
      if (!serves) this.#fault(step.line, `neither over nor serving: ${step.command}`, terminal);
      return;
    }
    const { code } = await process.exited;
    if (code !== 0) this.#fault(step.line, `exit status ${code}: ${step.command}`, terminal);
  }

  /** What a terminal prints next: until all that is expected is there; or until it is quiet, where we write it down. */
  async #watch(terminal: Terminal, step: Step): Promise<void> {
    const { process } = terminal;
    if (this.#isTaking) {
      for (let length = -1; length !== process.stdout.length && !process.hasExited; ) {
        length = process.stdout.length;
        await delay(QUIET);
      }
      this.#compareAll(terminal, step);
      return;
    }
    const { isLoose } = terminal;
    const look = () =>
      compare(step.expected, { text: this.#restOf(terminal), isWhole: false, isLoose });
    const isDecided = (result: Comparison) => (result.state === 'waiting' ? undefined : result);
    const result = (await process.waitFor(() => isDecided(look()), PATIENCE)) ?? look();
    this.#judge(terminal, step, result);
  }

  /** Ctrl-C, and what comes of it: an end, or at least nobody listens any more and the rest is still being done. */
  async #interrupt(terminal: Terminal, step: Step): Promise<void> {
    const { listening } = this.#place.traffic;
    terminal.isInterrupted = true;
    terminal.process.interrupt();
    await this.#until(terminal, () => this.#place.traffic.listening < listening);
    await this.#watch(terminal, step);
  }

  #compareAll(terminal: Terminal, step: Step): void {
    const text = this.#restOf(terminal);
    const result = compare(step.expected, { text, isWhole: true, isLoose: terminal.isLoose });
    if (!this.#isTaking) {
      this.#judge(terminal, step, result);
      return;
    }
    terminal.shown += toLines(text).length;
    terminal.isLoose = false;
    if (result.state === 'same') return;
    if (step.expected.includes(LEFT_OUT)) this.#judge(terminal, step, result);
    else this.#takes.push({ step, lines: withoutEnd(toLines(text)) });
  }

  #judge(terminal: Terminal, step: Step, result: Comparison): void {
    if (result.state === 'same') {
      terminal.shown += result.lines;
      terminal.isLoose = result.isLoose;
      return;
    }
    const { index, message } = tellDifference(step.expected, result);
    const line = step.fence.line + 1 + step.from + index;
    this.#fault(line, message, terminal);
  }

  /** At the end of a program the text has shown all it printed. */
  #checkRest(terminal: Terminal): void {
    const { step, process, isLoose } = terminal;
    if (step.kind === 'runs' || isLoose || this.#faults.length > 0) return;
    const [next] = withoutEnd(toLines(this.#restOf(terminal)));
    if (next === undefined) return;
    const advice = 'show it, or let the last block of this terminal end with `...`';
    this.#fault(step.line, `printed, and not shown: ${JSON.stringify(next)}; ${advice}`, terminal);
    terminal.shown += toLines(process.stdout).length;
  }

  /** What was printed since it was last looked at, in the words of the text. */
  #restOf({ step: { command, fence }, process, shown }: Terminal): string {
    const lines = this.#place.toText(process.stdout).split('\n');
    const isTalk = (line: string) => CURL_TALK.test(line) && !fence.lines.includes(line.trimEnd());
    const talks = /\bcurl\b.* (-\w*v|--verbose)/.test(command);
    return (talks ? lines.filter((line) => !isTalk(line)) : lines).slice(shown).join('\n');
  }

  async #until({ process }: Terminal, isSo: () => boolean, seconds = PATIENCE): Promise<void> {
    const deadline = Date.now() + seconds * 1000;
    while (!process.hasExited && !isSo() && Date.now() < deadline) await delay(10);
  }

  async #end(terminal: Terminal): Promise<void> {
    const { step, process, isInterrupted } = terminal;
    if (isInterrupted) await isOver(process, PATIENCE);
    this.#checkRest(terminal);
    if (!isInterrupted) process.interrupt();
    if (!(await isOver(process, PATIENCE))) {
      this.#fault(step.line, `Ctrl-C has not ended it after ${PATIENCE} s`, terminal);
      process.killGroup();
    }
    await process.stop().catch((error: Error) => this.#fault(step.line, error.message));
  }

  #fault(line: number, message: string, terminal?: Terminal): void {
    const text = terminal ? this.#place.toText(terminal.process.stdout) : '';
    const printed = toLines(text).map((one) => `\n    | ${one}`);
    this.#faults.push({ file: this.#file, line, message: message + printed.join('') });
  }
}

/** Whether a process has ended, at the latest after so many seconds. */
async function isOver(process: ServerProcess, seconds: number): Promise<boolean> {
  await process.waitFor(() => undefined, seconds);
  return process.hasExited;
}
