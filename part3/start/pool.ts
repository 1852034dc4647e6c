/**
 * Exercise 3-x1: `GET /busy` computes for --sleep seconds in one of --threads threads, or stands in the queue until one is
 * free. Everything else is answered at once, in the loop.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    sleep: { type: 'string', default: '1' },
    threads: { type: 'string', default: '4' },
  },
});
const server = createServer((request, response) => {
  // TODO Why: while this computes, nobody else is served. What: values.threads threads of node:worker_threads compute
  // instead, and who finds none idle waits for one.
  if (request.url === '/busy') compute(Number(values.sleep));
  response.end(`Hello, World! This is process ${process.pid}.\n`); // the check reads who has answered
});
await once(server.listen({ port: process.env.PORT || 8888, host: '127.0.0.1' }), 'listening');
console.log(`Serving HTTP on port ${(server.address() as AddressInfo).port} ...`);

function compute(seconds: number): void {
  for (const end = performance.now() + seconds * 1000; performance.now() < end; );
}
