/**
 * Exercise 3-x3: files from a folder, and pieces of them. Under your own server, or ours:
 *   FILES=part3/figures npm run part3 -- part3/my/files:app     and then:  curl -i -r 0-99 localhost:8888/rooms.svg
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Application } from '../../shared/wsgi.ts';

const { FILES = 'part3/figures' } = process.env;

export const app: Application = async (environ, startResponse) => {
  // TODO: Why: a film is watched from its middle, and a download that broke goes on where it was. What: a Range gets a 206 with
  // Content-Range, or a 416; without one, all of it, with an ETag; If-None-Match gets a 304, and If-Range has a word in it, too.
  // And before all else: no path leads out of FILES, a folder is no file, and what is not there is a 404.
  const file = path.join(FILES, environ.PATH_INFO);
  const content = await readFile(file);
  startResponse('200 OK', [['Content-Type', 'application/octet-stream']]);
  return [content];
};
