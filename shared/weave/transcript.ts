/**
 * What a chapter shows of terminals, as steps in the order of the text: commands, what is expected under each, Ctrl-C. A
 * chapter comes in, acts go out, one for each `##`; nothing is run here.
 */
import type { Chapter, Fault, Fence } from './chapter.ts';

/** Any number of lines that are left out. */
export const LEFT_OUT = '...';

export interface Step {
  readonly fence: Fence;
  /** The line of the command, or of the first line that is expected. */
  readonly line: number;
  /** Its program lives until the next command in it; one without a name lives as long as its command. */
  readonly terminal: string;
  /** `runs`: it must exit with 0, or serve, and what it prints is not compared; `continues`: printed since the last step. */
  readonly kind: 'shows' | 'runs' | 'continues' | 'interrupts';
  readonly command: string;
  /** Where in the fence the expected lines begin; what they are. */
  readonly from: number;
  readonly expected: readonly string[];
}

/** What happens under one `##`. All programs end with it. */
export interface Act {
  readonly section: string;
  readonly steps: readonly Step[];
}

/** The acts in which anything happens. */
export function toActs(chapter: Chapter): Act[] {
  const acts = new Map<string, Step[]>();
  for (const fence of chapter.fences) {
    const steps = toSteps(fence);
    if (steps.length === 0) continue;
    acts.set(fence.section, [...(acts.get(fence.section) ?? []), ...steps]);
  }
  return [...acts].map(([section, steps]) => ({ section, steps }));
}

/** What cannot be run as it is written. */
export function checkTranscripts(chapter: Chapter): Fault[] {
  const faults: Fault[] = [];
  const fault = (line: number, message: string) =>
    faults.push({ file: chapter.file, line, message });
  for (const { section, steps } of toActs(chapter)) {
    const open = new Set<string>();
    for (const { kind, terminal, line, command, fence } of steps) {
      if (kind === 'shows' || kind === 'runs') {
        open.add(terminal);
        if (kind === 'runs' && command.startsWith('$ '))
          fault(line, 'commands in a fence of sh have no `$` before them; console has');
      } else if (terminal === '') {
        fault(line, 'only a terminal with a name goes on: ```console NAME');
      } else if (!open.has(terminal)) {
        fault(line, `no command has been typed into the terminal ${terminal} in #${section}`);
      }
      if (fence.info.includes(' ')) fault(fence.line, 'the name of a terminal is one word');
    }
  }
  return faults;
}

/** A fence with other lines under its commands. */
export function replaceExpected(
  fence: Fence,
  changes: readonly { step: Step; lines: readonly string[] }[],
): string[] {
  const lines = [...fence.lines];
  const fromLast = [...changes].sort((a, b) => b.step.from - a.step.from);
  for (const { step, lines: after } of fromLast) {
    lines.splice(step.from, withoutEnd(step.expected).length, ...after);
  }
  return lines;
}

/** Lines without the empty ones at their end: those set commands apart. */
export function withoutEnd(lines: readonly string[]): string[] {
  const last = lines.findLastIndex((line) => line.trim() !== '');
  return lines.slice(0, last + 1);
}

function toSteps(fence: Fence): Step[] {
  if (fence.language === 'sh') return commandsOf(fence).map((step) => ({ ...step, kind: 'runs' }));
  if (fence.language !== 'console') return [];
  const terminal = fence.info;
  const steps: Step[] = [];
  let index = 0;
  while (index < fence.lines.length) {
    const start = index;
    const [line = ''] = fence.lines.slice(start);
    let [kind, command]: [Step['kind'], string] = ['continues', ''];
    if (line === '^C') {
      kind = 'interrupts';
      index++;
    } else if (line.startsWith('$ ')) {
      kind = 'shows';
      index = endOfCommand(fence, start);
      command = fence.lines.slice(start, index).join('\n').slice(2);
    }
    const from = index;
    while (index < fence.lines.length && !/^(\$ |\^C$)/.test(fence.lines[index] ?? '')) index++;
    const expected = fence.lines.slice(from, index);
    steps.push({ fence, line: fence.line + 1 + start, terminal, kind, command, from, expected });
  }
  if (steps.length === 0 && terminal !== '') {
    const line = fence.line;
    steps.push({ fence, line, terminal, kind: 'continues', command: '', from: 0, expected: [] });
  }
  return steps;
}

/** The commands of a fence of sh, all in one terminal. */
function commandsOf(fence: Fence): Omit<Step, 'kind'>[] {
  const terminal = fence.info || 'sh';
  const steps: Omit<Step, 'kind'>[] = [];
  for (let index = 0; index < fence.lines.length; ) {
    const start = index;
    index = endOfCommand(fence, start);
    const command = fence.lines.slice(start, index).join('\n');
    if (/^\s*(#|$)/.test(command)) continue;
    const line = fence.line + 1 + start;
    steps.push({ fence, line, terminal, command, from: index, expected: [] });
  }
  return steps;
}

/** A command goes on behind a backslash. */
function endOfCommand(fence: Fence, start: number): number {
  let end = start;
  while (end < fence.lines.length - 1 && fence.lines[end]?.endsWith('\\')) end++;
  return end + 1;
}
