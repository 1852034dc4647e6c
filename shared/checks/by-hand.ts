/** From what a check did to what a reader types: the same program on a port he knows, and the same question to it. */
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Check } from './check.ts';
import type { Evidence } from './evidence.ts';

/** The checker's own port is gone with the program it started; this is the one that all programs here have by default. */
const PORT = '8888';

/** A folder that a check made for its files, and removed. */
const OF_A_CHECK = new RegExp(`^${tmpdir()}/page-\\w{6}(?=/)`);

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
  const first = prepare === undefined ? [] : [`  $ ${prepare}`];
  return [...first, ...both, `  $ ${byHand.replaceAll('$PORT', PORT)}`];
}

/** A command as one would type it. */
function toShell(command: readonly string[], root: string): string {
  const [node, flag, tsx, ...rest] = command;
  const isOurs = node === process.execPath && flag === '--import' && tsx === 'tsx';
  const words = isOurs ? ['npx', 'tsx', ...rest] : command;
  return words
    .map((word) =>
      path.isAbsolute(word) && word.startsWith(root) ? path.relative(root, word) : word,
    )
    .map((word) => word.replace(OF_A_CHECK, tmpdir()))
    .map((word) => (/^[\w./:=@,+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(' ');
}
