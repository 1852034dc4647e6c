/** How much one client may want: sizes, connections, and a pace that is the slower one's. */
import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { describeStage, useServer } from '../../../shared/harness/describe-stages.ts';
import { forgetPeak, hasProc, residentBytes } from '../../../shared/harness/proc.ts';
import type { ServerProcess } from '../../../shared/harness/server-process.ts';
import {
  APP,
  answersOf,
  ask,
  HELLO,
  head,
  LAST,
  makeGate,
  restOf,
  statusesOf,
  talk,
  textsOf,
} from './gateway.ts';

describeStage('gateway', 'has limits of size', (stage) => {
  const server = useServer(stage, { app: APP, args: ['--max-body-bytes', '100000'] });
  const chunk = (size: number) => `${size.toString(16)}\r\n${'x'.repeat(size)}\r\n`;
  const chunked = head('POST /counts', 'Transfer-Encoding: chunked');

  test.each([
    ['a head', head('GET /hello', `X: ${'x'.repeat(17_000)}`), 431],
    ['a head without an end', `GET /hello HTTP/1.1\r\nX: ${'x'.repeat(17_000)}`, 431],
    ['a target', head(`GET /${'x'.repeat(8000)}`), 414],
    ['a list of fields', head('GET /hello', ...Array(100).fill('X: 1')), 431], // and Host
    ['a body', head('POST /counts', 'Content-Length: 100001'), 413],
    ['a length', head('POST /counts', `Content-Length: ${'9'.repeat(400)}`), 413],
    ['a chunk', `${chunked}186a1\r\n`, 413],
    ['a list of chunks', chunked + chunk(60_000) + chunk(40_001), 413],
    ['a line of a chunk', `${chunked}1;${'x'.repeat(5000)}\r\n`, 400],
    ['a trailer', `${chunked}0\r\nX: ${'x'.repeat(9000)}\r\n\r\n`, 431],
  ])('%s beyond it is refused, and nothing follows', async (_, bytes, status) => {
    expect(statusesOf(await talk(server(), bytes + LAST))).toEqual([status]);
  });

  test('what is as large as it may be is served', async () => {
    const bytes = [
      head(`GET /hello?${'x'.repeat(7993)}`),
      head('GET /hello', ...Array(99).fill('X: 1')),
      head('POST /counts', 'Content-Length: 100000') + 'x'.repeat(100_000),
      chunked + chunk(60_000) + chunk(40_000),
      '0\r\n\r\n',
      LAST,
    ];
    const answers = await talk(server(), ...bytes);
    expect(textsOf(answers)).toEqual([HELLO, HELLO, '100000 bytes\n', '100000 bytes\n', HELLO]);
  });
});

describeStage('gateway', 'lets the limits be set', (stage) => {
  const server = useServer(stage, { app: APP, args: ['--max-head-bytes', '200000'] });

  test('a head may be larger than what is read ahead of an application', async () => {
    const large = head('GET /hello', `X: ${'x'.repeat(180_000)}`, 'Connection: close');
    expect(statusesOf(await talk(server(), large))).toEqual([200]);
  });
});

describeStage('gateway', 'has a limit of connections', (stage) => {
  const server = useServer(stage, { app: APP, args: ['--max-connections', '5'] });

  test('the one too many is told, and there is service when one has left', async () => {
    const some = await Promise.all(
      Array.from({ length: 5 }, () => ask(server(), head('GET /hello'))),
    );
    for (const client of some) await client.readUntil(HELLO);
    expect(statusesOf(await answersOf(await ask(server())))).toEqual([503]);
    some.pop()?.leave();
    const isServed = async () => statusesOf(await talk(server(), LAST))[0];
    await expect.poll(isServed).toBe(200);
    for (const client of some) await client.send(LAST); // nobody was sent away for another
    for (const client of some) expect(textsOf(await answersOf(client))).toEqual([HELLO, HELLO]);
  });

  test('many too many: each hears a 503, or an end, and none hangs', async () => {
    const gate = await makeGate();
    const busy = await ask(server(), head(`GET /later?${gate.port}`, 'Connection: close'));
    await gate.arrived;
    const crowd = await Promise.all(
      Array.from({ length: 300 }, () => ask(server()).catch(() => undefined)),
    );
    const ends = await Promise.all(crowd.slice(4).map((client) => client?.readToEnd()));
    for (const end of ends) {
      if (end && end.bytes.length > 0) expect(`${end.bytes}`).toMatch(/^HTTP\/1.1 503 /);
    }
    for (const client of crowd) client?.leave();
    await gate.open();
    expect(textsOf(await answersOf(busy))).toEqual(['later\n']);
    await expect.poll(async () => statusesOf(await talk(server(), LAST))[0]).toBe(200);
  });
});

describeStage('gateway', 'goes at the pace of the slower one', (stage) => {
  const server = useServer(stage, { app: APP, args: ['--trace', '--access-log', '-'] });
  const MIB = 1024 * 1024;

  function open(): Socket {
    return connect({ port: server().port, host: '127.0.0.1' }).on('error', () => {});
  }

  test('an upload to an application that does not read is not taken; when it reads, it flows', async () => {
    const gate = await makeGate();
    const client = open();
    const size = 48 * MIB;
    const memory = residentBytes(server().pid).now;
    client.write(
      head(`POST /counts-later?${gate.port}`, `Content-Length: ${size}`, 'Connection: close'),
    );
    for (let sent = 0; sent < size; sent += MIB) client.write(Buffer.alloc(MIB, 'x'));
    await gate.arrived;
    const taken = () => size - client.writableLength;
    expect(await restOf(taken)).toBeLessThan(32 * MIB); // what the kernel takes is not ours to say
    expect(residentBytes(server().pid).now - memory).toBeLessThan(32 * MIB);
    await gate.open();
    const pieces: Buffer[] = [];
    for await (const piece of client) pieces.push(piece);
    expect(`${Buffer.concat(pieces)}`).toContain(`${size} bytes\n`);
  });

  test('an endless answer to a client that does not read is held back; its end is heard of', async () => {
    const client = await ask(server());
    client.pause();
    const made = () => server().stdout.match(/^> \[65536 bytes\]$/gm)?.length ?? 0;
    await client.send(head('GET /endless'));
    await expect.poll(made).toBeGreaterThan(0);
    expect(await restOf(made)).toBeLessThan(600);
    await client.reset();
    await server().waitForOutput(/^endless closed$/m);
  });
});

describeStage('gateway', 'joins the crumbs of a body', (stage) => {
  const server = useServer(stage, { app: 'wsgiapp:app' });

  test.runIf(hasProc)(
    '1 MiB, each byte in a chunk of its own, is not 200 MiB (needs /proc)',
    async () => {
      const MIB = 1024 * 1024;
      expect(statusesOf(await talk(server(), LAST))).toEqual([200]);
      forgetPeak(server().pid);
      const before = residentBytes(server().pid).now;
      const request = head('POST /upload', 'Transfer-Encoding: chunked', 'Connection: close');
      const client = await ask(server(), request);
      for (let sent = 0; sent < MIB; sent += 64 * 1024)
        await client.send('1\r\nx\r\n'.repeat(64 * 1024));
      await client.send('0\r\n\r\n');
      expect(textsOf(await answersOf(client))).toEqual([`${MIB} bytes\n`]);
      expect(residentBytes(server().pid).peak - before).toBeLessThan(100 * MIB);
    },
  );
});

describeStage('gateway', 'serves many at a time', (stage) => {
  const server = useServer(stage, { app: APP });

  test('200 who say nothing, 50 who are slow, and all who ask are answered', async () => {
    const idle = await asks(server(), 200, '');
    const gates = await Promise.all(Array.from({ length: 50 }, () => makeGate()));
    const slow = await Promise.all(
      gates.map(({ port }) => ask(server(), head(`GET /later?${port}`, 'Connection: close'))),
    );
    await Promise.all(gates.map(({ arrived }) => arrived)); // all of them think, at the same time
    for (const client of await asks(server(), 50, LAST)) {
      expect(textsOf(await answersOf(client))).toEqual([HELLO]);
    }
    for (const gate of gates.reverse()) await gate.open();
    for (const client of slow) expect(textsOf(await answersOf(client))).toEqual(['later\n']);
    for (const client of idle) await client.send(LAST);
    for (const client of idle) expect(textsOf(await answersOf(client))).toEqual([HELLO]);
  });
});

const asks = (server: ServerProcess, count: number, bytes: string) =>
  Promise.all(Array.from({ length: count }, () => ask(server, bytes)));
