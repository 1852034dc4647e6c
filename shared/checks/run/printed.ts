/** What a program has printed of a request, `< ` before each line, and what people print instead. */
import type { ServerProcess } from '../../harness/server-process.ts';
import { Failure } from './failure.ts';
import { quote, REACTION } from './first-answer.ts';

/** All lines, each behind a "< ", in whatever letter case. Waits for the last, as output may come late. */
export async function expectPrinted(
  server: ServerProcess,
  lines: readonly (string | RegExp)[],
): Promise<void> {
  const patterns = lines.map((line) => (typeof line === 'string' ? toPattern(line) : line.source));
  const shown = patterns.map((line) => new RegExp(`^${ARROW}${line}\\s*$`, 'im'));
  try {
    for (const pattern of shown) {
      if (!pattern.test(server.stdout)) await server.waitForOutput(pattern, REACTION / 1000);
      if (!pattern.test(server.stdout)) break; // it was said on standard error
    }
  } catch {
    // what is there instead is told below
  }
  const missing = shown.findIndex((pattern) => !pattern.test(server.stdout));
  const decoded = /^< .*(?:\u{FFFD}|ï¿½|\\xef\\xbf\\xbd).*$/mu.exec(server.stdout);
  if (missing === -1 && !decoded) return;
  const wanted = `expected ${quote(`< ${lines[missing]}`, 60)}`;
  const [says, mistake, byHand] = decoded
    ? [
        `Bytes were lost: a character that came in two reads is printed as ${quote(decoded[0], 60)}`,
        'decodes-each-read',
        "(printf 'GET / HTTP/1.1\\r\\nX-Name: J\\303'; sleep 1; printf '\\266rg\\r\\n\\r\\n') | nc 127.0.0.1 $PORT",
      ]
    : whatIsThere(server, patterns, missing, wanted);
  throw new Failure(says, {
    cause: 'wrong',
    received: Buffer.from(server.stdout),
    isPrinted: true,
    ...(decoded && { at: Buffer.byteLength(server.stdout.slice(0, decoded.index)) }),
    ...(mistake && { mistake }),
    ...(byHand && { byHand }),
  });
}

/** Colours may be in the way. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence begins with one
const COLOURS = /\x1b\[[\d;]*m/g;
const ARROW = '(?:\\x1b\\[[\\d;]*m)*< (?:\\x1b\\[[\\d;]*m)*';

type Told = readonly [says: string, mistake?: string, byHand?: string];

function whatIsThere(
  { stdout, stderr }: ServerProcess,
  patterns: readonly string[],
  missing: number,
  wanted: string,
): Told {
  const text = stdout.replace(COLOURS, '').replace(/^.*Serving .* on port.*\n/m, '');
  const isThere = (pattern: string, where = text) => new RegExp(pattern, 'im').test(where);
  const pattern = patterns[missing] ?? '';
  if (/<Buffer [\da-f]{2} /.test(text))
    return [`What is printed is a Buffer, not text: ${wanted}`, 'prints-buffer'];
  if (/\[object|^(?:< *)?\[\s*['"]|\\r\\n/m.test(text))
    return [`What is printed is a value of the program, not lines: ${wanted}`, 'prints-value'];
  if (/^< ?G\s*$/m.test(text))
    return [`Each read is printed for itself, not each line: ${wanted}`, 'prints-each-read'];
  if (isThere(`^< ${pattern}`, stderr))
    return [`It is printed on standard error: ${wanted} on standard output`, 'prints-to-stderr'];
  if (isThere(`^<${pattern}`))
    return [`The space behind the "<" is missing: ${wanted}`, 'no-space'];
  if (isThere(`^${pattern}`)) {
    return missing === 0
      ? [`The request is printed without "< " before its lines: ${wanted}`, 'no-arrow']
      : [`Only the first line has "< " before it: ${wanted}`, 'one-arrow'];
  }
  const [, before] = new RegExp(`^(.{1,20})${pattern}`, 'im').exec(text) ?? [];
  if (before === '<  ')
    return [`There are two spaces behind the "<": ${wanted}`, 'two-spaces-printed'];
  if (/^< $/.test(before ?? '') && isThere(`${pattern}<`))
    return [`The lines are printed without an end: ${wanted}`, 'no-line-ends'];
  if (before && !/[\w ]{3}/.test(before))
    return [`The request is printed behind ${quote(before)}: ${wanted}`, 'other-sign'];
  if (missing === 1 && !patterns.slice(1).some((line) => isThere(line)))
    return [`Only the first line of the request is printed: ${wanted}, too`, 'only-first-line'];
  if (text.trim() === '') return [`Nothing is printed of the request: ${wanted}`, 'prints-nothing'];
  const isLast = missing === patterns.length - 1;
  const says = `Line ${missing + 1} of the request is not printed: ${wanted}`;
  return isLast ? [says, 'forgets-the-last'] : [says];
}

function toPattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
