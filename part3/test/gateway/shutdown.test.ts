/** The end: what is under way is finished, nothing new is begun, and nothing is left. 3-27 of the ladder. */
import { afterEach, expect, test } from 'vitest';
import { describeStage } from '../../../shared/harness/describe-stages.ts';
import { childrenOf, hasProc } from '../../../shared/harness/proc.ts';
import { headerOf, RawClient } from '../../../shared/harness/raw-client.ts';
import {
  type ServerProcess,
  type StartOptions,
  startServer,
} from '../../../shared/harness/server-process.ts';
import type { Stage } from '../../../shared/stages.ts';
import { APP, answersOf, ask, HELLO, head, makeGate, splitAnswers, textsOf } from './gateway.ts';

const started: ServerProcess[] = [];
afterEach(async () => {
  for (const server of started.splice(0)) await server.stop(); // rejects if it leaves anything behind
});

async function start(stage: Stage, ...args: string[]): Promise<ServerProcess> {
  const options: StartOptions = { app: APP, args };
  const server = await startServer(stage, options);
  started.push(server);
  return server;
}

/** The door is shut: from here on the signal has been seen. */
async function isShut(server: ServerProcess): Promise<void> {
  const knock = () =>
    RawClient.connect(server.port).then(
      (client) => client.leave(),
      (error) => error.code,
    );
  await expect.poll(knock, { interval: 5 }).toBe('ECONNREFUSED');
}

describeStage('gateway', 'ends in peace', (stage) => {
  test('3-27: what is under way is answered, newcomers are refused, the idle are sent away', async () => {
    const server = await start(stage);
    const gate = await makeGate();
    const idle = await ask(server, head('GET /hello'));
    await idle.readUntil(HELLO);
    const silent = await ask(server);
    const busy = await ask(server, head(`GET /later?${gate.port}`) + head('GET /hello'));
    const relay = await makeGate();
    const begun = await ask(server, head(`GET /relay?${relay.port}`) + head('GET /hello'));
    await relay.say('begun, ');
    await begun.readUntil('begun, ');
    await gate.arrived;
    server.signal('SIGTERM');
    await isShut(server);
    expect(textsOf(await answersOf(idle))).toEqual([HELLO]);
    expect(textsOf(await answersOf(silent))).toEqual([]);
    expect([busy.ending, begun.ending]).toEqual(['open', 'open']);
    await gate.open();
    const [last, ...none] = await answersOf(busy);
    expect([`${last?.body}`, last && headerOf(last, 'Connection'), none]).toEqual([
      'later\n',
      'close',
      [],
    ]);
    await relay.say('done');
    await relay.open();
    expect(textsOf(await answersOf(begun))).toEqual(['begun, done']);
    expect(await server.exited).toEqual({ code: 0, signal: null });
    expect(server.stderr.replace(/^later closed.*\n/, '')).toBe('');
  });

  test('half a request may still be finished, and is answered', async () => {
    const server = await start(stage);
    const client = await ask(server, 'GET /hello HTTP/1.1\r\n');
    expect(
      textsOf(await answersOf(await ask(server, head('GET /hello', 'Connection: close')))),
    ).toEqual([HELLO]);
    server.signal('SIGINT');
    await isShut(server);
    await client.send('Host: x\r\n\r\n');
    expect(textsOf(await answersOf(client))).toEqual([HELLO]);
    expect((await server.exited).code).toBe(0);
  });

  test('a body that nobody will read is not waited for', async () => {
    const server = await start(stage, '--drain-timeout', '600', '--body-timeout', '600');
    const client = await ask(server, head('POST /hello', 'Content-Length: 9'));
    await client.readUntil(HELLO);
    server.signal('SIGTERM');
    expect(textsOf(await answersOf(client))).toEqual([HELLO]);
    expect((await server.exited).code).toBe(0);
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('a second %s ends it now, with %d', async (signal, code) => {
    const server = await start(stage, '--drain-timeout', '600');
    const client = await ask(server, head('GET /waits'));
    await client.readUntil('waiting');
    server.signal('SIGTERM');
    await isShut(server);
    server.signal(signal);
    expect(await server.exited).toEqual({ code, signal: null });
  });

  test('--drain-timeout: what hangs is cut, and told to; the end is still a good one', async () => {
    const server = await start(stage, '--drain-timeout', '0.3');
    const client = await ask(server, head('GET /waits'));
    await client.readUntil('waiting');
    const thinking = await ask(server, head('POST /thinks?drain', 'Content-Length: 5'));
    await server.waitForOutput(/^thinking drain$/m);
    const start_ = performance.now();
    server.signal('SIGTERM');
    const { bytes, ending } = await client.readToEnd();
    expect(performance.now() - start_).toBeGreaterThanOrEqual(300);
    expect(ending).toBe('rst');
    expect(() => splitAnswers(bytes)).toThrow(/not a whole chunk/);
    await thinking.readToEnd();
    expect(await server.exited).toEqual({ code: 0, signal: null });
    expect(server.stderr).toMatch(/^\* cut off 2 that took longer than 0.3 s$/m);
    expect(server.stderr).toMatch(/^waits closed, 1 said$/m);
  });

  test('clients that have left are not waited for, whether they left before or after the signal', async () => {
    const never = ['request', 'drain'].flatMap((what) => [`--${what}-timeout`, '600']);
    const server = await start(stage, ...never);
    const silent = async (name: string) => {
      const client = await ask(server, head(`POST /thinks?${name}`, 'Content-Length: 0'));
      await server.waitForOutput(new RegExp(`^thinking ${name}$`, 'm'));
      return client;
    };
    const begun = () => ask(server, head('GET /waits'));
    const clients = await Promise.all([silent('a'), silent('b'), begun(), begun()]);
    for (const client of clients.slice(2)) await client.readUntil('waiting');
    const [early, late, earlyBegun, lateBegun] = clients;
    early?.leave();
    earlyBegun?.leave();
    server.signal('SIGTERM');
    await isShut(server);
    late?.leave();
    lateBegun?.leave();
    expect(await server.exited).toEqual({ code: 0, signal: null });
    expect(server.stderr.match(/^waits closed/gm)?.length).toBe(2);
    expect(server.stderr).not.toContain('cut off');
  });

  test('--drain-timeout 0 is for ever, as it is with all others', async () => {
    const server = await start(stage, '--drain-timeout', '0');
    const gate = await makeGate();
    const client = await ask(server, head(`GET /later?${gate.port}`));
    await gate.arrived;
    server.signal('SIGTERM');
    await isShut(server);
    await gate.open();
    expect(textsOf(await answersOf(client))).toEqual(['later\n']);
    expect((await server.exited).code).toBe(0);
  });

  test.runIf(hasProc)('an application in Python goes with its server (needs /proc)', async () => {
    const server = await startServer(stage, {
      app: 'wsgiapp.py:app',
      args: ['--python-workers', '2'],
    });
    const workers = childrenOf(server.pid).map(({ pid }) => pid);
    expect(workers.length).toBe(2);
    const client = await ask(server, head('GET /stream'));
    await client.readUntil('\r\n\r\n');
    server.signal('SIGTERM');
    expect((await answersOf(client)).length).toBe(1); // a whole answer
    expect((await server.exited).code).toBe(0);
    await server.stop(); // nothing of its group is left
  });
});

describeStage('gateway', 'waits for Python as long as it is told', (stage) => {
  test('--request-timeout 0 is for ever', async () => {
    const args = ['--request-timeout', '0'];
    const server = await startServer(stage, { app: 'wsgiapp.py:app', args });
    started.push(server);
    const client = await ask(server, head('GET /stream', 'Connection: close'));
    const [answer] = await answersOf(client);
    expect([answer?.status, server.stderr]).toEqual([200, '']);
  });
});
