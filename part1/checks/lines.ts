/** The lines of webserver1.ts in which mistakes are made, as they stand there. */

export const JOIN = "head.join('\\r\\n')";
export const LAST_LINES = "'Connection: close', '', '');";
export const STATUS_LINE = '[`HTTP/1.1 ${status}`,';
export const LENGTH = '${body.length}';
export const RESPOND = "respond(socket, '200 OK', page);";
export const END =
  'socket.end(body, () => setTimeout(() => socket.destroy(), LINGER_TIMEOUT).unref());';
export const GREETING = "Buffer.from('Hello, World! (Hallo, schöne Welt! 👋)\\n')";
export const FIELD = 'head.push(`Content-Length: ${body.length}`, ';
export const COLLECT = 'head = Buffer.concat([head, packet]);';
export const LOOK = "const end = head.indexOf('\\r\\n\\r\\n');";
export const LINES = "head.toString('latin1', 0, end).split('\\r\\n')";
export const PRINT = 'console.log(`< ${visible(line)}`);';
export const LOOP = `for (const line of ${LINES})\n        ${PRINT}`;
export const ON_ERROR =
  "socket.on('error', () => socket.destroy()); // unheard, one client's reset would end us all";
export const SERVING =
  'console.log(`Serving HTTP on port ${(server.address() as AddressInfo).port} ...`);';
export const WANTED = 'expected the status line, "HTTP/1.1 200 OK", got';
