/**
 * What has been received and not been taken: in go pieces as the network cut them, out come words and lines as text,
 * and stretches of body as bytes, uncopied. It does not know what they mean, only where they end.
 *
 * Each byte is decoded once, searched once and joined once, in however small pieces it comes.
 */
import { NOT_IN_LINE } from './grammar.ts';
import { HttpError } from './http-error.ts';

const CR = 0x0d;
const LF = 0x0a;
/** Bytes so few that an object for them costs more than to copy them: a client could make one of each byte. */
export const MAX_CRUMB = 1024;

export class ReceiveBuffer {
  /** Of the first, `#offset` bytes are taken. */
  readonly #pieces: Buffer[] = [];
  #offset = 0;
  /** All of the first piece as latin-1, once somebody has looked for text in it: one decoding, many slices. */
  #text: string | undefined;
  /** The beginning of a word or line that has no end yet; it is no longer in `#pieces`. */
  #begun: string[] = [];
  #begunBytes = 0;
  #length = 0;

  /** Bytes received and not taken. */
  get length(): number {
    return this.#length;
  }

  append(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#length += bytes.length;
    const last = this.#pieces.length - 1;
    const before = this.#pieces[last];
    // Not into the first: its text may be known already.
    if (before && last > 0 && before.length + bytes.length <= MAX_CRUMB) {
      this.#pieces[last] = Buffer.concat([before, bytes]);
    } else {
      this.#pieces.push(bytes);
    }
  }

  clear(): void {
    this.#pieces.length = 0;
    this.#begun = [];
    this.#begunBytes = this.#offset = this.#length = 0;
    this.#text = undefined;
  }

  /** The byte that is to be taken next, or one behind it. */
  byteAt(index: number): number | undefined {
    let at = this.#offset + index;
    for (const piece of this.#pieces) {
      if (at < piece.length) return piece[at];
      at -= piece.length;
    }
    return undefined;
  }

  /** The text up to a space, which is taken, too. See `#take` for the rest. */
  takeWord(never: RegExp, maxBytes: number, tooLong: number): string | undefined {
    return this.#take(' ', never, maxBytes, tooLong);
  }

  /** The text of a line without its CR LF. A LF alone does not end one: RFC 9112 §2.2 leaves us the choice. */
  takeLine(maxBytes: number, tooLong: number): string | undefined {
    const line = this.#take('\n', NOT_IN_LINE, maxBytes, tooLong);
    if (line === undefined) return undefined;
    if (line.charCodeAt(line.length - 1) !== CR) throw new HttpError(400, 'a LF without a CR');
    return line.slice(0, -1);
  }

  /** Takes a CR LF that must come next; false as long as it is not all there. */
  takeLineEnd(): boolean {
    const isOne = (this.byteAt(0) ?? CR) === CR && (this.byteAt(1) ?? LF) === LF;
    if (!isOne) throw new HttpError(400, 'no CR LF where one must be');
    if (this.#length < 2) return false;
    this.#skip(1);
    this.#skip(1);
    return true;
  }

  /** What there is in one piece, but at most so many bytes; undefined if there is nothing. */
  takeBytes(maxBytes: number): Buffer | undefined {
    const piece = this.#pieces[0];
    if (!piece) return undefined;
    const bytes = piece.subarray(this.#offset, this.#offset + maxBytes); // a view: nothing is copied
    this.#skip(bytes.length);
    return bytes;
  }

  /**
   * The text before `end`, and `end` is taken, too; undefined if it has not come. It must come within `maxBytes`,
   * or else the status is `tooLong`; 400 if a character comes first that `never` stands there.
   *
   * Whichever comes first in the order of bytes decides, so it is all one how the network cut them.
   */
  #take(end: string, never: RegExp, maxBytes: number, tooLong: number): string | undefined {
    for (let piece = this.#pieces[0]; piece; piece = this.#pieces[0]) {
      this.#text ??= piece.toString('latin1');
      const room = maxBytes - this.#begunBytes;
      const at = this.#text.indexOf(end, this.#offset);
      if (at !== -1 && at - this.#offset < room) {
        const text = this.#join(this.#text.slice(this.#offset, at));
        if (never.test(text)) throw new HttpError(400, 'a character that cannot stand there');
        this.#skip(at + 1 - this.#offset);
        return text;
      }
      const rest = this.#text.slice(this.#offset, this.#offset + room);
      const seam = this.#begun.at(-1)?.endsWith('\r') ? '\r' : ''; // it waited for a LF
      if (never.test(seam + rest)) throw new HttpError(400, 'a character that cannot stand there');
      if (rest.length === room) throw new HttpError(tooLong, `more than ${maxBytes} bytes`);
      this.#begin(rest);
    }
    return undefined;
  }

  /** Puts the rest of the first piece aside, until what it begins has an end. */
  #begin(rest: string): void {
    this.#skip(rest.length);
    this.#begun.push(rest);
    this.#begunBytes += rest.length;
    this.#length += rest.length; // it is set aside, but not taken
  }

  #join(text: string): string {
    if (this.#begunBytes === 0) return text;
    this.#begun.push(text);
    const joined = this.#begun.join('');
    this.#length -= this.#begunBytes;
    this.#begun = [];
    this.#begunBytes = 0;
    return joined;
  }

  /** Some bytes of the first piece are taken. */
  #skip(bytes: number): void {
    this.#offset += bytes;
    this.#length -= bytes;
    if (this.#offset < (this.#pieces[0]?.length ?? 0)) return;
    this.#pieces.shift();
    this.#offset = 0;
    this.#text = undefined;
  }
}
