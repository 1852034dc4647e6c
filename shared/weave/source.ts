/**
 * Where a named thing is in a source: its text and a name come in, and ranges of lines go out. No parser is needed: our
 * sources are formatted, so a declaration ends at the first later line with its own indentation that closes it. It knows
 * nothing of chapters.
 */

/** Lines from `start` up to and without `end`, counted from 0. */
export interface Range {
  /** The comment above the declaration, if there is one. */
  readonly start: number;
  /** The declaration's own first line. */
  readonly head: number;
  readonly end: number;
}

/** The languages in which a name can be looked for. */
export type Named = 'ts' | 'python';

/**
 * All that has this name: a function, class, const, interface or type; `Class.method`, `Class.#method`; in Python a def, a
 * class or a variable. Several where a name is declared several times (get and set, overloads).
 */
export function findNamed(text: string, language: Named, name: string): Range[] {
  const lines = text.split('\n');
  const whole: Range = { start: 0, head: -1, end: lines.length };
  let ranges = [whole];
  for (const step of name.split('.')) {
    ranges = ranges.flatMap((range) => findIn(lines, range, language, step));
  }
  return ranges;
}

/** The lines without the indentation that all of them have. */
export function dedent(lines: readonly string[]): string[] {
  const depth = Math.min(...lines.filter((line) => line.trim() !== '').map(indentOf));
  return lines.map((line) => line.slice(Number.isFinite(depth) ? depth : 0));
}

/** Where a run of lines stands in others, as it is. */
export function indexesOfRun(lines: readonly string[], run: readonly string[]): number[] {
  return lines.flatMap((_, start) =>
    run.every((line, index) => line === lines[start + index]) ? [start] : [],
  );
}

/** Where a run of lines, less the indentation they share, first stands in others; -1: nowhere. */
export function findDedented(lines: readonly string[], run: readonly string[]): number {
  if (run.length === 0) return -1;
  return lines.findIndex((_, start) => {
    const there = dedent(lines.slice(start, start + run.length));
    return there.length === run.length && there.every((line, index) => line === run[index]);
  });
}

export function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

function findIn(lines: readonly string[], parent: Range, language: Named, name: string): Range[] {
  const isWhole = parent.head === -1;
  const outer = isWhole ? -1 : indentOf(lines[parent.head] ?? '');
  const found: number[] = [];
  for (let at = parent.head + 1; at < parent.end; at++) {
    const line = lines[at] ?? '';
    const depth = indentOf(line);
    const isMember = depth === outer + (language === 'ts' ? 2 : 4);
    const isHere = isWhole ? depth === 0 : depth > outer;
    if (isHere && declares(line.trim(), name, language, isMember)) found.push(at);
  }
  const depth = Math.min(...found.map((at) => indentOf(lines[at] ?? '')));
  return found
    .filter((at) => indentOf(lines[at] ?? '') === depth)
    .map((head) => ({
      start: startOfComment(lines, head),
      head,
      end: endOf(lines, head, language),
    }));
}

function declares(line: string, name: string, language: Named, isMember: boolean): boolean {
  const word = `${name.replace(/[$#]/g, '\\$&')}(?![\\w$])`;
  if (language === 'python') {
    return new RegExp(`^((async )?def |class )${word}|^${word}\\s*(:[^=]+)?=(?!=)`).test(line);
  }
  const before = '(export )?(default )?(declare )?(abstract )?(async )?';
  const kinds = '(function\\*? ?|class |const |let |interface |type )';
  if (new RegExp(`^${before}${kinds}${word}`).test(line)) return true;
  if (new RegExp(`^(export )?(const|let) [{[]([^=]*\\W)?${word}[^=]*[}\\]]`).test(line))
    return true;
  const modifiers = '((static|async|readonly|override|declare|abstract|get|set) |\\*)*';
  return isMember && new RegExp(`^${modifiers}${word}[?!]?([(<:;]| =|$)`).test(line);
}

/** Comments and decorators directly above a declaration belong to it. */
function startOfComment(lines: readonly string[], head: number): number {
  let start = head;
  for (;;) {
    const line = (lines[start - 1] ?? '').trim();
    if (line.endsWith('*/')) {
      do start--;
      while (start > 0 && !(lines[start] ?? '').trim().startsWith('/*'));
    } else if (/^(\/\/|#|@)/.test(line) && !line.startsWith('#!')) {
      start--;
    } else {
      return start;
    }
  }
}

function endOf(lines: readonly string[], head: number, language: Named): number {
  const depth = indentOf(lines[head] ?? '');
  let inText = staysInText(lines[head] ?? '', language, false);
  let end = head + 1;
  for (let at = head + 1; at < lines.length; at++) {
    const line = lines[at] ?? '';
    const wasInText = inText;
    inText = staysInText(line, language, wasInText);
    if (!wasInText) {
      if (line.trim() === '') continue;
      if (indentOf(line) < depth) break;
      if (indentOf(line) === depth) {
        if (!/^[)}\]>`]/.test(line.trim())) break;
        if (!opensMore(line, language)) return at + 1;
      }
    }
    end = at + 1;
  }
  return end;
}

/** `} else {`, `): Promise<void> {`: closed, and opened again. */
function opensMore(line: string, language: Named): boolean {
  const code = line.replace(language === 'python' ? /\s+#.*$/ : /\s+\/\/.*$/, '');
  return (language === 'python' ? /[:([{]$/ : /([{([<]|=>)$/).test(code);
}

const PYTHON_TEXT = /"""|'''/;
/** What may hold a backtick that opens no text: a comment, a string, a RegExp, a text that ends on its line. */
const NO_TEXT =
  /\/\/.*|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|(?<=^|[=(,:[!&|?]\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\[])+\/|`(?:\\.|[^`\\])*`/g;

/** Whether a text over several lines, whose lines keep no indentation, is open behind this line. */
function staysInText(line: string, language: Named, isInText: boolean): boolean {
  if (language === 'python') return (line.split(PYTHON_TEXT).length % 2 === 0) !== isInText;
  if (!isInText && /^\s*\/?\*/.test(line)) return false;
  const code = isInText ? line.replace(/^(?:\\.|[^`\\])*`/, '') : line;
  if (isInText && code === line) return true;
  return code.trim().replace(NO_TEXT, '').includes('`');
}
