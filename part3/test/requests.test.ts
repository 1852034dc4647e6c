/** What a request becomes on the gateway, over each transport and with two workers: part 2's suite, and the chunks it had to refuse. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import {
  CONTRACT_APP,
  describeRequests,
  expectRefusal,
} from '../../shared/harness/contract/requests.ts';
import { gatewaysOf, useServer } from '../../shared/harness/describe-stages.ts';
import { parseResponse, RawClient } from '../../shared/harness/raw-client.ts';
import { TRANSPORTS } from '../../shared/harness/transport.ts';

describeRequests(gatewaysOf('part3', 'tcp', 2));
for (const transport of TRANSPORTS) {
  const describeServers = gatewaysOf('part3', transport);
  describeRequests(describeServers);

  describeServers('takes what part 2 refuses', (stage) => {
    const server = useServer(stage, { app: CONTRACT_APP });

    test('a chunked body, however it is cut: extensions and trailers are read and forgotten', async () => {
      const head = 'POST /sha256 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n';
      const body = '4;ext="a"\r\n0\r\n\r\r\nA\r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\n';
      const bytes = `${head}Transfer-Encoding: Chunked\r\n\r\n${body}`;
      const hash = createHash('sha256').update('0\r\n\r0123456789').digest('hex');
      for (const slices of [[bytes], [...bytes]]) {
        const client = await RawClient.connect(server());
        await client.send(...slices);
        const response = parseResponse((await client.readToEnd()).bytes);
        expect([response.status, response.body.toString()]).toEqual([200, hash]);
      }
    });

    test('two framings for one body: 400, and a closed connection', async () => {
      const framings = ['Content-Length: 3', 'Transfer-Encoding: chunked'];
      await expectRefusal(server(), 400, 'POST / HTTP/1.1', 'Host: x', ...framings);
    });

    test('a head of 16 KiB, its end included, is served, one byte more is refused', async () => {
      const head = 'GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Long: ';
      for (const [size, status] of [
        [16 * 1024, 200],
        [16 * 1024 + 1, 431],
      ] as const) {
        const client = await RawClient.connect(server());
        await client.send(`${head.padEnd(size - 4, 'x')}\r\n\r\n`);
        expect(parseResponse((await client.readToEnd()).bytes).status).toBe(status);
      }
    });

    test('two requests in one packet get their answers in order, on one connection', async () => {
      const client = await RawClient.connect(server());
      const second = 'GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
      await client.send(`HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n${second}`);
      const { bytes, ending } = await client.readToEnd();
      const behindFirst = bytes.indexOf('\r\n\r\n') + 4;
      expect(bytes.toString('latin1', 0, behindFirst)).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(parseResponse(bytes.subarray(behindFirst)).body.toString()).toBe('Hello, World!\n');
      expect(ending).toBe('fin');
    });
  });
}
