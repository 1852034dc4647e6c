/** What travels, as `curl -v` shows it: part 2's view, for any number of clients at a time. */

/** Bytes; a longer piece is shown by its length. A head and a text fit. */
const MAX_SHOWN = 16 * 1024 + 4;

/** A stranger's control characters are not for your terminal to obey: they are shown as what they are. */
export function show(mark: '<' | '>', bytes: string | Uint8Array): void {
  if (bytes.length === 0) return;
  const text = bytes.length > MAX_SHOWN ? `[${bytes.length} bytes]` : Buffer.from(bytes).toString();
  const lines = text.replace(/\r?\n$/, '').split(/\r?\n/);
  console.log(lines.map((line) => `${mark} ${line.replace(/\p{Cc}/gu, escapeChar)}`).join('\n'));
}

function escapeChar(char: string): string {
  return `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
