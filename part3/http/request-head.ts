/**
 * What a request's head means. In go its request line and its fields, spelled correctly; out comes a RequestHead, or
 * the refusal of one that means two things or nothing. It does not know how the bytes came, nor of any body.
 */
import { type BodyFraming, toBodyFraming } from './body-framing.ts';
import {
  ABSOLUTE_FORM,
  HAS_CLOSE,
  HAS_KEEP_ALIVE,
  HOST,
  HTTP_VERSION,
  ORIGIN_FORM,
} from './grammar.ts';
import { HttpError } from './http-error.ts';

export type Field = readonly [name: string, value: string];

/** HTTP-version; RFC 9112 §2.3 */
export type HttpVersion = 'HTTP/1.0' | 'HTTP/1.1';

export interface RequestLine {
  readonly method: string;
  readonly target: string;
  /** An absolute-form target's host, maybe with a port. */
  readonly authority: string | undefined;
  /** As sent, still percent-encoded: `*` for OPTIONS *, `/` if an absolute-form has none. */
  readonly path: string;
  /** As sent, without the `?`. */
  readonly query: string;
  readonly version: HttpVersion;
}

export interface RequestHead extends Omit<RequestLine, 'authority'> {
  /** Whom the request is for, maybe with a port: the target's word, or else Host's. May be empty. */
  readonly host: string | undefined;
  /** As sent and in order, but a Host that an absolute-form target overrules says what the target says. */
  readonly headers: readonly Field[];
  readonly framing: BodyFraming;
  /** Whether the client would like to go on after this. */
  readonly keepAlive: boolean;
  /** Whether the client waits for a 100 before it sends its body. */
  readonly expectContinue: boolean;
}

/**
 * The fields that are about the message itself. Several lines of one name are joined by commas, which is right for a
 * list (RFC 9110 §5.3) and makes what must be said once, a host or a length, into something that is neither.
 */
interface OwnFields {
  host: string | undefined;
  contentLength: string | undefined;
  transferEncoding: string | undefined;
  connection: string | undefined;
  expect: string | undefined;
}

export function toRequestLine(method: string, target: string, version: string): RequestLine {
  if (version !== 'HTTP/1.1' && version !== 'HTTP/1.0') {
    if (!HTTP_VERSION.test(version)) throw new HttpError(400, 'not an HTTP version');
    throw new HttpError(505, 'neither HTTP/1.0 nor HTTP/1.1');
  }
  // Only a proxy has a use for it; RFC 9110 §9.3.6. What is not implemented gets a 501; §9.1.
  if (method === 'CONNECT') throw new HttpError(501, 'CONNECT is for proxies');
  const [, path, query = ''] = ORIGIN_FORM.exec(target) ?? [];
  if (path !== undefined) return { method, target, authority: undefined, path, query, version };
  if (target === '*' && method === 'OPTIONS') {
    return { method, target, authority: undefined, path: '*', query: '', version };
  }
  return { method, target, ...toAbsoluteTarget(target), version };
}

export function toRequestHead(
  line: RequestLine,
  fields: readonly Field[],
  maxBodyBytes: number,
): RequestHead {
  const { method, target, authority, path, query, version } = line;
  const own = toOwnFields(fields);
  checkHost(own.host, version);
  const framing = toBodyFraming(own, version, maxBodyBytes);
  // Named one by one: a spread of `line` costs more than all of the parsing.
  return {
    method,
    target,
    path,
    query,
    version,
    host: authority ?? own.host,
    headers: authority === undefined ? fields : withHost(fields, authority),
    framing,
    keepAlive: isKeptAlive(own.connection, version),
    expectContinue: isContinueExpected(own.expect, version) && hasBody(framing),
  };
}

function toAbsoluteTarget(target: string) {
  const [, authority, path = '/', query = ''] = ABSOLUTE_FORM.exec(target) ?? [];
  if (authority === undefined) throw new HttpError(400, 'not a request target');
  // Neither "user@", which is there to deceive, nor an empty host; RFC 9110 §4.2.4 and §4.2.1
  if (!HOST.test(authority)) throw new HttpError(400, 'no valid host in the target');
  return { authority, path, query };
}

function toOwnFields(fields: readonly Field[]): OwnFields {
  const own: OwnFields = {
    host: undefined,
    contentLength: undefined,
    transferEncoding: undefined,
    connection: undefined,
    expect: undefined,
  };
  let hasType = false;
  for (const [name, value] of fields) {
    switch (name.toLowerCase()) {
      case 'host':
        own.host = join(own.host, value);
        break;
      case 'content-length':
        own.contentLength = join(own.contentLength, value);
        break;
      case 'transfer-encoding':
        own.transferEncoding = join(own.transferEncoding, value);
        break;
      case 'connection':
        own.connection = join(own.connection, value);
        break;
      case 'expect':
        own.expect = join(own.expect, value);
        break;
      case 'content-type':
        // No list, RFC 9110 §8.3: who takes the first of two reads another body than who takes the last.
        if (hasType) throw new HttpError(400, 'not one Content-Type');
        hasType = true;
        break;
    }
  }
  return own;
}

function join(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before},${value}`;
}

/**
 * "MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message that lacks a Host header field
 * and to any request message that contains more than one Host header field line or a Host header field with an
 * invalid field value"; RFC 9112 §3.2. An empty one is valid: then the server's default is meant; §3.3.
 */
function checkHost(host: string | undefined, version: HttpVersion): void {
  if (host === undefined ? version === 'HTTP/1.1' : host !== '' && !HOST.test(host)) {
    throw new HttpError(400, 'not one valid Host');
  }
}

/** "MUST ignore the received Host header field (if any)", for the target has said it; RFC 9112 §3.2.2 */
function withHost(fields: readonly Field[], authority: string): readonly Field[] {
  return fields.map((field) => (field[0].toLowerCase() === 'host' ? [field[0], authority] : field));
}

/** RFC 9112 §9.3, in its order. */
function isKeptAlive(connection: string | undefined, version: HttpVersion): boolean {
  if (connection === undefined) return version === 'HTTP/1.1';
  if (HAS_CLOSE.test(connection)) return false;
  return version === 'HTTP/1.1' || HAS_KEEP_ALIVE.test(connection);
}

/** RFC 9110 §10.1.1: ignored in HTTP/1.0, where nobody knows of interim responses. */
function isContinueExpected(expect: string | undefined, version: HttpVersion): boolean {
  if (!expect || version === 'HTTP/1.0') return false;
  if (expect.toLowerCase() !== '100-continue') throw new HttpError(417, 'an unknown expectation');
  return true;
}

function hasBody(framing: BodyFraming): boolean {
  return framing.kind === 'chunked' || (framing.kind === 'length' && framing.length > 0);
}
