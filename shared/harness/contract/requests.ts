/** The contract's first half: what a request becomes, the environ and wsgi.input, or a refusal. */
import { createHash, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { type DescribeServers, useServer } from '../describe-stages.ts';
import { headerOf, parseResponse, RawClient } from '../raw-client.ts';
import type { ServerProcess } from '../server-process.ts';

export const CONTRACT_APP = 'shared/harness/contract-app:app';

export function describeRequests(describeServers: DescribeServers): void {
  describeServers('makes an environ of a request', (stage) => {
    const server = useServer(stage, { app: CONTRACT_APP });

    /** Sends the bytes and gives back what the application saw. */
    async function environOf(...lines: string[]): Promise<Record<string, unknown>> {
      const client = await RawClient.connect(server());
      await client.send(`${lines.join('\r\n')}\r\nConnection: close\r\n\r\n`);
      const response = parseResponse((await client.readToEnd()).bytes);
      expect(response.status).toBe(200);
      return JSON.parse(response.body.toString());
    }

    test('the request line becomes REQUEST_METHOD, PATH_INFO, QUERY_STRING and SERVER_PROTOCOL', async () => {
      expect(await environOf('PROPFIND /environ?q=1 HTTP/1.1', 'Host: x')).toMatchObject({
        REQUEST_METHOD: 'PROPFIND',
        SCRIPT_NAME: '',
        PATH_INFO: '/environ',
        QUERY_STRING: 'q=1',
        SERVER_PROTOCOL: 'HTTP/1.1',
        REQUEST_URI: '/environ?q=1',
      });
      const old = await environOf('GET /environ HTTP/1.0');
      expect(old).toMatchObject({ SERVER_PROTOCOL: 'HTTP/1.0', QUERY_STRING: '' });
    });

    test('PATH_INFO is decoded once, into bytes shown as latin-1; QUERY_STRING stays as it came', async () => {
      const target = '/env%69ron/%2e./caf%C3%A9%20%252F%zz';
      const query = 'q=a%20b?c=%C3%A9';
      const environ = await environOf(`GET ${target}?${query} HTTP/1.1`, 'Host: x');
      expect(environ).toMatchObject({
        PATH_INFO: '/environ/../caf\xc3\xa9 %2F%zz',
        QUERY_STRING: query,
        REQUEST_URI: `${target}?${query}`,
      });
    });

    test('a target that names its host outranks the Host field', async () => {
      const environ = await environOf('GET http://other.example:81/environ?q HTTP/1.1', 'Host: x');
      expect(environ).toMatchObject({
        HTTP_HOST: 'other.example:81',
        PATH_INFO: '/environ',
        QUERY_STRING: 'q',
      });
    });

    test("fields become CGI's variables: upper case, underscores, trimmed, equal names joined", async () => {
      const environ = await environOf(
        'GET /environ HTTP/1.1',
        'hOsT:  localhost:80 \t',
        'X-Two: a',
        'x-two:b',
        'Cookie: a=1',
        'Cookie: b=2',
        'X-Empty:',
        'X-Latin: caf\xe9',
      );
      expect(environ).toMatchObject({
        HTTP_HOST: 'localhost:80',
        HTTP_X_TWO: 'a, b',
        HTTP_COOKIE: 'a=1; b=2',
        HTTP_X_EMPTY: '',
      });
    });

    test('Content-Type and Content-Length have their own names, and no HTTP_ twin', async () => {
      const environ = await environOf(
        'POST /environ HTTP/1.1',
        'Host: x',
        'Content-Type: text/x',
        'Content-Length: 0',
      );
      expect(environ).toMatchObject({ CONTENT_TYPE: 'text/x', CONTENT_LENGTH: '0' });
      expect(Object.keys(environ)).not.toContain('HTTP_CONTENT_TYPE');
      expect(Object.keys(environ)).not.toContain('HTTP_CONTENT_LENGTH');
    });

    test('names that would pose as others do not come through: X_Real_IP, and Proxy (CVE-2016-5385)', async () => {
      const environ = await environOf(
        'GET /environ HTTP/1.1',
        'Host: x',
        'X_Real_IP: 6.6.6.6',
        'Proxy: http://evil.example',
        'Content_Type: text/evil',
      );
      expect(JSON.stringify(environ)).not.toMatch(/6\.6\.6\.6|evil/);
    });

    test('every key that PEP 3333 asks for is there, and tells the truth', async () => {
      const environ = await environOf('GET /environ HTTP/1.1', 'Host: x');
      expect(environ).toMatchObject({
        ...(stage.transport === 'unix'
          ? { SERVER_NAME: 'localhost', SERVER_PORT: '80', REMOTE_ADDR: '', REMOTE_PORT: '' }
          : {
              SERVER_NAME: '127.0.0.1',
              SERVER_PORT: `${server().port}`,
              REMOTE_ADDR: '127.0.0.1',
            }),
        ...(stage.part === 'part3' && { SERVER_SOFTWARE: 'webserver3' }),
        'wsgi.version': [1, 0],
        'wsgi.url_scheme': stage.transport === 'tls' ? 'https' : 'http',
        'wsgi.multithread': false,
        'wsgi.multiprocess': stage.workers !== undefined,
        'wsgi.run_once': false,
      });
      expect(environ).toHaveProperty(['wsgi.input']);
      expect(environ).toHaveProperty(['wsgi.errors']);
    });
  });

  describeServers('reads a body, whatever the packets', (stage) => {
    const server = useServer(stage, { app: CONTRACT_APP });

    test('1 MiB of random bytes, in three pieces, arrives unchanged', async () => {
      const body = randomBytes(1024 * 1024);
      const client = await RawClient.connect(server());
      const head = `POST /sha256 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`;
      await client.send(
        head,
        body.subarray(0, 10),
        body.subarray(10, 700_000),
        body.subarray(700_000),
      );
      const response = parseResponse((await client.readToEnd()).bytes);
      expect(response.body.toString()).toBe(createHash('sha256').update(body).digest('hex'));
    });

    test('bytes behind the body do not belong to it', async () => {
      const client = await RawClient.connect(server());
      await client.send(
        'POST /sha256 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabcdef',
      );
      const response = parseResponse((await client.readToEnd()).bytes);
      expect(response.body.toString()).toBe(createHash('sha256').update('abc').digest('hex'));
    });

    test('wsgi.input gives lines: readline, readline with a size, readlines with a hint, iteration', async () => {
      const { body } = await server().request('/lines', {
        method: 'POST',
        body: 'one\ntwo four\nfive\nsix\nseven\n\nend',
      });
      expect(await body.json()).toEqual({
        line: ['one\n', 'two'],
        hinted: [' four\n', 'five\n'],
        rest: ['six\n', 'seven\n', '\n', 'end'],
      });
    });

    test('HTTP/1.0 cannot ask for 100-continue, and is not told', async () => {
      const client = await RawClient.connect(server());
      const head = 'POST /sha256 HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n';
      await client.send(head, 'abc');
      expect((await client.readToEnd()).bytes.toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    });

    test('a client that asks "100-continue" first gets its go', async () => {
      const client = await RawClient.connect(server());
      await client.send(
        'POST /sha256 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n',
      );
      await client.readUntil('HTTP/1.1 100 Continue\r\n\r\n');
      await client.send('abc');
      const { bytes } = await client.readToEnd();
      expect(bytes.toString()).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
    });
  });

  describeServers('refuses, and goes on', (stage) => {
    const server = useServer(stage, { app: CONTRACT_APP, args: [] });
    const HOST = 'Host: x';

    const refusals: [title: string, status: number, ...lines: string[]][] = [
      ['a first line that is no request line', 400, 'hello'],
      ['a request line without a version', 400, 'GET /'],
      ['two spaces in a request line', 400, 'GET  / HTTP/1.1', HOST],
      ['a target that is no target', 400, 'GET hello HTTP/1.1', HOST],
      ['a target with bytes beyond ASCII', 400, 'GET /caf\xe9 HTTP/1.1', HOST],
      ['* for anything but OPTIONS', 400, 'GET * HTTP/1.1', HOST],
      ['a version of tomorrow', 505, 'GET / HTTP/2.0', HOST],
      ['a field without a colon', 400, 'GET / HTTP/1.1', HOST, 'X-No-Colon'],
      ['a space before the colon', 400, 'GET / HTTP/1.1', HOST, 'X-Space : 1'],
      ['a folded field', 400, 'GET / HTTP/1.1', HOST, 'X-Folded: 1', ' 2'],
      ['a NUL in a field', 400, 'GET / HTTP/1.1', HOST, 'X-Nul: \0'],
      ['a bare LF in a field', 400, 'GET / HTTP/1.1', HOST, 'X-Lf: 1\nX-Hidden: 2'],
      ['a bare CR in a field', 400, 'GET / HTTP/1.1', HOST, 'X-Cr: 1\rX-Hidden: 2'],
      ['HTTP/1.1 without a Host', 400, 'GET / HTTP/1.1'],
      ['two Hosts', 400, 'GET / HTTP/1.1', HOST, 'Host: y'],
      ['a Host that is no host', 400, 'GET / HTTP/1.1', 'Host: a/b'],
      [
        'two different lengths',
        400,
        'POST / HTTP/1.1',
        HOST,
        'Content-Length: 1',
        'Content-Length: 2',
      ],
      ['a target that names no host', 400, 'GET http:///x HTTP/1.1', HOST],
      ['a negative length', 400, 'POST / HTTP/1.1', HOST, 'Content-Length: -1'],
      ['a length in hexadecimal', 400, 'POST / HTTP/1.1', HOST, 'Content-Length: 0x10'],
      ['an empty length', 400, 'POST / HTTP/1.1', HOST, 'Content-Length:'],
      [
        'a body over the limit',
        413,
        'POST / HTTP/1.1',
        HOST,
        'Content-Length: 99999999999999999999',
      ],
    ];

    test.each(refusals)('%s: %i, and a closed connection', async (_title, status, ...lines) => {
      await expectRefusal(server(), status, ...lines);
    });

    test('random bytes never stop the service', async () => {
      for (let round = 0; round < 50; round++) {
        const client = await RawClient.connect(server());
        await client.send(randomBytes(200), '\r\n\r\n');
        const { bytes } = await client.readToEnd();
        expect(parseResponse(bytes).status).toBe(400);
      }
      expect((await server().request('/hello')).statusCode).toBe(200);
    });
  });
}

/** Sends these lines as a head: it is refused, in a whole answer that is the last, and the next is served. */
export async function expectRefusal(
  server: ServerProcess,
  status: number,
  ...lines: string[]
): Promise<void> {
  const client = await RawClient.connect(server);
  await client.send(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'));
  const { bytes, ending } = await client.readToEnd();
  const response = parseResponse(bytes);
  expect(response.status).toBe(status);
  expect(headerOf(response, 'Connection')).toBe('close');
  expect(headerOf(response, 'Content-Length')).toBe(`${response.body.length}`);
  expect(ending).toBe('fin');
  expect((await server.request('/hello')).statusCode).toBe(200);
}
