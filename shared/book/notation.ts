/**
 * What is sent over a connection, in a notation that can be edited: a line for each step. Text comes in and steps go
 * out, and back; bytes become what can be shown of them. It runs in the page and in Node.js alike.
 */

/** Bytes are strings of latin-1 here: a character is a byte. */
export type Step =
  | { readonly kind: 'send'; readonly bytes: string }
  | { readonly kind: 'pause'; readonly seconds: number }
  | { readonly kind: 'fin' }
  | { readonly kind: 'reset' };

/** What happened on a connection or in the server, so many milliseconds after the server stood. */
export interface WireEvent {
  readonly t: number;
  /** `read` and `sent` carry bytes, `said` and `note` text; the other kinds speak for themselves. */
  readonly kind:
    | 'ready'
    | 'syn'
    | 'open'
    | 'sent'
    | 'read'
    | 'fin-sent'
    | 'fin'
    | 'rst-sent'
    | 'rst'
    | 'said'
    | 'note'
    | 'over';
  readonly client?: number;
  readonly text?: string;
}

/** A piece of bytes to be shown: as text, or as the name of a byte. */
export interface Piece {
  readonly text: string;
  readonly isByte: boolean;
  readonly endsLine: boolean;
}

export const ESCAPES: Record<string, string> = { r: '\r', n: '\n', t: '\t', '\\': '\\' };
const NAMES: Record<string, string> = {
  '\r': 'CR',
  '\n': 'LF',
  '\t': 'TAB',
  '\0': 'NUL',
  '\x1b': 'ESC',
};

/** Reads the notation; throws an Error whose message names the line. */
export function parseScript(text: string): Step[] {
  return text.split('\n').flatMap((line, index): Step[] => {
    const [, verb = '', rest = ''] = /^\s*(\S*) ?(.*)$/.exec(line) ?? [];
    const seconds = Number(rest);
    if (verb === '') return [];
    if (verb === 'send') return [{ kind: 'send', bytes: toBytes(rest) }];
    if (verb === 'pause' && rest.trim() !== '' && seconds >= 0 && seconds <= 10)
      return [{ kind: 'pause', seconds }];
    if ((verb === 'fin' || verb === 'reset') && rest.trim() === '') return [{ kind: verb }];
    throw new Error(
      `Line ${index + 1} is none of: send BYTES, pause SECONDS (at most 10), fin, reset`,
    );
  });
}

export function formatScript(steps: readonly Step[]): string {
  const lines = steps.map((step) => {
    if (step.kind === 'send') return `send ${toText(step.bytes)}`;
    return step.kind === 'pause' ? `pause ${step.seconds}` : step.kind;
  });
  return lines.join('\n');
}

/** The same as a command for a shell, as far as a shell can. */
export function toShell(steps: readonly Step[], port = 8888): string {
  const parts = steps.flatMap((step) => {
    if (step.kind === 'pause') return [`sleep ${step.seconds}`];
    return step.kind === 'send' ? [`printf '${forPrintf(step.bytes)}'`] : [];
  });
  const end = steps.some(({ kind }) => kind === 'fin') ? ' -N' : '';
  const note = steps.some(({ kind }) => kind === 'reset') ? '    # nc cannot reset' : '';
  return `(${parts.join('; ') || ':'}) | nc${end} localhost ${port}${note}`;
}

/** Bytes as they are shown: nothing is invisible, and a line ends behind its LF. */
export function toPieces(bytes: string): Piece[] {
  return (bytes.match(/[ -~]+|[^ -~]/g) ?? []).map((text) => {
    const isByte = !/^[ -~]/.test(text);
    const hex = text.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0');
    return { text: isByte ? (NAMES[text] ?? hex) : text, isByte, endsLine: text === '\n' };
  });
}

function toBytes(text: string): string {
  return text.replace(/\\x([\da-f]{2})|\\([rnt\\])|[^\0-\x7f]+/gi, (all, hex, letter) => {
    if (hex) return String.fromCharCode(Number.parseInt(hex, 16));
    return letter
      ? (ESCAPES[letter] ?? all)
      : String.fromCharCode(...new TextEncoder().encode(all));
  });
}

function toText(bytes: string): string {
  const names = Object.entries(ESCAPES);
  return bytes.replace(/[^ -[\]-~]/g, (byte) => {
    const letter = names.find(([, value]) => value === byte)?.[0];
    return letter ? `\\${letter}` : `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}

function forPrintf(bytes: string): string {
  const octal = (byte: string) => `\\${byte.charCodeAt(0).toString(8).padStart(3, '0')}`;
  const safe = toText(bytes).replaceAll('%', '%%').replaceAll("'", '\\047');
  return safe.replace(/\\x([\da-f]{2})/g, (_, hex) =>
    octal(String.fromCharCode(Number.parseInt(hex, 16))),
  );
}
