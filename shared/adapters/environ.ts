/** What both JavaScript conventions need back from an environ: the fields of the request as they were sent. */
import type { Environ } from '../wsgi.ts';

/** Fields about one connection, the server's affair; RFC 9110 §7.6.1, whose list has no Proxy-Authenticate. */
export const HOP_BY_HOP =
  /^((proxy-)?connection|keep-alive|te|trailers?|transfer-encoding|upgrade)$/i;

/** Bytes to ask of `wsgi.input` at a time. Node.js file streams: 64 KiB. */
export const READ_SIZE = 64 * 1024;

/** The request's fields, names in lower case; a name that came twice has its values joined already. */
export function toRequestHeaders(environ: Environ): [name: string, value: string][] {
  const headers: [string, string][] = [];
  for (const key in environ) {
    const name = fieldNames.get(key) ?? toFieldName(key);
    if (name === '') continue;
    const value = environ[key as `HTTP_${string}`] ?? '';
    if (value !== '' || key.startsWith('HTTP_')) headers.push([name, value]); // CGI: empty means absent
  }
  return headers;
}

/** Keys of environs, and the fields they stand for: empty for what was no field. Clients use few. */
const fieldNames = new Map<string, string>();
/** Entries of that table: a client that makes up names must not make it grow. */
const MAX_NAMES = 500;

function toFieldName(key: string): string {
  const isField = /^(HTTP_|CONTENT_TYPE$|CONTENT_LENGTH$)/.test(key);
  const name = isField
    ? key
        .replace(/^HTTP_/, '')
        .toLowerCase()
        .replaceAll('_', '-')
    : '';
  if (fieldNames.size < MAX_NAMES) fieldNames.set(key, name);
  return name;
}
