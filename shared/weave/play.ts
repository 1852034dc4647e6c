/**
 * Plays the terminals of a chapter: an act comes in, its commands are run as a reader would, and out goes what differs from the
 * text, or what the text should say. It waits for output; only where there is nothing to expect does it wait for quiet.
 */
import type { Fault } from './chapter.ts';
import { type Comparison, compare, tellDifference, toLines } from './compare.ts';
import { leftToRun } from './needs.ts';
import { PATIENCE, Terminal } from './terminal.ts';
import { type Act, LEFT_OUT, type Step, withoutEnd } from './transcript.ts';
import { Workplace } from './workplace.ts';

/** Seconds for a command that runs to its end. */
const COMMAND_PATIENCE = 120;
/** The same for one to listen that has printed something else first. */
const COMPLAINT = 10;

/** Lines of what was printed that a fault quotes: the last ones. */
const TOLD = 30;

/** What a step printed, as lines for the chapter. */
export interface Take {
  readonly step: Step;
  readonly lines: readonly string[];
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
    const hasNpm = file === 'README.md'; // one page of them, to see that it does as it is told here
    return new Play(file, await Workplace.open(text, hasNpm), isTaking);
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
      const terminals = [...this.#terminals.values()];
      this.#terminals.clear();
      for (const terminal of terminals) await this.#checkRest(terminal);
      for (const terminal of terminals.reverse()) await this.#end(terminal); // clients before servers
    }
    return { faults: this.#faults, takes: this.#takes };
  }

  async #perform(step: Step): Promise<void> {
    const before = this.#terminals.get(step.terminal);
    if (step.kind === 'continues' || step.kind === 'interrupts') {
      if (!before) return; // told by checkTranscripts
      before.isRevisited = true;
      if (step.kind === 'interrupts') await this.#interrupt(before, step);
      else await this.#watch(before, step);
      return;
    }
    if (before) {
      this.#terminals.delete(step.terminal);
      await this.#checkRest(before);
      await this.#end(before);
    }
    const command = step.kind === 'runs' ? leftToRun(step.command) : step.command;
    if (command === undefined) return;
    const terminal = new Terminal(step, command, this.#place);
    if (step.terminal === '') {
      await this.#runToEnd(terminal);
      return;
    }
    this.#terminals.set(step.terminal, terminal);
    if (step.kind === 'runs') {
      await this.#run(terminal);
      return;
    }
    const isSilent = step.expected.every((line) => line.trim() === '' || line === LEFT_OUT);
    if (this.#isTaking || isSilent) {
      await terminal.until(() => terminal.text !== '' || terminal.isAbroad);
      // It may have complained of something, and be about to listen: on a busy machine it takes its time, and looks idle.
      await terminal.until(() => terminal.isAbroad, COMPLAINT);
      if (!terminal.isAbroad) await terminal.settle();
    }
    await this.#watch(terminal, step);
  }

  /** A command without a terminal of its own: all it prints is compared. */
  async #runToEnd(terminal: Terminal): Promise<void> {
    const { step, process } = terminal;
    if (await terminal.isOver(COMMAND_PATIENCE)) {
      this.#compareAll(terminal, step);
    } else {
      const advice = 'if it is to go on, give it a terminal: ```console NAME';
      this.#fault(step.line, `it has not ended after ${COMMAND_PATIENCE} s; ${advice}`, terminal);
      process.killGroup();
    }
    await this.#end(terminal);
  }

  /** A command of which only its success matters: it ends with 0, or it serves. */
  async #run(terminal: Terminal): Promise<void> {
    const { step, process } = terminal;
    const isWatcher = /\bnpm run learn\b/.test(step.command) && !step.command.includes('--help');
    const serves = () => terminal.listens || (isWatcher && terminal.text !== '');
    await terminal.until(serves, COMMAND_PATIENCE);
    if (process.hasExited) {
      const { code } = await process.exited;
      if (code !== 0) this.#fault(step.line, `exit status ${code}: ${step.command}`, terminal);
    } else if (!serves()) {
      this.#fault(step.line, `neither over nor serving: ${step.command}`, terminal);
    }
  }

  /** What a terminal prints next: until all that is expected is there; or until it is quiet, where we write it down. */
  async #watch(terminal: Terminal, step: Step): Promise<void> {
    if (this.#isTaking) {
      await terminal.quiet();
      this.#compareAll(terminal, step);
      return;
    }
    const { process, isLoose } = terminal;
    const look = () => compare(step.expected, { text: terminal.rest, isWhole: false, isLoose });
    const decided = () => {
      const result = look();
      return result.state === 'waiting' ? undefined : result;
    };
    this.#judge(terminal, step, (await process.waitFor(decided, PATIENCE)) ?? look());
  }

  /** Ctrl-C, and what comes of it: an end, or at least nobody listens any more and the rest is still being done. */
  async #interrupt(terminal: Terminal, step: Step): Promise<void> {
    const { listens } = terminal;
    await terminal.interrupt();
    await terminal.until(() => listens && !terminal.listens);
    await this.#watch(terminal, step);
  }

  #compareAll(terminal: Terminal, step: Step): void {
    const text = terminal.rest;
    const result = compare(step.expected, { text, isWhole: true, isLoose: terminal.isLoose });
    if (!this.#isTaking) {
      this.#judge(terminal, step, result);
      return;
    }
    terminal.showAll();
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

  /** A terminal that the text comes back to has been shown whole when it ends; of others only the beginning is told. */
  async #checkRest(terminal: Terminal): Promise<void> {
    const { step, isInterrupted, isLoose } = terminal;
    if (isInterrupted) await terminal.isOver();
    else await terminal.settle();
    const next = toLines(terminal.rest).find((line) => line !== '');
    if (next === undefined || isLoose || !terminal.isRevisited || this.#faults.length > 0) return;
    const advice = 'show it, or let the last block of this terminal end with `...`';
    const message = `printed, and not shown: ${JSON.stringify(next)}; ${advice}`;
    this.#fault(step.line, message, terminal);
  }

  async #end(terminal: Terminal): Promise<void> {
    const { step, process, isInterrupted } = terminal;
    if (!isInterrupted) await terminal.interrupt();
    if (!(await terminal.isOver())) {
      this.#fault(step.line, `Ctrl-C has not ended it after ${PATIENCE} s`, terminal);
      process.killGroup();
    }
    await process.stop().catch((error: Error) => this.#fault(step.line, error.message));
  }

  #fault(line: number, message: string, terminal?: Terminal): void {
    const printed = terminal
      ? toLines(terminal.text)
          .slice(-TOLD)
          .map((one) => `\n    | ${one}`)
      : [];
    const others = [...this.#terminals.values()].filter((other) => other !== terminal);
    const states = others.map((other) => `\n    ${other.tellState()}`);
    this.#faults.push({
      file: this.#file,
      line,
      message: [message, ...printed, ...states].join(''),
    });
  }
}
