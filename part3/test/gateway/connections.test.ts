/** How long a connection lasts, what is said on it in what order, and how it ends. */
import { expect, test } from 'vitest';
import { describeStage, useServer } from '../../../shared/harness/describe-stages.ts';
import { headerOf } from '../../../shared/harness/raw-client.ts';
import {
  APP,
  answersOf,
  ask,
  HELLO,
  head,
  LAST,
  makeGate,
  restOf,
  splitAnswers,
  statusesOf,
  talk,
  textsOf,
} from './gateway.ts';

describeStage('gateway', 'keeps connections', (stage) => {
  const server = useServer(stage, { app: APP });

  test('a connection carries one request after the other', async () => {
    const client = await ask(server(), head('GET /hello'));
    expect(await client.readUntil(HELLO)).not.toMatch(/^Connection:/m);
    await client.send(head('GET /hello'), LAST);
    expect(textsOf(await answersOf(client))).toEqual([HELLO, HELLO, HELLO]);
  });

  test('HTTP/1.0 closes behind its answer, unless it asks for more, and is then told so', async () => {
    const [only, ...none] = await talk(server(), head('GET /hello HTTP/1.0').repeat(2));
    expect([none, only && headerOf(only, 'Connection')]).toEqual([[], 'close']);
    const asking = head('GET /hello HTTP/1.0', 'Connection: x, Keep-Alive');
    const [kept, last] = await talk(server(), asking, head('GET /hello HTTP/1.0'));
    expect(kept && headerOf(kept, 'Connection')).toBe('keep-alive');
    expect(last && headerOf(last, 'Connection')).toBe('close');
  });

  test.each([
    ['Connection: close'],
    ['Connection: Close, x'],
    ['connection: x,\tCLOSE'],
    ['Connection: keep-alive', 'Connection: close'],
  ])('"%s" closes, in any letter case and as part of a list', async (...fields) => {
    const answers = await talk(server(), head('GET /hello', ...fields) + head('GET /hello'));
    expect(answers.map((answer) => headerOf(answer, 'Connection'))).toEqual(['close']);
  });

  test('three at once: the first is slow, and they are answered in their order', async () => {
    const gate = await makeGate();
    const client = await ask(server(), head(`GET /later?${gate.port}`) + head('GET /204') + LAST);
    await gate.arrived;
    expect(client.received.length).toBe(0);
    await gate.open();
    expect(textsOf(await answersOf(client))).toEqual(['later\n', '', HELLO]);
  });

  test('what is pipelined behind "Connection: close" is not answered', async () => {
    const slow = await makeGate();
    const request = head(`GET /later?${slow.port}`, 'Connection: close');
    const client = await ask(server(), request + head('GET /hello'));
    await slow.open();
    expect(textsOf(await answersOf(client))).toEqual(['later\n']);
    expect(textsOf(await talk(server(), LAST + head('GET /hello')))).toEqual([HELLO]);
  });

  test('an empty line before a request is forgiven', async () => {
    expect(statusesOf(await talk(server(), `${head('GET /hello')}\r\n${LAST}`))).toEqual([
      200, 200,
    ]);
  });
});

describeStage('gateway', 'answers a refusal last', (stage) => {
  const server = useServer(stage, { app: APP });
  const chunked = 'Transfer-Encoding: chunked';

  test.each([
    ['two framings', head('POST /hello', 'Content-Length: 4', chunked), 400],
    ['two lengths', head('POST /hello', 'Content-Length: 0, 5'), 400],
    ['a length with a sign', head('POST /hello', 'Content-Length: +5'), 400],
    ['chunked, but not last', head('POST /hello', 'Transfer-Encoding: chunked, gzip'), 400],
    ['a line that is folded', head('GET /hello', 'X-A: 1', ' Content-Length: 5'), 400],
    ['a LF for a CR LF', 'GET /hello HTTP/1.1\nHost: x\n\n', 400],
    ['an expectation that nobody knows', head('POST /hello', 'Expect: the-spanish'), 417],
    ['another version', head('GET /hello HTTP/2.0'), 505],
  ])('%s: and nothing behind it is ever a request', async (_, refused, status) => {
    const bytes = head('GET /204') + refused + head('GET /hello').repeat(3);
    const answers = await talk(server(), bytes);
    expect(statusesOf(answers)).toEqual([204, status]);
    expect(answers[1] && headerOf(answers[1], 'Connection')).toBe('close');
  });

  test.each([
    ['read', '/counts', [400]],
    ['not read', '/hello', [200]],
  ])('a chunk that is none, in a body that is %s: the same', async (_, path, statuses) => {
    const smuggled = `${head(`POST ${path}`, chunked)}5\r\nhello\r\nzz\r\n${head('GET /hello')}`;
    expect(statusesOf(await talk(server(), smuggled + head('GET /hello')))).toEqual(statuses);
  });

  test('a chunk that is none, and the answer is begun: it is cut, and nothing follows', async () => {
    const request = head('POST /answers-then-reads', chunked);
    const client = await ask(server(), request);
    await client.readUntil('begun, ');
    await client.send(`zz\r\n${head('GET /hello')}`);
    const { bytes, ending } = await client.readToEnd();
    expect(ending).toBe('fin');
    expect(() => splitAnswers(bytes)).toThrow(/not a whole chunk/);
    expect(`${bytes}`.match(/HTTP\/1.1/g)).toHaveLength(1);
  });
});

describeStage('gateway', 'comes to the next request behind a body', (stage) => {
  const server = useServer(stage, { app: APP });
  const upload = (path: string, size: number) =>
    head(`POST ${path}`, `Content-Length: ${size}`) + 'x'.repeat(size);

  test('a small body that the application does not read is read for it', async () => {
    const answers = await talk(server(), upload('/hello', 60_000) + LAST);
    expect(statusesOf(answers)).toEqual([200, 200]);
  });

  test('a small body is drained also when it comes behind the answer', async () => {
    const client = await ask(server(), head('POST /hello', 'Content-Length: 9'));
    await client.readUntil(HELLO);
    await client.send('GET /204 ', LAST);
    expect(textsOf(await answersOf(client))).toEqual([HELLO, HELLO]);
  });

  test('a chunked body that is not read is drained with its trailers', async () => {
    const body = '3\r\nGET\r\n0\r\nX-Sum: 1\r\n\r\n';
    const bytes = head('POST /hello', 'Transfer-Encoding: chunked') + body + LAST;
    expect(statusesOf(await talk(server(), bytes))).toEqual([200, 200]);
  });

  test('a large body that is not read ends the connection, and the answer arrives', async () => {
    const client = await ask(server(), head('POST /hello', 'Content-Length: 1000000'));
    await client.readUntil(HELLO);
    await client.send('x'.repeat(999_999), `x${LAST}`).catch(() => {}); // it need not take all of it
    expect(textsOf(splitAnswers((await client.readToEnd()).bytes))).toEqual([HELLO]);
  });

  test('a body that is read in part is drained from there', async () => {
    const answers = await talk(server(), upload('/reads-a-byte', 50_000) + LAST);
    expect(textsOf(answers)).toEqual(['read 1\n', HELLO]);
  });
});

describeStage('gateway', 'hears the end of a client, and answers', (stage) => {
  const server = useServer(stage, { app: APP });
  const sayAndFinish = async (...slices: string[]) => {
    const client = await ask(server(), ...slices);
    client.halfClose();
    return client;
  };

  test('who says FIN behind a request still gets the answer', async () => {
    const client = await sayAndFinish(head('GET /hello'));
    expect(textsOf(await answersOf(client))).toEqual([HELLO]);
  });

  test('the same with an answer of 16 MiB', async () => {
    const [answer] = await answersOf(await sayAndFinish(head('GET /big')));
    expect(answer?.body.length).toBe(16 * 1024 * 1024);
  });

  test('the same with two requests, of which the first is slow', async () => {
    const gate = await makeGate();
    const client = await sayAndFinish(head(`GET /later?${gate.port}`) + head('GET /hello'));
    await gate.open();
    expect(textsOf(await answersOf(client))).toEqual(['later\n', HELLO]);
  });

  test('a FIN between two requests is an end, and gets no answer', async () => {
    expect(await answersOf(await sayAndFinish())).toEqual([]);
    expect(await answersOf(await sayAndFinish('\r'))).toEqual([]);
  });

  test.each([
    ['a request line', 'GET /hel'],
    ['the fields', head('GET /hello').slice(0, -2)],
    ['a body that is read', `${head('POST /counts', 'Content-Length: 9')}four`],
    ['a chunk that is read', `${head('POST /counts', 'Transfer-Encoding: chunked')}9\r\nfour`],
  ])('a FIN in the middle of %s is a bad request', async (_, bytes) => {
    expect(statusesOf(await answersOf(await sayAndFinish(bytes)))).toEqual([400]);
  });

  test("the application's read rejects when the body ends in its middle", async () => {
    const request = head('POST /tells-of-its-body?fin', 'Content-Length: 9');
    expect(statusesOf(await answersOf(await sayAndFinish(request, 'four')))).toEqual([400]);
    await server().waitForOutput(/rejected: the body ended in its middle; fin/);
    expect(server().stderr).not.toMatch(/^\s+at .*connection/m); // it is nobody's fault here
  });

  test('a FIN in the middle of a body that nobody reads is an end, too', async () => {
    const request = `${head('POST /hello', 'Content-Length: 9')}four`;
    expect(textsOf(await answersOf(await sayAndFinish(request)))).toEqual([HELLO]);
  });
});

describeStage('gateway', 'makes no more answers than its client takes', (stage) => {
  const server = useServer(stage, { app: APP, args: ['--access-log', '-'] });

  test('a thousand requests at once from one who does not read: few are begun, then all', async () => {
    const client = await ask(server());
    client.pause();
    await client.send(head('GET /block').repeat(999) + LAST);
    const made = () => server().stdout.match(/GET \/block/g)?.length ?? 0;
    await expect.poll(made).toBeGreaterThan(0);
    expect(await restOf(made)).toBeLessThan(600); // 64 KiB each: what the kernel takes, and one more
    const answers = await answersOf(client);
    expect(answers.length).toBe(1000);
    expect(answers.slice(0, 999).every(({ body }) => body.length === 64 * 1024)).toBe(true);
  });
});
