/** `wsgi.input` over a body that is already here; PEP 3333 "Input and Error Streams". It never runs past the end. */
import type * as wsgi from './wsgi.ts';

export class BodyInput implements wsgi.InputStream {
  #rest: Buffer;

  constructor(body: Buffer) {
    this.#rest = body;
  }

  async read(size = -1): Promise<Uint8Array> {
    return this.#take(size < 0 ? this.#rest.length : size);
  }

  async readline(size = -1): Promise<Uint8Array> {
    const line = this.#rest.indexOf('\n') + 1 || this.#rest.length;
    return this.#take(size < 0 ? line : Math.min(size, line));
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
    while (this.#rest.length > 0) yield this.readline();
  }

  #take(size: number): Uint8Array {
    const taken = this.#rest.subarray(0, size);
    this.#rest = this.#rest.subarray(taken.length);
    return taken;
  }
}
