/**
 * Servers that do no more than they must, to be measured: `net` writes a constant answer for whatever comes, which
 * is as fast as Node.js can be made; `http` is node:http with the same answer; `transfer` takes and gives bulk.
 */
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { handler as transfer } from './transferapp.ts';

const BODY = 'Hello world from WSGI!\n';
const HEADERS = {
  'Content-Type': 'text/plain; charset=utf-8',
  'Content-Length': `${BODY.length}`,
  Server: 'webserver3',
};
const ANSWER = Buffer.from(
  [
    'HTTP/1.1 200 OK',
    ...Object.entries({ ...HEADERS, Date: new Date().toUTCString() }).map((f) => f.join(': ')),
    '',
    BODY,
  ].join('\r\n'),
);

const kind = process.argv[2];
const server = kind === 'net' ? bare() : http.createServer(kind === 'http' ? hello : transfer);
if (server instanceof http.Server) server.keepAliveTimeout = 0; // for ever: idle clients are measured, too
server.listen(0, '127.0.0.1', () => {
  console.log(`${kind}: Serving HTTP on port ${(server.address() as AddressInfo).port} ...`);
});

/** An answer for each read: right for clients that wait for it before they ask again. */
function bare(): net.Server {
  return net.createServer({ noDelay: true }, (socket) => {
    socket.on('data', () => socket.write(ANSWER));
    socket.on('error', () => socket.destroy());
  });
}

function hello(_request: http.IncomingMessage, response: http.ServerResponse): void {
  response.writeHead(200, HEADERS).end(BODY);
}
