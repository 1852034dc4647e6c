/** Part 1's server as an application: its page, or the file that PAGE names. What part 2 and 3 are asked part 1's checks with. */
import { readFileSync } from 'node:fs';
import type { Application } from '../../wsgi.ts';

const { PAGE } = process.env;
const page = PAGE ? readFileSync(PAGE) : Buffer.from('Hello, World! (Hallo, schöne Welt! 👋)\n');

export const app: Application = (_environ, startResponse) => {
  startResponse('200 OK', [
    ['Content-Type', 'text/html; charset=utf-8'],
    ['Content-Length', `${page.length}`],
  ]);
  return [page];
};
