/** What an answer becomes on part 2's server, which closes behind each, and makes one at a time. */
import { expect, test } from 'vitest';
import { describeResponses } from '../../shared/harness/contract/responses.ts';
import { gatewaysOf, useServer, watched } from '../../shared/harness/describe-stages.ts';
import { openGate } from '../../shared/harness/gate.ts';
import { headerOf, parseResponse, RawClient } from '../../shared/harness/raw-client.ts';

const describeServers = gatewaysOf('part2');
describeResponses(describeServers);

describeServers('serves one request at a time', (stage) => {
  const server = useServer(stage, watched(stage, { app: 'shared/harness/contract-app:app' }));

  test('it closes behind each answer, and says so, unasked', async () => {
    const client = await RawClient.connect(server());
    await client.send('GET /hello HTTP/1.1\r\nHost: x\r\n\r\n');
    const { bytes, ending } = await client.readToEnd();
    expect([headerOf(parseResponse(bytes), 'Connection'), ending]).toEqual(['close', 'fin']);
  });

  test('the second client waits until the first has its answer, however early its request was there', async () => {
    const gate = await openGate();
    const first = await RawClient.connect(server());
    await first.send(`GET /relay?${gate.port} HTTP/1.1\r\nHost: x\r\n\r\n`);
    const words = await gate.opened; // the first request is under way, and stays so until we say
    const second = await RawClient.connect(server());
    await second.send('GET /hello HTTP/1.1\r\nHost: x\r\n\r\n');
    for (let round = 0; round < 20; round++) {
      words.write(`round ${round};`); // each round is a whole turn of the server's event loop
      await first.readUntil(`round ${round};`);
    }
    expect(second.received.length).toBe(0);
    words.end();
    await first.readToEnd();
    expect(parseResponse((await second.readToEnd()).bytes).status).toBe(200);
    gate.close();
  });
});
