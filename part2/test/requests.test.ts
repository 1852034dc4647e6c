/** What a request becomes on part 2's server, and where it stops: no chunks, 8 MiB, one client at a time. */
import { expect, test } from 'vitest';
import {
  CONTRACT_APP,
  describeRequests,
  expectRefusal,
} from '../../shared/harness/contract/requests.ts';
import { describeStage, gatewaysOf, useServer } from '../../shared/harness/describe-stages.ts';
import { parseResponse, RawClient } from '../../shared/harness/raw-client.ts';

const describeServers = gatewaysOf('part2');
describeRequests(describeServers);

describeServers('has limits', (stage) => {
  const server = useServer(stage, { app: CONTRACT_APP });

  test.each([
    ['a chunked body', 'Transfer-Encoding: chunked'],
    ['both framings at once', 'Content-Length: 3', 'Transfer-Encoding: chunked'],
  ])('%s: 501, and a closed connection', async (_title, ...lines) => {
    await expectRefusal(server(), 501, 'POST / HTTP/1.1', 'Host: x', ...lines);
  });

  test('a head just within the limit of 16 KiB is served, one byte more is refused', async () => {
    const head = 'GET /hello HTTP/1.1\r\nHost: x\r\nX-Long: ';
    for (const [size, status] of [
      [16 * 1024, 200],
      [16 * 1024 + 1, 431],
    ] as const) {
      const client = await RawClient.connect(server());
      await client.send(`${head.padEnd(size, 'x')}\r\n\r\n`);
      expect(parseResponse((await client.readToEnd()).bytes).status).toBe(status);
    }
  });

  test('a body of 8 MiB is taken, one byte more is refused before it is sent', async () => {
    const limit = 8 * 1024 * 1024;
    const body = Buffer.alloc(limit);
    const taken = await server().request('/sha256', { method: 'POST', body });
    expect(taken.statusCode).toBe(200);
    const client = await RawClient.connect(server());
    await client.send(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${limit + 1}\r\n\r\n`);
    expect(parseResponse((await client.readToEnd()).bytes).status).toBe(413);
  });
});

describeStage('2e', 'does not wait for ever', (stage) => {
  const server = useServer(stage, { app: CONTRACT_APP, args: ['--read-timeout', '0.3001'] });

  test('a client that says nothing, and one that stops in its body, get a 408; the next is served', async () => {
    const silent = await RawClient.connect(server());
    const stopped = await RawClient.connect(server());
    await stopped.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab');
    const next = server().request('/hello');
    for (const client of [silent, stopped]) {
      expect(parseResponse((await client.readToEnd()).bytes).status).toBe(408);
    }
    expect((await next).statusCode).toBe(200);
  });
});
