/** The doors besides plain TCP: TLS, a socket in the file system; and who comes to the wrong one. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import tls from 'node:tls';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeStage, useServer } from '../../../shared/harness/describe-stages.ts';
import { childrenOf } from '../../../shared/harness/proc.ts';
import {
  quick,
  runToEnd,
  type ServerProcess,
  startCommand,
} from '../../../shared/harness/server-process.ts';
import { linux } from '../ladder.ts';
import {
  APP,
  HELLO,
  head,
  LAST,
  makeGate,
  splitAnswers,
  statusesOf,
  talk,
  textsOf,
} from './gateway.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'doors-'));
const file = (name: string) => path.join(folder, name);
const servers: ServerProcess[] = [];

beforeAll(() => {
  const subject = [
    '-subj',
    '/CN=localhost',
    '-addext',
    'subjectAltName=DNS:localhost,IP:127.0.0.1',
  ];
  const made = ['-keyout', file('key.pem'), '-out', file('cert.pem'), '-days', '2', '-nodes'];
  const how = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  execFileSync('openssl', [...how, ...made, ...subject], { stdio: 'ignore' });
});

afterAll(async () => {
  for (const server of servers) await server.stop();
  rmSync(folder, { recursive: true });
});

/** Starts it with these options; it is ready when it says where it serves. */
async function start(...args: string[]): Promise<ServerProcess> {
  const ready = /^.*Serving HTTPS? on (?:port |unix socket .*?)(\d*) \.\.\.(?: \(\d workers\))?$/m;
  const server = await startCommand(quick('part3/webserver3.ts', APP, ...args), { ready });
  servers.push(server);
  return server;
}

/** What a byte stream gets for what it says, whoever ends it. */
async function exchange(socket: net.Socket, bytes: string): Promise<Buffer> {
  socket.on('error', () => {});
  socket.write(bytes);
  const answer = await text(socket.setEncoding('latin1')).catch(() => '');
  return Buffer.from(answer, 'latin1');
}

describeStage('gateway', 'hears TLS at the plain door', (stage) => {
  const server = useServer(stage, { app: APP });

  test('a client that says hello in TLS is refused at once', async () => {
    const hello = tls.connect({ port: server().port, host: '127.0.0.1' });
    const [error] = await once(hello, 'error');
    expect(error.code).toMatch(/WRONG_VERSION_NUMBER|PACKET_LENGTH|SSL/);
    expect(statusesOf(await talk(server(), '\x16\x03\x01\x02\x00\x01'))).toEqual([400]);
  });
});

describe.skipIf(process.env.SERVER)('gateway part3/webserver3.ts: speaks TLS', () => {
  let server: ServerProcess;
  const secure = (options: tls.ConnectionOptions = {}) =>
    tls.connect({
      ...{ port: server.port, host: '127.0.0.1', ca: readFileSync(file('cert.pem')) },
      ...options,
    });
  const certificate = () => ['--tls-cert', file('cert.pem'), '--tls-key', file('key.pem')];

  beforeAll(async () => {
    server = await start('--port', '0', ...certificate(), '--head-timeout', '0.5');
  });

  test('a client that trusts the certificate is served, and its application told', async () => {
    const dispatcher = new Agent({ connect: { ca: readFileSync(file('cert.pem')) } });
    const origin = `https://localhost:${server.port}`;
    const { body } = await request(`${origin}/environ`, { dispatcher });
    expect(await body.json()).toMatchObject({
      'wsgi.url_scheme': 'https',
      SERVER_PORT: `${server.port}`,
    });
    const sum = await request(`${origin}/counts`, {
      dispatcher,
      method: 'POST',
      body: 'x'.repeat(3e6),
    });
    expect(await sum.body.text()).toBe('3000000 bytes\n');
    await dispatcher.close();
  });

  test('pipelined requests and a half-close are heard through TLS', async () => {
    const answers = splitAnswers(await exchange(secure(), head('GET /hello') + LAST));
    expect(textsOf(answers)).toEqual([HELLO, HELLO]);
  });

  test('an answer that fails in its middle does not look whole', async () => {
    const bytes = await exchange(secure(), head('GET /too-long-a-length'));
    if (bytes.length > 0) expect(() => splitAnswers(bytes)).toThrow();
  });

  test.each([
    ['plain HTTP', head('GET /hello')],
    ['no language at all', '\x00\xff'.repeat(1000)],
    ['a hello that is none', `\x16\x03\x01\x02\x00${'\x01'.repeat(600)}`],
  ])(
    'who speaks %s at this door is sent away, and no answer leaves in the clear',
    async (_, bytes) => {
      const socket = net.connect(server.port, '127.0.0.1');
      expect((await exchange(socket, bytes)).toString('latin1')).not.toContain('HTTP');
    },
  );

  test('who stops in the middle of the handshake does not stay', async () => {
    const socket = net.connect(server.port, '127.0.0.1');
    expect((await exchange(socket, '\x16\x03\x01')).length).toBeLessThan(100); // resolves: it ended
  });

  test('nobody was blamed for them', () => {
    expect(server.stderr).not.toMatch(/SSL|TLS|ECONN/);
  });

  test('who stands in the middle of the handshake has a place, and one too many is hung up on', async () => {
    const limits = ['--max-connections', '4', '--head-timeout', '600'];
    const { port } = await start('--port', '0', ...certificate(), ...limits);
    const silent = Array.from({ length: 4 }, () => net.connect(port, '127.0.0.1'));
    await Promise.all(silent.map((socket) => once(socket, 'connect')));
    const served = async () => statusesOf(splitAnswers(await exchange(secure({ port }), LAST)));
    expect(await served()).toEqual([]);
    silent.pop()?.destroy();
    await expect.poll(served).toEqual([200]);
    for (const socket of silent) socket.destroy();
  });

  test('who stands in the middle of the handshake does not hold up the end', async () => {
    const other = await start(
      '--port',
      '0',
      ...certificate(),
      ...['--drain-timeout', '0', '--head-timeout', '600'],
    );
    const socket = net.connect(other.port, '127.0.0.1').on('error', () => {});
    socket.write('\x16\x03\x01');
    await once(socket, 'connect');
    const dispatcher = new Agent({ connect: { ca: readFileSync(file('cert.pem')) } });
    await request(`https://localhost:${other.port}/hello`, { dispatcher }).then(({ body }) =>
      body.text(),
    );
    await dispatcher.destroy(); // it was accepted behind the other one
    other.signal('SIGTERM');
    expect(await other.exited).toEqual({ code: 0, signal: null });
    socket.destroy();
  });

  test('a certificate without its key is no certificate', async () => {
    await expect(start('--port', '0', '--tls-cert', file('cert.pem'))).rejects.toThrow(
      /needs both/,
    );
  });
});

describe.skipIf(process.env.SERVER)(
  'gateway part3/webserver3.ts: listens in the file system',
  () => {
    const socketPath = file('web.sock');
    const get = () => exchange(net.connect(socketPath), LAST);

    test('it serves there, and takes its file with it when it ends', async () => {
      const server = await start('--unix', socketPath);
      expect(textsOf(splitAnswers(await get()))).toEqual([HELLO]);
      const [environ] = splitAnswers(
        await exchange(net.connect(socketPath), head('GET /environ', 'Connection: close')),
      );
      expect(JSON.parse(`${environ?.body}`)).toMatchObject({
        REMOTE_ADDR: '',
        SERVER_NAME: 'localhost',
      });
      await server.stop();
      expect(existsSync(socketPath)).toBe(false);
    });

    test('a reset, a stall, and an end in peace are the same there', async () => {
      const server = await start('--unix', socketPath, '--request-timeout', '0.3');
      const gate = await makeGate();
      const late = exchange(net.connect(socketPath), head(`GET /later?${gate.port}`));
      expect(statusesOf(splitAnswers(await late))).toEqual([504]);
      const cut = await exchange(net.connect(socketPath), head('GET /waits'));
      if (cut.length > 0) expect(() => splitAnswers(cut)).toThrow(/not a whole chunk/);
      await gate.open();
      expect(textsOf(splitAnswers(await get()))).toEqual([HELLO]);
      await server.stop();
    });

    test.each(['1', '2'])(
      'the file of a server that was killed is replaced; that of a living one is not, by %s',
      async (workers) => {
        const args = ['--unix', socketPath, '--workers', workers];
        const killed = await start(...args);
        await killed.kill();
        expect(existsSync(socketPath)).toBe(true);
        const living = await start(...args);
        await expect(start(...args)).rejects.toThrow(/:\n.*EADDRINUSE.*\n$/);
        expect(textsOf(splitAnswers(await get()))).toEqual([HELLO]);
        await living.stop();
        expect(existsSync(socketPath)).toBe(false);
      },
    );

    linux('a worker that is replaced leaves the socket to the others (needs /proc)', async () => {
      const server = await start('--unix', socketPath, '--workers', '2', '--unix-mode', '660');
      const [one, other] = childrenOf(server.pid).map(({ pid }) => pid) as [number, number];
      const { ino } = statSync(socketPath);
      process.kill(one, 'SIGKILL');
      await server.waitForOutput(new RegExp(`\\* worker ${one} ended`));
      const servesAgain = async () => {
        server.signal('SIGUSR2');
        return server.stdout
          .match(/\* worker (\d+): serving/g)
          ?.some((line) => !line.includes(` ${one}:`) && !line.includes(` ${other}:`));
      };
      await expect.poll(servesAgain, { timeout: 10_000 }).toBe(true);
      expect(statSync(socketPath).ino).toBe(ino);
      expect(textsOf(splitAnswers(await get()))).toEqual([HELLO]);
      await server.stop();
    });

    test.each(['1', '2'])('--unix-mode says who may connect, by %s', async (workers) => {
      const args = ['--unix', socketPath, '--workers', workers];
      for (const [mode, more] of [
        [0o777 & ~process.umask(), []],
        [0o660, ['--unix-mode', '660']],
        [0o777, ['--unix-mode', '0777']],
      ] as const) {
        const log = file(`${workers}-${mode}.log`);
        const server = await start(...args, ...more, '--access-log', log);
        expect(statSync(socketPath).mode & 0o777).toBe(mode);
        expect(statSync(log).mode & 0o777).toBe(0o666 & ~process.umask()); // of the socket, and of nothing else
        expect(textsOf(splitAnswers(await get()))).toEqual([HELLO]);
        await server.stop();
      }
    });

    test.each(['', '66', '680', 'rw', '1777'])(
      'a mode that is none is one line: %j',
      async (mode) => {
        const command = quick(
          'part3/webserver3.ts',
          APP,
          '--unix',
          socketPath,
          '--unix-mode',
          mode,
        );
        expect(await runToEnd(command)).toEqual({
          code: 1,
          stdout: '',
          stderr: `--unix-mode takes three octal digits, like 660, not '${mode}'\n`,
        });
      },
    );

    test('a mode without a socket is one line', async () => {
      expect(await runToEnd(quick('part3/webserver3.ts', APP, '--unix-mode', '660'))).toEqual({
        code: 1,
        stdout: '',
        stderr: '--unix-mode is for --unix PATH\n',
      });
    });

    test('a file that is no socket stays what it is', async () => {
      writeFileSync(file('precious.txt'), 'precious');
      await expect(start('--unix', file('precious.txt'))).rejects.toThrow(/EADDRINUSE/);
      expect(readFileSync(file('precious.txt'), 'utf8')).toBe('precious');
    });
  },
);
