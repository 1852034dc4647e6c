/**
 * Whose move it is, and what missing one's time costs: each test waits for the end itself, and knows only that it
 * cannot come too early. All tests of a suite run at the same time, for they spend it waiting.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { describeStage, useServer } from '../../../shared/harness/describe-stages.ts';
import { hasProc } from '../../../shared/harness/proc.ts';
import type { RawClient } from '../../../shared/harness/raw-client.ts';
import {
  APP,
  answersOf,
  ask,
  HELLO,
  head,
  makeGate,
  restOf,
  splitAnswers,
  statusesOf,
  textsOf,
} from './gateway.ts';

/** Seconds for every move. */
const TIME = 0.5;
/** Seconds where a move must come in time: a busy machine may stand still for a second. */
const LONG = 2;
const ALL = ['head', 'keep-alive', 'body', 'write', 'request', 'half-close'].flatMap((move) => [
  `--${move}-timeout`,
  `${TIME}`,
]);

describeStage('gateway', 'does not wait for ever', (stage) => {
  const server = useServer(stage, { app: APP, args: ALL });

  /** What a client was told, and that it was given its time: the server's clock starts behind ours. */
  async function fateOf(client: RawClient, since: number) {
    const end = await client.readToEnd();
    expect(performance.now() - since).toBeGreaterThanOrEqual(TIME * 1000);
    return end;
  }

  test.concurrent('a newcomer who says nothing is sent away without a word', async () => {
    const start = performance.now();
    expect(await fateOf(await ask(server()), start)).toEqual({
      bytes: Buffer.alloc(0),
      ending: 'fin',
    });
  });

  test.concurrent('half a head gets a 408', async () => {
    const start = performance.now();
    const { bytes, ending } = await fateOf(await ask(server(), 'GET / HTTP/1.1\r\n'), start);
    expect([statusesOf(splitAnswers(bytes)), ending]).toEqual([[408], 'fin']);
  });

  test.concurrent.each([
    ['a head', 'GET / HTTP/1.1\r\nX: '],
    ['a second head', `${head('GET /hello')}GET /`],
    ['a chunk-size line', `${head('POST /counts', 'Transfer-Encoding: chunked')}5;`],
    ['trailers', `${head('POST /counts', 'Transfer-Encoding: chunked')}0\r\nX: `],
  ])('%s that goes on and on gets a 408, although its bytes keep coming', async (_, bytes) => {
    const start = performance.now();
    const client = await ask(server(), bytes);
    const hasEnded = client.readUntil(' 408 ').then(() => true);
    for (let isOver = false; !isOver; ) {
      await client.send('x').catch(() => {});
      isOver = await Promise.race([hasEnded, delay(TIME * 50, false)]);
    }
    const end = await fateOf(client, start);
    expect(statusesOf(splitAnswers(end.bytes)).at(-1)).toBe(408);
  });

  test.concurrent('between two requests the end comes without a word', async () => {
    const start = performance.now();
    const client = await ask(server(), head('GET /hello'));
    const { bytes, ending } = await fateOf(client, start);
    expect([textsOf(splitAnswers(bytes)), ending]).toEqual([[HELLO], 'fin']);
  });

  test.concurrent('slow is not stalled: pieces of a body that come in time are waited for', async () => {
    const client = await ask(
      server(),
      head('POST /counts', 'Content-Length: 8', 'Connection: close'),
    );
    for (let piece = 0; piece < 8; piece++) {
      await delay(TIME * 200);
      await client.send('x');
    }
    expect(textsOf(await answersOf(client))).toEqual(['8 bytes\n']);
  });

  test.concurrent('a body that stalls while the application waits for it: 408', async () => {
    const start = performance.now();
    const request = head('POST /tells-of-its-body?stall', 'Content-Length: 9');
    const { bytes, ending } = await fateOf(await ask(server(), request, 'four'), start);
    expect([statusesOf(splitAnswers(bytes)), ending]).toEqual([[408], 'fin']);
    await server().waitForOutput(/rejected: the body is late; stall/);
  });

  test.concurrent('a body that stalls behind its answer: the end', async () => {
    const start = performance.now();
    const { bytes } = await fateOf(
      await ask(server(), head('POST /hello', 'Content-Length: 9')),
      start,
    );
    expect(textsOf(splitAnswers(bytes))).toEqual([HELLO]);
  });

  test.concurrent('an application that never answers: 504, and close() when it does', async () => {
    const gate = await makeGate();
    const start = performance.now();
    const client = await ask(server(), head(`GET /later?${gate.port}`) + head('GET /hello'));
    const { bytes, ending } = await fateOf(client, start);
    expect([statusesOf(splitAnswers(bytes)), ending]).toEqual([[504], 'fin']);
    expect(server().stderr).not.toContain(`later closed ${gate.port}`);
    await gate.open();
    await server().waitForOutput(new RegExp(`^later closed ${gate.port}$`, 'm'));
  });

  test.concurrent('an application that stalls behind its head: a cut, and close()', async () => {
    const start = performance.now();
    const { bytes, ending } = await fateOf(await ask(server(), head('GET /waits')), start);
    expect(ending).toBe('fin');
    expect(() => splitAnswers(bytes)).toThrow(/not a whole chunk|no whole head/);
    await server().waitForOutput(/^waits closed/m);
  });

  test.concurrent('a client that takes nothing of its answer: a cut, and close()', async () => {
    const client = await ask(server());
    client.pause();
    await client.send(head('GET /endless'));
    await server().waitForOutput(/^endless closed$/m);
    const { bytes } = await client.readToEnd(); // libuv shows a RST behind unread bytes as an end
    expect(() => splitAnswers(bytes)).toThrow(/not a whole chunk/);
  });

  test.concurrent('a client that never closes its side is dropped', async ({ expect }) => {
    const client = await ask(server(), head('GET /hello', 'Connection: close'));
    await client.readUntil(HELLO);
    await expect // it is told so when it goes on talking
      .poll(() => client.send('x').then(() => client.ending), { timeout: 10_000 })
      .toBe('rst');
  });
});

describeStage('gateway', 'waits for whoever goes on in time', (stage) => {
  const args = ['--half-close-timeout', `${LONG}`];
  const server = useServer(stage, { app: APP, args });

  test.concurrent('behind a FIN, slow is not stalled: an answer that goes on in time arrives whole', async () => {
    const gate = await makeGate();
    const client = await ask(server(), head(`GET /relay?${gate.port}`, 'Connection: close'));
    client.halfClose();
    for (let piece = 0; piece < 4; piece++) {
      await delay(LONG * 350);
      await gate.say('x');
    }
    await gate.open();
    expect(textsOf(await answersOf(client))).toEqual(['xxxx']);
  });

  test.concurrent('behind a FIN, each of several requests has its own time', async () => {
    const gates = await Promise.all([1, 2, 3, 4].map(() => makeGate()));
    const client = await ask(
      server(),
      gates.map(({ port }) => head(`GET /later?${port}`)).join(''),
    );
    client.halfClose();
    for (const gate of gates) {
      await gate.arrived;
      await delay(LONG * 350);
      await gate.open();
    }
    expect(textsOf(await answersOf(client))).toEqual(gates.map(() => 'later\n'));
  });
});

describeStage('gateway', 'does not wait for ever between answers', (stage) => {
  const server = useServer(stage, { app: APP, args: ['--write-timeout', `${TIME}`] });

  test.runIf(hasProc)('who takes nothing of a thousand is cut off (needs /proc)', async () => {
    const before = await restOf(() => server().openSockets() ?? 0);
    const client = await ask(server());
    client.pause();
    await client.send(head('GET /block').repeat(1000));
    await expect.poll(() => server().openSockets()).toBe(before + 1);
    await expect.poll(() => server().openSockets(), { timeout: 10_000 }).toBe(before);
    expect((await client.readToEnd()).bytes.length).toBeLessThan(1000 * 64 * 1024);
  });
});
