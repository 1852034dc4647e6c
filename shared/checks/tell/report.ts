/**
 * What the checker says, as text: verdicts go in, lines come out. It knows no terminal: how wide one is and whether it
 * takes colour are told by the caller.
 */
import path from 'node:path';
import type { Check } from '../check.ts';
import type { Cause } from '../run/failure.ts';
import type { Verdict } from '../run/run-check.ts';
import { toCommandLine } from './by-hand.ts';
import { showBytes } from './bytes.ts';

export type Colour = 'red' | 'green' | 'yellow' | 'cyan' | 'dim' | 'bold';

export interface Look {
  /** Columns. */
  readonly width: number;
  /** Of these, how many ids and names take in a list. */
  readonly column?: number;
  readonly paint: (colour: Colour, text: string) => string;
}

type State = Verdict['state'] | 'open';
const SIGNS: Record<State, string> = { passed: '✓', failed: 'x', skipped: '-', open: '·' };
const COLOURS: Record<State, Colour> = {
  passed: 'green',
  failed: 'red',
  skipped: 'yellow',
  open: 'dim',
};
/** Columns below which names and times make room for what matters. */
const NARROW = 60;
/** Lines of a program's last words. */
const LAST_WORDS = 10;

/** What to look at first, for those causes whose message does not say it. */
const ADVICE: Partial<Record<Cause, string>> = {
  'did not start':
    'Nothing was asked of it yet. Run it as above until it stays and says "Serving HTTP on port N".',
  'not ready':
    'Print "Serving HTTP on port N" when it listens; PORT in the environment is the port to take, 0 any.',
  refused: 'It must listen on 127.0.0.1, on the port it printed, until it is told to stop.',
  reset:
    'A RST cuts what is still under way: end() waits for it - shutdown(2); destroy() does not.',
};

/** Words in lines of a width; what stood in lines of its own still does. */
export function wrap(text: string, width: number, indent = ''): string[] {
  return text.split('\n').flatMap((line) => wrapLine(line, width, indent));
}

function wrapLine(text: string, width: number, indent: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > width) {
      lines.push(indent + line);
      line = word;
    } else {
      line += line === '' ? word : ` ${word}`;
    }
  }
  return line === '' ? lines : [...lines, indent + line];
}

export function label({ id, name = '' }: Check): string {
  return `${id} ${name}`.trim();
}

/** A line of the ladder: sign, id, name, title, time. A narrow one has no room for names and times. */
export function ladderLine(check: Check, state: State, look: Look, note = ''): string {
  const { width, paint, column = 0 } = look;
  const name = width < NARROW ? check.id : label(check).padEnd(column);
  const end = note === '' || width < NARROW ? '' : ` ${note}`;
  const room = width - name.length - 4 - end.length;
  const title = check.title.length > room ? `${check.title.slice(0, room - 3)}...` : check.title;
  const head = paint(COLOURS[state], `${SIGNS[state]} ${name}`);
  return end ? `${head}  ${title.padEnd(room)}${paint('dim', end)}` : `${head}  ${title}`;
}

export function verdictLine({ check, state, took, reason }: Verdict, look: Look): string {
  const needs = `needs ${reason ?? check.needs}`;
  return ladderLine(check, state, look, state === 'skipped' ? needs : `${Math.round(took)} ms`);
}

/** The same look for lines that stand below each other. */
export function aligned(look: Look, checks: readonly Check[]): Look {
  return { ...look, column: Math.max(...checks.map((check) => label(check).length)) };
}

export function bar(part: string, done: number, total: number, { width, paint }: Look): string {
  const [head, tail] = [part.replace('part', 'part '), `${done} of ${total}`];
  const length = Math.min(total * 3, width - head.length - tail.length - 5);
  const full = total === 0 ? 0 : Math.floor((length * done) / total);
  return `${head} [${paint('green', '='.repeat(full))}${'.'.repeat(length - full)}] ${tail}`;
}

/** A failure from its name to the next command. Nothing for what did not fail. */
export function explain(verdict: Verdict, root: string, look: Look): string[] {
  const { check, failure, evidence } = verdict;
  if (!failure) return [];
  const { width, paint } = look;
  // Nothing was started, since there is no such file: one command helps, and no other.
  if (!evidence) return [...heading(verdict, look), ...twoLines(failure.message, width)];
  const {
    cause = 'wrong',
    received,
    isPrinted,
    at,
    mistake,
    byHand,
    stderr = '',
  } = failure.details;
  const sign = isPrinted ? '  | ' : '  < ';
  const note = cause === 'wrong' ? failure.message : '';
  const shown = received && showBytes(received, { width, sign, at, note });
  const fate = evidence.ended ? ` (${evidence.ended})` : '';
  const message = cause === 'wrong' ? failure.message : `${cause}: ${failure.message}${fate}`;
  const chapter = mistake
    ? `This looks like the mistake \`${mistake}\`: ${placeOf(check)}`
    : `The chapter on it: ${placeOf(check)}`;
  return [
    ...heading(verdict, look),
    ...(shown?.saysNote ? [] : wrap(message, width, '  ').map((line) => paint('bold', line))),
    ...toCommandLine({ ...check, ...(byHand && { byHand }) }, evidence, root, width).map((line) =>
      paint('cyan', line),
    ),
    ...(shown?.lines ?? []).map((line) =>
      /^ *(byte \d+ )?\^/.test(line) ? paint('red', line) : line,
    ),
    ...(cause === 'wrong' && received ? [] : lastWords(stderr, root)),
    ...(ADVICE[cause] ? wrap(ADVICE[cause], width, '  ') : []),
    ...twoLines(chapter, width),
    ...next(
      [`next: npm run hint -- ${check.id}`, `all bytes: npm run check -- ${check.id} -v`],
      width,
    ),
  ];
}

function heading(verdict: Verdict, look: Look): string[] {
  const { check, took } = verdict;
  const room = look.width - label(check).length - `${Math.round(took)}`.length - 8;
  if (look.width >= NARROW && check.title.length <= room)
    return [verdictLine(verdict, { ...look, column: 0 })];
  const head = look.paint('red', `${SIGNS.failed} ${label(check)}`);
  return [`${head}  ${Math.round(took)} ms`, ...wrap(check.title, look.width, '  ')];
}

/** `what: where`, the second on a line of its own if there is no room: what is to be typed stays in one piece. */
export function twoLines(text: string, width: number): string[] {
  const cut = text.indexOf(': ') + 1;
  if (text.length + 2 <= width) return [`  ${text}`];
  return [...wrap(text.slice(0, cut), width, '  '), `    ${text.slice(cut + 1)}`];
}

export function placeOf({ part, anchor }: Check): string {
  const [heading = '', chapter = 'README.md'] = anchor.split('#').reverse();
  return `${part}/${chapter || 'README.md'}#${heading}`;
}

/** In one line if they fit. */
function next(commands: readonly string[], width: number): string[] {
  const line = `  ${commands.join('        ')}`;
  return line.length <= width ? [line] : commands.flatMap((command) => twoLines(command, width));
}

/** The end of what a program printed, without what only Node.js wants to know. */
export function lastWords(printed: string, root: string): string[] {
  const noise = /^\s*$|^\s+at |^node:|^Node\.js v|triggerUncaughtException|^\s+\^$/;
  const lines = printed.split('\n').filter((line) => !noise.test(line));
  return lines
    .slice(-LAST_WORDS)
    .map((line) => `  ! ${line.replaceAll(`file://${root}/`, '').replaceAll(root + path.sep, '')}`);
}

/** All that was said: by each raw client, by the program to it, and by the program to its terminal. */
export function transcript({ evidence, failure }: Verdict, { width, paint }: Look): string[] {
  if (!evidence) return [];
  const [limit, longest] = [60, 4000]; // lines and columns: a megabyte is no reading
  const endings = { fin: 'FIN', rst: 'RST', open: 'open when the check was over' };
  const talks = evidence.talks.flatMap(({ sent, received, ending }, i) => [
    paint('dim', `  client ${i + 1}, port ${evidence.port ?? '?'}`),
    ...showBytes(sent, { width: longest, sign: '  > ', limit }).lines,
    ...showBytes(received, { width: longest, sign: '  < ', limit }).lines,
    paint('dim', `    (${endings[ending]})`),
  ]);
  const none = '  no bytes to show: this check speaks through an HTTP library, or came to no talk';
  const text = evidence.printed || (failure?.details.stderr ?? '');
  const printed = text.trimEnd().split('\n').slice(-limit);
  return [
    ...(talks.length > 0 ? talks : wrap(none, width, '  ')),
    paint('dim', '  the program printed'),
    ...printed.map((line) => `  | ${line}`),
  ];
}
