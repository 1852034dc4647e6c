/**
 * What one connection still has to send. Pieces come in as they are made, and leave together at the end of the
 * turn: a head, its body and the answers of pipelined requests are one system call. It tells, too, when the
 * client can take more. It must not know what the pieces mean.
 */
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Send } from '../http/response-writer.ts';

/** Chars of text gathered before they are sent without waiting for the end of the turn. */
const MAX_TEXT = 16 * 1024;
/** Bytes so few that to copy them into the text costs less than to write them apart. */
const MAX_JOINED = 4 * 1024;
/** Bytes one answer may send in a row before all others have their turn. */
const FAIR_SHARE = 1024 * 1024;

/** Sees bytes as they come and go. */
export type Trace = (mark: '<' | '>', bytes: string | Uint8Array) => void;

/** The client hung up. Nobody is to blame, and nobody is there to be answered. */
export class ClientLeft extends Error {}

const TOO_EARLY = 'before its answer was whole';

interface Waiting {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: Error): void;
}

export class Outbox {
  readonly #socket: Socket;
  readonly #trace: Trace | undefined;
  /** Latin-1, and not written yet. */
  #text = '';
  /** Whether somebody will flush when the turn ends. */
  #isHeld = false;
  /** Bytes have come, too: they and the text around them wait for the flush, and then leave in one system call. */
  #isCorked = false;
  /** Bytes sent in this turn of the event loop. */
  #inARow = 0;
  #waiting: Waiting | undefined;

  constructor(socket: Socket, trace: Trace | undefined) {
    this.#socket = socket;
    this.#trace = trace;
    socket.on('drain', () => this.#settle());
    socket.once('close', () => this.#settle());
  }

  /** Whether the kernel has taken all of it. */
  get isEmpty(): boolean {
    return this.#text === '' && this.#socket.writableLength === 0;
  }

  /** Whether somebody waits for the client to take more. */
  get isWaiting(): boolean {
    return this.#waiting !== undefined;
  }

  /** Takes a piece; strings are latin-1. It leaves at the end of the turn, or at `flush`. */
  readonly send: Send = (piece) => {
    this.#trace?.('>', piece);
    this.#inARow += piece.length;
    if (typeof piece === 'string') {
      this.#text += piece;
    } else if (piece.length <= MAX_JOINED) {
      this.#text += asBuffer(piece).toString('latin1');
    } else {
      if (!this.#isCorked) this.#socket.cork();
      this.#isCorked = true;
      this.#writeText();
      this.#socket.write(piece);
    }
    if (this.#isHeld) return;
    this.#isHeld = true;
    process.nextTick(this.#endTurn);
  };

  /** For who will flush at the end of the turn anyway: nobody else needs to. */
  hold(): void {
    this.#isHeld = true;
    this.#inARow = 0;
  }

  flush(): void {
    this.#isHeld = false;
    this.#writeText();
    if (this.#isCorked) this.#socket.uncork();
    this.#isCorked = false;
  }

  /** Undefined when the client can take more; else resolves when it can, and rejects with ClientLeft. */
  readonly ready = (): Promise<void> | undefined => {
    if (this.#text.length > MAX_TEXT || this.#socket.writableLength > 0) this.flush();
    if (this.#socket.destroyed) return Promise.reject(new ClientLeft(TOO_EARLY));
    if (this.#socket.writableNeedDrain) return this.#untilDrained();
    if (this.#inARow < FAIR_SHARE) return undefined;
    this.#inARow = 0;
    return nextTurn();
  };

  #untilDrained(): Promise<void> {
    if (!this.#waiting) {
      let [resolve, reject]: [() => void, (error: Error) => void] = [() => {}, () => {}];
      const promise = new Promise<void>((yes, no) => {
        [resolve, reject] = [yes, no];
      });
      this.#waiting = { promise, resolve, reject };
    }
    return this.#waiting.promise;
  }

  readonly #endTurn = (): void => {
    this.#inARow = 0;
    this.flush();
  };

  #writeText(): void {
    if (this.#text === '') return;
    this.#socket.write(this.#text, 'latin1');
    this.#text = '';
  }

  #settle(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (this.#socket.destroyed) waiting?.reject(new ClientLeft(TOO_EARLY));
    else waiting?.resolve();
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
