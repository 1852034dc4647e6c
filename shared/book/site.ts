/**
 * A folder of pages, as responses: types, ETags, 304. What can be asked for is what was in the folder at the start, by
 * name; no path is ever made of what a client says.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Environ, Headers, Result, StartResponse } from '../wsgi.ts';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.png': 'image/png',
};
/** Nothing is loaded from elsewhere, nothing frames us. VitePress has small scripts and styles in its pages. */
const POLICY =
  "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

export class Site {
  readonly #files = new Map<string, string>();
  readonly #token: string;

  constructor(folder: string, token: string) {
    this.#token = token;
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      const file = path.join(entry.parentPath, entry.name);
      const name = `/${path.relative(folder, file).replaceAll(path.sep, '/')}`;
      if (!entry.isFile() || entry.name.startsWith('.')) continue;
      this.#files.set(name, file);
      if (entry.name.endsWith('.html'))
        this.#files.set(name.replace(/(?:(?<=\/)index)?\.html$/, ''), file);
    }
  }

  /** The text of a file; undefined if there is none. */
  read(name: string): string | undefined {
    const file = this.#files.get(name);
    return file && readFileSync(file, 'utf8');
  }

  answer(
    { REQUEST_METHOD, PATH_INFO, HTTP_IF_NONE_MATCH }: Environ,
    startResponse: StartResponse,
  ): Result {
    if (!['GET', 'HEAD'].includes(REQUEST_METHOD)) {
      startResponse('405 Method Not Allowed', [
        ['Allow', 'GET, HEAD'],
        ['Content-Length', '0'],
      ]);
      return [];
    }
    const file = this.#files.get(PATH_INFO);
    const found = file ?? this.#files.get('/404.html');
    const type = TYPES[path.extname(found ?? '')] ?? 'application/octet-stream';
    const bytes = found ? this.#load(found) : new Uint8Array();
    const tag = `"${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}"`;
    const headers: Headers = [
      ['ETag', tag],
      ['Cache-Control', 'no-cache'],
      ['Content-Security-Policy', POLICY],
      ['X-Content-Type-Options', 'nosniff'],
    ];
    if (file && HTTP_IF_NONE_MATCH?.split(/,\s*/).includes(tag)) {
      startResponse('304 Not Modified', headers);
      return [];
    }
    startResponse(file ? '200 OK' : '404 Not Found', [
      ...headers,
      ['Content-Type', type],
      ['Content-Length', `${bytes.length}`],
    ]);
    return [bytes];
  }

  /** A file as it is; a page with the token of this start, which makes its live parts live. */
  #load(file: string): Uint8Array {
    const bytes = readFileSync(file);
    if (!file.endsWith('.html')) return bytes;
    return Buffer.from(
      bytes.toString().replace('<head>', `<head><meta name="book-token" content="${this.#token}">`),
    );
  }
}
