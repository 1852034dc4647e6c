/**
 * A line for each answer, in the Combined Log Format that every log reader knows. In go facts about a request, some of
 * them in a stranger's words; out goes one line that cannot be taken for two.
 */
import { openSync, writeSync } from 'node:fs';
import type { LogEntry } from './connection.ts';

/** Opens a log at a path, or on stdout for `-`. Throws if there can be none. */
export function openAccessLog(target: string): (entry: LogEntry) => void {
  if (target === '-') return (entry) => void process.stdout.write(toLine(entry, new Date()));
  const file = openSync(target, 'a');
  return (entry) => {
    try {
      writeSync(file, toLine(entry, new Date())); // at once, for the next thing may be the end of the process
    } catch (error) {
      console.error(`access log: ${(error as Error).message}`); // a full disk stops no service
    }
  };
}

/** host ident user [time] "request line" status bytes "referer" "user agent" */
export function toLine({ remoteAddress, request, status, bodyBytes }: LogEntry, now: Date): string {
  const requestLine = request ? `${request.method} ${request.target} ${request.version}` : '-';
  const field = (wanted: string) =>
    quote(request?.headers.find(([name]) => name.toLowerCase() === wanted)?.[1] ?? '-');
  const host = remoteAddress || '-';
  return `${host} - - [${toLogTime(now)}] ${quote(requestLine)} ${status} ${bodyBytes || '-'} ${field('referer')} ${field('user-agent')}\n`;
}

/** In quotes, which nothing in it can leave: what is no plain ASCII, and the quote itself, as nginx writes it. */
function quote(text: string): string {
  return `"${text.replace(/["\\]|[^ -~]/g, (char) => `\\x${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)}"`;
}

/** 10/Oct/2000:13:55:36 +0000 */
function toLogTime(now: Date): string {
  const [, day, month, year, time] = now.toUTCString().split(' ');
  return `${day}/${month}/${year}:${time} +0000`;
}
