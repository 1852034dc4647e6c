/**
 * Applications of the Fetch kind, `Request -> Response`: Hono and its relatives. In comes such a handler,
 * out goes an Application. It must know no framework by name, and no server.
 */
import { STATUS_CODES } from 'node:http';
import type { Application, Environ, Headers as WsgiHeaders } from '../wsgi.ts';
import { HOP_BY_HOP, READ_SIZE, toRequestHeaders } from './environ.ts';

export type FetchHandler = (request: Request) => Response | Promise<Response>;

/**
 * Makes an Application of a fetch-style handler. Both bodies stream, with backpressure. When the client
 * leaves, `request.signal` aborts and the response's body is cancelled.
 */
export function fromFetchHandler(handler: FetchHandler): Application {
  return (environ, startResponse) => {
    const client = new AbortController();
    const hasLeft = new Promise<undefined>((resolve) => {
      client.signal.addEventListener('abort', () => resolve(undefined), { once: true });
    });
    let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
    let isComplete = false;

    async function* respond(): AsyncGenerator<Uint8Array | string> {
      const request = toRequest(environ, client.signal);
      if (!request) {
        startResponse('400 Bad Request', [['Content-Type', 'text/plain']]);
        yield 'This is no request that Fetch could express.\n';
      } else {
        const response = await Promise.race([handler(request), hasLeft]);
        if (!response) return;
        startResponse(toStatus(response), toHeaders(response.headers));
        reader = response.body?.getReader();
        let piece = await reader?.read();
        while (piece && !piece.done) {
          yield piece.value;
          piece = await reader?.read();
        }
      }
      isComplete = true;
    }

    return {
      [Symbol.asyncIterator]: respond,
      async close() {
        if (isComplete) return;
        client.abort();
        await reader?.cancel().catch(() => {}); // a body that has failed cannot be cancelled, nor need it be
      },
    };
  };
}

/** Undefined where Fetch has no way to say it: `TRACE`, or a target that makes no URL. */
function toRequest(environ: Environ, signal: AbortSignal): Request | undefined {
  const { REQUEST_METHOD: method, REQUEST_URI: target } = environ;
  const { SERVER_NAME: name, SERVER_PORT: port } = environ;
  const host = environ.HTTP_HOST || `${name.includes(':') ? `[${name}]` : name}:${port}`;
  const url = target.startsWith('/') ? `${environ['wsgi.url_scheme']}://${host}${target}` : target;
  const headers = toRequestHeaders(environ);
  const init: RequestInit & { duplex: 'half' } = { method, headers, signal, duplex: 'half' };
  if (hasBody(environ)) init.body = toStream(environ);
  try {
    return new Request(url, init);
  } catch {
    return undefined;
  }
}

/** A Fetch request by GET or HEAD has no body, whatever was sent with it. */
function hasBody(environ: Environ): boolean {
  if (environ.REQUEST_METHOD === 'GET' || environ.REQUEST_METHOD === 'HEAD') return false;
  return Number(environ.CONTENT_LENGTH || 0) > 0 || environ.HTTP_TRANSFER_ENCODING !== undefined;
}

function toStream(environ: Environ): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const bytes = await environ['wsgi.input'].read(READ_SIZE);
        if (bytes.length > 0) controller.enqueue(bytes);
        else controller.close();
      },
    },
    { highWaterMark: 0 }, // nothing is read before the handler asks for it
  );
}

function toStatus({ status, statusText }: Response): string {
  return `${status} ${statusText || STATUS_CODES[status] || 'Unknown'}`;
}

/** Headers joins equal names with commas, except for Set-Cookie, which it iterates one by one. */
function toHeaders(headers: Headers): WsgiHeaders {
  return [...headers].filter(([name]) => !HOP_BY_HOP.test(name));
}
