/** A login, as far as the processor sees it: a password is hashed, which takes about 2 ms of one core. */
import { pbkdf2Sync } from 'node:crypto';
import type { Application } from '../wsgi.ts';

/** A count and no clock: a process that has to share its core must not get away with less. */
const ITERATIONS = 10_000;

export const app: Application = (_environ, startResponse) => {
  const hash = pbkdf2Sync('open sesame', 'salt', ITERATIONS, 32, 'sha256').toString('hex');
  startResponse('200 OK', [['Content-Length', `${hash.length}`]]);
  return [hash];
};
