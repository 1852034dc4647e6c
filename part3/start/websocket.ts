/**
 * Exercise 3-x4: a connection that begins as HTTP and goes on as something else. A small server of its own, on node:net:
 *   npx tsx part3/my/websocket.ts     and then, in a browser's console:   new WebSocket('ws://localhost:8888/').onopen = alert
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** RFC 6455 §1.3: what nobody says who does not know the protocol. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

const server = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => socket.destroy());
  serve(socket);
});
await once(server.listen({ port: process.env.PORT || 8888, host: '127.0.0.1' }), 'listening');
console.log(`Serving HTTP on port ${(server.address() as AddressInfo).port} ...`);

async function serve(socket: Socket): Promise<void> {
  // TODO: Why: HTTP lets only the client begin; here both may speak. What: a GET with Upgrade: websocket, version 13 and a key of
  // 16 bytes gets 101 and Sec-WebSocket-Accept, RFC 6455 §4.2.2; any other 426 or 400. Then each text frame is unmasked and said
  // back in a frame without a mask, §5.2, however the network cuts it; and a close frame gets a close frame, and the end, §5.5.1.
  await once(socket, 'data');
  void [createHash, GUID];
  socket.end('HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
}
