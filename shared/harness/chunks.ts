/** A chunked body as a client takes it apart, whole or as far as it came. Everybody here who reads one reads it with this. */

export interface Chunks {
  /** What is in the chunks, as far as they came. */
  readonly body: Buffer;
  /** Whether the last chunk is there, and the empty line behind it. */
  readonly isWhole: boolean;
  /** Bytes that belong to it: behind them begins something else. */
  readonly used: number;
  /** Where it is no chunked body, and why. */
  readonly fault?: { readonly at: number; readonly message: string };
}

/** chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF; RFC 9112 §7.1. There are no trailers in our answers. */
export function readChunks(bytes: Buffer): Chunks {
  const chunks: Buffer[] = [];
  const soFar = (at: number) => ({ body: Buffer.concat(chunks), isWhole: false, used: at });
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd === -1) return soFar(at);
    const line = bytes.toString('latin1', at, lineEnd);
    const [, digits] = /^([\da-f]+)[ \t]*(?:;.*)?$/i.exec(line) ?? [];
    if (!digits)
      return { ...soFar(at), fault: { at, message: 'a chunk begins with its size in hex' } };
    const end = lineEnd + 2 + Number.parseInt(digits, 16);
    chunks.push(bytes.subarray(lineEnd + 2, end));
    const behind = bytes.toString('latin1', end, end + 2);
    if (!'\r\n'.startsWith(behind))
      return { ...soFar(at), fault: { at: end, message: 'a chunk is longer than its size' } };
    at = end + 2;
    if (behind !== '\r\n') return soFar(bytes.length);
    if (end === lineEnd + 2) return { ...soFar(at), isWhole: true };
  }
}
