/**
 * A request's body, between who receives it and who reads it: `next` is for the application's `wsgi.input`, all else for
 * the connection, which is asked for a piece when somebody reads. It knows no socket, and holds no bytes.
 */
import type { NextPiece } from './input-stream.ts';

const NOTHING = Buffer.alloc(0);

interface Reader {
  resolve(piece: Buffer): void;
  reject(error: unknown): void;
}

export class RequestBody {
  readonly #ask: () => void;
  /** The application, while it waits for a piece. */
  #reader: Reader | undefined;
  /** Once nothing more is to be had here: an end, or the reason why the rest never comes. */
  #over: { readonly isWhole: boolean; readonly reason?: unknown } | undefined;
  /** Whether its end has come. */
  hasEnded = false;

  /** `ask` is called when somebody waits for a piece: it may give one at once, or later. */
  constructor(ask: () => void) {
    this.#ask = ask;
  }

  get isAwaited(): boolean {
    return this.#reader !== undefined;
  }

  /** The next piece, once there is one. Empty: that was all, or the answer is over. Rejects when the rest never comes. */
  readonly next: NextPiece = () =>
    new Promise((resolve, reject) => {
      if (this.#over?.isWhole) return resolve(NOTHING);
      if (this.#over) return reject(this.#over.reason);
      if (this.#reader) return reject(new Error('wsgi.input is read by two at the same time'));
      this.#reader = { resolve, reject };
      this.#ask();
    });

  give(piece: Buffer): void {
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.resolve(piece);
  }

  giveEnd(): void {
    this.hasEnded = true;
    this.give(NOTHING);
  }

  /** This read fails; whether the next one does, too, is for who gives to say. */
  refuse(error: unknown): void {
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.reject(error);
  }

  /** The answer is whole: whoever reads on finds an end. */
  close(): void {
    this.#over = { isWhole: true };
    this.give(NOTHING);
  }

  /** The answer will not be whole: nobody shall take half a body for all of it. */
  abandon(reason: unknown): void {
    this.#over = { isWhole: false, reason };
    this.refuse(reason);
  }
}
