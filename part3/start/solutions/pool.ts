/**
 * Exercise 3-x1: a pool of threads for work, and a loop for all that waits. `GET /busy` computes for --sleep seconds in one
 * of --threads threads, or stands in the queue until one is free; everything else is answered at once.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';

/** What a thread does, in plain JavaScript: the loader that lets us run TypeScript does not reach threads. */
const THREAD = `
  const { parentPort } = require('node:worker_threads');
  parentPort.on('message', (seconds) => {
    for (const end = performance.now() + seconds * 1000; performance.now() < end; );
    parentPort.postMessage('done');
  });
`;

type Job = () => void;

class Pool {
  readonly #idle: Worker[];
  readonly #waiting: Job[] = [];

  constructor(threads: number) {
    this.#idle = Array.from({ length: threads }, () => new Worker(THREAD, { eval: true }));
  }

  async compute(seconds: number): Promise<void> {
    if (this.#idle.length === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    const worker = this.#idle.pop() as Worker;
    worker.postMessage(seconds);
    await once(worker, 'message');
    this.#idle.push(worker);
    this.#waiting.shift()?.();
  }
}

const { values } = parseArgs({
  options: {
    sleep: { type: 'string', default: '1' },
    threads: { type: 'string', default: '4' },
  },
});
const pool = new Pool(Number(values.threads));
const server = createServer(async (request, response) => {
  if (request.url === '/busy') await pool.compute(Number(values.sleep));
  response.end(`Hello, World! This is process ${process.pid}.\n`);
});
await once(server.listen({ port: process.env.PORT || 8888, host: '127.0.0.1' }), 'listening');
console.log(`Serving HTTP on port ${(server.address() as AddressInfo).port} ...`);
