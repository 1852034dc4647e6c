/**
 * PEP 3333 as middleware: an Application around an Application that holds both sides to the contract. In
 * comes what the server hands over and what the application answers, out goes the same, unchanged. The first
 * broken rule becomes an error that says whose it is, which rule, and what to do instead.
 */
import type {
  Application,
  Chunk,
  Environ,
  Headers,
  InputStream,
  Result,
  StartResponse,
  Write,
} from '../wsgi.ts';

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const FIELD_VALUE = /^[\t -~\x80-\xff]*$/;
/** PEP 3333 "Other HTTP Features" goes by RFC 2616 §13.5.1, which still had Proxy-Authenticate. */
const HOP_BY_HOP = /^(connection|keep-alive|proxy-auth.*|te|trailers?|transfer-encoding|upgrade)$/i;
const LATIN_1 = /^[\0-\xff]*$/;

/** A rule of PEP 3333 was broken, and by whom. */
export class ContractError extends Error {
  readonly by: 'server' | 'application';

  constructor(by: 'server' | 'application', rule: string) {
    super(`the ${by} broke PEP 3333: ${rule}`);
    this.by = by;
  }
}

function server(keepsTo: boolean, rule: string): void {
  if (!keepsTo) throw new ContractError('server', rule);
}

function application(keepsTo: boolean, rule: string): void {
  if (!keepsTo) throw new ContractError('application', rule);
}

/** Wraps an application; what comes out behaves the same, as long as both sides keep to the contract. */
export function validator(app: Application): Application {
  return async (environ, startResponse, ...more: unknown[]) => {
    server(
      more.length === 0,
      'an application is called with two arguments, environ and startResponse',
    );
    server(typeof startResponse === 'function', 'startResponse is something to call');
    checkEnviron(environ);
    const answer = new CheckedAnswer(environ.REQUEST_METHOD, startResponse);
    const checked = { ...environ, 'wsgi.input': new CheckedInput(environ['wsgi.input']) };
    const result: unknown = await app(checked, answer.startResponse);
    return answer.iterate(result);
  };
}

function checkEnviron(environ: Environ): void {
  const isPlain = Object.getPrototypeOf(environ) === Object.prototype;
  server(isPlain, 'environ is a plain object, which an application may change');
  for (const key of ['REQUEST_METHOD', 'SERVER_NAME', 'SERVER_PORT', 'SERVER_PROTOCOL'] as const) {
    server(Boolean(environ[key]), `environ has ${key}, and it is never empty`);
  }
  for (const key of ['HTTP_CONTENT_TYPE', 'HTTP_CONTENT_LENGTH'] as const) {
    server(!(key in environ), `there is no ${key}: the variable is called ${key.slice(5)}`);
  }
  for (const [key, value] of Object.entries(environ)) {
    if (key.includes('.')) continue; // an extension, of any type
    server(typeof value === 'string', `${key} is a string: what is absent is left out or empty`);
    server(LATIN_1.test(String(value)), `each char of ${key} stands for one byte (latin-1)`);
  }
  const { REQUEST_METHOD, SCRIPT_NAME, PATH_INFO, CONTENT_LENGTH } = environ;
  server(TOKEN.test(REQUEST_METHOD), 'REQUEST_METHOD is a token, like GET');
  server(SCRIPT_NAME !== '/', 'a SCRIPT_NAME of / is empty instead, and PATH_INFO has the /');
  server(/^(\/|$)/.test(SCRIPT_NAME ?? ''), 'SCRIPT_NAME is empty or begins with /');
  server(/^(\/|$|\*$)/.test(PATH_INFO ?? ''), 'PATH_INFO is empty or begins with /');
  server(Boolean(SCRIPT_NAME || PATH_INFO), 'SCRIPT_NAME and PATH_INFO are not both empty');
  server(/^\d*$/.test(CONTENT_LENGTH ?? ''), 'CONTENT_LENGTH is a number of bytes');

  const version = environ['wsgi.version'];
  server(Array.isArray(version) && version.join() === '1,0', 'wsgi.version is [1, 0]');
  server(/^https?$/.test(environ['wsgi.url_scheme']), 'wsgi.url_scheme is http or https');
  for (const key of ['wsgi.multithread', 'wsgi.multiprocess', 'wsgi.run_once'] as const) {
    server(typeof environ[key] === 'boolean', `environ says whether ${key}: true or false`);
  }
  server(
    hasMethods(environ['wsgi.errors'], 'write', 'writelines', 'flush'),
    'wsgi.errors has write, writelines and flush',
  );
  server(
    hasMethods(environ['wsgi.input'], 'read', 'readline', 'readlines', Symbol.asyncIterator),
    'wsgi.input has read, readline, readlines, and can be iterated over',
  );
}

/** What the application may ask of the body, and what it may expect. */
class CheckedInput implements InputStream {
  readonly #input: InputStream;

  constructor(input: InputStream) {
    this.#input = input;
  }

  async read(...size: [number?]): Promise<Uint8Array> {
    checkSize('read', size);
    return checkBytes('read', await this.#input.read(...size), size[0]);
  }

  async readline(...size: [number?]): Promise<Uint8Array> {
    checkSize('readline', size);
    return checkBytes('readline', await this.#input.readline(...size), size[0]);
  }

  async readlines(...hint: [number?]): Promise<Uint8Array[]> {
    checkSize('readlines', hint);
    const lines = await this.#input.readlines(...hint);
    server(Array.isArray(lines), 'readlines gives a list of lines');
    return lines.map((line) => checkBytes('readlines', line, undefined));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for await (const line of this.#input) yield checkBytes('iterating', line, undefined);
  }
}

function checkSize(method: string, args: readonly unknown[]): void {
  const isSize = args.length === 0 || (args.length === 1 && Number.isInteger(args[0] ?? 0));
  application(isSize, `${method} takes one whole number of bytes, or nothing`);
}

function checkBytes(method: string, bytes: unknown, size: number | undefined): Uint8Array {
  server(bytes instanceof Uint8Array, `${method} of wsgi.input gives bytes`);
  const isWithin = size === undefined || size < 0 || (bytes as Uint8Array).length <= size;
  server(isWithin, `${method} of wsgi.input gives no more bytes than were asked for`);
  return bytes as Uint8Array;
}

/** One answer on its way from the application to the server. */
class CheckedAnswer {
  readonly #method: string;
  readonly #startResponse: StartResponse;
  #status: string | undefined;
  /** Bytes the head promised and those that came, so far. */
  #promised: number | undefined;
  #sent = 0;

  constructor(method: string, startResponse: StartResponse) {
    this.#method = method;
    this.#startResponse = startResponse;
  }

  readonly startResponse: StartResponse = (...args) => {
    const [status, headers, excInfo] = args;
    application(
      args.length === 2 || args.length === 3,
      'startResponse takes status, headers, and perhaps excInfo',
    );
    application(
      this.#status === undefined || Boolean(excInfo),
      'startResponse is called once; again only with excInfo, to replace the answer by an error',
    );
    checkStatus(status);
    checkHeaders(headers);
    const length = headers.find(([name]) => name.toLowerCase() === 'content-length')?.[1];
    application(
      length === undefined || /^\d+$/.test(length),
      'a Content-Length is a number of bytes',
    );
    this.#status = status;
    this.#promised = length === undefined ? undefined : Number(length);
    const write = this.#startResponse(...args);
    server(typeof write === 'function', 'startResponse returns write, a function');
    return this.#checkedWrite(write);
  };

  #checkedWrite(write: Write): Write {
    return (...args) => {
      application(args.length === 1, 'write takes one chunk');
      this.#count(args[0]);
      return write(...args);
    };
  }

  /** What the server gets instead of the application's result: the same chunks, and the same close(). */
  iterate(result: unknown): Result {
    application(
      typeof result !== 'string',
      'a string would go out char by char: return [text] instead',
    );
    application(
      !(result instanceof Uint8Array),
      'bytes would go out one by one: return [bytes] instead',
    );
    const body = Object(result);
    application(
      Symbol.iterator in body || Symbol.asyncIterator in body,
      'an application returns an iterable; [] where there is no body',
    );
    let isTaken = false;
    let isClosed = false;
    const close = () => {
      server(!isClosed, 'close() is called once');
      isClosed = true;
      return body.close?.();
    };
    if (Array.isArray(result)) {
      for (const chunk of result) this.#count(chunk);
      this.#checkEnd();
      return Object.assign([...result], { close }); // a list stays a list: a server may measure it
    }
    const take = () => {
      server(!isTaken && !isClosed, 'a result is iterated over once, and before its close()');
      isTaken = true;
      return this.#chunks(body);
    };
    return { [Symbol.asyncIterator]: take, close };
  }

  async *#chunks(body: Iterable<Chunk> | AsyncIterable<Chunk>): AsyncGenerator<Chunk> {
    for await (const chunk of body) {
      this.#count(chunk);
      yield chunk;
    }
    this.#checkEnd();
  }

  #count(chunk: unknown): void {
    const isChunk = typeof chunk === 'string' || chunk instanceof Uint8Array;
    application(isChunk, 'a body is made of strings and Uint8Arrays');
    application(this.#status !== undefined, 'startResponse is called before the body begins');
    this.#sent += Buffer.byteLength(chunk as Chunk);
    const isBodiless = /^(204|304)/.test(this.#status ?? '');
    application(this.#sent === 0 || !isBodiless, 'a 204 and a 304 have no body');
    const isWithin = this.#promised === undefined || this.#sent <= this.#promised;
    application(isWithin || this.#hasNoBody(), this.#lengths());
  }

  #checkEnd(): void {
    application(this.#status !== undefined, 'startResponse is called before the body ends');
    const isWhole = this.#promised === undefined || this.#sent === this.#promised;
    application(isWhole || this.#hasNoBody(), this.#lengths());
  }

  #lengths(): string {
    return `the Content-Length is ${this.#promised}, and ${this.#sent} bytes came`;
  }

  #hasNoBody(): boolean {
    return this.#method === 'HEAD' || /^(204|304)/.test(this.#status ?? '');
  }
}

function checkStatus(status: unknown): void {
  application(typeof status === 'string', 'a status is a string, like "200 OK"');
  // PEP 3333 wants a reason and does not say that it is not empty. HTTP lets it be, RFC 9112 §4; so do we.
  application(
    /^[2-9]\d\d [\t -~\x80-\xff]*$/.test(String(status)),
    'a status is a code, a space and a reason, like "200 OK"',
  );
}

function checkHeaders(headers: Headers): void {
  application(
    Array.isArray(headers),
    'headers are a list of [name, value], not an object or a Map',
  );
  for (const header of headers as unknown[]) {
    application(Array.isArray(header) && header.length === 2, 'a header is [name, value]');
    const [name, value] = header as [unknown, unknown];
    application(
      typeof name === 'string' && TOKEN.test(name),
      `a header's name is a token, not ${JSON.stringify(name)}`,
    );
    application(
      typeof value === 'string' && FIELD_VALUE.test(value),
      `the value of ${name} is a string of latin-1 without control characters`,
    );
    application(
      String(name).toLowerCase() !== 'status',
      'the status goes first and apart, not among the headers',
    );
    application(
      !HOP_BY_HOP.test(String(name)),
      `${name} is about the connection, and that is the server's`,
    );
  }
}

function hasMethods(value: unknown, ...names: (string | symbol)[]): boolean {
  return names.every((name) => typeof Object(value)[name] === 'function');
}
