/** Bytes as text one can point at: every byte visible, lines cut where the bytes say so, a caret under the fault. */

const NAMES: Record<number, string> = { 9: '\\t', 10: '\\n', 13: '\\r', 92: '\\\\' };
/** Lines of an answer shown around a fault, or from its beginning. */
const BEFORE = 5;
const AFTER = 2;

/** A byte as it is printed: itself if ASCII has a sign for it, else `\r`, `\n`, `\t` or `\xNN`. */
function visible(byte: number): string {
  const isPlain = byte >= 0x20 && byte < 0x7f && byte !== 0x5c;
  return isPlain
    ? String.fromCharCode(byte)
    : (NAMES[byte] ?? `\\x${byte.toString(16).padStart(2, '0')}`);
}

export function escapeBytes(bytes: Uint8Array): string {
  return Array.from(bytes, visible).join('');
}

export interface Shown {
  readonly lines: readonly string[];
  /** Whether the note found room beside the caret. */
  readonly saysNote: boolean;
}

interface Look {
  readonly width: number;
  /** What stands before each line: `  < `. */
  readonly sign: string;
  /** Offset of the fault. */
  readonly at?: number | undefined;
  /** What to say beside the caret, if there is room. */
  readonly note?: string;
  /** Lines at most; without a fault, the first ones. */
  readonly limit?: number;
}

/** All in one line if it fits; else a line for each that ends in \n, those around the fault. */
export function showBytes(bytes: Buffer, { width, sign, at, note = '', limit }: Look): Shown {
  if (bytes.length === 0) return { lines: [`${sign}nothing`], saysNote: false };
  const room = width - sign.length - 2; // the quotes
  const isShort = escapeBytes(bytes.subarray(0, room + 1)).length <= room && bytes.length <= room;
  const starts = isShort ? [0] : lineStarts(bytes);
  const faulty = at === undefined ? -1 : starts.findLastIndex((start) => start <= at);
  const most = limit ?? BEFORE + 1 + AFTER;
  const first = Math.max(0, faulty < 0 ? 0 : faulty - BEFORE);
  const last = Math.min(starts.length, faulty < 0 ? most : faulty + 1 + AFTER);
  const lines: string[] = [];
  let saysNote = false;
  if (first > 0) lines.push(`${sign}... ${starts[first]} bytes`);
  for (let i = first; i < last; i += 1) {
    const start = starts[i] ?? 0;
    const line = bytes.subarray(start, starts[i + 1] ?? bytes.length);
    const fault = i === faulty && at !== undefined ? Math.min(at - start, line.length) : undefined;
    const { text, column } = cut(line, fault, room);
    lines.push(`${sign}"${text}"`);
    if (fault !== undefined) {
      const caret = pointAt(sign.length + 1 + column, width, [
        ...(note ? [`byte ${at}: ${note}`] : []),
        `byte ${at}`,
      ]);
      saysNote = note !== '' && caret.includes(note);
      lines.push(caret);
    }
  }
  const rest = bytes.length - (starts[last] ?? bytes.length);
  if (rest > 0) lines.push(`${sign}... ${rest} bytes`);
  return { lines, saysNote };
}

function lineStarts(bytes: Buffer): number[] {
  const starts = [0];
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) {
    if (at + 1 < bytes.length) starts.push(at + 1);
  }
  return starts;
}

/** As much of a line as there is room for, with the fault in it, and the column where that came to stand. */
function cut(line: Buffer, fault: number | undefined, room: number) {
  // What comes before the fault tells the reader where he is, so it gets most of the room.
  const isShort = line.length <= room && escapeBytes(line).length <= room;
  let [from, width] = [isShort ? 0 : (fault ?? 0), 0];
  while (from > 0 && width <= Math.max(room - 16, room / 2)) {
    from -= 1;
    width += visible(line[from] ?? 0).length;
  }
  const before = from > 0 ? '...' : '';
  let text = before;
  let column = before.length;
  const fits = escapeBytes(line.subarray(from, from + room + 1)).length <= room - text.length;
  for (let i = from; i < line.length; i += 1) {
    if (i === fault) column = text.length;
    const sign = visible(line[i] ?? 0);
    if (!fits && text.length + sign.length > room - 3) return { text: `${text}...`, column };
    text += sign;
  }
  if (fault === line.length) column = text.length;
  return { text, column };
}

/** A caret with the longest of the notes that fits, on the side where it does. */
function pointAt(column: number, width: number, notes: readonly string[]): string {
  for (const note of notes) {
    if (column + 2 + note.length <= width) return `${' '.repeat(column)}^ ${note}`;
  }
  const short = notes.at(-1) ?? '';
  return column > short.length ? `${`${short} `.padStart(column)}^` : `${' '.repeat(column)}^`;
}
