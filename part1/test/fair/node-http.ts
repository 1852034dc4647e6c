/** Correct, and different: node:http does the work, and keeps connections if it may. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const at = process.argv.indexOf('--page');
const page = at === -1 ? 'Hello, World! Grüße 🌍\n' : readFileSync(process.argv[at + 1] ?? '');

const server = createServer((request, response) => {
  const { method, url, rawHeaders: raw } = request;
  console.log(`< ${method} ${url} HTTP/1.1`);
  for (let i = 0; i < raw.length; i += 2) console.log(`< ${raw[i]}: ${raw[i + 1]}`);
  response.setHeader('server', 'nobody/0.1');
  response.write(page); // without a length: chunked
  response.end();
});
server.listen(Number(process.env.PORT), '127.0.0.1', () => {
  console.log(`Serving HTTP on port ${(server.address() as AddressInfo).port}`);
});
