/**
 * The request in the application's words: a head and the facts about its connection come in, PEP 3333's environ
 * goes out. It must not know sockets, nor what the application does with it.
 */
import type { RequestHead } from '../http/request-parser.ts';
import { SOFTWARE } from '../http/response-writer.ts';
import type { Environ, ErrorStream, InputStream } from './wsgi.ts';

/** What an application may know about the connection; the same for all of its requests. */
export interface Peer {
  readonly scheme: 'http' | 'https';
  readonly serverName: string;
  readonly serverPort: string;
  /** Empty over a socket in the file system. */
  readonly remoteAddress: string;
  readonly remotePort: string;
  /** Whether it is a proxy of ours, which tells the truth about who is behind it. */
  readonly isProxy: boolean;
  /** Whether other processes run this application at the same time. */
  readonly isMultiprocess: boolean;
}

/** PEP 3333 "environ Variables": CGI's variables, then the server's own. */
export function toEnviron(head: RequestHead, peer: Peer, input: InputStream): Environ {
  const environ: Environ = {
    REQUEST_METHOD: head.method,
    SCRIPT_NAME: '',
    PATH_INFO: percentDecode(head.path),
    QUERY_STRING: head.query,
    REQUEST_URI: head.target,
    SERVER_NAME: peer.serverName,
    SERVER_PORT: peer.serverPort,
    SERVER_PROTOCOL: head.version,
    SERVER_SOFTWARE: SOFTWARE,
    REMOTE_ADDR: peer.remoteAddress,
    REMOTE_PORT: peer.remotePort,
    'wsgi.version': VERSION,
    'wsgi.url_scheme': peer.scheme,
    'wsgi.input': input,
    'wsgi.errors': ERRORS,
    'wsgi.multithread': false,
    'wsgi.multiprocess': peer.isMultiprocess,
    'wsgi.run_once': false,
  };
  for (const [name, value] of head.headers) {
    const variable = variables.get(name) ?? toVariable(name);
    if (variable === '' || (!peer.isProxy && FORWARDED.test(variable))) continue;
    const before = environ[variable];
    environ[variable] = before === undefined ? value : join(variable, before, value);
  }
  if (peer.isProxy) believe(environ);
  return environ;
}

/** What proxies say about the client in its stead: the client could say it as well, and lie. */
const FORWARDED = /^HTTP_(FORWARDED|X_FORWARDED_\w+|X_REAL_IP)$/;

/**
 * A proxy appends to X-Forwarded-For the address it was called from, so the last one is its own word, and what stands
 * before it may be the client's. The same goes for the scheme.
 */
function believe(environ: Environ): void {
  const address = environ.HTTP_X_FORWARDED_FOR?.split(',').at(-1)?.trim();
  const scheme = environ.HTTP_X_FORWARDED_PROTO?.split(',').at(-1)?.trim().toLowerCase();
  if (address) {
    environ.REMOTE_ADDR = address;
    environ.REMOTE_PORT = '';
  }
  if (scheme === 'http' || scheme === 'https') environ['wsgi.url_scheme'] = scheme;
}

const VERSION = [1, 0] as const;
const ERRORS: ErrorStream = {
  write: (text) => void process.stderr.write(text),
  writelines: (lines) => void process.stderr.write([...lines].join('')),
  flush: () => {}, // nothing is held back
};

type Variable = `HTTP_${string}` | 'CONTENT_TYPE' | 'CONTENT_LENGTH';

/** Names as clients write them, and what CGI calls them. Clients use few, and write them alike. */
const variables = new Map<string, Variable | ''>();
/** Entries of that table: a client that makes up names must not make it grow. */
const MAX_VARIABLES = 500;

/** The variable for a field; empty for a field that must not come through. */
function toVariable(name: string): Variable | '' {
  const variable = translate(name);
  if (variables.size < MAX_VARIABLES) variables.set(name, variable);
  return variable;
}

function translate(name: string): Variable | '' {
  const upper = name.toUpperCase();
  // X_Real_IP would pose as X-Real-IP, and HTTP_PROXY is a setting to many programs (httpoxy, 2016).
  if (upper.includes('_') || upper === 'PROXY') return '';
  if (upper === 'CONTENT-TYPE') return 'CONTENT_TYPE';
  if (upper === 'CONTENT-LENGTH') return 'CONTENT_LENGTH';
  return `HTTP_${upper.replaceAll('-', '_')}`;
}

/** A field that comes twice is one list, RFC 9110 §5.3; cookies have a separator of their own, RFC 6265 §5.4. */
function join(variable: Variable, before: string, value: string): string {
  return `${before}${variable === 'HTTP_COOKIE' ? '; ' : ', '}${value}`;
}

/** Each %XX becomes one byte, shown as one latin-1 char; what is not %XX stays as it is. */
function percentDecode(text: string): string {
  if (!text.includes('%')) return text;
  return text.replace(/%([\da-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
}
