/** Exercise 3-x3: files from a folder, and pieces of them. */
import { createReadStream, type Stats } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Application, Headers } from '../../../shared/wsgi.ts';

const { FILES = 'part3/figures' } = process.env;

export const app: Application = async (environ, startResponse) => {
  const found = await find(Buffer.from(environ.PATH_INFO, 'latin1').toString());
  if (!found) {
    startResponse('404 Not Found', [['Content-Type', 'text/plain']]);
    return ['not found\n'];
  }
  const { file, size, etag } = found;
  const headers: Headers = [
    ['Content-Type', 'application/octet-stream'],
    ['Accept-Ranges', 'bytes'],
    ['ETag', etag],
  ];
  if (isKnown(environ.HTTP_IF_NONE_MATCH, etag)) {
    startResponse('304 Not Modified', headers);
    return [];
  }
  const isMeant =
    environ.REQUEST_METHOD === 'GET' && [etag, undefined].includes(environ.HTTP_IF_RANGE);
  const range = isMeant ? toRange(environ.HTTP_RANGE ?? '', size) : undefined;
  if (range === 'none of it') {
    startResponse('416 Range Not Satisfiable', [...headers, ['Content-Range', `bytes */${size}`]]);
    return [];
  }
  const { start, end } = range ?? { start: 0, end: size - 1 };
  const length: Headers[number] = ['Content-Length', `${end - start + 1}`];
  if (range) headers.push(['Content-Range', `bytes ${start}-${end}/${size}`]);
  startResponse(range ? '206 Partial Content' : '200 OK', [...headers, length]);
  const isEmpty = size === 0 || environ.REQUEST_METHOD === 'HEAD';
  return isEmpty ? [] : createReadStream(file, { start, end });
};

/** A file below the folder, also when all links are followed; undefined if there is none. */
async function find(target: string) {
  try {
    const root = await realpath(FILES);
    const file = await realpath(path.join(root, target));
    const stats = await stat(file);
    if (!file.startsWith(root + path.sep) || !stats.isFile()) return undefined;
    return { file, size: stats.size, etag: toEtag(stats) };
  } catch {
    return undefined; // it is not there, or its name is none
  }
}

/** A strong validator, as far as a clock can tell two versions apart. */
function toEtag({ size, mtimeMs }: Stats): string {
  return `"${size.toString(16)}-${mtimeMs.toString(16)}"`;
}

/** If-None-Match = "*" / #entity-tag, RFC 9110 §13.1.2; it compares weakly. */
function isKnown(field: string | undefined, etag: string): boolean {
  const tags = (field ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes(etag) || tags.includes('*');
}

type Range = { readonly start: number; readonly end: number };

/**
 * int-range = first-pos "-" [ last-pos ]; suffix-range = "-" suffix-length; RFC 9110 §14.1.1. What is not understood, or asks
 * for several, is ignored: then the answer is the whole file.
 */
function toRange(field: string, size: number): Range | 'none of it' | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/i.exec(field.replace(/\s/g, '')) ?? [];
  if (first === '' && last === '') return undefined;
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  return start > end ? 'none of it' : { start, end };
}
