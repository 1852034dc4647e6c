/**
 * Applications that fall silent, one of each calling convention: behind nothing, behind a piece, or while they read a
 * body that does not end. They tell on stderr when they begin, and what they hear of their client.
 */
import { fromFetchHandler } from '../adapters/fetch-handler.ts';
import { fromNodeHandler } from '../adapters/node-handler.ts';
import type { Application } from '../wsgi.ts';

const PIECE = 'a piece, ';
const forever = () => new Promise<never>(() => {});

/** Says it of a request, which is named in its query. */
const teller = (name: string) => (what: string) => void console.error(`${name}: ${what}`);

const node = fromNodeHandler((request, response) => {
  const { pathname, search } = new URL(`http://x${request.url}`);
  const tell = teller(search.slice(1));
  request.on('aborted', () => tell('request aborted')).on('close', () => tell('request closed'));
  response.on('close', () => tell(`response closed, finished: ${response.writableFinished}`));
  if (pathname.endsWith('/piece')) response.write(PIECE);
  if (pathname.endsWith('/body')) request.resume();
  tell('begun');
});

const fetch = fromFetchHandler(async (request) => {
  const { pathname, search } = new URL(request.url);
  const tell = teller(search.slice(1));
  request.signal.addEventListener('abort', () => tell('signal aborted'));
  tell('begun');
  if (pathname.endsWith('/silent')) return forever();
  if (pathname.endsWith('/body')) await request.text().catch(() => tell('body broken'));
  const body = new ReadableStream({
    start: (controller) => controller.enqueue(Buffer.from(PIECE)),
    pull: forever,
    cancel: () => tell('body cancelled'),
  });
  return new Response(body);
});

const generator: Application = (environ, startResponse) => {
  const tell = teller(environ.QUERY_STRING);
  startResponse('200 OK', [['Content-Type', 'text/plain']]);
  async function* speak() {
    tell('begun');
    if (environ.PATH_INFO.endsWith('/piece')) yield PIECE;
    if (environ.PATH_INFO.endsWith('/body')) {
      await environ['wsgi.input'].read().catch(() => tell('read rejected'));
    }
    await forever();
  }
  return Object.assign(speak(), { close: () => tell('closed') });
};

const conventions: Record<string, Application> = { node, fetch, generator };

/** `/node/silent`, `/fetch/piece`, `/generator/body` and so on. */
export const app: Application = (environ, startResponse) => {
  const [, convention = ''] = environ.PATH_INFO.split('/');
  const found = conventions[convention];
  if (found) return found(environ, startResponse);
  startResponse('404 Not Found', []);
  return [];
};
