/**
 * Your web server, part 1. It can listen; the rest is yours. Work through the TODOs in their order:
 *
 *   npm run check -- part1        says how far you are, and what is wrong
 *   npm run hint -- 1-01          helps, a little more each time
 *   curl -v localhost:8888        while it runs:  npx tsx part1/my/server.ts
 *
 * The checks start it with PORT=0 in the environment, which means: any port that is free. It has to say which one in
 * the line below, and it takes one option, --page FILE: what to answer with (1-05). All that is here already.
 */
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { page: { type: 'string' } } });

/** What you answer with: bytes. */
const page = values.page ? readFileSync(values.page) : Buffer.from('Hello, World!\n');

const server = createServer((socket) => {
  // A client is connected: the kernel has shaken hands with it. But nobody talks yet.
  //
  // TODO 1-01: Without a listener nothing is ever read. Listen for 'data' on the socket, and send anything back.
  // TODO 1-02: A browser wants HTTP: status line, empty line, page. Answer everybody with that.
  // TODO 1-03: Strict clients want each line of the head to end in \r\n. See to it.
  // TODO 1-04: A client must know where the page ends. Say its length, in bytes; and give it an ö and an emoji.
  // TODO 1-05: A slow client needs time for a large page. End the connection so that all of it arrives.
  // TODO 1-06: You want to see what browsers send. Print each line of the request behind a "< ".
  // TODO 1-07: The network cuts a request anywhere. Collect until the empty line, then answer once.
  // TODO 1-08: Clients hang up, and that is an 'error' which ends the program if nobody listens. Listen.
  void socket;
  void page;
});

server.listen(Number(process.env.PORT ?? 8888), '127.0.0.1', () => {
  console.log(`Serving HTTP on port ${(server.address() as AddressInfo).port} ...`);
});
