/** What comes of bytes: in go slices as the network might cut them, out comes what the parser said, in short. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { BodyFraming } from '../../http/body-framing.ts';
import { HttpError } from '../../http/http-error.ts';
import { LIMITS } from '../../http/limits.ts';
import { type ParserLimits, type RequestHead, RequestParser } from '../../http/request-parser.ts';

export interface ParsedRequest {
  readonly head: RequestHead;
  body: string;
  isWhole: boolean;
}

export interface Outcome {
  readonly requests: readonly ParsedRequest[];
  /** The refusal's status, if there was one. */
  readonly status: number | undefined;
  readonly state: RequestParser['state'];
}

/**
 * Feeds the slices one by one and asks for all there is after each; those of an inner list come before we ask.
 * Anything thrown but an HttpError is a bug.
 */
export function parse(slices: Iterable<Buffer | Buffer[]>, limits: ParserLimits = LIMITS): Outcome {
  const parser = new RequestParser(limits);
  const requests: ParsedRequest[] = [];
  try {
    for (const slice of slices) {
      for (const bytes of [slice].flat()) parser.receive(bytes);
      takeAll(parser, requests);
    }
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    return { requests, status: error.status, state: parser.state };
  }
  return { requests, status: undefined, state: parser.state };
}

function takeAll(parser: RequestParser, requests: ParsedRequest[]): void {
  for (let event = parser.next(); event; event = parser.next()) {
    if (event.kind === 'head') requests.push({ head: event.head, body: '', isWhole: false });
    const request = requests.at(-1);
    if (!request) throw new Error(`${event.kind} before any head`);
    if (event.kind === 'data') {
      if (event.data.length === 0) throw new Error('data without a byte');
      request.body += event.data.toString('latin1');
    }
    if (event.kind === 'end') request.isWhole = true;
  }
}

/** As one line: `POST /form?q for localhost, length 5, keep-alive, "hello"`. */
export function summaryOf({ head, body }: ParsedRequest): string {
  const { method, path, query, version, host, framing, keepAlive, expectContinue } = head;
  return [
    `${method} ${path}${query && `?${query}`}${version === 'HTTP/1.0' ? ` ${version}` : ''} for ${host ?? 'nobody'}`,
    framingOf(framing),
    keepAlive ? 'keep-alive' : 'close',
    ...(expectContinue ? ['100-continue'] : []),
    ...(body ? [JSON.stringify(body)] : []),
  ].join(', ');
}

function framingOf(framing: BodyFraming): string {
  return framing.kind === 'length' ? `length ${framing.length}` : framing.kind;
}

export function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** The slices between these places. */
export function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const cuts = [0, ...new Set(places), bytes.length].sort((a, b) => a - b);
  return cuts.slice(1).map((end, i) => bytes.subarray(cuts[i], end));
}

export function cutEach(bytes: Buffer, size = 1): Buffer[] {
  const places = Array.from({ length: Math.floor(bytes.length / size) }, (_, i) => (i + 1) * size);
  return cutAt(bytes, places);
}

const REQUESTS = path.join(import.meta.dirname, '..', 'requests');

/** The fixtures of a folder: the names without `.http`, and the bytes. */
export function readFixtures(folder: 'valid' | 'invalid'): Map<string, Buffer> {
  const files = readdirSync(path.join(REQUESTS, folder)).filter((file) => file.endsWith('.http'));
  return new Map(
    files.map((file) => [file.slice(0, -5), readFileSync(path.join(REQUESTS, folder, file))]),
  );
}
