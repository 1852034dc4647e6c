/** Several workers and one who looks after them: what the operator may wish, and what can go wrong. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { afterAll, describe, expect, test } from 'vitest';
import { describeStage } from '../../../shared/harness/describe-stages.ts';
import { openGate } from '../../../shared/harness/gate.ts';
import { childrenOf, hasLivingMember, listenersAmong } from '../../../shared/harness/proc.ts';
import { parseResponse, RawClient } from '../../../shared/harness/raw-client.ts';
import {
  quick,
  runToEnd,
  type ServerProcess,
  startCommand,
} from '../../../shared/harness/server-process.ts';
import { makeDoor } from '../../../shared/harness/transport.ts';
import { fileOf, launch, linux } from '../ladder.ts';

const CONTRACT_APP = 'shared/harness/contract-app:app';
const serve = (app: string, ...args: string[]) => launch(quick(fileOf('gateway'), app, ...args));

const folder = mkdtempSync(path.join(os.tmpdir(), 'supervisor-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** An application in a file that a test can change. */
function writeApp(name: string, code: string): string {
  writeFileSync(path.join(folder, `${name}.mjs`), code);
  return path.join(folder, `${name}:app`);
}
const saying = (words: string) =>
  `export const app = (environ, start) => { start('200 OK', []); return ['${words}']; };`;

/** Asks on a connection of its own. */
async function ask(server: ServerProcess, target = '/pid'): Promise<string> {
  const dispatcher = new Agent({ pipelining: 0 });
  const { body } = await request(server.origin + target, { dispatcher });
  const text = await body.text();
  await dispatcher.close();
  return text;
}

/** An answer under way: the process that makes it, and what it says until the test ends it. */
async function begin(server: ServerProcess) {
  const gate = await openGate();
  const client = await RawClient.connect(server.port);
  await client.send(`GET /relay?${gate.port} HTTP/1.1\r\nHost: x\r\n\r\n`);
  const words = await gate.opened;
  words.write('begun');
  const [, pid] = /X-Process: (\d+)/.exec(await client.readUntil('begun')) ?? [];
  return { client, words, gate, pid: Number(pid) };
}

const workersOf = (server: ServerProcess) =>
  childrenOf(server.pid).filter(({ state }) => state !== 'Z');

/** Clients that ask, with so many ms between, until `until` resolves: what went wrong, and how many went well. */
async function load(server: ServerProcess, until: Promise<unknown>, pause = 0) {
  let [isOver, answered] = [false, 0];
  const failures: unknown[] = [];
  const client = async (pipelining: number) => {
    const dispatcher = new Agent({ pipelining, connections: 1 });
    while (!isOver) {
      try {
        const { statusCode, body } = await request(`${server.origin}/pid`, { dispatcher });
        await body.dump();
        if (statusCode === 200) answered++;
        else failures.push(statusCode);
      } catch (error) {
        failures.push(error);
      }
      if (pause > 0) await delay(pause);
    }
    await dispatcher.close();
  };
  const clients = Promise.all([1, 1, 1, 0, 0].map(client));
  await until;
  isOver = true;
  await clients;
  return { answered, failures };
}

describeStage('gateway', 'with two workers', () => {
  linux('both answer, they say so, and the contract knows of them (needs /proc)', async () => {
    const server = await serve(CONTRACT_APP, '--workers', '2');
    const pids = new Set<string>();
    const askSeveral = async () => {
      const several = Array.from({ length: 6 }, () => ask(server)); // one alone may always meet the same worker
      for (const pid of await Promise.all(several)) pids.add(pid);
      return pids.size;
    };
    await expect.poll(askSeveral, { timeout: 20_000 }).toBe(2);
    expect(pids.has(`${server.pid}`)).toBe(false);
    const environ = JSON.parse(await ask(server, '/environ'));
    expect(environ['wsgi.multiprocess']).toBe(true);
    server.signal('SIGUSR2');
    const line = /\* worker \d+: serving, \d+ s old, \d+ requests, 0 under way/;
    await server.waitForOutput(new RegExp(`(${line.source}.*){2}`, 's'));
  });

  linux(
    'a worker that is killed costs its own requests, and is replaced (needs /proc)',
    async () => {
      const server = await serve(CONTRACT_APP, '--workers', '2');
      const answers = [await begin(server)];
      const has = (pid: number) => answers.filter((answer) => answer.pid === pid);
      const [one, other] = workersOf(server).map(({ pid }) => pid) as [number, number];
      while (has(one).length * has(other).length === 0) answers.push(await begin(server));
      process.kill(one, 'SIGKILL');
      await server.waitForOutput(new RegExp(`\\* worker ${one} ended: SIGKILL`));
      for (const { pid, words } of answers) if (pid !== one) words.end(', and done');
      for (const { pid, client, gate } of answers) {
        const isWhole = /and done\r\n0\r\n\r\n$/;
        if (pid === one) expect((await client.readToEnd()).bytes.toString()).not.toMatch(isWhole);
        else expect(await client.readUntil('0\r\n\r\n')).toMatch(isWhole);
        gate.close();
      }
      await expect.poll(() => workersOf(server).length).toBe(2);
      expect(workersOf(server).map(({ pid }) => pid)).toContain(other);
      expect(workersOf(server).map(({ pid }) => pid)).not.toContain(one);
    },
  );

  linux('it goes on when nobody reads any more what it prints (needs /proc)', async () => {
    const server = await serve(CONTRACT_APP, '--workers', '2');
    const [one, other] = workersOf(server).map(({ pid }) => pid) as [number, number];
    server.stopReading();
    server.signal('SIGUSR2');
    process.kill(one, 'SIGKILL');
    const pids = () => workersOf(server).map(({ pid }) => pid);
    const isReplaced = () => !pids().includes(one) && pids().length === 2;
    await expect.poll(isReplaced, { timeout: 10_000 }).toBe(true);
    expect(pids()).toContain(other);
    expect(pids()).toContain(Number(await ask(server)));
    expect(server.hasExited).toBe(false);
  });

  linux('SIGHUP brings new code, and costs no request (needs /proc)', async () => {
    const app = writeApp('changing', saying('one'));
    const server = await serve(app, '--workers', '2');
    const before = workersOf(server).map(({ pid }) => pid);
    expect(await ask(server)).toBe('one');
    writeApp('changing', saying('two'));
    const isDone = async () => {
      server.signal('SIGHUP');
      const isOld = ({ pid }: { pid: number }) => before.includes(pid);
      await expect.poll(() => workersOf(server).some(isOld), { timeout: 20_000 }).toBe(false);
    };
    const { answered, failures } = await load(server, isDone());
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(0);
    expect(workersOf(server)).toHaveLength(2);
    expect(await ask(server)).toBe('two');
  });

  linux('new code that does not load leaves the old in place (needs /proc)', async () => {
    const app = writeApp('breaking', saying('good'));
    const server = await serve(app, '--workers', '2');
    const before = workersOf(server).map(({ pid }) => pid);
    writeApp('breaking', 'no program');
    server.signal('SIGHUP');
    await server.waitForOutput(/\* the reload failed: those that serve go on/);
    expect(server.stderr).toContain('SyntaxError');
    expect(workersOf(server).map(({ pid }) => pid)).toEqual(before);
    expect(await ask(server)).toBe('good');
  });

  linux('where nobody can serve any more it gives up, and says so (needs /proc)', async () => {
    const app = writeApp('gone', saying('here'));
    const server = await serve(app, '--workers', '2');
    rmSync(path.join(folder, 'gone.mjs'));
    for (const { pid } of workersOf(server)) process.kill(pid, 'SIGKILL');
    await server.waitForOutput(/\d workers in a row died before they could serve: giving up/);
    expect(await server.exited).toEqual({ code: 1, signal: null });
  });

  test('what can never work is said once, and ends at once', async () => {
    const command = (...args: string[]) => runToEnd(quick(fileOf('gateway'), ...args));
    const missing = await command('nope:app', '--workers', '2');
    expect(missing).toMatchObject({ code: 1, stdout: '' });
    expect(missing.stderr).toMatch(/^No module 'nope'.*\n$/);
    const listener = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => listener.once('listening', resolve));
    const { port } = listener.address() as { port: number };
    const taken = await command('wsgiapp:app', '--workers', '2', '--port', `${port}`);
    listener.close();
    expect(taken).toMatchObject({ code: 1, stdout: '' });
    expect(taken.stderr).toMatch(/^.*EADDRINUSE.*\n$/);
  });

  linux('a worker that is stuck is replaced, the other one serves on (needs /proc)', async () => {
    const server = await serve(CONTRACT_APP, '--workers', '2', '--worker-timeout', '3');
    const client = await RawClient.connect(server.port);
    await client.send('GET /stuck HTTP/1.1\r\nHost: x\r\n\r\n');
    const [, victim] = await server.waitForOutput(/^(\d+) is stuck$/m);
    const { answered, failures } = await load(
      server,
      server.waitForOutput(
        new RegExp(`\\* worker ${victim} gave no sign of life for \\d+ s: killed`),
      ),
      5, // it lasts for seconds, in which nothing depends on the moment
    );
    await client.readToEnd();
    // It was alone with its client: who came later was served by the other.
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(0);
    await expect.poll(() => workersOf(server).length).toBe(2);
    expect(Number(await ask(server))).not.toBe(Number(victim));
  });

  linux(
    '--max-requests replaces those that had enough, and loses nothing (needs /proc)',
    async () => {
      const server = await serve(CONTRACT_APP, '--workers', '2', '--max-requests', '20');
      const before = workersOf(server).map(({ pid }) => pid);
      const isOld = ({ pid }: { pid: number }) => before.includes(pid);
      const areGone = async () => {
        await expect.poll(() => workersOf(server).some(isOld), { timeout: 20_000 }).toBe(false);
      };
      const { failures } = await load(server, areGone());
      expect(failures).toEqual([]);
    },
  );

  linux(
    '3-27: SIGTERM lets the answers under way end, and then all goes (needs /proc)',
    async () => {
      const server = await serve(CONTRACT_APP, '--workers', '2');
      const { client, words, gate } = await begin(server);
      server.signal('SIGTERM');
      await expect
        .poll(() => RawClient.connect(server.port).catch(({ code }) => code))
        .toBe('ECONNREFUSED');
      words.end(', and done');
      const { bytes } = await client.readToEnd();
      expect(parseResponse(bytes).body.toString()).toBe('begun, and done');
      gate.close();
      expect(await server.exited).toEqual({ code: 0, signal: null });
    },
  );

  linux('3-27: a second SIGTERM does not wait (needs /proc)', async () => {
    const server = await serve(CONTRACT_APP, '--workers', '2');
    const { client, gate } = await begin(server);
    server.signal('SIGTERM');
    await expect
      .poll(() => RawClient.connect(server.port).catch(({ code }) => code))
      .toBe('ECONNREFUSED');
    server.signal('SIGTERM');
    expect(await server.exited).toEqual({ code: 143, signal: null });
    expect((await client.readToEnd()).bytes.toString()).not.toMatch(/0\r\n\r\n$/);
    gate.close();
  });

  linux('SIGTERM to a worker: it is replaced, and loses nothing (needs /proc)', async () => {
    const server = await serve(CONTRACT_APP, '--workers', '2');
    const { client, words, gate, pid } = await begin(server);
    process.kill(pid, 'SIGTERM');
    const pids = () => workersOf(server).map((worker) => worker.pid);
    const listening = () => listenersAmong(pids(), server.port);
    await expect.poll(listening, { timeout: 20_000 }).not.toContain(pid);
    expect(listening()).toHaveLength(2);
    words.end(', and done');
    expect(await client.readUntil('0\r\n\r\n')).toMatch(/and done/);
    gate.close();
    // It was told nothing when this answer began, so it may ask once more.
    await client.send('GET /pid HTTP/1.1\r\nHost: x\r\n\r\n');
    const { bytes } = await client.readToEnd();
    expect(bytes.toString()).toContain(`Connection: close\r\n\r\n${pid}`);
    await expect.poll(pids, { timeout: 20_000 }).not.toContain(pid);
    expect(pids()).toHaveLength(2);
  });

  linux(
    'a supervisor that is killed leaves nobody behind, and no Python (needs /proc)',
    async () => {
      const server = await serve('wsgiapp.py:app', '--workers', '2');
      expect(workersOf(server)).toHaveLength(2);
      server.signal('SIGKILL');
      await server.exited;
      await expect.poll(() => hasLivingMember(server.pid)).toBe(false);
    },
  );
});

describe.skipIf(process.env.SERVER)('who may speak for a client', () => {
  const headers = { 'X-Forwarded-For': '6.6.6.6, 9.9.9.9', 'X-Forwarded-Proto': 'http, https' };
  const environOf = async (server: ServerProcess) => {
    const { body } = await request(`${server.origin}/environ`, { headers });
    return (await body.json()) as Record<string, string>;
  };

  test('nobody, unless he is named: what a stranger says of himself does not even come through', async () => {
    for (const args of [[], ['--forwarded-allow-ips', '10.0.0.0/8,::1']]) {
      const environ = await environOf(await serve(CONTRACT_APP, ...args));
      expect(environ).toMatchObject({ REMOTE_ADDR: '127.0.0.1', 'wsgi.url_scheme': 'http' });
      expect(JSON.stringify(environ)).not.toMatch(/FORWARDED|6\.6\.6\.6/);
    }
  });

  test('a proxy that is named: its own word, the last one, is believed', async () => {
    const environ = await environOf(
      await serve(CONTRACT_APP, '--forwarded-allow-ips', '127.0.0.1'),
    );
    expect(environ).toMatchObject({ REMOTE_ADDR: '9.9.9.9', 'wsgi.url_scheme': 'https' });
  });

  test('a list that is none is one clear line', async () => {
    const { code, stderr } = await runToEnd(
      quick(fileOf('gateway'), CONTRACT_APP, '--forwarded-allow-ips', '300.1.1.1'),
    );
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "--forwarded-allow-ips takes addresses and networks, not '300.1.1.1'\n",
    });
  });
});

/** As systemd does it: opens the socket, makes it descriptor 3, says so, and becomes the server. */
const SYSTEMD = `
import os, socket, sys
listener = socket.socket(socket.AF_UNIX if sys.argv[2] else socket.AF_INET)
listener.bind(sys.argv[2] or ("127.0.0.1", 0))
listener.listen()
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS=sys.argv[1], LISTEN_PID=str(os.getpid()))
os.execvp(sys.argv[3], sys.argv[3:])`;
const hasPython = spawnSync('python3', ['--version']).status === 0;

describe.skipIf(process.env.SERVER || (!hasPython && !process.env.CI))('from systemd', () => {
  const underSystemd = (sockets: string, file: string, ...args: string[]) => {
    const command = quick(fileOf('gateway'), CONTRACT_APP, ...args);
    return ['python3', '-c', SYSTEMD, sockets, file, ...command];
  };

  test.each([['1'], ['2']])(
    'a socket that listens already is served, by %s (needs python3)',
    async (workers) => {
      const server = await launch(underSystemd('1', '', '--workers', workers, '--port', '1'));
      expect(server.port).toBeGreaterThan(1); // the socket's, and not the one that was asked for
      expect(await ask(server, '/hello')).toBe('Hello, World!\n');
    },
  );

  test('one in the file system, too, also when it cuts; and no file makes way (needs python3)', async () => {
    const [door, stale] = [makeDoor('unix'), path.join(folder, 'stale')];
    const bind = 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])';
    spawnSync('python3', ['-c', bind, stale]);
    const { socketPath = '' } = door.toAddress(0);
    const args = ['--unix', stale, '--request-timeout', '0.3'];
    const server = await startCommand(underSystemd('1', socketPath, ...args), { door });
    const client = await RawClient.connect(server);
    await client.send('GET /waits HTTP/1.0\r\n\r\n');
    expect(`${(await client.readToEnd()).bytes}`).toContain('waiting');
    expect((await server.request('/hello')).statusCode).toBe(200);
    expect(existsSync(stale)).toBe(true);
    await server.stop();
  });

  test('two sockets are one too many (needs python3)', async () => {
    const { code, stderr } = await runToEnd(underSystemd('2', ''));
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'One socket, please: systemd gave us 2\n',
    });
  });
});
