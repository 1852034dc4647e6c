/** Express: the framework most of Node.js grew up with. It wants `(request, response)`. */
import express from 'express';
import { fromNodeHandler } from '../adapters/node-handler.ts';

export const handler = express();

handler.get('/hello', (_request, response) => {
  response.type('text/plain').send('Hello world from Express!\n');
});
handler.post('/json', express.json(), (request, response) => {
  response.json({ hello: request.body.name });
});
handler.post('/upload', express.raw({ type: '*/*', limit: '8mb' }), (request, response) => {
  response.type('text/plain').send(`${request.body.length} bytes\n`);
});
handler.get('/stream', async (_request, response) => {
  response.type('text/plain');
  for (const n of [3, 2, 1]) {
    response.write(`${n}\n`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  response.end('lift-off\n');
});
handler.get('/cookies', (_request, response) => {
  response.cookie('a', '1').cookie('b', '2').type('text/plain').send('two cookies\n');
});
handler.get('/error', () => {
  throw new Error('this app was asked to fail');
});

export const app = fromNodeHandler(handler);
