/** A framework of your own, the smallest: an application that chooses among functions. */
import type { Application, Environ } from '../wsgi.ts';

type Handler = (environ: Environ) => string;

class TinyFramework {
  readonly #routes = new Map<string, Handler>();

  get(path: string, handler: Handler): void {
    this.#routes.set(path, handler);
  }

  readonly app: Application = (environ, startResponse) => {
    const handler = this.#routes.get(environ.PATH_INFO);
    const status = handler ? '200 OK' : '404 Not Found';
    startResponse(status, [['Content-Type', 'text/plain; charset=utf-8']]);
    return [handler ? handler(environ) : 'no such page\n'];
  };
}

const site = new TinyFramework();
site.get('/', () => 'welcome\n');
site.get('/agent', (environ) => `you are ${environ.HTTP_USER_AGENT}\n`);
export const { app } = site;
