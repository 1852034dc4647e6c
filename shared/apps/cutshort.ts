/** Breaks in the middle of its body, when the head has left and nothing can be taken back. */
import type { Application } from '../wsgi.ts';

export const app: Application = (_environ, startResponse) => {
  startResponse('200 OK', [['Content-Type', 'text/plain']]);
  return half();
};

async function* half(): AsyncGenerator<string> {
  yield 'half of\n';
  throw new Error('there is no other half');
}
