/** Koa: one context object, and middleware that awaits. Underneath it is `(request, response)` again. */
import { Readable } from 'node:stream';
import { buffer, json } from 'node:stream/consumers';
import Koa from 'koa';
import { fromNodeHandler } from '../adapters/node-handler.ts';

const koa = new Koa();

koa.use(async (context) => {
  switch (`${context.method} ${context.path}`) {
    case 'GET /hello':
      context.body = 'Hello world from Koa!\n';
      break;
    case 'POST /json': {
      // Koa leaves parsing to middleware, and here the platform can do it.
      const { name } = (await json(context.req)) as { name: string };
      context.body = { hello: name };
      break;
    }
    case 'POST /upload':
      context.body = `${(await buffer(context.req)).length} bytes\n`;
      break;
    case 'GET /stream':
      context.type = 'text/plain';
      context.body = Readable.from(countdown());
      break;
    case 'GET /cookies':
      context.cookies.set('a', '1');
      context.cookies.set('b', '2');
      context.body = 'two cookies\n';
      break;
    case 'GET /error':
      throw new Error('this app was asked to fail');
  }
});

async function* countdown(): AsyncGenerator<string> {
  for (const n of [3, 2, 1]) {
    yield `${n}\n`;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  yield 'lift-off\n';
}

export const handler = koa.callback();
export const app = fromNodeHandler(handler);
