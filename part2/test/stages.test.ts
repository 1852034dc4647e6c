/**
 * The stages between 2a and webserver2. Each runs every application, and each has faults that the next one has not: here
 * the fault is what has to be seen.
 */
import { expect, test } from 'vitest';
import { forEveryApp, JAVASCRIPT, PYTHON } from '../../shared/harness/contract/every-app.ts';
import { describeStage, useServer } from '../../shared/harness/describe-stages.ts';
import { openGate } from '../../shared/harness/gate.ts';
import { headerOf, parseResponse, RawClient } from '../../shared/harness/raw-client.ts';
import { type ServerProcess, startServer } from '../../shared/harness/server-process.ts';

const CONTRACT_APP = 'shared/harness/contract-app:app';
const WORDS_APP = 'part2/test/words-app:app';

/** Sends these slices, and takes apart what comes until the server ends the connection. */
async function answerTo(server: ServerProcess, ...slices: string[]) {
  const client = await RawClient.connect(server);
  await client.send(...slices);
  const { status, headers, body } = parseResponse((await client.readToEnd()).bytes);
  return { status, headers, text: body.toString() };
}

describeStage('2b', 'runs all nine applications', (stage) => {
  forEveryApp({ ...JAVASCRIPT, ...PYTHON }, (app, greeting) => {
    const server = useServer(stage, { app });

    test('greets, again and again', async () => {
      for (let round = 0; round < 2; round++) {
        const { status, text } = await answerTo(server(), 'GET /hello HTTP/1.1\r\nHost: x\r\n\r\n');
        expect([status, text]).toEqual([200, `Hello world from ${greeting}!\n`]);
      }
    });
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
    const { status } = await answerTo(bare(), 'GET /hello?x=1 HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(status).toBe(404);
  });

  test('no header reaches the application', async () => {
    const { text } = await answerTo(contract(), 'GET /environ HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(Object.keys(JSON.parse(text)).filter((key) => key.startsWith('HTTP_'))).toEqual([]);
  });

  test('no body reaches the application', async () => {
    const head = 'POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n';
    expect((await answerTo(bare(), `${head}hello`)).text).toBe('0 bytes\n');
  });

  test("status and headers are the server's: who says none gets those of the one before", async () => {
    await answerTo(contract(), 'GET /headers HTTP/1.1\r\nHost: x\r\n\r\n');
    const next = await answerTo(contract(), 'GET /never-starts HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(headerOf(next, 'Set-Cookie')).toBe('a=1');
    expect(next.text).toBe('a body without a head');
  });

  test('the date is always the same', async () => {
    const answer = await answerTo(bare(), 'GET /hello HTTP/1.1\r\nHost: x\r\n\r\n');
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

/** Twenty pieces are taken off the application, and none has left; then it ends, and all are there. */
async function expectJoined(server: ServerProcess): Promise<void> {
  const gate = await openGate();
  const client = await RawClient.connect(server);
  await client.send(`GET /${gate.port} HTTP/1.1\r\nHost: x\r\n\r\n`);
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
