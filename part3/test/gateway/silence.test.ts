/**
 * Clients that leave while the application is silent: over each transport it is told, by the means of its convention,
 * long before its own time is over, and nobody is sent or blamed for an answer that nobody waits for.
 */
import { expect, test } from 'vitest';
import { gatewaysOf, useServer } from '../../../shared/harness/describe-stages.ts';
import { RawClient } from '../../../shared/harness/raw-client.ts';
import type { ServerProcess } from '../../../shared/harness/server-process.ts';
import { TRANSPORTS } from '../../../shared/harness/transport.ts';
import { head, splitAnswers, statusesOf } from './gateway.ts';

const NODE = ['request aborted', 'request closed', 'response closed, finished: false'];
/** What each application hears, in any order. */
const NEWS: Record<string, readonly string[]> = {
  '/node/silent': NODE,
  '/node/piece': NODE,
  '/node/body': NODE,
  '/fetch/silent': ['signal aborted'],
  '/fetch/piece': ['signal aborted', 'body cancelled'],
  '/fetch/body': ['signal aborted', 'body broken'],
  '/generator/silent': ['closed'],
  '/generator/piece': ['closed'],
  '/generator/body': ['closed', 'read rejected'],
};

type Goodbye = 'leave' | 'reset' | 'halfClose';

/** Has it begin, says goodbye, and resolves when it has heard all. */
async function leave(server: ServerProcess, path: string, goodbye: Goodbye): Promise<RawClient> {
  const name = `${goodbye}${path}`;
  const said = (what: string) => new RegExp(`^${name}: ${what}$`, 'm');
  const client = await RawClient.connect(server);
  // Node.js misses a RST that crosses the last words of a TLS handshake: an answer is behind them.
  await client.send(head('GET /404'));
  await client.readUntil('\r\n\r\n');
  const upload = `${head(`POST ${path}?${name}`, 'Content-Length: 9')}four`;
  await client.send(path.endsWith('/body') ? upload : head(`GET ${path}?${name}`));
  await server.waitForOutput(said('begun'));
  if (path.endsWith('/piece')) await client.readUntil('a piece');
  await client[goodbye]();
  for (const what of NEWS[path] ?? []) await server.waitForOutput(said(what));
  return client;
}

for (const transport of TRANSPORTS) {
  gatewaysOf('part3', transport)('tells a silent application of its client', (stage) => {
    const app = 'shared/harness/silent-apps:app';
    const server = useServer(stage, { app, args: ['--access-log', '-'] });

    test.concurrent.each([
      ['who closes', 'leave'],
      ['who resets', 'reset'],
    ] as const)('%s', async (_, goodbye) => {
      await Promise.all(Object.keys(NEWS).map((path) => leave(server(), path, goodbye)));
    });

    test.concurrent('who says FIN, and hears how it ends', async () => {
      const statuses = async (path: string) => {
        const client = await leave(server(), path, 'halfClose');
        return statusesOf(splitAnswers((await client.readToEnd()).bytes));
      };
      await Promise.all([
        expect(statuses('/node/silent')).resolves.toEqual([404]),
        expect(statuses('/node/piece')).rejects.toThrow(/not a whole/),
        expect(statuses('/node/body')).resolves.toEqual([404, 400]),
      ]);
    });

    test('nobody was blamed, and no log tells of answers that nobody got', () => {
      expect(server().stderr).not.toMatch(/Error/);
      expect(server().stdout).not.toMatch(/silent|" 50\d /);
    });
  });
}

for (const transport of TRANSPORTS) {
  gatewaysOf('part3', transport)('tells a silent application in Python', (stage) => {
    const app = 'shared/harness/faults.py:app';
    const server = useServer(stage, { app, args: ['--python-workers', '3'] });

    test.concurrent.each(['leave', 'reset', 'halfClose'] as const)(
      'by close(): %s',
      async (goodbye) => {
        const client = await RawClient.connect(server());
        await client.send(head(`GET /waits?${goodbye}`));
        await server().waitForOutput(new RegExp(`^${goodbye} waits$`, 'm'));
        await client[goodbye]();
        await server().waitForOutput(new RegExp(`^${goodbye} closed$`, 'm'));
      },
    );
  });
}

gatewaysOf('part3')('does not keep a worker for a client that has left', (stage) => {
  const server = useServer(stage, { app: 'shared/harness/faults.py:app' });

  test('even if its application never looks up', async () => {
    const before = await (await server().request('/pid')).body.text();
    const client = await RawClient.connect(server());
    await client.send(head('GET /hang'));
    await server().waitForOutput(/^hanging$/m);
    client.leave();
    const after = await (await server().request('/pid')).body.text();
    expect(after).not.toBe(before);
  });
});
