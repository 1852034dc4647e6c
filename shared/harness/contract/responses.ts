/** What an application's answer becomes on the wire, and what happens when it breaks the contract. */
import { describe, expect, test } from 'vitest';
import { type DescribeServers, expectCut, useServer, watched } from '../describe-stages.ts';
import { openGate } from '../gate.ts';
import { headerOf, parseResponse, RawClient, type RawResponse } from '../raw-client.ts';

export function describeResponses(describeServers: DescribeServers): void {
  for (const app of ['app', 'validated']) {
    describeServers(`sends what the application answers (${app})`, (stage) => {
      const server = useServer(
        stage,
        watched(stage, { app: `shared/harness/contract-app:${app}` }),
      );

      async function get(target: string, method = 'GET'): Promise<RawResponse> {
        const client = await RawClient.connect(server());
        await client.send(`${method} ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
        const { bytes, ending } = await client.readToEnd();
        expect(ending).toBe('fin');
        const response = parseResponse(bytes);
        expect(response.isWhole || method === 'HEAD').toBe(true);
        return response;
      }

      test('headers in their order and letter case, two Set-Cookie, its own Date and Server', async () => {
        const { headers } = await get('/headers');
        expect(headers.slice(0, 6)).toEqual([
          ['X-First', '1'],
          ['Set-Cookie', 'a=1'],
          ['date', 'Tue, 15 Nov 1994 08:12:31 GMT'],
          ['SERVER', 'my own'],
          ['Set-Cookie', 'b=2'],
          ['X-Last', 'caf\xe9'],
        ]);
        const names = headers.map(([name]) => name.toLowerCase());
        expect(names.filter((name) => name === 'date' || name === 'server')).toHaveLength(2);
      });

      test('where the application is silent the server adds Date, which is now, Server and Connection', async () => {
        const response = await get('/hello');
        const date = headerOf(response, 'Date') ?? '';
        expect(date).toBe(new Date(date).toUTCString());
        expect(Math.abs(Date.now() - Date.parse(date))).toBeLessThan(5_000);
        expect(headerOf(response, 'Server')).toBeTruthy();
        expect(headerOf(response, 'Connection')).toBe('close');
      });

      test('a list gets its Content-Length', async () => {
        const response = await get('/hello');
        expect(response.body.toString()).toBe('Hello, World!\n');
        expect(headerOf(response, 'Content-Length')).toBe('14');
      });

      test('promises, generators, empty pieces, strings as UTF-8 and bytes as bytes', async () => {
        const later = await get('/async');
        expect([later.status, later.body.toString()]).toEqual([201, 'from a promise\n']);
        const pieces = await get('/generator');
        expect(pieces.body).toEqual(Buffer.from([0xff, 0, ...Buffer.from('é👋')]));
      });

      test('write() goes before what is returned', async () => {
        expect((await get('/write')).body.toString()).toBe('written, then returned\n');
      });

      test('HEAD, 204 and 304 carry no body', async () => {
        const head = await get('/hello', 'HEAD');
        expect([head.body.length, headerOf(head, 'Content-Length')]).toEqual([0, '14']);
        expect((await get('/endless', 'HEAD')).body.length).toBe(0);
        const noContent = await get('/204');
        expect([noContent.status, noContent.body.length]).toEqual([204, 0]);
        expect(headerOf(noContent, 'Content-Length')).toBeUndefined();
      });

      test('before a head has left, startResponse with excInfo replaces it', async () => {
        for (const path of ['/replaced', '/replaced-behind-nothing']) {
          const response = await get(path);
          expect([response.status, headerOf(response, 'X-Mistaken')]).toEqual([503, undefined]);
        }
      });

      test('close() is called soon when the client leaves, though the application waits', async () => {
        const client = await RawClient.connect(server());
        await client.send('GET /waits HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
        await client.readUntil('waiting');
        await client.reset();
        await server().waitForOutput(/^waits closed, 1 said$/m);
        expect((await server().request('/hello')).statusCode).toBe(200);
      });

      test('each piece leaves when it is there: the first arrives before the second is made', async () => {
        const gate = await openGate();
        const client = await RawClient.connect(server());
        await client.send(
          `GET /relay?${gate.port} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
        );
        const words = await gate.opened;
        words.write('first, ');
        await client.readUntil('first, ');
        words.end('second');
        expect(parseResponse((await client.readToEnd()).bytes).body.toString()).toBe(
          'first, second',
        );
        gate.close();
      });

      test('a client that half-closes after its request is waited for all the same', async () => {
        const gate = await openGate();
        const client = await RawClient.connect(server());
        await client.send(
          `GET /relay?${gate.port} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
        );
        client.halfClose();
        const words = await gate.opened;
        for (let round = 0; round < 20; round++) {
          words.write(`round ${round};`); // the end of the request has been noticed long before the last
          await client.readUntil(`round ${round};`);
        }
        words.end('the end');
        const { bytes, ending } = await client.readToEnd();
        const { status, body } = parseResponse(bytes);
        expect([status, ending]).toEqual([200, 'fin']);
        expect(body.toString()).toMatch(/the end$/);
        gate.close();
      });

      test('a slow reader gets all of 16 MiB, then a FIN and no reset', async () => {
        const client = await RawClient.connect(server());
        client.pause();
        await client.send('GET /big HTTP/1.1\r\nHost: slow\r\nConnection: close\r\n\r\n');
        await server().waitForOutput(/^< Host: slow$/m);
        const { bytes, ending } = await client.readToEnd();
        expect(parseResponse(bytes).body.length).toBe(16 * 1024 * 1024);
        expect(ending).toBe('fin');
      });

      test('close() is called once: after an answer, and after HEAD', async () => {
        await get('/close?an-answer');
        await get('/close?head', 'HEAD');
        await get('/close?last');
        await server().waitForOutput(/^closed last$/m);
        const closed = server().stderr.match(/^closed .*$/gm);
        expect(closed).toEqual(['closed an-answer', 'closed head', 'closed last']);
      });

      test('when the client leaves an endless answer, close() is called and the next is served', async () => {
        const before = server().stderr.length; // HEAD has closed one, too
        const client = await RawClient.connect(server());
        await client.send('GET /endless HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
        await client.readUntil('xxx');
        client.leave();
        const since = () => server().stderr.slice(before);
        await expect.poll(since, { timeout: 20_000 }).toContain('endless closed');
        expect((await server().request('/hello')).statusCode).toBe(200);
      });
    });
  }

  describeServers('answers for a broken application', (stage) => {
    const server = useServer(stage, watched(stage, { app: 'shared/harness/contract-app:app' }));
    const isLenient = stage.part === 'part3';

    test.each([
      ['/throws', 'secret of the application'],
      ['/throws-after-start', 'secret of the application'],
      ['/rejects', 'secret of the application'],
      ['/never-starts', 'startResponse comes before the body'],
      ['/starts-twice', 'second startResponse needs excInfo'],
      ['/starts-again', 'second startResponse needs excInfo'],
      ['/returns-nothing', 'something to iterate over'],
      ['/returns-numbers', 'strings and Uint8Arrays'],
      ['/bad-status', 'a status looks like'],
      ['/splits', 'malformed header'],
      ['/splits-unicode', 'malformed header'],
      ['/map-headers', 'a list of'],
      ['/colon', 'malformed header'],
      ['/undefined-value', 'malformed header'],
      ['/bad-length', 'one Content-Length'],
      ['/two-lengths', 'one Content-Length'],
      ...(isLenient ? [] : [['/hop-by-hop', "Transfer-Encoding is the server's to send"]]),
    ])(
      '%s: 500 that leaks nothing, the reason in the log, and the next is served',
      async (path, reason) => {
        const { statusCode, headers, body } = await server().request(path);
        expect(await body.text()).toBe('500 Internal Server Error\n');
        expect([statusCode, headers['x-mistaken'], headers['set-cookie']]).toEqual([
          500,
          undefined,
          undefined,
        ]);
        await server().waitForOutput(new RegExp(`${reason}[^]*\\n +at `));
        expect((await server().request('/hello')).statusCode).toBe(200);
      },
    );

    test.runIf(isLenient)(
      'a field of the connection is left out, a line in the log says so, and the answer stands',
      async () => {
        const { statusCode, headers, body } = await server().request('/hop-by-hop');
        expect([statusCode, await body.text(), headers['content-length']]).toEqual([200, 'x', '1']);
        expect([headers['transfer-encoding'], headers['keep-alive']]).toEqual([
          undefined,
          undefined,
        ]);
        await server().waitForOutput(/^left out: Transfer-Encoding .*\nleft out: Keep-Alive .*$/m);
      },
    );

    test('a 407 keeps its Proxy-Authenticate', async () => {
      const { statusCode, headers } = await server().request('/407');
      expect([statusCode, headers['proxy-authenticate']]).toEqual([407, 'Basic']);
    });

    test('a 304 has no body, even if the application has one for it', async () => {
      const client = await RawClient.connect(server());
      await client.send('GET /304 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      const response = parseResponse((await client.readToEnd()).bytes);
      expect([response.status, response.body.length]).toEqual([304, 0]);
      expect(headerOf(response, 'Content-Length')).toBeUndefined();
    });

    test('headers are taken as they were given: what is added later was never looked at', async () => {
      const { statusCode, headers } = await server().request('/mutates');
      expect([statusCode, headers['set-cookie'], headers['x-split']]).toEqual([
        200,
        undefined,
        undefined,
      ]);
    });

    test('a reason may be in latin-1', async () => {
      const client = await RawClient.connect(server());
      await client.send('GET /obs-text HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      const { bytes } = await client.readToEnd();
      expect(bytes.toString('latin1')).toMatch(/^HTTP\/1\.1 200 \xc7a va\r\n/);
    });

    test('HEAD does not call a body empty that it has not seen', async () => {
      const head = await server().request('/empty-list', { method: 'HEAD' });
      expect(head.headers['content-length']).toBeUndefined();
      const get = await server().request('/empty-list');
      expect(get.headers['content-length']).toBe('0');
    });

    test('an application that does not wait for write() survives a client that leaves', async () => {
      const client = await RawClient.connect(server());
      await client.send('GET /unawaited HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      await client.readUntil('xxx');
      await client.reset();
      expect((await server().request('/hello')).statusCode).toBe(200);
    });

    test('a client that leaves while the application thinks: close() is called all the same', async () => {
      const before = server().stderr.length;
      const client = await RawClient.connect(server());
      await client.send('GET /late-waits HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      await server().waitForOutput(/^asleep$/m);
      await client.reset();
      await server().waitForOutput(/^waits closed, 0 said$/m);
      expect((await server().request('/hello')).statusCode).toBe(200);
      expect(server().stderr.slice(before)).not.toContain('broke a rule'); // it is not to blame
    });

    test('even `throw undefined` is answered', async () => {
      expect((await server().request('/throws-nothing')).statusCode).toBe(500);
    });

    // A Node.js client takes a reset for an end when it comes together with the last bytes, so it is made to
    // come apart from them: the application fails only when the test has its first half.
    test.each(['/relay-and-throw', '/too-late'])(
      '%s: half an answer is cut, so that no client takes it for a whole one',
      async (path) => {
        const gate = await openGate();
        const client = await RawClient.connect(server());
        await client.send(
          `GET ${path}?${gate.port} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
        );
        const words = await gate.opened;
        words.write('half of ');
        await client.readUntil('half of ');
        words.end();
        expectCut(await client.readToEnd());
        expect((await server().request('/hello')).statusCode).toBe(200);
        gate.close();
      },
    );

    test('a close() that throws is logged; the answer was complete, and stays so', async () => {
      const { body } = await server().request('/close-throws');
      expect(await body.text()).toBe('x');
      await server().waitForOutput(/close\(\) itself failed/);
    });
  });

  describe.skipIf(process.env.SERVER)('one write deadline', () => {
    describeServers('does not wait for ever for a reader', (stage) => {
      const app = 'shared/harness/contract-app:app';
      const server = useServer(stage, { app, args: ['--write-timeout', '0.3'] });

      test('a client that takes nothing is cut off, though it goes on talking; the next is served', async () => {
        const client = await RawClient.connect(server());
        client.pause();
        await client.send('GET /endless HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
        const chatter = setInterval(() => client.send('x').catch(() => {}), 50);
        const next = server().request('/hello');
        try {
          await server().waitForOutput(/^endless closed$/m);
        } finally {
          clearInterval(chatter);
          client.leave();
        }
        expect((await next).statusCode).toBe(200);
      });
    });
  });
}
