/** Exercises 2-x2 and 2-x4: routes, on nothing but the contract. */
import type { Application, Headers, Result, StartResponse } from '../../../shared/wsgi.ts';

type Handler = (params: Record<string, string>) => string;

class Framework {
  readonly #routes: { pattern: RegExp; handler: Handler }[] = [];

  get(pattern: string, handler: Handler): void {
    const source = pattern.replace(/:(\w+)/g, '(?<$1>[^/]+)');
    this.#routes.push({ pattern: new RegExp(`^${source}$`), handler });
  }

  readonly app: Application = (environ, startResponse) => {
    const path = Buffer.from(environ.PATH_INFO, 'latin1').toString(); // bytes, which we take for UTF-8
    for (const { pattern, handler } of this.#routes) {
      const match = pattern.exec(path);
      if (!match) continue;
      const isRead = environ.REQUEST_METHOD === 'GET' || environ.REQUEST_METHOD === 'HEAD';
      if (!isRead) return answer(startResponse, '405 Method Not Allowed', [['Allow', 'GET, HEAD']]);
      const page = handler({ ...match.groups });
      const head: Headers = [['Content-Length', `${Buffer.byteLength(page)}`]];
      return answer(startResponse, '200 OK', head, environ.REQUEST_METHOD === 'HEAD' ? '' : page);
    }
    return answer(startResponse, '404 Not Found', [], 'not found\n');
  };
}

function answer(start: StartResponse, status: string, headers: Headers, text = ''): Result {
  start(status, [['Content-Type', 'text/plain; charset=utf-8'], ...headers]);
  return text === '' ? [] : [text];
}

const site = new Framework();
site.get('/', () => 'welcome\n');
site.get('/hello/:name', ({ name }) => `Hello, ${name}!\n`);
export const { app } = site;
