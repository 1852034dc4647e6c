/**
 * Exercise 2-x1: a middleware, an application to the server and a server to the application inside. Under your own
 * server, or ours:  npm run part2 -- part2/my/middleware:app     and then:  curl -i localhost:8888/hello
 */
import { app as inner } from '../../shared/apps/wsgiapp.ts';
import type { Application } from '../../shared/wsgi.ts';

export const app: Application = (environ, startResponse) => {
  // TODO: Take the time, and give inner a startResponse of your own, which adds a header X-Elapsed-Ms with the
  // milliseconds until inner called it. All else goes through unchanged, both ways: the status, two cookies, the body.
  return inner(environ, startResponse);
};
