/**
 * The contract between a server and an application: PEP 3333 in TypeScript. Types only, nothing runs.
 * Two things differ from Python: `wsgi.input` is read asynchronously, and results may be promises.
 */

/** The request and its surroundings: CGI's variables as strings, and the server's own `wsgi.*` keys. */
export interface Environ {
  [variable: `HTTP_${string}`]: string;
  REQUEST_METHOD: string;
  SCRIPT_NAME: string;
  /** Percent-decoded; each char is one byte (latin-1), as PEP 3333 asks. */
  PATH_INFO: string;
  QUERY_STRING: string;
  /** The target as it was sent; no CGI variable, but every real server has it. */
  REQUEST_URI: string;
  CONTENT_TYPE?: string;
  CONTENT_LENGTH?: string;
  SERVER_NAME: string;
  SERVER_PORT: string;
  SERVER_PROTOCOL: string;
  /** As in the field Server; not every server says it. */
  SERVER_SOFTWARE?: string;
  REMOTE_ADDR: string;
  REMOTE_PORT: string;
  'wsgi.version': readonly [1, 0];
  'wsgi.url_scheme': 'http' | 'https';
  'wsgi.input': InputStream;
  'wsgi.errors': ErrorStream;
  'wsgi.multithread': boolean;
  'wsgi.multiprocess': boolean;
  'wsgi.run_once': boolean;
}

/** The request's body, which ends where the request ends. Iterates over lines, as Python's files do. */
export interface InputStream extends AsyncIterable<Uint8Array> {
  /** At least one byte and at most `size`; without a size, all that is left; empty: no more. */
  read(size?: number): Promise<Uint8Array>;
  /** Up to and with the next LF, at most `size` bytes; empty: no more. */
  readline(size?: number): Promise<Uint8Array>;
  /** All lines, or the first ones that together have at least `hint` bytes. */
  readlines(hint?: number): Promise<Uint8Array[]>;
}

/** Where an application reports what the client should not see. */
export interface ErrorStream {
  write(text: string): void;
  writelines(lines: Iterable<string>): void;
  flush(): void;
}

/** A list and not an object: two Set-Cookie lines stay two. */
export type Headers = [name: string, value: string][];
/** Strings travel as UTF-8. Bytes are the server's once it has them: they may not have left when a write resolves. */
export type Chunk = string | Uint8Array;
/** Resolves when the client can take more; rejects when it has gone. */
export type Write = (chunk: Chunk) => Promise<void>;
export type StartResponse = (status: string, headers: Headers, excInfo?: unknown) => Write;
/** The body, piece by piece. The server calls its `close()`, if there is one, whatever happened. */
export type Result = (Iterable<Chunk> | AsyncIterable<Chunk>) & { close?(): unknown };
export type Application = (
  environ: Environ,
  startResponse: StartResponse,
) => Result | Promise<Result>;
