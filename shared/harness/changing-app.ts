/**
 * An application whose code changes while it is served: what it says stands in the file that CODE names, and `broken` is code
 * that cannot start. Each process that loads it leaves a line in CODE.births: its id, and when it began and when it loaded.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import type { Application } from '../wsgi.ts';
import { app as contract } from './contract-app.ts';

const { CODE = '' } = process.env;
appendFileSync(`${CODE}.births`, `${process.pid} ${performance.timeOrigin} ${Date.now()}\n`);
const words = readFileSync(CODE, 'utf8').trim();
if (words === 'broken') throw new Error('this code cannot start');

export const app: Application = (environ, startResponse) => {
  if (environ.PATH_INFO !== '/words') return contract(environ, startResponse);
  startResponse('200 OK', [['Content-Type', 'text/plain; charset=utf-8']]);
  return [`${process.pid} ${words}`];
};
