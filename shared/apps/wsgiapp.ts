/**
 * A bare application: the contract and nothing else. Whatever a framework does for you, here it is done by
 * hand: choosing by path, reading a body, telling what went wrong.
 */
import type { Application, Environ, Headers } from '../wsgi.ts';

const TEXT: Headers = [['Content-Type', 'text/plain; charset=utf-8']];

export const app: Application = async (environ, startResponse) => {
  switch (`${environ.REQUEST_METHOD} ${environ.PATH_INFO}`.replace(/^HEAD /, 'GET ')) {
    case 'GET /':
    case 'GET /hello':
      startResponse('200 OK', TEXT);
      return ['Hello world from WSGI!\n'];
    case 'POST /json': {
      const { name } = JSON.parse(Buffer.from(await readAll(environ)).toString());
      startResponse('200 OK', [['Content-Type', 'application/json; charset=utf-8']]);
      return [JSON.stringify({ hello: name })];
    }
    case 'POST /upload':
      startResponse('200 OK', TEXT);
      return [`${(await readAll(environ)).length} bytes\n`];
    case 'GET /stream':
      startResponse('200 OK', TEXT);
      return countdown();
    case 'GET /cookies':
      startResponse('200 OK', [...TEXT, ['Set-Cookie', 'a=1'], ['Set-Cookie', 'b=2']]);
      return ['two cookies\n'];
    case 'GET /error':
      throw new Error('this app was asked to fail');
    default:
      startResponse('404 Not Found', TEXT);
      return ['not found\n'];
  }
};

function readAll(environ: Environ): Promise<Uint8Array> {
  return environ['wsgi.input'].read();
}

async function* countdown(): AsyncGenerator<string> {
  for (const n of [3, 2, 1]) {
    yield `${n}\n`;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  yield 'lift-off\n';
}
