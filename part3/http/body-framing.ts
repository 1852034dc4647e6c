/**
 * Where a request's body ends. In goes what its head says, out comes the framing (RFC 9112 §6.3); and by that framing
 * the decoders take the body's bytes, and no byte more, from the buffer. They know nothing of what the bytes are for.
 */
import { CHUNK_LINE, CODINGS_THEN_CHUNKED, CONTENT_LENGTH, FIELD_LINE } from './grammar.ts';
import { HttpError } from './http-error.ts';
import type { Limits } from './limits.ts';
import type { ReceiveBuffer } from './receive-buffer.ts';

export type BodyFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' };

const NONE: BodyFraming = { kind: 'none' };
const CHUNKED: BodyFraming = { kind: 'chunked' };

/** What a head says about it: the values of these fields, those of several lines joined by commas. */
export interface FramingFields {
  readonly contentLength: string | undefined;
  readonly transferEncoding: string | undefined;
}

/**
 * Two servers that see different ends of one body can be made to see different requests: that is how requests are
 * smuggled. So there is one way to say each length here, and whatever else might mean one is refused.
 */
export function toBodyFraming(
  { contentLength, transferEncoding }: FramingFields,
  version: 'HTTP/1.0' | 'HTTP/1.1',
  maxBodyBytes: number,
): BodyFraming {
  if (transferEncoding !== undefined) {
    // "ought to be handled as an error"; RFC 9112 §6.3
    if (contentLength !== undefined) {
      throw new HttpError(400, 'both Transfer-Encoding and Content-Length');
    }
    // "MUST treat the message as if the framing is faulty"; §6.1
    if (version === 'HTTP/1.0') throw new HttpError(400, 'Transfer-Encoding in HTTP/1.0');
    return toChunked(transferEncoding);
  }
  if (contentLength === undefined) return NONE; // a request with neither has no body; §6.3
  // "5, 5", or two lines that agree, may be refused, too; RFC 9110 §8.6
  if (!CONTENT_LENGTH.test(contentLength)) throw new HttpError(400, 'not one Content-Length');
  // However many digits: as a number they are large or Infinity, but never small.
  const length = Number(contentLength);
  if (length > maxBodyBytes) throw new HttpError(413, `a body of more than ${maxBodyBytes} bytes`);
  return { kind: 'length', length };
}

function toChunked(codings: string): BodyFraming {
  if (codings.toLowerCase() === 'chunked') return CHUNKED;
  // Chunked last, and once: then the end is known, only not what is in it; RFC 9112 §6.1
  if (CODINGS_THEN_CHUNKED.test(codings) && !/chunked[\t ]*,/i.test(codings)) {
    throw new HttpError(501, 'a transfer coding other than chunked');
  }
  // "MUST respond with the 400 (Bad Request) status code and then close the connection"; §6.3
  throw new HttpError(400, 'Transfer-Encoding does not end in chunked, or says it twice');
}

/** Takes a body from the buffer: its next piece, 'end', or undefined as long as more has to come. */
export interface BodyDecoder {
  next(buffer: ReceiveBuffer): Buffer | 'end' | undefined;
}

export function toBodyDecoder(framing: BodyFraming, limits: BodyLimits): BodyDecoder {
  if (framing.kind === 'chunked') return new ChunkedDecoder(limits);
  return new LengthDecoder(framing.kind === 'length' ? framing.length : 0);
}

class LengthDecoder implements BodyDecoder {
  #left: number;

  constructor(length: number) {
    this.#left = length;
  }

  next(buffer: ReceiveBuffer): Buffer | 'end' | undefined {
    if (this.#left === 0) return 'end';
    const bytes = buffer.takeBytes(this.#left);
    this.#left -= bytes?.length ?? 0;
    return bytes;
  }
}

export type BodyLimits = Pick<
  Limits,
  'maxBodyBytes' | 'maxChunkLineBytes' | 'maxTrailerBytes' | 'maxFieldLines'
>;

/**
 * chunked-body = *chunk last-chunk trailer-section CRLF
 * chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF; RFC 9112 §7.1
 */
type ChunkedState =
  | { readonly at: 'size' }
  | { readonly at: 'data'; left: number }
  | { readonly at: 'data-end' }
  | { readonly at: 'trailers'; leftBytes: number; leftLines: number }
  | { readonly at: 'end' };

/** Bytes of a chunk-size line that need no excuse. Go: 16, and two for each byte of data; CVE-2023-39326. */
const FREE_LINE = 16;
const AT_SIZE: ChunkedState = { at: 'size' };
const AT_DATA_END: ChunkedState = { at: 'data-end' };
const AT_END: ChunkedState = { at: 'end' };

class ChunkedDecoder implements BodyDecoder {
  readonly #limits: BodyLimits;
  #state = AT_SIZE;
  #leftOfBody: number;
  /** Bytes of chunk-size lines that no data made up for. */
  #surplus = 0;

  constructor(limits: BodyLimits) {
    this.#limits = limits;
    this.#leftOfBody = limits.maxBodyBytes;
  }

  /** A loop, for a recursion could be driven deep by one buffer full of tiny chunks. */
  next(buffer: ReceiveBuffer): Buffer | 'end' | undefined {
    for (;;) {
      const before = this.#state;
      if (before.at === 'end') return 'end';
      if (before.at === 'data') {
        const data = buffer.takeBytes(before.left);
        before.left -= data?.length ?? 0;
        if (before.left === 0) this.#state = AT_DATA_END;
        return data;
      }
      const after = this.#step(before, buffer);
      if (!after) return undefined;
      this.#state = after;
    }
  }

  /** Takes what stands between the data: the state behind it, or undefined as long as more has to come. */
  #step(state: ChunkedState, buffer: ReceiveBuffer): ChunkedState | undefined {
    switch (state.at) {
      case 'size':
        return this.#readSize(buffer);
      case 'data-end':
        return buffer.takeLineEnd() ? AT_SIZE : undefined;
      case 'trailers':
        return readTrailer(state, buffer);
      default:
        return state;
    }
  }

  #readSize(buffer: ReceiveBuffer): ChunkedState | undefined {
    const { maxBodyBytes, maxChunkLineBytes, maxTrailerBytes, maxFieldLines } = this.#limits;
    const line = buffer.takeLine(maxChunkLineBytes, 400);
    if (line === undefined) return undefined;
    const [, digits] = CHUNK_LINE.exec(line) ?? [];
    if (!digits) throw new HttpError(400, 'not a chunk size');
    const size = Number.parseInt(digits, 16);
    this.#surplus = Math.max(0, this.#surplus + line.length - FREE_LINE - size);
    if (this.#surplus > maxChunkLineBytes)
      throw new HttpError(400, 'more about chunks than in them');
    if (size === 0) return { at: 'trailers', leftBytes: maxTrailerBytes, leftLines: maxFieldLines };
    if (size > this.#leftOfBody)
      throw new HttpError(413, `chunks of more than ${maxBodyBytes} bytes`);
    this.#leftOfBody -= size;
    return { at: 'data', left: size };
  }
}

/** Checks a trailer field and forgets it: PEP 3333 has no place for one, and RFC 9110 §6.5.1 lets us. */
function readTrailer(
  state: Extract<ChunkedState, { at: 'trailers' }>,
  buffer: ReceiveBuffer,
): ChunkedState | undefined {
  const line = buffer.takeLine(state.leftBytes, 431);
  if (line === undefined) return undefined;
  if (line === '') return AT_END;
  if (!FIELD_LINE.test(line)) throw new HttpError(400, 'not a trailer field');
  state.leftBytes -= line.length + 2;
  state.leftLines -= 1;
  if (state.leftLines < 0) throw new HttpError(431, 'too many trailer fields');
  return state;
}
