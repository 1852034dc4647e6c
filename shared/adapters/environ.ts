/** What both JavaScript conventions need back from an environ: the fields of the request as they were sent. */
import type { Environ } from '../wsgi.ts';

/** Fields about one connection; an application has none; PEP 3333 "Other HTTP Features". */
export const HOP_BY_HOP =
  /^(connection|keep-alive|proxy-auth.*|te|trailers?|transfer-encoding|upgrade)$/i;

/** Bytes to ask of `wsgi.input` at a time. Node.js file streams: 64 KiB. */
export const READ_SIZE = 64 * 1024;

/** The request's fields, names in lower case; a name that came twice has its values joined already. */
export function toRequestHeaders(environ: Environ): [name: string, value: string][] {
  const headers: [string, string][] = [];
  for (const [key, value] of Object.entries(environ)) {
    if (typeof value !== 'string') continue;
    if (key.startsWith('HTTP_')) headers.push([toFieldName(key.slice('HTTP_'.length)), value]);
    else if (key === 'CONTENT_TYPE' || key === 'CONTENT_LENGTH') {
      if (value !== '') headers.push([toFieldName(key), value]); // CGI: empty means absent
    }
  }
  return headers;
}

function toFieldName(variable: string): string {
  return variable.toLowerCase().replaceAll('_', '-');
}
