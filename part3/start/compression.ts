/**
 * Exercise 3-x2: a middleware that packs what its client can unpack. Under your own server, or ours:
 *   npm run part3 -- part3/my/compression:app     and then:  curl -i --compressed localhost:8888/page
 */
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { Application, Result } from '../../shared/wsgi.ts';

const PAGE = 'All work and no play makes Jack a dull boy.\n'.repeat(1000);

/** The application inside. Leave it as it is: whatever it does, others do, too. */
const inner: Application = (environ, startResponse): Result => {
  const type: [string, string] = ['Content-Type', 'text/plain'];
  switch (environ.PATH_INFO) {
    case '/page': {
      startResponse('200 OK', [type, ['Content-Length', `${PAGE.length}`]]);
      const close = () => environ['wsgi.errors'].write('page closed\n');
      return Object.assign([PAGE], { close });
    }
    case '/packed': // already
      startResponse('200 OK', [type, ['Content-Encoding', 'gzip']]);
      return [gzipSync(PAGE)];
    case '/nothing':
      startResponse('204 No Content', []);
      return [];
    case '/relay': // what somebody says at that port, as it comes
      startResponse('200 OK', [type]);
      return connect(Number(environ.QUERY_STRING), '127.0.0.1');
    default:
      startResponse('404 Not Found', [type]);
      return ['not found\n'];
  }
};

export const app: Application = (environ, startResponse) => {
  // TODO: Why: text gets ten times smaller, and networks are slower than processors. What: where HTTP_ACCEPT_ENCODING takes
  // gzip, and inner has not packed it, pack the body with node:zlib: Content-Encoding, no Content-Length of the plain body,
  // and each piece leaves when it is there. Vary: Accept-Encoding in any case, for caches. Call close() of inner's result.
  return inner(environ, startResponse);
};
