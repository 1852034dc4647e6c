import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { request } from 'undici';
import { afterAll, expect, test } from 'vitest';
import {
  appFor,
  describeStage,
  describeStages,
  useServer,
} from '../../shared/harness/describe-stages.ts';
import { headerOf, parseResponse, RawClient } from '../../shared/harness/raw-client.ts';
import { quick, runToEnd, startServer } from '../../shared/harness/server-process.ts';
import type { Stage } from '../../shared/stages.ts';

const GET = 'GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
/** The same of a client that would stay, if it may. */
const KEPT = GET.replace('Connection: close\r\n', '');
/** More than the kernel's buffers between two processes hold. */
const PLENTY = 16 * 1024 * 1024;

/** Whether a stage prints what it reads; a program of yours should. */
function shows({ file, can }: Stage): boolean {
  return file === '' || can.includes('shows');
}

describeStage('1a', 'sends back what it read', (stage) => {
  test('the same bytes come back, then the connection ends, then the program', async () => {
    const server = await startServer(stage);
    const client = await RawClient.connect(server);
    const bytes = Buffer.from([0, 255, 13, 10, 0xc3, 0xb6]);
    await client.send(bytes);
    expect(await client.readToEnd()).toEqual({ bytes, ending: 'fin' });
    expect(await server.exited).toEqual({ code: 0, signal: null });
    await server.stop();
  });

  test('one connection is all it takes: the second finds nobody', async () => {
    const server = await startServer(stage);
    const first = await RawClient.connect(server);
    const second = await RawClient.connect(server).catch(() => undefined);
    await first.send('first');
    expect((await first.readToEnd()).bytes.toString()).toBe('first');
    expect((await second?.readToEnd())?.bytes.length ?? 0).toBe(0);
    expect(await server.exited).toEqual({ code: 0, signal: null });
    await server.stop();
  });

  test('a client that says nothing and leaves ends it as well', async () => {
    const server = await startServer(stage);
    (await RawClient.connect(server)).halfClose();
    expect(await server.exited).toEqual({ code: 0, signal: null });
    await server.stop();
  });
});

describeStages('answers a request with a response', 'http', (stage) => {
  const server = useServer(stage, appFor(stage));

  test('a GET gets a status line, a blank line and a body, and the connection ends', async () => {
    const client = await RawClient.connect(server());
    await client.send(GET);
    const { bytes, ending } = await client.readToEnd();
    expect(bytes.toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n([^\r\n]+\r\n)*\r\nHello,? world/i);
    expect(ending).toBe('fin');
  });

  test('a strict client accepts it, again and again', async () => {
    for (let round = 0; round < 3; round++) {
      const { statusCode, body } = await request(`${server().origin}/hello`);
      expect(statusCode).toBe(200);
      expect(await body.text()).toMatch(/^Hello,? world/i);
    }
  });
});

describeStages('shows what it reads', 'shows', (stage) => {
  const server = useServer(stage, appFor(stage));

  test('the request is shown on the terminal, every line behind a "< "', async () => {
    await request(`${server().origin}/shown`, { headers: { 'X-Marker': 'seen' } });
    await server().waitForOutput(/^< GET \/shown HTTP\/1\.1$/m);
    await server().waitForOutput(/^< x-marker: seen$/im);
  });
});

describeStages('waits for the blank line', 'whole-head', (stage) => {
  const server = useServer(stage, appFor(stage));

  test('a request that comes byte by byte gets one answer, after its last line was read', async () => {
    const client = await RawClient.connect(server());
    await client.send(
      ...'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Last: line-of-the-dribbler\r\n\r',
    );
    expect(client.received.length).toBe(0);
    await client.send('\n');
    const { bytes, ending } = await client.readToEnd();
    expect(bytes.toString().match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(ending).toBe('fin');
    if (shows(stage)) await server().waitForOutput(/^< X-Last: line-of-the-dribbler$/im);
  });
});

describeStages('says how long its answer is', 'length', (stage) => {
  const server = useServer(stage, appFor(stage));

  test('Content-Length counts bytes, not characters, and the body has exactly so many', async () => {
    const client = await RawClient.connect(server());
    await client.send(GET);
    const response = parseResponse((await client.readToEnd()).bytes);
    expect(headerOf(response, 'Content-Length')).toBe(`${response.body.length}`);
    expect(response.body.length).toBeGreaterThan(0);
  });
});

describeStages('outlives rude clients', 'tough', (stage) => {
  const server = useServer(stage, appFor(stage));

  async function expectService(): Promise<void> {
    const { statusCode, body } = await request(`${server().origin}/hello`);
    expect(await body.text()).toMatch(/^Hello/);
    expect(statusCode).toBe(200);
  }

  test('clients that come and go, stop in the middle or reset cost nothing', async () => {
    await expectService();
    const before = server().openSockets() ?? 0;
    for (const words of ['', 'GET', 'GET / HTTP/1.1\r\nHost: x\r\n']) {
      const leaves = await RawClient.connect(server());
      await leaves.send(words);
      leaves.leave();
      const resets = await RawClient.connect(server());
      await resets.send(words);
      await resets.reset();
      const halfCloses = await RawClient.connect(server());
      await halfCloses.send(words);
      halfCloses.halfClose();
      await halfCloses.readToEnd();
    }
    const resetsAfterAll = await RawClient.connect(server());
    await resetsAfterAll.send(GET);
    await resetsAfterAll.reset();
    await expectService();
    const now = () => server().openSockets() ?? 0; // 0 where there is no /proc to ask
    await expect.poll(now, { timeout: 10_000 }).toBeLessThanOrEqual(before);
  });

  test('a client that half-closes after its request still gets the answer', async () => {
    const client = await RawClient.connect(server());
    await client.send(GET);
    client.halfClose();
    const { bytes, ending } = await client.readToEnd();
    expect(bytes.toString()).toMatch(/^HTTP\/1\.1 200 /);
    expect(ending).toBe('fin');
  });

  test('a head without an end is refused with 431, and the refusal arrives', async () => {
    const client = await RawClient.connect(server());
    await client.send('GET / HTTP/1.1\r\nHost: x\r\nX-Long: ', 'x'.repeat(64 * 1024));
    const { bytes, ending } = await client.readToEnd();
    expect(parseResponse(bytes).status).toBe(431);
    expect(ending).toBe('fin');
    await expectService();
  });

  test('bytes nobody asked for do not destroy the answer', async () => {
    const client = await RawClient.connect(server());
    await client.send(KEPT + 'x'.repeat(PLENTY));
    const { bytes, ending } = await client.readToEnd();
    expect(ending).toBe('fin');
    const first = parseResponse(bytes);
    const length = Number(headerOf(first, 'Content-Length'));
    expect([first.status, first.body.toString('latin1', 0, 5)]).toEqual([200, 'Hello']);
    expect(first.body.length).toBeGreaterThanOrEqual(length);
    // To a server that keeps connections these are a request, too, and none it can make sense of.
    const behind = first.body.subarray(length);
    if (behind.length > 0) expect(parseResponse(behind).status).toBe(431);
    if (!stage.can.includes('keep-alive')) expect(behind.length).toBe(0);
  });

  const isShown = test.runIf(shows(stage));
  isShown("a stranger's control characters are shown, not obeyed, by the terminal", async () => {
    const client = await RawClient.connect(server());
    await client.send('GET /bell HTTP/1.1\r\nHost: x\r\nX-Bell: \x1b]0;gotcha\x07\r\n\r\n');
    await client.readToEnd();
    await server().waitForOutput(/^< X-Bell: \\x1b]0;gotcha\\x07$/m);
    expect(server().stdout).not.toContain('\x1b');
  });
});

describeStage('1b', 'its limits', (stage) => {
  test('whatever arrives first is taken for the request: a dribbler is answered at once', async () => {
    const server = await startServer(stage);
    const client = await RawClient.connect(server);
    await client.send('G');
    expect(await client.readUntil('World!')).toMatch(/^HTTP\/1\.1 200 OK/);
    client.leave();
    await server.stop();
  });

  test('a client that resets the connection takes the server with it', async () => {
    const server = await startServer(stage);
    const client = await RawClient.connect(server);
    await client.reset();
    expect((await server.exited).code).toBe(1);
    expect(server.stderr).toContain('ECONNRESET');
    await server.stop();
  });
});

describeStage('1c', 'what it serves', (stage) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'part1-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('its greeting has more bytes than characters', async () => {
    const server = await startServer(stage);
    const { headers, body } = await request(server.origin);
    const text = await body.text();
    expect(text).toContain('ö');
    expect(Number(headers['content-length'])).toBeGreaterThan(text.length);
    await server.stop();
  });

  test('a slow reader gets all of 16 MiB, then a FIN and no reset', async () => {
    const page = path.join(folder, 'page.html');
    writeFileSync(page, 'x'.repeat(PLENTY));
    const server = await startServer(stage, { args: ['--page', page] });
    const client = await RawClient.connect(server);
    client.pause();
    await client.send(GET);
    await server.waitForOutput(/^< GET /m);
    const { bytes, ending } = await client.readToEnd();
    expect(parseResponse(bytes).body.length).toBe(PLENTY);
    expect(ending).toBe('fin');
    await server.stop();
  });

  test('one client that says nothing does not keep another waiting', async () => {
    const server = await startServer(stage);
    const silent = await RawClient.connect(server);
    expect((await request(server.origin)).statusCode).toBe(200);
    expect(silent.received.length).toBe(0);
    silent.leave();
    await server.stop();
  });

  test('a page that is not there is one clear line', async () => {
    const run = await runToEnd(quick(stage.file, '--page', path.join(folder, 'nope.html')));
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/^ENOENT: no such file.*nope\.html.*\n$/);
  });
});
