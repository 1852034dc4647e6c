/** An answer as the checks of part 2 read it: as leniently as a client may. A fault is shown at its byte. */
import { readChunks } from '../../harness/chunks.ts';
import type { Ending } from '../../harness/raw-client.ts';
import { Failure } from './failure.ts';

export interface Answer {
  readonly status: number;
  readonly reason: string;
  /** In their order, names as they were sent, values as latin-1. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Of a chunked one, what is in the chunks. */
  readonly body: Buffer;
  /** Whether it is as long as it says it is. */
  readonly isWhole: boolean;
  readonly bytes: Buffer;
  readonly ending: Ending;
}

/** Takes an answer apart. A fault is shown at its byte. */
export function parseAnswer(bytes: Buffer, ending: Ending, what: string): Answer {
  const wrong = (message: string, at: number, mistake?: string) =>
    new Failure(`${what}: ${message}`, {
      cause: 'wrong',
      received: bytes,
      at,
      ...(mistake && { mistake }),
    });
  const text = bytes.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  const bareLf = /(?<!\r)\n/.exec(end === -1 ? text : text.slice(0, end))?.index;
  if (!text.startsWith('HTTP/')) {
    throw wrong(`an answer begins with a status line, not with ${quote(text.slice(0, 30))}`, 0);
  }
  const noHeader =
    end === -1 ? /^HTTP\/[^\n]*\r\n(?:[\w-]+:[^\n]*\r\n)*/.exec(text)?.[0].length : undefined;
  if (noHeader && !/^[\w-]+:/.test(text.slice(noHeader))) {
    const [line = ''] = text.slice(noHeader).split(/\r?\n/);
    const message = `there is no blank line behind the head: ${quote(line)} is no header`;
    throw wrong(
      line ? message : 'the head has no end: a blank line is missing',
      noHeader,
      'no-blank-line',
    );
  }
  if (bareLf !== undefined) {
    throw wrong('a line of the head ends in LF alone, not in CR LF', bareLf, 'lf-only');
  }
  if (end === -1) throw wrong('the head has no end: a blank line is missing', bytes.length);
  const [statusLine = '', ...lines] = text.slice(0, end).split('\r\n');
  const [, status = '', reason = ''] = /^HTTP\/1\.[01] (\d{3})(?: (.*))?$/.exec(statusLine) ?? [];
  if (!status) throw wrong(`no status line: ${quote(statusLine)}`, 0);
  let at = statusLine.length + 2;
  const headers = lines.map((line): [string, string] => {
    const [, name, value = ''] = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (!name) throw wrong(`this is no header: ${quote(line)}`, at);
    at += line.length + 2;
    return [name, value];
  });
  const raw = bytes.subarray(end + 4);
  const answer = { status: Number(status), reason, headers, bytes, ending };
  const length = headerOf({ headers }, 'content-length');
  if (/^chunked$/i.test(headerOf({ headers }, 'transfer-encoding') ?? '')) {
    const { body, isWhole, fault } = readChunks(raw);
    if (fault) throw wrong(fault.message, end + 4 + fault.at);
    return { ...answer, body, isWhole };
  }
  return { ...answer, body: raw, isWhole: length === undefined || Number(length) === raw.length };
}

/** The values of a header, in whatever letter case. */
export function allOf({ headers }: Pick<Answer, 'headers'>, name: string): string[] {
  return headers.filter(([given]) => given.toLowerCase() === name).map(([, value]) => value);
}

export function headerOf(answer: Pick<Answer, 'headers'>, name: string): string | undefined {
  return allOf(answer, name)[0];
}

/** A value as it is told in one line. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 90 ? `${text.slice(0, 87)}...` : text;
}

/** The same for text of which each char is a byte. */
export function quoteBytes(value: unknown): string {
  const asByte = (char: string) => `\\x${char.charCodeAt(0).toString(16)}`;
  return quote(value).replace(/[\x7f-\xff]/g, asByte);
}
