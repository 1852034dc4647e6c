/**
 * Applications of the Node.js kind, `(request, response)`: Express, Koa, Fastify, Connect. In comes such a
 * handler, out goes an Application. The handler gets a real IncomingMessage and a real ServerResponse; only
 * their ends are ours: where the one reads from, and what the other writes to. It must know no framework
 * by name, and no server.
 */
import { AsyncResource } from 'node:async_hooks';
import {
  IncomingMessage,
  type OutgoingHttpHeader,
  type OutgoingHttpHeaders,
  ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { inspect } from 'node:util';
import type { Application, Environ, Headers, StartResponse } from '../wsgi.ts';
import { HOP_BY_HOP, READ_SIZE, toRequestHeaders } from './environ.ts';

export type NodeHandler = (request: IncomingMessage, response: ServerResponse) => unknown;

/** Bytes a handler may write ahead of its client before `write` says false. Node.js streams: 16 KiB. */
const HIGH_WATER_MARK = 16 * 1024;

/**
 * Makes an Application of a Node.js handler. Both bodies stream, with backpressure. When the client leaves,
 * the request is aborted and the response closed, as node:http does it. What the handler throws, or
 * rejects with, reaches the server.
 */
export function fromNodeHandler(handler: NodeHandler): Application {
  return (environ, startResponse) => {
    const socket = new ClientSocket(environ) as Duplex as Socket;
    const request = toRequest(environ, socket);
    const response = new ServerResponse(request);
    const body = new BodyQueue(() => response.emit('drain'));
    response.assignSocket(socket);
    redirect(response, body, startResponse);
    const fail = (error: unknown) => {
      // An answer that is complete can't fail any more, but what went wrong is still to be told.
      if (!body.fail(error)) environ['wsgi.errors'].write(`${inspect(error)}\n`);
    };
    socket.once('close', () => body.fail(new Error('the handler destroyed its response')));
    Promise.resolve(handler(request, response)).catch(fail);

    const close = () => {
      if (response.writableEnded && body.isSent) {
        body.onFinish();
        // A body nobody read is read now, as node:http does: request 'end' and 'close' are waited for.
        if (!request.readableEnded && !request.readableFlowing) request.resume();
      } else {
        const aborted = Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
        body.discard(aborted);
        request.destroy(aborted);
      }
      socket.destroy(); // and with it, node:http closes the response
    };
    // Most handlers are done by now, with little to send: a plain list, which costs the server no promises.
    if (response.writableEnded && !body.isLarge) return Object.assign(body.takeAll(), { close });
    return { [Symbol.asyncIterator]: () => body, close };
  };
}

/** A request as node:http would have made it; its body is read from `wsgi.input` when it is asked for. */
function toRequest(environ: Environ, socket: Socket): IncomingMessage {
  const request = new IncomingMessage(socket);
  const headers = toRequestHeaders(environ);
  const version = environ.SERVER_PROTOCOL.replace('HTTP/', '');
  request.method = environ.REQUEST_METHOD;
  request.url = environ.REQUEST_URI; // PATH_INFO is decoded, and what it was before nobody can tell
  request.httpVersion = version;
  [request.httpVersionMajor = 1, request.httpVersionMinor = 1] = version.split('.').map(Number);
  request.headers = Object.fromEntries(headers);
  request.rawHeaders = headers.flat();
  request._read = (size) => {
    IncomingMessage.prototype._read.call(request, size); // or body parsers wait for ever
    environ['wsgi.input'].read(READ_SIZE).then(
      (bytes) => {
        request.complete = bytes.length === 0;
        request.push(bytes.length === 0 ? null : bytes);
      },
      (error) => request.destroy(error),
    );
  };
  return request;
}

/**
 * Leads what the handler writes into the body's queue, and its head to startResponse. These are properties of
 * the one object, and not of a subclass: Express gives both objects another prototype.
 */
function redirect(response: ServerResponse, body: BodyQueue, startResponse: StartResponse): void {
  const original = ServerResponse.prototype;
  let wholeLength: number | undefined;

  const writeHead = (
    status: number,
    reason?: string | OutgoingHeaders,
    headers?: OutgoingHeaders,
  ): ServerResponse => {
    const message = typeof reason === 'string' ? reason : undefined;
    const given = typeof reason === 'string' ? headers : (reason ?? headers);
    if (!response.headersSent) setHeaders(response, given);
    Reflect.apply(original.writeHead, response, [status, message]);
    startResponse(`${status} ${response.statusMessage}`, toHeaders(response, wholeLength));
    return response;
  };

  const write = (chunk: Piece, ...rest: unknown[]): boolean => {
    if (response.writableEnded || response.destroyed) {
      return Reflect.apply(original.write, response, [chunk, ...rest]); // node:http's own error
    }
    const [encoding, callback] = encodingAndCallback(rest);
    const bytes = toBytes(chunk, encoding);
    if (!response.headersSent) response.writeHead(response.statusCode);
    if (!hasNoBody(response)) return body.push(bytes, callback);
    if (callback) process.nextTick(callback);
    return true;
  };

  const end = (...args: unknown[]): ServerResponse => {
    if (response.writableEnded) return Reflect.apply(original.end, response, args);
    const chunk =
      typeof args[0] === 'function' ? undefined : (args.shift() as Piece | null | undefined);
    const [encoding, callback] = encodingAndCallback(args);
    if (callback) response.once('finish', callback);
    const bytes = chunk === undefined || chunk === null ? undefined : toBytes(chunk, encoding);
    if (!response.headersSent) {
      wholeLength = bytes?.length ?? 0;
      response.writeHead(response.statusCode);
    }
    if (bytes && bytes.length > 0) write(bytes); // ours: a wrapped one has had its turn
    response.finished = true;
    body.onFinish = AsyncResource.bind(() => {
      response.emit('prefinish');
      response.emit('finish');
    });
    body.end();
    return response;
  };

  const flushHeaders = () => {
    if (!response.headersSent) response.writeHead(response.statusCode);
  };
  Object.assign(response, { writeHead, write, end, flushHeaders });
  Object.defineProperty(response, 'writableFinished', {
    get: () => response.writableEnded && body.isSent,
  });
}

function toBytes(chunk: unknown, encoding: BufferEncoding | undefined): Uint8Array {
  if (typeof chunk === 'string') return Buffer.from(chunk, encoding);
  if (chunk instanceof Uint8Array) return chunk;
  throw Object.assign(new TypeError('a chunk is a string or a Uint8Array'), {
    code: 'ERR_INVALID_ARG_TYPE',
  });
}

type Piece = string | Uint8Array;
type OutgoingHeaders = OutgoingHttpHeaders | OutgoingHttpHeader[] | [string, OutgoingHttpHeader][];

function encodingAndCallback(args: unknown[]): [BufferEncoding | undefined, Callback | undefined] {
  const encoding = typeof args[0] === 'string' ? (args[0] as BufferEncoding) : undefined;
  return [encoding, args.find((arg) => typeof arg === 'function') as Callback | undefined];
}

/** The three forms in which writeHead takes headers: an object, a flat list, a list of pairs. */
function setHeaders(response: ServerResponse, headers: OutgoingHeaders | undefined): void {
  if (!Array.isArray(headers)) {
    for (const [name, value] of Object.entries(headers ?? {})) {
      if (value !== undefined) response.setHeader(name, value);
    }
    return;
  }
  const flat = headers.every(Array.isArray) ? headers.flat() : headers;
  const pairs = flat.flatMap((name, i) => (i % 2 === 0 ? [[`${name}`, flat[i + 1]] as const] : []));
  for (const [name] of pairs) response.removeHeader(name);
  for (const [name, value] of pairs) response.appendHeader(name, value as string | string[]);
}

/** The headers as they were set, letter case and all. What concerns the connection is the server's. */
function toHeaders(response: ServerResponse, wholeLength: number | undefined): Headers {
  const headers: Headers = [];
  for (const name of (response as WithRawNames).getRawHeaderNames()) {
    if (HOP_BY_HOP.test(name)) continue;
    for (const value of [response.getHeader(name)].flat()) headers.push([name, `${value}`]);
  }
  const isLengthKnown = wholeLength !== undefined && !hasNoBody(response);
  if (isLengthKnown && !response.hasHeader('content-length')) {
    headers.push(['Content-Length', `${wholeLength}`]);
  }
  return headers;
}

function hasNoBody({ req, statusCode }: ServerResponse): boolean {
  return req.method === 'HEAD' || statusCode === 204 || statusCode === 304;
}

/** In node:http since 15.4, and not yet in its types for 20. */
type WithRawNames = ServerResponse & { getRawHeaderNames(): string[] };
type Callback = (error?: Error) => void;

interface QueuedPiece {
  readonly bytes: Uint8Array;
  readonly callback: Callback | undefined;
}

/** What the handler wrote and the client has not got yet. A piece counts as sent when the next is asked for. */
class BodyQueue implements AsyncIterator<Uint8Array> {
  readonly #onDrain: () => void;
  #pieces: QueuedPiece[] = [];
  /** Index of the next piece: taking them off the front of a long list would move all others, each time. */
  #next = 0;
  #underway: QueuedPiece | undefined;
  #size = 0;
  #needsDrain = false;
  #isDiscarded = false;
  #state: 'open' | 'ended' | { error: unknown } = 'open';
  /** Tells the handler that all is sent; called in the context in which the handler ended its answer. */
  onFinish: () => void = () => {};
  #wake: () => void = () => {};

  constructor(onDrain: () => void) {
    this.#onDrain = onDrain;
  }

  /** Whether all of it was sent, so far. */
  get isSent(): boolean {
    return !this.#isDiscarded && this.#next === this.#pieces.length && !this.#underway;
  }

  get isLarge(): boolean {
    return this.#size >= HIGH_WATER_MARK;
  }

  /** False when the handler had better wait for `'drain'`. */
  push(bytes: Uint8Array, callback?: Callback): boolean {
    this.#pieces.push({ bytes, callback });
    this.#size += bytes.length;
    this.#needsDrain = this.#size >= HIGH_WATER_MARK;
    this.#wake();
    return !this.#needsDrain;
  }

  end(): void {
    if (this.#state === 'open') this.#state = 'ended';
    this.#wake();
  }

  /** Ends the body in its middle; false if it had its end already. */
  fail(error: unknown): boolean {
    if (this.#state !== 'open') return false;
    this.#state = { error };
    this.#wake();
    return true;
  }

  /** Everything at once, for a body that has its end. */
  takeAll(): Uint8Array[] {
    const pieces = this.#rest();
    for (const { callback } of pieces) if (callback) process.nextTick(callback);
    return pieces.map(({ bytes }) => bytes);
  }

  /** Nobody is there to read the rest. */
  discard(reason: Error): void {
    const pieces = [this.#underway, ...this.#rest()];
    this.#isDiscarded = true;
    this.#underway = undefined;
    this.end();
    for (const piece of pieces) piece?.callback?.(reason);
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    this.#settle();
    if (this.#next === this.#pieces.length) this.#rest(); // all taken: the list begins anew
    while (this.#next === this.#pieces.length && this.#state === 'open') {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#underway = this.#pieces[this.#next];
    if (this.#underway) {
      this.#next++;
      return { done: false, value: this.#underway.bytes };
    }
    if (typeof this.#state === 'object') throw this.#state.error;
    return { done: true, value: undefined };
  }

  #rest(): QueuedPiece[] {
    const rest = this.#pieces.slice(this.#next);
    this.#pieces = [];
    this.#next = 0;
    return rest;
  }

  #settle(): void {
    const sent = this.#underway;
    if (!sent) return;
    this.#underway = undefined;
    this.#size -= sent.bytes.length;
    sent.callback?.();
    if (this.#needsDrain && this.#size < HIGH_WATER_MARK) {
      this.#needsDrain = false;
      this.#onDrain();
    }
  }
}

/** The connection as the handler sees it: it tells who is there, and goes when the client does. */
class ClientSocket extends Duplex {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly remoteFamily: 'IPv4' | 'IPv6';
  readonly encrypted: boolean;

  constructor(environ: Environ) {
    super();
    this.localAddress = environ.SERVER_NAME;
    this.localPort = Number(environ.SERVER_PORT);
    this.remoteAddress = environ.REMOTE_ADDR;
    this.remoteFamily = environ.REMOTE_ADDR.includes(':') ? 'IPv6' : 'IPv4';
    this.remotePort = Number(environ.REMOTE_PORT);
    this.encrypted = environ['wsgi.url_scheme'] === 'https';
    this.on('error', () => {}); // `destroy(error)` tells the handler; there is nobody else to tell
  }

  override _read(): void {}

  override _write(_chunk: unknown, _encoding: string, callback: () => void): void {
    callback();
  }

  address(): { address: string; port: number; family: string } {
    return { address: this.localAddress, port: this.localPort, family: this.remoteFamily };
  }

  setTimeout(): this {
    return this; // the server keeps the clock
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }
}
