/** What an answer looks like on the wire, when it is whole and when it is not; and what is kept from applications. */
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
  splitAnswers,
  statusesOf,
  talk,
  textsOf,
} from './gateway.ts';

describeStage('gateway', 'frames its answers', (stage) => {
  const server = useServer(stage, { app: APP });

  test('a length that is known is said; else there are chunks, or in HTTP/1.0 the end', async () => {
    const [list, slow] = await talk(server(), head('GET /hello') + head('GET /async'), LAST);
    expect(list && headerOf(list, 'Content-Length')).toBe(`${HELLO.length}`);
    expect(slow && headerOf(slow, 'Transfer-Encoding')).toBe('chunked');
    expect(slow && `${slow.body}`).toBe('from a promise\n');
    const old = await talk(server(), head('GET /async HTTP/1.0', 'Connection: keep-alive'));
    expect(old.map((answer) => headerOf(answer, 'Connection'))).toEqual(['close']);
    expect(textsOf(old)).toEqual(['from a promise\n']);
  });

  test('HEAD, 204 and 304 have no body, and what follows them is read right', async () => {
    const requests = ['HEAD /hello', 'GET /204', 'HEAD /async', 'GET /304', 'HEAD /block'];
    const client = await ask(server(), requests.map((line) => head(line)).join('') + LAST);
    const methods = requests.map((line) => line.replace(/ .*/, ''));
    const answers = await answersOf(client, ...methods);
    expect(statusesOf(answers)).toEqual([200, 204, 201, 304, 200, 200]);
    expect(textsOf(answers).join('')).toBe(HELLO);
    const [hello, none] = answers;
    expect(hello && headerOf(hello, 'Content-Length')).toBe(`${HELLO.length}`);
    expect(none && headerOf(none, 'Content-Length')).toBeUndefined();
  });

  test('HEAD of an endless answer is its head', async () => {
    const client = await ask(server(), head('HEAD /endless', 'Connection: close'));
    expect(textsOf(await answersOf(client, 'HEAD'))).toEqual(['']);
  });

  test('Date is there once, and of the one form', async () => {
    const [answer] = await talk(server(), LAST);
    const dates = answer?.headers.filter(([name]) => name.toLowerCase() === 'date') ?? [];
    expect(dates.map(([, value]) => new Date(value).toUTCString())).toEqual([dates[0]?.[1]]);
  });

  test('a close() that never ends holds up neither the end of its answer nor the next one', async () => {
    const answers = await talk(server(), head('GET /closes-for-ever') + LAST);
    expect(textsOf(answers)).toEqual(['x', HELLO]);
  });

  test('a length that the application promises and keeps, in however many pieces', async () => {
    const [answer] = await talk(server(), head('GET /keeps-its-word') + LAST);
    expect([answer?.status, `${answer?.body}`]).toEqual([200, 'firstlater']);
    expect(answer && headerOf(answer, 'Content-Length')).toBe('10');
  });

  test('an answer shorter than was promised is cut, and never looks whole', async () => {
    const client = await ask(server(), head('GET /too-long-a-length') + head('GET /hello'));
    const { bytes, ending } = await client.readToEnd();
    expect(ending).toBe('fin');
    expect(() => splitAnswers(bytes)).toThrow('not a whole body');
    await server().waitForOutput(/shorter than its Content-Length, by 91 bytes/);
  });

  test('an answer that fails behind its beginning is cut, and so are the chunks', async () => {
    const gate = await makeGate();
    const client = await ask(server(), head(`GET /relay-and-throw?${gate.port}`) + LAST);
    await gate.say('half');
    await client.readUntil('half');
    await gate.open();
    const { bytes, ending } = await client.readToEnd();
    expect(ending).toBe('fin');
    expect(() => splitAnswers(bytes)).toThrow('not a whole chunk');
  });

  test('to HTTP/1.0 the end of the connection would be the end of the answer: there a RST cuts it', async () => {
    const gate = await makeGate();
    const client = await ask(server(), `GET /relay-and-throw?${gate.port} HTTP/1.0\r\n\r\n`);
    await gate.say('half');
    await client.readUntil('half');
    await gate.open();
    expect((await client.readToEnd()).ending).toBe('rst');
  });

  test.each(['/too-long-for-a-list', '/too-short-for-a-list', '/bad-length', '/two-lengths'])(
    'a list that is not as long as promised is a 500, and a last answer: %s',
    async (path) => {
      const answers = await talk(server(), head(`GET ${path}`) + head('GET /hello'));
      expect(statusesOf(answers)).toEqual([500]);
      expect(`${answers[0]?.body}`).toBe('500 Internal Server Error\n'); // and no word of the reason
    },
  );

  test('bytes beyond the promised length never leave, nor does an answer behind them', async () => {
    const client = await ask(server(), head('GET /surplus') + head('GET /hello'));
    const { bytes } = await client.readToEnd();
    expect(`${bytes}`).not.toMatch(/SURPLUS|Hello/);
    await server().waitForOutput(/longer than its Content-Length, by 7 bytes/);
  });
});

describeStage('gateway', 'tells a client to go on', (stage) => {
  const server = useServer(stage, { app: APP });
  const expecting = (path: string, ...more: string[]) =>
    head(`POST ${path}`, 'Content-Length: 5', 'Expect: 100-Continue', ...more);

  test('when the application first reads, and once', async () => {
    const client = await ask(server(), expecting('/counts'));
    expect(await client.readUntil('\r\n\r\n')).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    await client.send('he', 'llo', LAST);
    const answers = await answersOf(client);
    expect(statusesOf(answers)).toEqual([100, 200, 200]);
    expect(`${answers[1]?.body}`).toBe('5 bytes\n');
  });

  test('an application that never reads: its answer, and the end of the connection', async () => {
    const client = await ask(server(), expecting('/hello'));
    const answers = await answersOf(client);
    expect(statusesOf(answers)).toEqual([200]);
    expect(answers[0] && headerOf(answers[0], 'Connection')).toBe('close');
  });

  test('not when the body came along', async () => {
    expect(statusesOf(await talk(server(), `${expecting('/counts')}hello${LAST}`))).toEqual([
      200, 200,
    ]);
  });

  test('not in HTTP/1.0, and not when there is no body to come', async () => {
    const old = head('POST /counts HTTP/1.0', 'Content-Length: 5', 'Expect: 100-continue');
    const client = await ask(server(), old);
    await client.send('hello');
    expect(statusesOf(await answersOf(client))).toEqual([200]);
    const none = head('POST /counts', 'Expect: 100-continue');
    expect(statusesOf(await talk(server(), none + LAST))).toEqual([200, 200]);
  });

  test('not behind the head of the answer', async () => {
    const client = await ask(server(), expecting('/answers-then-reads'));
    await client.readUntil('begun, ');
    await client.send('hello');
    const answers = await answersOf(client);
    expect(statusesOf(answers)).toEqual([200]);
    expect(textsOf(answers)).toEqual(['begun, 5 bytes\n']);
  });
});

describeStage('gateway', 'keeps from applications what is not what it seems', (stage) => {
  const server = useServer(stage, { app: APP });

  test('a name with an underscore poses as one with a hyphen, and is dropped', async () => {
    const spoof = ['X_User: admin', 'X-User: me', 'Content_Length: 5', 'CONTENT_TYPE: a'];
    const [answer] = await talk(server(), head('GET /environ', ...spoof, 'Connection: close'));
    const environ = JSON.parse(`${answer?.body}`);
    expect(environ.HTTP_X_USER).toBe('me');
    expect(Object.keys(environ)).not.toContain('CONTENT_LENGTH');
    expect(Object.keys(environ)).not.toContain('CONTENT_TYPE');
    expect(Object.keys(environ)).not.toContain('HTTP_CONTENT_LENGTH');
  });

  test('Proxy never becomes HTTP_PROXY, in no letter case', async () => {
    for (const name of ['Proxy', 'PROXY', 'pRoXy']) {
      const [answer] = await talk(
        server(),
        head('GET /environ', `${name}: evil`, 'Connection: close'),
      );
      expect(`${answer?.body}`).not.toContain('evil');
    }
  });
});
