/** Clients that vanish, at every moment: the application hears of it at once, and nothing of them is left. */
import { expect, test } from 'vitest';
import { describeStage, useServer } from '../../../shared/harness/describe-stages.ts';
import { hasProc } from '../../../shared/harness/proc.ts';
import { APP, ask, HELLO, head, LAST, makeGate, restOf, talk, textsOf } from './gateway.ts';

describeStage('gateway', 'outlives its clients', (stage) => {
  const server = useServer(stage, { app: APP });
  const upload = (path: string) => head(`POST ${path}`, 'Content-Length: 9');

  test.runIf(hasProc)(
    'who resets, wherever, leaves no socket and no blame (needs /proc)',
    async () => {
      expect(textsOf(await talk(server(), LAST))).toEqual([HELLO]);
      const before = await restOf(() => server().openSockets() ?? 0); // of nobody
      const moments = ['', 'GET /he', upload('/counts'), `${upload('/counts')}four`];
      for (const bytes of [...moments, head('GET /hello'), head('GET /block').repeat(500)]) {
        const client = await ask(server(), bytes);
        await client.reset();
      }
      await expect.poll(() => server().openSockets()).toBe(before);
      expect(textsOf(await talk(server(), LAST))).toEqual([HELLO]);
      expect(server().stderr).toBe('');
    },
  );

  test('a reset while the application thinks: close() as soon as it has something to close', async () => {
    const gate = await makeGate();
    const client = await ask(server(), head(`GET /later?${gate.port}`));
    await gate.arrived;
    await client.reset();
    await gate.open();
    await server().waitForOutput(new RegExp(`^later closed ${gate.port}$`, 'm'));
  });

  test('a reset in the middle of a body: the read under way rejects', async () => {
    const client = await ask(server(), `${upload('/tells-of-its-body?reset')}four`);
    await server().waitForOutput(/^reading reset$/m);
    await client.reset();
    await server().waitForOutput(/^rejected: .*; reset$/m);
  });

  test('a reset in the middle of an answer that waits: close() at once', async () => {
    const client = await ask(server(), head('GET /waits'));
    await client.readUntil('waiting');
    await client.reset();
    await server().waitForOutput(/^waits closed, 1 said$/m); // nobody else would end its wait
  });

  test('a reset in the middle of an answer that flows: close()', async () => {
    const client = await ask(server(), head('GET /endless'));
    await client.readUntil('xxx');
    await client.reset();
    await server().waitForOutput(/^endless closed$/m);
  });

  test('nobody was blamed for any of them', async () => {
    const told = /^(later closed|reading|rejected:|waits closed|endless closed).*$/gm;
    expect(server().stderr.replace(told, '').trim()).toBe('');
  });

  test('an application that forgot a promise does not take all others with it', async () => {
    const gate = await makeGate();
    const request = head(`POST /forgets?${gate.port}`, 'Content-Length: 9');
    const client = await ask(server(), request, 'four');
    await gate.arrived;
    await client.reset();
    await server().waitForOutput(/ClientLeft|HttpError: the body ended/); // it is told, as a mistake of the application's
    await gate.open();
    expect(textsOf(await talk(server(), LAST))).toEqual([HELLO]);
  });
});
