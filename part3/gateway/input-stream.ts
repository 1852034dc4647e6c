/**
 * `wsgi.input`: the request's body as the application reads it, PEP 3333 "Input and Error Streams". Pieces come in
 * as the network cut them, and only when they are asked for: an application that does not read makes its client
 * wait. It must not know where the pieces come from, and it never runs past the end.
 */
import type * as wsgi from './wsgi.ts';

/** The next piece of the body; empty: that was all. Rejects when the rest will never come. */
export type NextPiece = () => Promise<Buffer>;

const LF = 10;
const NOTHING: Buffer = Buffer.alloc(0);

export class InputStream implements wsgi.InputStream {
  readonly #nextPiece: NextPiece;
  #rest = NOTHING;
  #hasEnded = false;

  constructor(nextPiece: NextPiece) {
    this.#nextPiece = nextPiece;
  }

  async read(size = -1): Promise<Uint8Array> {
    if (size < 0) return this.#readAll();
    if (size > 0 && this.#rest.length === 0) await this.#fetch();
    return this.#take(size);
  }

  async readline(size = -1): Promise<Uint8Array> {
    const limit = size < 0 ? Number.POSITIVE_INFINITY : size;
    const pieces: Buffer[] = [];
    let length = 0;
    while (length < limit && (this.#rest.length > 0 || (await this.#fetch()))) {
      const end = this.#rest.indexOf(LF) + 1;
      const piece = this.#take(Math.min(end || this.#rest.length, limit - length));
      pieces.push(piece);
      length += piece.length;
      if (piece.at(-1) === LF) break;
    }
    return Buffer.concat(pieces);
  }

  async readlines(hint = 0): Promise<Uint8Array[]> {
    const lines: Uint8Array[] = [];
    let total = 0;
    for await (const line of this) {
      lines.push(line);
      total += line.length;
      if (hint > 0 && total >= hint) break;
    }
    return lines;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const line = await this.readline();
      if (line.length === 0) return;
      yield line;
    }
  }

  async #readAll(): Promise<Buffer> {
    const pieces = [this.#take(this.#rest.length)];
    while (await this.#fetch()) pieces.push(this.#take(this.#rest.length));
    return Buffer.concat(pieces);
  }

  /** Waits for the next piece and says whether there was one. */
  async #fetch(): Promise<boolean> {
    if (this.#hasEnded) return false;
    this.#rest = await this.#nextPiece();
    this.#hasEnded = this.#rest.length === 0;
    return !this.#hasEnded;
  }

  #take(size: number): Buffer {
    const rest = this.#rest;
    const isAll = size >= rest.length; // mostly it is, and then there is no view to make
    this.#rest = isAll ? NOTHING : rest.subarray(size);
    return isAll ? rest : rest.subarray(0, size);
  }
}
