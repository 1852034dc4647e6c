/**
 * The stages between 2a and webserver2. Each runs every application, and each has faults that the next one has not: here
 * the fault is what has to be seen.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { forEveryApp, JAVASCRIPT, PYTHON } from '../../shared/harness/contract/every-app.ts';
import { describeStage, useServer } from '../../shared/harness/describe-stages.ts';
import { openGate } from '../../shared/harness/gate.ts';
import { headerOf, parseResponse, RawClient } from '../../shared/harness/raw-client.ts';
import { ROOT, type ServerProcess, startServer } from '../../shared/harness/server-process.ts';

const CONTRACT_APP = 'shared/harness/contract-app:app';
const WORDS_APP = 'part2/test/words-app:app';

/** A request that any server should take. */
const get = (target: string) => `GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`;

/** Sends this in one packet, and takes apart what comes until the server ends the connection. */
async function answerTo(server: ServerProcess, request: string) {
  const client = await RawClient.connect(server);
  await client.send(request);
  const { status, headers, body } = parseResponse((await client.readToEnd()).bytes);
  return { status, headers, text: body.toString() };
}

describeStage('2b', 'runs all nine applications', (stage) => {
  forEveryApp({ ...JAVASCRIPT, ...PYTHON }, (app, greeting) => {
    const server = useServer(stage, { app });

    test('greets, again and again', async () => {
      for (let round = 0; round < 2; round++) {
        const { status, text } = await answerTo(server(), get('/hello'));
        expect([status, text]).toEqual([200, `Hello world from ${greeting}!\n`]);
      }
    });
  });
});

describeStage('2b', 'as the original was', ({ file }) => {
  test('it has no more than 150 lines, in one file', () => {
    const text = readFileSync(path.join(ROOT, file), 'utf8');
    expect(text.split('\n').length - 1).toBeLessThanOrEqual(150);
    const imports = [...text.matchAll(/(?:from |import\()'([^']+)'/g)].map(([, target]) => target);
    const mayImport = /^(node:\w+|\.\/wsgi\.ts|\.\.\/shared\/app-loader\.ts)$/;
    expect(imports.filter((target) => !mayImport.test(target ?? ''))).toEqual([]);
  });
});

describeStage('2b', 'its faults', (stage) => {
  const bare = useServer(stage, { app: 'wsgiapp:app' });
  const contract = useServer(stage, { app: CONTRACT_APP });
  const words = useServer(stage, { app: WORDS_APP });

  test('one packet is taken for a whole request: half a head is answered', async () => {
    const { status } = await answerTo(bare(), 'GET /hello HTTP/1.1\r\nHost:');
    expect(status).toBe(200);
  });

  test('the query stays in the path', async () => {
    const { status } = await answerTo(bare(), get('/hello?x=1'));
    expect(status).toBe(404);
  });

  test('no header reaches the application', async () => {
    const { text } = await answerTo(contract(), get('/environ'));
    expect(Object.keys(JSON.parse(text)).filter((key) => key.startsWith('HTTP_'))).toEqual([]);
  });

  test('no body reaches the application', async () => {
    const head = 'POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n';
    expect((await answerTo(bare(), `${head}hello`)).text).toBe('0 bytes\n');
  });

  test("status and headers are the server's: who says none gets those of the one before", async () => {
    await answerTo(contract(), get('/headers'));
    const next = await answerTo(contract(), get('/never-starts'));
    expect(headerOf(next, 'Set-Cookie')).toBe('a=1');
    expect(next.text).toBe('a body without a head');
  });

  test('the date is always the same', async () => {
    const answer = await answerTo(bare(), get('/hello'));
    expect(headerOf(answer, 'Date')).toBe('Fri, 12 Jun 2015 19:45:00 GMT');
  });

  test('the pieces of a generator are joined: nothing is sent before the last one is there', async () => {
    await expectJoined(words());
  });

  test('one bad line ends the server, and so does a line that is cut', async () => {
    for (const line of ['hello\r\n\r\n', 'GET /hel']) {
      const server = await startServer(stage, { app: 'wsgiapp:app' });
      const client = await RawClient.connect(server);
      await client.send(line);
      expect((await server.exited).code).toBe(1);
      expect(server.stderr).toMatch(/^malformed request line ".*"\n$/);
      await server.stop();
    }
  });
});

describeStage('2c', 'its faults', (stage) => {
  const contract = useServer(stage, { app: CONTRACT_APP });
  const words = useServer(stage, { app: WORDS_APP });

  test('the pieces of a generator are joined: nothing is sent before the last one is there', async () => {
    await expectJoined(words());
  });

  test('the date is always the same', async () => {
    const answer = await answerTo(contract(), get('/hello'));
    expect(headerOf(answer, 'Date')).toBe('Fri, 12 Jun 2015 19:45:00 GMT');
  });

  test.each([
    ['an application that throws', get('/throws')],
    ['an application that says no head', get('/never-starts')],
    ['an application that uses write()', get('/write')],
    ['and one that does not wait for it', get('/unawaited')],
  ])('%s: a hang-up without a word, and the next is served', async (_title, request) => {
    const client = await RawClient.connect(contract());
    await client.send(request);
    expect((await client.readToEnd()).bytes.length).toBe(0);
    expect((await answerTo(contract(), get('/hello'))).status).toBe(200);
  });

  test('a second startResponse is taken without a reason', async () => {
    expect((await answerTo(contract(), get('/starts-twice'))).status).toBe(200);
  });

  test('a header is sent with the line break that is in it', async () => {
    const answer = await answerTo(contract(), get('/splits'));
    expect(headerOf(answer, 'Set-Cookie')).toBe('stolen=1');
  });

  test('the answer to HEAD has a body', async () => {
    const { text } = await answerTo(contract(), 'HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(text).toBe('Hello, World!\n');
  });

  test('what the application returned is not closed', async () => {
    const server = await startServer(stage, { app: CONTRACT_APP });
    await answerTo(server, get('/close?me'));
    await answerTo(server, 'hello\r\n\r\n');
    await server.waitForOutput(/malformed request line/); // it would have been told before this
    expect(server.stderr).not.toContain('closed me');
    await server.stop();
  });
});

describeStage('2d', 'its faults', (stage) => {
  const server = useServer(stage, { app: CONTRACT_APP });

  test.each([
    ['three words are taken for a request line', 'GET hello, world\r\nHost: x\r\n\r\n', 200],
    ['a version that is none of HTTP/1 is served', 'GET /hello HTTP/9.9\r\nHost: x\r\n\r\n', 200],
    ['a request without a Host is served', 'GET /hello HTTP/1.1\r\n\r\n', 200],
    [
      'a head without an end is read on: one of 17 KiB is served',
      `GET /hello HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(17 * 1024)}\r\n\r\n`,
      200,
    ],
  ])('%s', async (_title, request, status) => {
    expect((await answerTo(server(), request)).status).toBe(status);
  });

  test('a body in chunks is taken for none', async () => {
    const head = 'POST /sha256 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
    const { text } = await answerTo(server(), `${head}5\r\nhello\r\n0\r\n\r\n`);
    expect(text).toBe(createHash('sha256').digest('hex'));
  });

  test('two lengths for one body are taken for none', async () => {
    const lengths = 'Content-Length: 5\r\nContent-Length: 3\r\n';
    const head = `POST /sha256 HTTP/1.1\r\nHost: x\r\n${lengths}\r\n`;
    const { text } = await answerTo(server(), `${head}hello`);
    expect(text).toBe(createHash('sha256').digest('hex'));
  });

  test('a body of any size is kept in memory', async () => {
    const body = Buffer.alloc(8 * 1024 * 1024 + 1);
    const { statusCode } = await server().request('/sha256', { method: 'POST', body });
    expect(statusCode).toBe(200);
  });
});

/** Twenty pieces are taken off the application, and none has left; then it ends, and all are there. */
async function expectJoined(server: ServerProcess): Promise<void> {
  const gate = await openGate();
  const client = await RawClient.connect(server);
  await client.send(get(`/${gate.port}`));
  const words = await gate.opened;
  for (let round = 0; round < 20; round++) {
    words.write('word ');
    await new Promise((resolve) => words.once('data', resolve)); // it asks for the next one
  }
  expect(client.received.length).toBe(0);
  words.end();
  const { bytes } = await client.readToEnd();
  expect(parseResponse(bytes).body.toString()).toBe('word '.repeat(20));
  gate.close();
}
