/**
 * Applications of the Node.js kind, `(request, response)`: Express, Koa, Fastify, Connect. In comes such a
 * handler, out goes an Application. The handler gets a real IncomingMessage and a real ServerResponse; only
 * their ends are ours: where the one reads from, and what the other writes to. It must know no framework
 * by name, and no server.
 *
 * What the contract has no word for goes nowhere: interim answers (1xx), trailers, hop-by-hop headers, bytes written
 * to the socket. Part 3's chapter has the list, "Where we differ".
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
import type {
  Application,
  Chunk,
  Environ,
  Headers,
  Result,
  StartResponse,
  Write,
} from '../wsgi.ts';
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
    const body = new BodyQueue();
    const socket = new ClientSocket(environ, body) as Duplex as Socket;
    const request = toRequest(environ, socket);
    const response = toResponse(request, body, startResponse);
    response.assignSocket(socket);
    const handling = handler(request, response);
    if (isPromise(handling)) {
      handling.then(undefined, (error) => {
        // An answer that is complete can't fail any more, but what went wrong is still to be told.
        if (!body.fail(error)) environ['wsgi.errors'].write(`${inspect(error)}\n`);
      });
    }

    const answer = new Answer(request, response, body);
    // Most handlers are done by now, with little to send: a plain list, which costs the server no promises.
    if (!body.isWhole) return answer;
    const whole: Result = body.takeAll();
    whole.close = () => answer.close();
    return whole;
  };
}

/** What the server gets: the body, and a way to say that it is done with it, or that the client left. */
class Answer implements AsyncIterable<Chunk> {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #body: BodyQueue;

  constructor(request: IncomingMessage, response: ServerResponse, body: BodyQueue) {
    this.#request = request;
    this.#response = response;
    this.#body = body;
  }

  [Symbol.asyncIterator](): AsyncIterator<Chunk> {
    return this.#body;
  }

  close(): void {
    const [request, response, body] = [this.#request, this.#response, this.#body];
    if (response.writableEnded && body.isSent) {
      body.onFinish();
      // A body nobody read is read now, as node:http does: request 'end' and 'close' are waited for.
      if (!request.readableEnded && !request.readableFlowing) request.resume();
    } else {
      const aborted = Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
      body.discard(aborted);
      request.socket.destroy(); // before the request, which would give it its error: that the client left is none
      request.destroy(aborted);
    }
    request.socket.destroy(); // and with it, node:http closes the response
  }
}

/** A request as node:http would have made it; its body is read from `wsgi.input` when it is asked for. */
function toRequest(environ: Environ, socket: Socket): IncomingMessage {
  const request = new IncomingMessage(socket);
  const version = environ.SERVER_PROTOCOL.slice('HTTP/'.length);
  request.method = environ.REQUEST_METHOD;
  request.url = environ.REQUEST_URI; // PATH_INFO is decoded, and what it was before nobody can tell
  request.httpVersion = version;
  request.httpVersionMajor = Number(version[0]);
  request.httpVersionMinor = Number(version[2]);
  const fields: string[] = [];
  for (const [name, value] of toRequestHeaders(environ)) fields.push(name, value);
  // The lists are what node:http has from its parser; the objects are made when they are asked for.
  (request as WithHeaderLines)._addHeaderLines(fields, fields.length);
  request._read = (size) => {
    IncomingMessage.prototype._read.call(request, size); // or body parsers wait for ever
    if (!hasBody(environ)) {
      request.complete = true;
      request.push(null);
      return;
    }
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

/** RFC 9112 §6.3: without either field a request has no body, and nobody need wait for its end. */
function hasBody(environ: Environ): boolean {
  const { CONTENT_LENGTH: length, HTTP_TRANSFER_ENCODING: coding } = environ;
  return (length !== undefined && length !== '' && length !== '0') || coding !== undefined;
}

/** What the functions of one response share. */
interface Private {
  readonly body: BodyQueue;
  readonly startResponse: StartResponse;
  /** Of an answer that came in one piece. */
  wholeLength: number | undefined;
  /** What startResponse gave us. */
  write: Write | undefined;
}

const PRIVATE = Symbol('what the handler need not see');
type Response = ServerResponse & { [PRIVATE]: Private };

/**
 * A response whose body goes to the queue, and its head to startResponse. The functions are properties of the one
 * object, and not of a subclass: Express gives both objects another prototype.
 */
function toResponse(
  request: IncomingMessage,
  body: BodyQueue,
  startResponse: StartResponse,
): Response {
  const response = new ServerResponse(request) as Response;
  response[PRIVATE] = { body, startResponse, wholeLength: undefined, write: undefined };
  body.onDrain = () => response.emit('drain');
  Object.defineProperty(response, 'writableFinished', WRITABLE_FINISHED);
  const own: Record<'writeHead' | 'write' | 'end' | 'flushHeaders', unknown> = response;
  own.writeHead = writeHead; // one by one: Object.assign is slower
  own.write = write;
  own.end = end;
  own.flushHeaders = flushHeaders;
  return response;
}

/** It has ended, and nothing of it is left here. Up to Node.js 22 node:http asks its socket, since 24 itself. */
const WRITABLE_FINISHED = {
  configurable: true,
  get(this: Response): boolean {
    return this.writableEnded && this[PRIVATE].body.isSent;
  },
};

function writeHead(
  this: Response,
  status: number,
  reason?: string | OutgoingHeaders,
  headers?: OutgoingHeaders,
): Response {
  const message = typeof reason === 'string' ? reason : undefined; // it may be empty; RFC 9112 §4
  const given = typeof reason === 'string' ? headers : (reason ?? headers);
  if (given && !this.headersSent) setHeaders(this, given);
  Reflect.apply(ServerResponse.prototype.writeHead, this, [status, message]);
  const mine = this[PRIVATE];
  try {
    const headers = toHeaders(this, mine.wholeLength);
    mine.write = mine.startResponse(`${status} ${this.statusMessage}`, headers);
  } catch (error) {
    mine.body.fail(error); // thrown at a handler that was called back, it would end the process
  }
  return this;
}

function write(this: Response, chunk: Chunk, ...rest: unknown[]): boolean {
  if (this.writableEnded || this.destroyed) {
    return Reflect.apply(ServerResponse.prototype.write, this, [chunk, ...rest]); // node:http's own error
  }
  const [encoding, callback] = encodingAndCallback(rest);
  const piece = toChunk(chunk, encoding);
  if (!this.headersSent) this.writeHead(this.statusCode);
  if (!hasNoBody(this)) return this[PRIVATE].body.push(piece, callback);
  if (callback) process.nextTick(callback);
  return true;
}

function end(this: Response, ...args: unknown[]): Response {
  if (this.writableEnded) return Reflect.apply(ServerResponse.prototype.end, this, args);
  const chunk = typeof args[0] === 'function' ? undefined : (args.shift() as Chunk | null);
  const [encoding, callback] = encodingAndCallback(args);
  if (callback) this.once('finish', callback);
  const piece = toChunk(chunk ?? '', encoding);
  const { body } = this[PRIVATE];
  if (!this.headersSent && wantsNoLength(this)) this.flushHeaders();
  if (!this.headersSent) {
    this[PRIVATE].wholeLength = Buffer.byteLength(piece);
    this.writeHead(this.statusCode);
  }
  if (piece.length > 0 && !hasNoBody(this)) body.push(piece);
  this.finished = true;
  const context = new AsyncResource('answer');
  body.onFinish = () => context.runInAsyncScope(finish, this);
  body.end();
  return this;
}

function finish(this: Response): void {
  this.emit('prefinish');
  this.emit('finish');
}

/** The first call of write() sends the head, even for nothing; PEP 3333 "The start_response() Callable". */
function flushHeaders(this: Response): void {
  if (!this.headersSent) this.writeHead(this.statusCode);
  const mine = this[PRIVATE];
  mine.write?.('').catch(doNothing); // 'close' tells the handler
  mine.write = undefined;
}

/** A string of UTF-8 stays one, which joins its head on the way out. */
function toChunk(chunk: unknown, encoding: BufferEncoding | undefined): Chunk {
  if (chunk instanceof Uint8Array) return chunk;
  if (typeof chunk === 'string') {
    return !encoding || /^utf-?8$/i.test(encoding) ? chunk : Buffer.from(chunk, encoding);
  }
  throw Object.assign(new TypeError('a chunk is a string or a Uint8Array'), {
    code: 'ERR_INVALID_ARG_TYPE',
  });
}

type OutgoingHeaders = OutgoingHttpHeaders | OutgoingHttpHeader[] | [string, OutgoingHttpHeader][];

function encodingAndCallback(args: unknown[]): [BufferEncoding | undefined, Callback | undefined] {
  const encoding = typeof args[0] === 'string' ? (args[0] as BufferEncoding) : undefined;
  return [encoding, args.find((arg) => typeof arg === 'function') as Callback | undefined];
}

/** The three forms in which writeHead takes headers: an object, a flat list, a list of pairs. */
function setHeaders(response: ServerResponse, headers: OutgoingHeaders): void {
  if (!Array.isArray(headers)) {
    for (const [name, value] of Object.entries(headers)) {
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
    const value = response.getHeader(name);
    if (!Array.isArray(value)) headers.push([name, `${value}`]);
    else for (const one of value) headers.push([name, one]);
  }
  const isLengthKnown = wholeLength !== undefined && !hasNoBody(response);
  if (isLengthKnown && !response.hasHeader('content-length')) {
    headers.push(['Content-Length', `${wholeLength}`]);
  }
  return headers;
}

/** The handler chose chunks itself, or took the length away. The head leaves before its body, and so without a length. */
function wantsNoLength(response: ServerResponse): boolean {
  const { _removedContLen: isRemoved } = response as unknown as { _removedContLen?: boolean };
  return (isRemoved || response.hasHeader('transfer-encoding')) && !hasNoBody(response);
}

function hasNoBody({ req, statusCode }: ServerResponse): boolean {
  return req.method === 'HEAD' || statusCode === 204 || statusCode === 304;
}

/** How the parser of node:http hands over fields, in a flat list. */
type WithHeaderLines = IncomingMessage & { _addHeaderLines(fields: string[], count: number): void };
/** In node:http since 15.4, and not yet in its types for 20. */
type WithRawNames = ServerResponse & { getRawHeaderNames(): string[] };
type Callback = (error?: Error) => void;

const doNothing = () => {};

interface QueuedPiece {
  readonly chunk: Chunk;
  readonly size: number;
  readonly callback: Callback | undefined;
}

/** What the handler wrote and the client has not got yet. A piece counts as sent when the next is asked for. */
class BodyQueue implements AsyncIterator<Chunk> {
  #pieces: QueuedPiece[] = [];
  /** Index of the next piece: taking them off the front of a long list would move all others, each time. */
  #next = 0;
  #underway: QueuedPiece | undefined;
  #size = 0;
  #needsDrain = false;
  #isDiscarded = false;
  #state: 'open' | 'ended' | { error: unknown } = 'open';
  /** Tells the handler that it may go on; set by whoever made the queue. */
  onDrain: () => void = doNothing;
  /** Tells the handler that all is sent; called in the context in which the handler ended its answer. */
  onFinish: () => void = doNothing;
  #wake: () => void = doNothing;

  /** Whether its end is still to come. */
  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Whether all of it was sent, so far. */
  get isSent(): boolean {
    if (this.#isDiscarded || typeof this.#state === 'object') return false;
    return this.#next === this.#pieces.length && !this.#underway;
  }

  /** Whether it is here from its beginning to its end, and small. */
  get isWhole(): boolean {
    return this.#state === 'ended' && this.#size < HIGH_WATER_MARK;
  }

  /** False when the handler had better wait for `'drain'`. */
  push(chunk: Chunk, callback?: Callback): boolean {
    if (typeof this.#state === 'object') {
      if (callback) process.nextTick(callback, this.#state.error);
      return true; // and 'close' is to come
    }
    const size = Buffer.byteLength(chunk);
    this.#pieces.push({ chunk, size, callback });
    this.#size += size;
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
    if (!this.isOpen) return false;
    this.#state = { error };
    this.#wake();
    return true;
  }

  /** Everything at once, for a body that has its end. */
  takeAll(): Chunk[] {
    const pieces = this.#rest();
    for (const { callback } of pieces) if (callback) process.nextTick(callback);
    return pieces.map(({ chunk }) => chunk);
  }

  /** Nobody is there to read the rest. */
  discard(reason: Error): void {
    const pieces = [this.#underway, ...this.#rest()];
    this.#isDiscarded = true;
    this.#underway = undefined;
    this.end();
    for (const piece of pieces) piece?.callback?.(reason);
  }

  /** One promise for each piece, made by hand: an async function that waits inside makes three. */
  next(): Promise<IteratorResult<Chunk>> {
    this.#settle();
    if (this.#next === this.#pieces.length) this.#rest(); // all taken: the list begins anew
    return new Promise((resolve, reject) => {
      if (this.#take(resolve, reject)) return;
      this.#wake = () => {
        this.#wake = doNothing;
        this.#take(resolve, reject);
      };
    });
  }

  /** False when there is nothing yet. */
  #take(
    resolve: (result: IteratorResult<Chunk>) => void,
    reject: (error: unknown) => void,
  ): boolean {
    this.#underway = this.#pieces[this.#next];
    if (this.#underway) {
      this.#next++;
      resolve({ done: false, value: this.#underway.chunk });
    } else if (typeof this.#state === 'object') reject(this.#state.error);
    else if (this.#state === 'ended') resolve({ done: true, value: undefined });
    else return false;
    return true;
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
    this.#size -= sent.size;
    sent.callback?.();
    if (this.#needsDrain && this.#size < HIGH_WATER_MARK) {
      this.#needsDrain = false;
      this.onDrain();
    }
  }
}

/** By its name a server knows that no answer is wanted: a destroyed response is none, not a failed one. */
class ResponseDestroyed extends Error {
  override readonly name = 'ResponseDestroyed';

  constructor() {
    super('the handler destroyed its response');
  }
}

/** The connection as the handler sees it: it tells who is there, and goes when the client does. */
class ClientSocket extends Duplex {
  readonly encrypted: boolean;
  readonly #environ: Environ;
  readonly #body: BodyQueue;

  constructor(environ: Environ, body: BodyQueue) {
    super();
    this.encrypted = environ['wsgi.url_scheme'] === 'https';
    this.#environ = environ;
    this.#body = body;
    this.on('error', doNothing); // `destroy(error)` tells the handler; there is nobody else to tell
  }

  get localAddress(): string {
    return this.#environ.SERVER_NAME;
  }

  get localPort(): number {
    return Number(this.#environ.SERVER_PORT);
  }

  get remoteAddress(): string {
    return this.#environ.REMOTE_ADDR;
  }

  get remotePort(): number {
    return Number(this.#environ.REMOTE_PORT);
  }

  get remoteFamily(): 'IPv4' | 'IPv6' {
    return this.remoteAddress.includes(':') ? 'IPv6' : 'IPv4';
  }

  override _read(): void {}

  override _write(_chunk: unknown, _encoding: string, callback: () => void): void {
    callback();
  }

  /** At once: what the handler says behind it must not make the answer look whole. */
  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    if (this.#body.isOpen) this.#body.fail(error ?? new ResponseDestroyed());
    callback(error);
  }

  /** There is no connection of its own that it could end; so it gives up the answer. */
  override _final(callback: () => void): void {
    this.destroy(new Error('the handler ended its socket, and not its response'));
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

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as { then?: unknown } | undefined)?.then === 'function';
}
