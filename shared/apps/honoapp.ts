/** Hono: the other convention of today's JavaScript, a function from `Request` to `Response`. */
import { Hono } from 'hono';
import { setCookie } from 'hono/cookie';
import { streamText } from 'hono/streaming';
import { fromFetchHandler } from '../adapters/fetch-handler.ts';

const hono = new Hono();

hono.get('/hello', (context) => context.text('Hello world from Hono!\n'));
hono.post('/json', async (context) => {
  const { name } = await context.req.json();
  return context.json({ hello: name });
});
hono.post('/upload', async (context) => {
  const body = await context.req.arrayBuffer();
  return context.text(`${body.byteLength} bytes\n`);
});
hono.get('/stream', (context) =>
  streamText(context, async (stream) => {
    for (const n of [3, 2, 1]) {
      await stream.write(`${n}\n`);
      await stream.sleep(100);
    }
    await stream.write('lift-off\n');
  }),
);
hono.get('/cookies', (context) => {
  setCookie(context, 'a', '1');
  setCookie(context, 'b', '2');
  return context.text('two cookies\n');
});
hono.get('/error', () => {
  throw new Error('this app was asked to fail');
});

export const handler = hono.fetch;
export const app = fromFetchHandler(hono.fetch);
