/**
 * From bytes to requests: in go the bytes of one connection as they come, out come events, one at a time and only
 * when asked for. That is the whole backpressure: who does not ask, does not get. It knows no socket and no clock.
 *
 * A request is judged in the order of its bytes, so the same bytes get the same events however they are cut.
 */
import { type BodyDecoder, type BodyLimits, toBodyDecoder } from './body-framing.ts';
import { FIELD_LINE, NOT_TCHAR, NOT_VCHAR } from './grammar.ts';
import { HttpError } from './http-error.ts';
import type { Limits } from './limits.ts';
import { MAX_CRUMB, ReceiveBuffer } from './receive-buffer.ts';
import {
  type Field,
  type RequestHead,
  type RequestLine,
  toRequestHead,
  toRequestLine,
} from './request-head.ts';

export type { RequestHead } from './request-head.ts';

export type ParserEvent =
  | { readonly kind: 'head'; readonly head: RequestHead }
  /** A piece of the body: never empty, and not copied, unless it had to be joined from crumbs. */
  | { readonly kind: 'data'; readonly data: Buffer }
  /** Behind every request, with a body or without. */
  | { readonly kind: 'end' };

const END: ParserEvent = Object.freeze({ kind: 'end' });

export type ParserLimits = BodyLimits & Pick<Limits, 'maxHeadBytes' | 'maxTargetBytes'>;

/** What has been read of a head; the rest is still undefined. */
interface Head {
  method: string | undefined;
  target: string | undefined;
  line: RequestLine | undefined;
  readonly fields: Field[];
  leftBytes: number;
}

type State =
  | { readonly kind: 'idle'; readonly mayBeEmptyLine: boolean }
  | { readonly kind: 'head'; readonly head: Head }
  | { readonly kind: 'body'; readonly body: BodyDecoder }
  | { readonly kind: 'refused'; readonly error: unknown };

/** "SHOULD ignore at least one empty line (CRLF) received prior to the request-line"; RFC 9112 §2.2. One it is. */
const BEFORE_EMPTY_LINE: State = { kind: 'idle', mayBeEmptyLine: true };
const AFTER_EMPTY_LINE: State = { kind: 'idle', mayBeEmptyLine: false };

const CR = 0x0d;
const LF = 0x0a;

export class RequestParser {
  readonly #limits: ParserLimits;
  readonly #buffer = new ReceiveBuffer();
  #state = BEFORE_EMPTY_LINE;

  constructor(limits: ParserLimits) {
    this.#limits = limits;
  }

  /** Only stores; nothing is read before it is asked for, and nothing stored behind a refusal. */
  receive(bytes: Buffer): void {
    if (this.#state.kind !== 'refused') this.#buffer.append(bytes);
  }

  /**
   * What comes next, or undefined until more bytes have come. Throws the HttpError of a refusal, and again each time:
   * behind a doubtful byte we cannot know where a request begins, so none is ever read.
   */
  next(): ParserEvent | undefined {
    if (this.#state.kind === 'refused') throw this.#state.error;
    try {
      return this.#next();
    } catch (error) {
      this.#refuse(error);
      throw error;
    }
  }

  /** `idle`: nothing of a next request has come. `body`: its head is given, its end is not. */
  get state(): State['kind'] {
    const state = this.#state;
    if (state.kind !== 'idle' || this.#buffer.length === 0) return state.kind;
    return state.mayBeEmptyLine && this.#isStrayLine() ? 'idle' : 'head';
  }

  /** Bytes received and not given out, in whatever shape. */
  get bufferedBytes(): number {
    const ofHead =
      this.#state.kind === 'head' ? this.#state.head.leftBytes : this.#limits.maxHeadBytes;
    return this.#buffer.length + this.#limits.maxHeadBytes - ofHead;
  }

  #next(): ParserEvent | undefined {
    for (;;) {
      const state = this.#state;
      switch (state.kind) {
        case 'idle':
          if (!this.#begin(state.mayBeEmptyLine)) return undefined;
          break;
        case 'head':
          return this.#readHead(state.head);
        case 'body':
          return this.#readBody(state.body);
      }
    }
  }

  /** Comes to the first byte of a request; false as long as there is none. */
  #begin(mayBeEmptyLine: boolean): boolean {
    if (this.#buffer.length === 0) return false;
    if (mayBeEmptyLine && this.#buffer.byteAt(0) === CR) {
      if (!this.#buffer.takeLineEnd()) return false;
      this.#state = AFTER_EMPTY_LINE;
      return true;
    }
    const leftBytes = this.#limits.maxHeadBytes;
    const head = { method: undefined, target: undefined, line: undefined, fields: [], leftBytes };
    this.#state = { kind: 'head', head };
    return true;
  }

  #readHead(head: Head): ParserEvent | undefined {
    const { maxFieldLines, maxBodyBytes } = this.#limits;
    head.line ??= this.#readRequestLine(head);
    if (!head.line) return undefined;
    for (;;) {
      const line = this.#buffer.takeLine(head.leftBytes, 431);
      if (line === undefined) return undefined;
      head.leftBytes -= line.length + 2;
      if (line === '') break;
      head.fields.push(toField(line));
      if (head.fields.length > maxFieldLines) throw new HttpError(431, 'too many field lines');
    }
    const given = toRequestHead(head.line, head.fields, maxBodyBytes);
    this.#state = { kind: 'body', body: toBodyDecoder(given.framing, this.#limits) };
    return { kind: 'head', head: given };
  }

  /** request-line = method SP request-target SP HTTP-version CRLF; RFC 9112 §3. Other whitespace is not lenience. */
  #readRequestLine(head: Head): RequestLine | undefined {
    if (head.method === undefined) {
      head.method = this.#buffer.takeWord(NOT_TCHAR, head.leftBytes, 431);
      if (head.method === undefined) return undefined;
      if (head.method === '') throw new HttpError(400, 'no method');
      head.leftBytes -= head.method.length + 1;
    }
    if (head.target === undefined) {
      const mayTake = this.#limits.maxTargetBytes + 1; // with the space behind it
      const [maxBytes, tooLong] = mayTake < head.leftBytes ? [mayTake, 414] : [head.leftBytes, 431];
      head.target = this.#buffer.takeWord(NOT_VCHAR, maxBytes, tooLong);
      if (head.target === undefined) return undefined;
      head.leftBytes -= head.target.length + 1;
    }
    const version = this.#buffer.takeLine(head.leftBytes, 431);
    if (version === undefined) return undefined;
    head.leftBytes -= version.length + 2;
    return toRequestLine(head.method, head.target, version);
  }

  #readBody(body: BodyDecoder): ParserEvent | undefined {
    const data = body.next(this.#buffer);
    if (data === undefined) return undefined;
    if (data !== 'end') return { kind: 'data', data: this.#joinCrumbs(data, body) };
    this.#state = BEFORE_EMPTY_LINE;
    return END;
  }

  /** Behind a crumb comes what else is here: else a client could make an event of each byte, in a chunk of its own. */
  #joinCrumbs(first: Buffer, body: BodyDecoder): Buffer {
    const pieces = [first];
    try {
      for (let last = first; last.length < MAX_CRUMB; pieces.push(last)) {
        const data = body.next(this.#buffer);
        if (data === undefined || data === 'end') break; // an end is said again when we ask again
        last = data;
      }
    } catch (error) {
      this.#refuse(error); // thrown when we are asked for what comes behind these bytes
    }
    return pieces.length === 1 ? first : Buffer.concat(pieces);
  }

  #refuse(error: unknown): void {
    this.#state = { kind: 'refused', error };
    this.#buffer.clear();
  }

  /** Whether nothing has come but a CR LF, or the CR of one. */
  #isStrayLine(): boolean {
    const { length } = this.#buffer;
    return length <= 2 && this.#buffer.byteAt(0) === CR && (this.#buffer.byteAt(1) ?? LF) === LF;
  }
}

function toField(line: string): Field {
  if (!FIELD_LINE.test(line)) throw new HttpError(400, 'not a field line');
  const colon = line.indexOf(':'); // groups in the RegExp would say it, too, and cost more than all of this
  return [line.slice(0, colon), trimWhitespace(line, colon + 1)];
}

/** Without its OWS, and no more: String.trim would take 0xA0 as well. A loop, as RegExps are quadratic at it. */
function trimWhitespace(line: string, start: number): string {
  let end = line.length;
  while (isWhitespace(line.charCodeAt(start))) start++;
  while (end > start && isWhitespace(line.charCodeAt(end - 1))) end--;
  return line.slice(start, end);
}

function isWhitespace(char: number): boolean {
  return char === 0x20 || char === 0x09;
}
