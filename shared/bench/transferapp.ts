/** Bulk in both directions: `POST /up` is read and counted, `GET /down?N` is N bytes. As an Application, and natively. */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Application, Environ, StartResponse } from '../wsgi.ts';

const BLOCK = Buffer.alloc(64 * 1024, 'x');

export const app: Application = (environ, startResponse) => {
  if (environ.PATH_INFO === '/up') return count(environ, startResponse);
  const size = Number(environ.QUERY_STRING);
  startResponse('200 OK', [['Content-Length', `${size}`]]);
  return blocks(size);
};

async function count(environ: Environ, startResponse: StartResponse): Promise<string[]> {
  let total = 0;
  for (;;) {
    const { length } = await environ['wsgi.input'].read(BLOCK.length);
    if (length === 0) break;
    total += length;
  }
  startResponse('200 OK', []);
  return [`${total}\n`];
}

function* blocks(size: number): Generator<Uint8Array> {
  for (let left = size; left > 0; left -= BLOCK.length) yield BLOCK.subarray(0, left);
}

export async function handler(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url === '/up') {
    let total = 0;
    request.on('data', (piece: Buffer) => {
      total += piece.length;
    });
    request.on('end', () => response.end(`${total}\n`));
    return;
  }
  const size = Number(request.url?.split('?')[1]);
  response.setHeader('Content-Length', size);
  for (const block of blocks(size)) {
    if (!response.write(block)) await once(response, 'drain');
  }
  response.end();
}
