/**
 * Exercise 2-x3: a page with a form, and its answer. It runs under your own server, or ours:
 *   npm run part2 -- part2/my/form:app     and then look at http://localhost:8888/?name=Ada
 */
import type { Application } from '../../shared/wsgi.ts';

const PAGE = '<!doctype html><form method="post"><input name="name"><button>Say it</button></form>';

export const app: Application = (_environ, startResponse) => {
  // TODO: GET /?name=Zo%C3%AB has its field in QUERY_STRING; POST has it in wsgi.input, if CONTENT_TYPE says that this is
  // a form. Answer both with: Hello, Zoë!  Somebody will call himself <script>: mind what you put into a page.
  startResponse('200 OK', [['Content-Type', 'text/html; charset=utf-8']]);
  return [PAGE];
};
