/**
 * A bare application: the contract and nothing else. Whatever a framework does for you, here it is done by
 * hand: choosing by path, reading a body, telling what went wrong.
 */
import type { Application, Environ, Headers, Result, StartResponse } from '../wsgi.ts';

const TEXT: Headers = [['Content-Type', 'text/plain; charset=utf-8']];

export const app: Application = (environ, startResponse) => {
  switch (`${environ.REQUEST_METHOD} ${environ.PATH_INFO}`.replace(/^HEAD /, 'GET ')) {
    case 'GET /':
    case 'GET /hello':
      startResponse('200 OK', TEXT);
      return ['Hello world from WSGI!\n'];
    case 'POST /json':
      return greet(environ, startResponse);
    case 'POST /upload':
      return weigh(environ, startResponse);
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

async function greet(environ: Environ, startResponse: StartResponse): Promise<Result> {
  const body = await environ['wsgi.input'].read();
  const { name } = JSON.parse(Buffer.from(body).toString());
  startResponse('200 OK', [['Content-Type', 'application/json; charset=utf-8']]);
  return [JSON.stringify({ hello: name })];
}

async function weigh(environ: Environ, startResponse: StartResponse): Promise<Result> {
  const { length } = await environ['wsgi.input'].read();
  startResponse('200 OK', TEXT);
  return [`${length} bytes\n`];
}

async function* countdown(): AsyncGenerator<string> {
  for (const n of [3, 2, 1]) {
    yield `${n}\n`;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  yield 'lift-off\n';
}
