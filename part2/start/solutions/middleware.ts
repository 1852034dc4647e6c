/** Exercise 2-x1: an application around an application. The body is not touched, so it streams as it did. */
import { app as inner } from '../../../shared/apps/wsgiapp.ts';
import type { Application } from '../../../shared/wsgi.ts';

function timed(application: Application): Application {
  return (environ, startResponse) => {
    const start = performance.now();
    return application(environ, (status, headers, excInfo) => {
      const elapsed = (performance.now() - start).toFixed(3);
      return startResponse(status, [...headers, ['X-Elapsed-Ms', elapsed]], excInfo);
    });
  };
}

export const app = timed(inner);
