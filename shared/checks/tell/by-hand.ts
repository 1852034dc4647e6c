/** From what a check did to what a reader types: the same program on a port he knows, and the same question to it. */
import { tmpdir } from 'node:os';
import path from 'node:path';
import { asTyped } from '../../harness/server-process.ts';
import type { Check } from '../check.ts';
import type { Evidence } from '../run/evidence.ts';

/** The checker's own port is gone with the program it started; this is the one that all programs here have by default. */
const PORT = '8888';
/** What was asked, where nobody has come to ask. */
const HELLO = Buffer.from('GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');

/** A folder that a check made for its files, and removed. */
const OF_A_CHECK = new RegExp(`(?<=^|=)${tmpdir()}/(page|code)-\\w{6}(?=/)`);

/** Two commands, for two terminals. */
export function toCommandLine(
  { byHand, prepare }: Pick<Check, 'byHand' | 'prepare'>,
  evidence: Evidence | undefined,
  root: string,
  width: number,
): string[] {
  if (!evidence || evidence.command.length === 0) return [];
  const server = `  $ PORT=${PORT} ${toShell(evidence.command, root)}`;
  const note = '    # then, in a second terminal:';
  const both = server.length + note.length <= width ? [server + note] : [server, note];
  if (evidence.port === undefined) return [server]; // it never came to a question
  const { sent = HELLO } = evidence.talks.findLast((talk) => talk.sent.length > 0) ?? {};
  const question = byHand
    .replaceAll('$PORT', PORT)
    .replace('$TARGET', () => targetOf(sent))
    .replace('$REQUEST', () => toPrintf(sent));
  const first = prepare === undefined ? [] : [`  $ ${prepare}`];
  return [...first, ...both, `  $ ${question}`];
}

/** A command as one would type it. */
function toShell(command: readonly string[], root: string): string {
  return asTyped(command)
    .map((word) =>
      path.isAbsolute(word) && word.startsWith(root) ? path.relative(root, word) : word,
    )
    .map((word) => word.replace(OF_A_CHECK, tmpdir()))
    .map((word) => (/^[\w./:=@,+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(' ');
}

/** The target of a request, without the port of a gate that only the check has opened. */
function targetOf(sent: Buffer): string {
  const [, target = '/hello'] = /^\S+ (\S+)/.exec(sent.toString('latin1')) ?? [];
  return target.replace(/^(\/relay[\w-]*)\?\d+$/, '$1').replaceAll("'", '%27');
}

/** What makes printf say these bytes. A thousand times the same comes from another program. */
function toPrintf(sent: Buffer): string {
  const text = sent.toString('latin1').replace(/([\0-\xff])\1{999,}|[\0-\xff]/g, (run) => {
    const [char = ''] = run;
    if (run.length === 1) return ESCAPES[char] ?? (/[ -~]/.test(char) ? char : octal(char));
    return `'"$(head -c ${run.length} /dev/zero | tr '\\0' '${octal(char)}')"'`;
  });
  return `'${text}'`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\r': '\\r',
  '\n': '\\n',
  '\t': '\\t',
  '\\': '\\\\',
  '%': '%%',
  "'": "'\\''",
};

function octal(char: string): string {
  return `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`;
}
