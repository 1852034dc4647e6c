/** Bare handlers of both conventions, for what no framework would do: they tell on stderr what they see. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { fromFetchHandler } from '../adapters/fetch-handler.ts';
import { fromNodeHandler, type NodeHandler } from '../adapters/node-handler.ts';

const BLOCK = Buffer.alloc(64 * 1024, 'x');

/** The same under node:http, the oracle. */
export const handler: NodeHandler = (request, response) => {
  response.on('finish', () => console.error('node: finish'));
  response.on('close', () => console.error(`node: close ${response.writableFinished}`));
  request.socket.on('error', (error) => console.error(`node: socket ${error.message}`));
  const [path, query] = request.url?.split('?') ?? [];
  switch (path) {
    case '/endless': {
      const more = () => {
        let goesOn = true;
        while (goesOn && !response.destroyed) goesOn = response.write(BLOCK);
      };
      response.on('drain', more);
      request.on('aborted', () => console.error('node: aborted'));
      return more();
    }
    case '/echo':
      response.writeHead(200, { 'Content-Type': 'application/octet-stream' });
      return request.pipe(response);
    case '/pairs':
      return response.writeHead(200, 'Fine', ['X-A', '1', 'X-A', '2', 'X-B', '3']).end();
    case '/destroys':
      response.write('half of ');
      return setImmediate(() => response.destroy());
    case '/gives-up':
      return response.destroy();
    case '/rejects':
      return Promise.reject(new Error('the handler rejected'));
    case '/late':
      response.end('done\n');
      return Promise.reject(new Error('rejected behind the end'));
    case '/twice':
      response.end('once\n');
      return response.end('twice\n', () => console.error('node: told of the second end'));
    case '/ends-ahead':
      for (let i = 0; i < 1024; i++) response.write(BLOCK);
      return response.end();
    case '/waits':
      return; // for ever: only the client's leaving ends it
    case '/wrapped': {
      // A middleware that counts what goes by, as compression and loggers do.
      let seen = 0;
      const { write, end } = response;
      response.write = ((...args: Parameters<typeof write>) => {
        seen++;
        return Reflect.apply(write, response, args);
      }) as typeof write;
      response.end = ((...args: Parameters<typeof end>) => {
        seen++;
        console.error(`node: seen ${seen}`);
        return Reflect.apply(end, response, args);
      }) as typeof end;
      return response.end('wrapped\n');
    }
    case '/empty-reason':
      return response.writeHead(200, '', { 'X-A': '1' }).end();
    case '/no-reason':
      response.statusMessage = ''; // means: the usual one
      return response.end();
    case '/distinct':
      Object.assign(request.socket, { encrypted: true }); // as tests of frameworks do
      return response.end(JSON.stringify([request.headers, request.headersDistinct]));
    case '/headers-behind-nothing':
      return response.writeHead(200, undefined, { 'X-A': '1' }).end();
    case '/unread':
      request.on('close', () => console.error('node: request closed'));
      return response.end('unread\n');
    case '/many':
      return setImmediate(() => {
        for (let i = 0; i < 200_000; i++) response.write('x');
        response.end();
      });
    case '/number':
      return response.end(42 as unknown as string);
    case '/status/101':
    case '/status/999':
      response.statusCode = Number(path.slice(-3));
      return setImmediate(() => response.end('a status of its own\n'));
    case '/length':
      return setImmediate(() => {
        response.writeHead(200, { 'Content-Length': 'long' });
        response.write('x', (error) => console.error(`node: write ${error?.message}`));
        response.end();
      });
    case '/ends-socket':
      return setImmediate(() => request.socket.end('HTTP/1.1 200 OK\r\n\r\n'));
    case '/informs':
      response.writeContinue();
      response.writeProcessing();
      return response.writeEarlyHints({ link: '</a.css>; rel=preload' }, () =>
        response.end('informed\n'),
      );
    case '/chunked':
      return response.setHeader('Transfer-Encoding', 'chunked').end('chunked\n');
    case '/length-removed':
      response.setHeader('Content-Length', 3).removeHeader('Content-Length');
      return response.end();
    case '/flushes': {
      response.writeHead(200).flushHeaders();
      const gate = connect(Number(query), '127.0.0.1').resume();
      return gate.once('end', () => response.end('flushed\n')); // when the test has the head
    }
    case '/destroys-and-ends':
      response.write('half of ');
      return setImmediate(() => {
        request.socket.destroy();
        response.end('it');
      });
    case '/in-one-go-later':
      return setImmediate(() => response.end('later\n'));
    case '/callbacks':
      return response.write('a', () => response.write('b', () => response.end('c')));
    default:
      return response.end('hello\n');
  }
};

export const node = fromNodeHandler(handler);

export const fetch = fromFetchHandler(async (request) => {
  request.signal.addEventListener('abort', () => console.error('fetch: signal aborted'));
  switch (new URL(request.url).pathname) {
    case '/endless':
      return new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(BLOCK),
          cancel: () => console.error('fetch: body cancelled'),
        }),
      );
    case '/echo':
      return new Response(request.body);
    case '/breaks':
      return new Response(
        new ReadableStream({
          start: (controller) => controller.enqueue(Buffer.from('half of ')),
          pull: async () => {
            const gate = connect(Number(new URL(request.url).search.slice(1)), '127.0.0.1');
            await once(gate.resume(), 'end'); // when the test has its half
            throw new Error('the body broke');
          },
        }),
      );
    case '/rejects':
      throw new Error('the handler rejected');
    default:
      return new Response('hello\n');
  }
});
