/** How the gateway stops, and who it lets finish. */
import { expect, test } from 'vitest';
import { describeStage } from '../../shared/harness/describe-stages.ts';
import { openGate } from '../../shared/harness/gate.ts';
import { parseResponse, RawClient } from '../../shared/harness/raw-client.ts';
import { startServer } from '../../shared/harness/server-process.ts';

const APP = 'shared/harness/contract-app:app';

describeStage('gateway', 'stops', (stage) => {
  test.each(['10', '0'])(
    'SIGTERM lets an answer under way come to its end, and is obeyed then (--drain-timeout %s)',
    async (seconds) => {
      const server = await startServer(stage, { app: APP, args: ['--drain-timeout', seconds] });
      const gate = await openGate();
      const client = await RawClient.connect(server);
      await client.send(`GET /relay?${gate.port} HTTP/1.1\r\nHost: x\r\n\r\n`);
      const words = await gate.opened;
      words.write('first, ');
      await client.readUntil('first, ');
      server.signal('SIGTERM');
      await expect
        .poll(() => RawClient.connect(server).then(leave, () => 'refused'))
        .toBe('refused');
      for (let round = 0; round < 20; round++) {
        words.write(`round ${round};`);
        await client.readUntil(`round ${round};`);
      }
      words.end('last');
      const { bytes, ending } = await client.readToEnd();
      expect([parseResponse(bytes).isWhole, ending]).toEqual([true, 'fin']);
      expect(await server.exited).toEqual({ code: 0, signal: null });
      expect(server.stderr).toBe('');
      gate.close();
      await server.stop();
    },
  );
});

function leave(client: RawClient): string {
  client.leave();
  return 'accepted';
}
