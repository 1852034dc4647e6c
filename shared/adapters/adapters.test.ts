/** Both JavaScript conventions on a server of ours: bodies in both directions, failures, clients that leave. */
import { randomBytes } from 'node:crypto';
import { request } from 'undici';
import { expect, test } from 'vitest';
import { ORACLE } from '../harness/contract/frameworks.ts';
import {
  describeStages,
  expectCut,
  expectHeldBack,
  useServer,
  watched,
} from '../harness/describe-stages.ts';
import { openGate } from '../harness/gate.ts';
import { parseResponse, RawClient } from '../harness/raw-client.ts';

for (const convention of ['node', 'fetch']) {
  describeStages(`hosts bare handlers of the ${convention} kind`, 'contract', (stage) => {
    const server = useServer(stage, watched(stage, { app: `shared/harness/guests:${convention}` }));

    async function expectService(): Promise<void> {
      const { statusCode, body } = await request(server().origin);
      expect([statusCode, await body.text()]).toEqual([200, 'hello\n']);
    }

    test('a body streams in and out again, unchanged', async () => {
      const bytes = randomBytes(1024 * 1024);
      const { body } = await request(`${server().origin}/echo`, { method: 'POST', body: bytes });
      expect(Buffer.from(await body.arrayBuffer()).equals(bytes)).toBe(true);
      await expectService();
    });

    test('the client leaves an endless answer: the handler is told, and the next is served', async () => {
      const client = await RawClient.connect(server());
      await client.send('GET /endless HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      await client.readUntil('xxx');
      client.leave();
      if (convention === 'node') {
        await server().waitForOutput(/^node: aborted$/m);
        await server().waitForOutput(/^node: close false$/m);
      } else {
        await server().waitForOutput(/^fetch: signal aborted$/m);
        await server().waitForOutput(/^fetch: body cancelled$/m);
      }
      await expectService();
    });

    test('a slow reader holds the handler back: what is on the way stays small', async () => {
      const client = await RawClient.connect(server());
      client.pause();
      await client.send('GET /endless HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      await expectHeldBack(server());
      client.leave();
      await expectService();
    });

    test('a handler that rejects gets a 500, its reason the log', async () => {
      expect((await request(`${server().origin}/rejects`)).statusCode).toBe(500);
      await server().waitForOutput(/the handler rejected/);
      await expectService();
    });

    test('HEAD gets the head only', async () => {
      const client = await RawClient.connect(server());
      await client.send('HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      const response = parseResponse((await client.readToEnd()).bytes);
      expect([response.status, response.body.length]).toEqual([200, 0]);
    });
  });
}

describeStages('hosts what only Node.js handlers do', 'contract', (stage) => {
  const server = useServer(stage, { app: 'shared/harness/guests:node' });
  const oracle = useServer(ORACLE, { app: 'shared/harness/guests:handler', args: ['--native'] });

  test('writeHead with a reason and a flat list, one name twice', async () => {
    const client = await RawClient.connect(server());
    await client.send('GET /pairs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    const { bytes } = await client.readToEnd();
    expect(bytes.toString()).toMatch(/^HTTP\/1\.1 200 Fine\r\n/);
    const named = parseResponse(bytes).headers.filter(([name]) => name.startsWith('X-'));
    expect(named).toEqual([
      ['X-A', '1'],
      ['X-A', '2'],
      ['X-B', '3'],
    ]);
  });

  test.each([
    ['GET /empty-reason', 'HTTP/1.1 200 '],
    ['GET /no-reason', 'HTTP/1.1 200 OK'],
    ['GET /gives-up', ''],
    ['HEAD /destroys', ''],
  ])('%s: the beginning and the end of node:http', async (question, statusLine) => {
    for (const target of [server(), oracle()]) {
      const client = await RawClient.connect(target);
      await client.send(`${question} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      const { bytes, ending } = await client.readToEnd();
      expect([`${bytes}`.split('\r\n')[0], ending]).toEqual([statusLine, 'fin']);
    }
  });

  test('write callbacks run once the piece is sent', async () => {
    const { body } = await request(`${server().origin}/callbacks`);
    expect(await body.text()).toBe('abc');
  });

  test('a client that hangs up politely is missed, though the handler never writes', async () => {
    const client = await RawClient.connect(server());
    await client.send('HEAD /waits HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    client.leave();
    expect((await request(server().origin)).statusCode).toBe(200);
  });

  test("a client that leaves an ended answer half sent: 'close', and no 'finish'", async () => {
    const before = server().stderr.length;
    const client = await RawClient.connect(server());
    await client.send('GET /ends-ahead HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await client.readUntil('xxx');
    client.leave();
    expect((await request(server().origin)).statusCode).toBe(200);
    await expect.poll(() => server().stderr.slice(before)).toContain('node: close false');
    expect(server().stderr.slice(before)).not.toContain('node: socket aborted');
  });

  test('middleware that wraps write and end sees each piece once', async () => {
    const { body } = await request(`${server().origin}/wrapped`);
    expect(await body.text()).toBe('wrapped\n');
    await server().waitForOutput(/^node: seen 1$/m);
  });

  test('writeHead takes headers behind an empty reason', async () => {
    const { headers } = await request(`${server().origin}/headers-behind-nothing`);
    expect(headers['x-a']).toBe('1');
  });

  test("the request's headers are those of node:http, each with a list of its values, too", async () => {
    const lines = 'Host: x\r\nConnection: close\r\nX-A: 1\r\nCookie: a=1; b=2\r\n\r\n';
    const answers = [server(), oracle()].map(async (target) => {
      const client = await RawClient.connect(target);
      await client.send(`GET /distinct HTTP/1.1\r\n${lines}`);
      return JSON.parse(`${parseResponse((await client.readToEnd()).bytes).body}`);
    });
    const [ours, theirs] = await Promise.all(answers);
    expect(ours).toEqual(theirs);
  });

  test("the request's 'close' comes, though nobody read its body", async () => {
    await (await request(`${server().origin}/unread`, { method: 'POST', body: 'x' })).body.text();
    await server().waitForOutput(/^node: request closed$/m);
  });

  test('200,000 small writes are an answer, and not a traffic jam', async () => {
    const { body } = await request(`${server().origin}/many`);
    expect((await body.arrayBuffer()).byteLength).toBe(200_000);
  });

  test('what is no string and no bytes is refused', async () => {
    expect((await request(`${server().origin}/number`)).statusCode).toBe(500);
    await server().waitForOutput(/a chunk is a string or a Uint8Array/);
  });

  test('an answer in one go has a Content-Length, also when it comes later', async () => {
    const { headers, body } = await request(`${server().origin}/in-one-go-later`);
    expect([headers['content-length'], await body.text()]).toEqual(['6', 'later\n']);
  });

  test("'finish' and 'close' come in this order, and writableFinished tells the truth", async () => {
    await (await request(server().origin)).body.text();
    await server().waitForOutput(/^node: finish\nnode: close true$/m);
  });

  test('a handler that destroys its response cuts the connection', async () => {
    const client = await RawClient.connect(server());
    await client.send('GET /destroys HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    const { bytes } = await client.readToEnd();
    expect(parseResponse(bytes).body.toString()).toBe('half of ');
    await server().waitForOutput(/the handler destroyed its response/);
  });

  test('what a handler says behind the destruction of its socket makes nothing whole', async () => {
    const client = await RawClient.connect(server());
    await client.send('GET /destroys-and-ends HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    const { bytes } = await client.readToEnd();
    expect(parseResponse(bytes).body.toString()).toBe('half of ');
  });

  test('a handler that ends its socket and not its answer gets a 500 at once', async () => {
    expect((await request(`${server().origin}/ends-socket`)).statusCode).toBe(500);
    await server().waitForOutput(/the handler ended its socket, and not its response/);
  });

  test('a status that is no final one is a 500 at once, also when it comes later', async () => {
    expect((await request(`${server().origin}/status/101`)).statusCode).toBe(500);
    await server().waitForOutput(/broke a rule of PEP 3333: a status looks like "200 OK"/);
    expect((await request(server().origin)).statusCode).toBe(200);
  });

  test('a header that the server refuses later is a 500 at once, and the handler is told', async () => {
    expect((await request(`${server().origin}/length`)).statusCode).toBe(500);
    await server().waitForOutput(
      /^node: write .* one Content-Length$((?!node: finish)[\s\S])*^node: close false$/m,
    );
  });

  test('a status that nobody else has goes out as it is', async () => {
    const { statusCode, body } = await request(`${server().origin}/status/999`);
    expect([statusCode, await body.text()]).toEqual([999, 'a status of its own\n']);
  });

  test('informational answers go nowhere, and the final one is untouched', async () => {
    const client = await RawClient.connect(server());
    await client.send('GET /informs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    const { bytes } = await client.readToEnd();
    expect(bytes.toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\n(9\r\n)?informed\n/);
  });

  test('who wants no Content-Length gets none: by Transfer-Encoding, or by removeHeader', async () => {
    for (const path of ['/chunked', '/length-removed']) {
      const { headers } = await request(`${server().origin}${path}`);
      expect([path, headers['content-length']]).toEqual([path, undefined]);
    }
  });

  test('flushHeaders sends the head, though there is no body yet', async () => {
    const gate = await openGate();
    const client = await RawClient.connect(server());
    await client.send(`GET /flushes?${gate.port} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    const words = await gate.opened;
    await client.readUntil('\r\n\r\n');
    words.end();
    expect((await client.readToEnd()).bytes.toString()).toContain('flushed\n');
    gate.close();
  });

  test('what goes wrong behind the end is logged, and the answer stays whole', async () => {
    const { body } = await request(`${server().origin}/late`);
    expect(await body.text()).toBe('done\n');
    await server().waitForOutput(/rejected behind the end/);
  });

  test('a second end is an error of the handler, not a second answer', async () => {
    const { body } = await request(`${server().origin}/twice`);
    expect(await body.text()).toBe('once\n');
    await server().waitForOutput(/told of the second end/);
  });
});

describeStages('hosts what only Fetch handlers do', 'contract', (stage) => {
  const server = useServer(stage, { app: 'shared/harness/guests:fetch' });

  test('what Fetch cannot say is a 400, not a crash', async () => {
    const client = await RawClient.connect(server());
    await client.send('TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(parseResponse((await client.readToEnd()).bytes).status).toBe(400);
  });

  test("a GET with a body is a GET, and its body is nobody's business", async () => {
    const client = await RawClient.connect(server());
    await client.send(
      'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc',
    );
    expect(parseResponse((await client.readToEnd()).bytes).status).toBe(200);
  });

  test('a body that breaks is logged, and cut', async () => {
    const gate = await openGate();
    const client = await RawClient.connect(server());
    await client.send(`GET /breaks?${gate.port} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    const words = await gate.opened;
    await client.readUntil('half of ');
    words.end();
    expectCut(await client.readToEnd());
    gate.close();
    await server().waitForOutput(/the body broke/);
  });
});
