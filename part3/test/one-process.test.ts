/** One process and its limits, 3a, 3b and 3g; and the client that shows them. Over sockets and in /proc. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { describeStage } from '../../shared/harness/describe-stages.ts';
import { acceptQueue } from '../../shared/harness/proc.ts';
import { quick, runToEnd } from '../../shared/harness/server-process.ts';
import { answerOf, ask, askAll, isAnswering, LONG, linux, start } from './ladder.ts';

describeStage('3b', 'connected is not accepted', () => {
  test('3-02: the first byte comes after the sleep, and not before', async () => {
    const server = await start('3b', '--sleep', '0.5');
    const start_ = performance.now();
    const clients = await askAll(server, 3);
    const firstBytes = await Promise.all(
      clients.map(async (client) => {
        await isAnswering(client);
        return performance.now() - start_;
      }),
    );
    const [, second = 0, third = 0] = firstBytes.sort((a, b) => a - b);
    expect(second).toBeGreaterThan(500); // a sleep may take longer than asked for, never less
    expect(third).toBeGreaterThan(1000);
    for (const client of clients) await answerOf(client);
  });
});

describeStage('3g', 'the event loop', () => {
  test('five sleepers are served at a time, by one process', async () => {
    const server = await start('3g', '--sleep', LONG);
    for (const client of await askAll(server, 5)) await isAnswering(client);
    await server.waitForOutput(/(200 OK.*){5}/s);
    expect(server.stdout.match(/^\d+: 200 OK$/gm)).toEqual(
      Array.from({ length: 5 }, () => `${server.pid}: 200 OK`),
    );
  });

  linux('3-11: one handler that computes stalls all the others (needs /proc)', async () => {
    const server = await start('3g', '--busy', '--sleep', LONG);
    await isAnswering(await ask(server));
    const second = await ask(server);
    expect(acceptQueue(server.port)).toBe(1);
    expect(second.received.length).toBe(0);
  });
});

describe.skipIf(process.env.SERVER)('client3', () => {
  const client3 = (...args: string[]) => runToEnd(quick('part3/client3.ts', ...args));

  test('asked for 20 connections it opens 20, and tells what each of them saw', async () => {
    const server = await start('3g', '--sleep', '0');
    const port = `${server.port}`;
    const { stdout } = await client3('--port', port, '--clients', '4', '--conns', '5', '--json');
    const sights = JSON.parse(stdout);
    expect(sights).toHaveLength(20);
    for (const [index, sight] of sights.entries()) {
      const client = Math.floor(index / 5) + 1;
      expect(sight).toMatchObject({ client, ending: 'complete', process: server.pid });
      expect(sight.connected).toBeLessThanOrEqual(sight.firstByte);
      expect(sight.firstByte).toBeLessThanOrEqual(sight.ended);
    }
    await expect.poll(() => server.stdout.match(/200 OK/g)).toHaveLength(20);
  });

  test('--reverse lets the last one speak first', async () => {
    const port = await listenFor(3);
    // In its second of silence all are accepted; then what becomes readable first is read first.
    const manner = ['--clients', '3', '--reverse', '--hold', '1'];
    const { code, stdout } = await client3('--port', `${port.number}`, ...manner);
    expect(await port.speakers).toEqual([2, 1, 0]);
    expect({ code, last: stdout.trimEnd().split('\n').at(-1) }).toEqual({
      code: 0,
      last: '3 closed, no answer',
    });
  });

  test('--hold is over when nobody is left to be silent to', { timeout: 60_000 }, async () => {
    const listener = createServer((socket) => socket.end());
    await once(listener.listen(0, '127.0.0.1'), 'listening');
    const port = `${(listener.address() as AddressInfo).port}`;
    const { stdout } = await client3('--port', port, '--clients', '2', '--hold', LONG);
    expect(stdout).toMatch(/\n2 closed, no answer\n$/);
    listener.close();
  });

  test('it tells a cut from an end, a silence from a refusal', async () => {
    const half = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf';
    for (const [answer, ending] of [
      [(socket: Socket) => socket.end(half), 'cut'],
      [(socket: Socket) => socket.resetAndDestroy(), 'reset'],
      [(socket: Socket) => socket.write(half), 'given up'],
      [(socket: Socket) => socket.write(`${half}-whole`), 'left open'],
      [(socket: Socket) => socket.end(), 'closed, no answer'],
    ] as const) {
      const listener = createServer((socket) => socket.once('data', () => answer(socket)));
      await once(listener.listen(0, '127.0.0.1'), 'listening');
      const port = `${(listener.address() as AddressInfo).port}`;
      const run = await client3('--port', port, '--clients', '1', '--timeout', '1');
      expect(run.stdout).toMatch(new RegExp(`  ${ending}\\n1 ${ending}\\n$`));
      expect(run.code).toBe(0);
      listener.close();
    }
    const refused = await client3('--port', '1', '--clients', '2');
    expect(refused).toMatchObject({ code: 1, stderr: '' });
    expect(refused.stdout).toMatch(/\n2 refused\n$/);
  });

  test('--help, and options that are none', async () => {
    expect((await client3('--help')).stdout).toContain('--reverse');
    for (const [args, message] of [
      [['--clients', 'many'], "--clients takes a number, not 'many'"],
      [['--port', '65536'], "--port takes a number, not '65536'"],
      [['--client', '5'], "Unknown option '--client'"],
    ] as const) {
      const { code, stderr } = await client3(...args);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^[^\n]+\n$/);
      expect(stderr).toContain(message);
    }
  });
});

/** A port that takes so many connections, and says in what order they spoke; the first to connect is 0. */
async function listenFor(count: number) {
  const spoke: number[] = [];
  let connected = 0;
  const listener = createServer();
  const speakers = new Promise<number[]>((resolve) => {
    listener.on('connection', (socket) => {
      const number = connected++;
      socket.once('data', () => {
        if (spoke.push(number) === count) resolve(spoke);
        socket.end();
      });
    });
  });
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  speakers.finally(() => listener.close());
  return { number: (listener.address() as AddressInfo).port, speakers };
}
