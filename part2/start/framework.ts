/**
 * Exercises 2-x2 and 2-x4: a framework of your own, on nothing but the contract. It runs under your own server, or ours:
 *   npm run part2 -- part2/my/framework:app     and then:  curl -i localhost:8888/hello/Ada
 */
import type { Application } from '../../shared/wsgi.ts';

/** What a route does: it gets what was in the place of `:name`, and says the text of a page. */
type Handler = (params: Record<string, string>) => string;

class Framework {
  get(pattern: string, handler: Handler): void {
    // TODO 2-x2: Remember both. '/hello/:name' matches '/hello/Ada', and { name: 'Ada' } goes to the handler.
    void [pattern, handler];
  }

  /** What a server calls. */
  readonly app: Application = (_environ, startResponse) => {
    // TODO 2-x2: Find the route for PATH_INFO. None: 404. One, but not for this method: 405, and Allow says which.
    // TODO 2-x4: Whoever can GET a page can ask for its head alone: HEAD has the same status and headers, with the
    // Content-Length of the page.
    startResponse('501 Not Implemented', [['Content-Type', 'text/plain; charset=utf-8']]);
    return ['no routes yet\n'];
  };
}

const site = new Framework();
site.get('/', () => 'welcome\n');
site.get('/hello/:name', ({ name }) => `Hello, ${name}!\n`);
export const { app } = site;
