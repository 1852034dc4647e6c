/** Says what it hears from the port that its path names, and there asks for each next piece when the server does. */
import { connect } from 'node:net';
import type { Application } from '../wsgi.ts';

export const app: Application = (environ, startResponse) => {
  startResponse('200 OK', [['Content-Type', 'text/plain']]);
  return wordsFrom(Number(environ.PATH_INFO.slice(1)));
};

async function* wordsFrom(port: number): AsyncGenerator<Uint8Array> {
  const source = connect(port, '127.0.0.1');
  for await (const word of source) {
    yield word;
    source.write('next\n');
  }
}
