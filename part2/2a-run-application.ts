/**
 * 2a: the contract with no socket at all. In goes a dictionary about the request, the environ; the
 * application calls back with status and headers, and returns the body, piece by piece. Out comes what a
 * server would send. Whoever keeps to this can be called by any server, and can call any application.
 *
 *   npm run part2 -- 2a
 */
type Environ = Record<string, unknown>;
type StartResponse = (status: string, headers: [name: string, value: string][]) => void;
type Application = (environ: Environ, startResponse: StartResponse) => Iterable<string>;

/** The application's side: it has never heard of a server. */
const app: Application = (environ, startResponse) => {
  startResponse('200 OK', [['Content-Type', 'text/plain']]);
  return ['Hello from ', `${environ.PATH_INFO}`, '!\n'];
};

/** The server's side: it has never heard of an app. */
function runApplication(application: Application, environ: Environ): string {
  const sent: string[] = [];
  const result = application(environ, (status, headers) => {
    sent.push(`HTTP/1.1 ${status}\r\n`);
    for (const [name, value] of headers) sent.push(`${name}: ${value}\r\n`);
    sent.push('\r\n');
  });
  for (const chunk of result) sent.push(chunk);
  return sent.join('');
}

const environ: Environ = { REQUEST_METHOD: 'GET', PATH_INFO: '/the/middle', QUERY_STRING: '' };
process.stdout.write(runApplication(app, environ));
