/** The ladder, fault by fault and cure by cure: what a head comment claims, seen over sockets and in /proc. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { request } from 'undici';
import { afterEach, describe, expect, test } from 'vitest';
import { describeStage } from '../../shared/harness/describe-stages.ts';
import { acceptQueue, childrenOf, hasProc } from '../../shared/harness/proc.ts';
import { headerOf, parseResponse, RawClient } from '../../shared/harness/raw-client.ts';
import {
  runToEnd,
  type ServerProcess,
  startCommand,
  tsx,
} from '../../shared/harness/server-process.ts';
import { STAGES } from '../../shared/stages.ts';

const GET = 'GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n';
/** Seconds of sleep that no test waits for: what is awaited happens during it. */
const LONG = '600';
const linux = test.runIf(hasProc);

/** Servers in the middle of a long sleep do not stop when asked. */
const running = new Set<ServerProcess>();
afterEach(async () => {
  const servers = [...running];
  running.clear();
  for (const server of servers) await server.kill();
});

async function start(id: string, ...args: string[]): Promise<ServerProcess> {
  return launch(tsx(fileOf(id), ...args));
}

async function launch(command: string[]): Promise<ServerProcess> {
  const server = await startCommand(command);
  running.add(server);
  return server;
}

function fileOf(id: string): string {
  return STAGES.find((stage) => stage.id === id)?.file ?? '';
}

async function ask(server: ServerProcess): Promise<RawClient> {
  const client = await RawClient.connect(server.port);
  await client.send(GET);
  return client;
}

/** Several clients at once, all of which have asked. */
function askAll(server: ServerProcess, count: number): Promise<RawClient[]> {
  return Promise.all(Array.from({ length: count }, () => ask(server)));
}

/** The head of an answer has come: from here on its handler sleeps. */
async function isAnswering(client: RawClient): Promise<void> {
  expect(await client.readUntil('\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
}

/** The whole answer, and the process that gave it. */
async function answerOf(client: RawClient): Promise<{ pid: number; text: string }> {
  const { bytes, ending } = await client.readToEnd();
  const response = parseResponse(bytes);
  const text = response.body.toString();
  expect(ending).toBe('fin');
  expect(headerOf(response, 'Content-Length')).toBe(`${text.length}`);
  return { pid: Number(/process (\d+)/.exec(text)?.[1]), text };
}

function isCut({ bytes }: { bytes: Buffer }): boolean {
  return bytes.indexOf('\r\n\r\n') + 4 === bytes.length;
}

async function expectService(server: ServerProcess): Promise<void> {
  const { statusCode, body } = await request(`${server.origin}/hello`);
  expect(statusCode).toBe(200);
  expect(await body.text()).toMatch(/^Hello, World!/);
}

describeStage('3a', 'one at a time', () => {
  test('3-01: the last speaks first, and gets nothing until the first is done', async () => {
    const server = await start('3a');
    const clients = [];
    for (let count = 0; count < 3; count++) clients.push(await RawClient.connect(server.port));
    const [first, second, third] = clients as [RawClient, RawClient, RawClient];
    await third.send(GET);
    await second.send(GET);
    await first.send(...'GET /hello HTTP/1.1\r\nHost: one-byte-at-a-time\r\n\r'); // time enough to answer the others
    expect(clients.map(({ received }) => received.length)).toEqual([0, 0, 0]);
    await first.send('\n');
    for (const client of clients) expect((await answerOf(client)).pid).toBe(server.pid);
  });

  test('a client that leaves without a word is no obstacle', async () => {
    const server = await start('3a');
    const silent = await RawClient.connect(server.port);
    const waiting = await ask(server);
    silent.leave();
    await answerOf(waiting);
  });
});

describeStage('3b', 'connected is not accepted', () => {
  linux(
    '3-02: it sleeps: the second client connects, and stands in the queue (needs /proc)',
    async () => {
      const server = await start('3b', '--sleep', LONG);
      await isAnswering(await ask(server));
      const second = await ask(server); // resolves: it is connected, and its request is sent
      expect(acceptQueue(server.port)).toBe(1);
      expect(second.received.length).toBe(0);
    },
  );

  test('3-02: the first byte comes after the sleep, and not before', async () => {
    const server = await start('3b', '--sleep', '0.5');
    const start_ = performance.now();
    const clients = await askAll(server, 3);
    const firstBytes = await Promise.all(
      clients.map(async (client) => {
        await isAnswering(client);
        return performance.now() - start_;
      }),
    );
    const [, second = 0, third = 0] = firstBytes.sort((a, b) => a - b);
    expect(second).toBeGreaterThan(500); // a sleep may take longer than asked for, never less
    expect(third).toBeGreaterThan(1000);
    for (const client of clients) await answerOf(client);
  });

  linux('3-03: a backlog of 1 holds two, the next handshake waits (needs Linux)', async () => {
    const server = await start('3b', '--sleep', '2', '--backlog', '1');
    const first = await ask(server);
    await isAnswering(first);
    await ask(server);
    await ask(server);
    expect(acceptQueue(server.port)).toBe(2);
    let isConnected = false;
    const late = ask(server).then((client) => {
      isConnected = true;
      return client;
    });
    await answerOf(first);
    expect(isConnected).toBe(false);
    await late; // the kernel has tried again
  });
});

describeStage('3c', 'a process for each connection', () => {
  test('3-04: two sleepers sleep side by side, in processes of their own', async () => {
    const sleepy = await start('3c', '--sleep', LONG);
    const sleepers = await askAll(sleepy, 2);
    for (const sleeper of sleepers) await isAnswering(sleeper);
    const server = await start('3c', '--sleep', '0');
    const pids = await Promise.all((await askAll(server, 2)).map(answerOf));
    expect(new Set([server.pid, ...pids.map(({ pid }) => pid)]).size).toBe(3);
  });

  test('3-05: who writes the instant it connects loses no byte', async () => {
    const server = await start('3c', '--sleep', '0');
    for (const client of await askAll(server, 4)) {
      client.halfClose();
      await answerOf(client);
    }
  });

  test('3-05: with --no-pause the parent reads what the child waits for', async () => {
    const server = await start('3c', '--sleep', '0', '--no-pause');
    for (const client of await askAll(server, 2)) {
      client.halfClose(); // nothing more will come: the child sees an end without a beginning
      expect((await client.readToEnd()).bytes.length).toBe(0);
    }
  });

  linux('a child that ends before it was ready costs its client alone (needs /proc)', async () => {
    const server = await start('3c', '--sleep', '0');
    await expectService(server);
    await expect.poll(() => childrenOf(server.pid).length).toBe(0);
    const before = server.openSockets();
    const client = await ask(server);
    await expect.poll(() => childrenOf(server.pid).length, { interval: 5 }).toBe(1);
    for (const { pid } of childrenOf(server.pid)) process.kill(pid, 'SIGKILL');
    expect((await client.readToEnd()).bytes.length).toBe(0);
    await expectService(server);
    await expect.poll(() => server.openSockets()).toBe(before);
  });
});

describeStage('3d', 'descriptors', () => {
  const CLIENTS = 6;
  const noChildren = async (server: ServerProcess) =>
    expect.poll(() => childrenOf(server.pid), { timeout: 10_000 }).toEqual([]);

  linux('3-06: what was served leaves no descriptor behind (needs /proc)', async () => {
    const server = await start('3d');
    const before = server.openSockets() ?? 0;
    await Promise.all((await askAll(server, CLIENTS)).map(answerOf));
    await noChildren(server);
    await expect.poll(() => server.openSockets()).toBe(before);
  });

  linux('3-06: --keep-open keeps one for each, and the FIN never comes (needs /proc)', async () => {
    const server = await start('3d', '--keep-open');
    const before = server.openSockets() ?? 0;
    const clients = await askAll(server, CLIENTS);
    for (const client of clients) await client.readUntil('This is process');
    await noChildren(server);
    expect(server.openSockets()).toBe(before + CLIENTS);
    for (const client of clients) {
      expect(parseResponse(client.received).body.toString()).toMatch(/^Hello, World!/);
      expect(client.ending).toBe('open'); // and the process that answered it has ended
    }
  });

  /** Sixty clients, all of which have asked, against a process that may have 64 descriptors. */
  async function crowd(...args: string[]) {
    const command = [...tsx(fileOf('3d')), ...args].map((word) => `'${word}'`).join(' ');
    const server = await launch(['sh', '-c', `ulimit -n 64; exec ${command}`]);
    const clients = await Promise.all(
      Array.from({ length: 60 }, () => RawClient.connect(server.port)),
    );
    for (const client of clients) await client.send(GET).catch(() => {}); // it may be closed by now
    return { server, clients };
  }

  test('3-07: when descriptors run out, connections are closed without a word', async () => {
    const { server, clients } = await crowd('--sleep', LONG);
    const turnedAway = () => clients.filter(({ ending }) => ending !== 'open').length;
    await expect.poll(turnedAway).toBeGreaterThan(0);
    await server.waitForOutput(/(200 OK.*){4}/s); // all children sleep, the others wait
    expect(server.stdout.replace(/^Serving.*$|^\d+: 200 OK$|\s/gm, '') + server.stderr).toBe('');
  });

  test('3-07: when it is over, there is service again', async () => {
    const { server, clients } = await crowd();
    await Promise.all(clients.map((client) => client.readToEnd()));
    await expectService(server);
  });

  test('3-07: --max-connections stops before that, and tells of each', async () => {
    const { server, clients } = await crowd('--max-connections', '16');
    const endings = await Promise.all(clients.map((client) => client.readToEnd()));
    await expectService(server);
    const turnedAway = endings.filter(({ bytes }) => bytes.length === 0).length;
    expect(turnedAway).toBeGreaterThan(0);
    expect(server.stdout.match(/hung up on one more/g)).toHaveLength(turnedAway);
    expect(server.stdout).not.toContain('EMFILE');
  });
});

describeStage('3e', 'zombies', () => {
  linux(
    '3-08: while the loop is blocked the dead stay, and can still be asked (needs /proc)',
    async () => {
      const server = await start('3e', '--blocked', '2');
      const state = (pid: number) =>
        childrenOf(server.pid).find((child) => child.pid === pid)?.state;
      const answers = await Promise.all((await askAll(server, 3)).map(answerOf));
      const pids = answers.map(({ pid }) => pid);
      const states = () => pids.map(state);
      await expect.poll(states, { interval: 5, timeout: 10_000 }).toEqual(['Z', 'Z', 'Z']);
      for (const pid of pids) expect(process.kill(pid, 0)).toBe(true); // it is there, which is not: it lives
      await expect.poll(states, { timeout: 10_000 }).toEqual([undefined, undefined, undefined]);
    },
  );

  linux('3-08: when the loop turns, none is left (needs /proc)', async () => {
    const server = await start('3e');
    await Promise.all((await askAll(server, 3)).map(answerOf));
    await expect.poll(() => childrenOf(server.pid)).toEqual([]);
  });
});

describeStage('3f', 'signals', () => {
  const CHILDREN = 4;

  /** Lets four children end while their parent is stopped, and asks it then how many others are at work. */
  async function othersAfterStop(...args: string[]): Promise<number> {
    const server = await start('3f', '--sleep', '1', ...args);
    const clients = await askAll(server, CHILDREN);
    for (const client of clients) await isAnswering(client);
    server.signal('SIGSTOP');
    const states = () => childrenOf(server.pid).map(({ state }) => state);
    const allDead = Array.from({ length: CHILDREN }, () => 'Z');
    await expect.poll(states, { timeout: 20_000 }).toEqual(allDead);
    server.signal('SIGCONT');
    await server.waitForOutput(new RegExp(`(ended: 0.*){${CHILDREN}}`, 's'));
    const { text } = await answerOf(await ask(server));
    return Number(/(\d+) others/.exec(text)?.[1]);
  }

  linux('3-09: four deaths at once are four exits (needs /proc)', async () => {
    expect(await othersAfterStop()).toBe(0);
  });

  linux('3-09: --count-signals takes the dead for busy (needs /proc)', async () => {
    expect(await othersAfterStop('--count-signals')).toBe(CHILDREN - 1);
  });

  linux('3-10: a child killed in mid-answer costs its client alone (needs /proc)', async () => {
    const server = await start('3f', '--sleep', LONG);
    const before = server.openSockets() ?? 0;
    const clients = await askAll(server, 2);
    for (const client of clients) await isAnswering(client);
    const [victim, other] = childrenOf(server.pid).map(({ pid }) => pid);
    process.kill(victim ?? 0, 'SIGKILL');
    expect(isCut(await Promise.race(clients.map((client) => client.readToEnd())))).toBe(true);
    await server.waitForOutput(new RegExp(`\\* process ${victim} ended: SIGKILL`));
    expect(clients.map(({ ending }) => ending).sort()).toEqual(['fin', 'open']);
    await isAnswering(await ask(server));
    const left = childrenOf(server.pid).map(({ pid }) => pid);
    expect(left).toHaveLength(2);
    expect(left).toContain(other);
    for (const pid of left) process.kill(pid, 'SIGKILL');
    await expect.poll(() => server.openSockets()).toBe(before);
  });
});

describeStage('3g', 'the event loop', () => {
  test('five sleepers are served at a time, by one process', async () => {
    const server = await start('3g', '--sleep', LONG);
    for (const client of await askAll(server, 5)) await isAnswering(client);
    expect(server.stdout.match(/^\d+: 200 OK$/gm)).toEqual(
      Array.from({ length: 5 }, () => `${server.pid}: 200 OK`),
    );
  });

  test('3-11: 200 who say nothing keep nobody of 50 waiting', async () => {
    const server = await start('3g', '--sleep', '0');
    const idle = await Promise.all(
      Array.from({ length: 200 }, () => RawClient.connect(server.port)),
    );
    for (const client of await askAll(server, 50)) await answerOf(client);
    expect(idle.every(({ ending, received }) => ending === 'open' && received.length === 0)).toBe(
      true,
    );
    for (const client of idle) client.leave();
  });

  linux('3-11: one handler that computes stalls all the others (needs /proc)', async () => {
    const server = await start('3g', '--busy', '--sleep', LONG);
    await isAnswering(await ask(server));
    const second = await ask(server);
    expect(acceptQueue(server.port)).toBe(1);
    expect(second.received.length).toBe(0);
  });
});

describeStage('3h', 'pre-fork', () => {
  const WORKERS = 4;
  const workerPids = (server: ServerProcess) =>
    childrenOf(server.pid)
      .map(({ pid }) => pid)
      .sort();

  /** Puts every worker to sleep, one after the other. */
  async function occupyAll(server: ServerProcess): Promise<RawClient[]> {
    const clients = [];
    for (let count = 0; count < WORKERS; count++) {
      const client = await ask(server);
      await isAnswering(client);
      clients.push(client);
    }
    return clients;
  }

  test('3-12: eight that block share four workers, two each, in turn', async () => {
    const server = await start('3h', '--sleep', '0.5');
    const clients = [...(await occupyAll(server)), ...(await askAll(server, WORKERS))];
    const answers = await Promise.all(clients.map(answerOf));
    const counts = new Map<number, number>();
    for (const { pid } of answers) counts.set(pid, (counts.get(pid) ?? 0) + 1);
    expect([...counts.values()]).toEqual([2, 2, 2, 2]);
    expect(counts.has(server.pid)).toBe(false);
  });

  linux('in turn means that the primary accepts, and hands on (needs /proc)', async () => {
    const server = await start('3h', '--sleep', LONG);
    await occupyAll(server);
    const late = await ask(server);
    await expect.poll(() => acceptQueue(server.port)).toBe(0);
    expect(late.received.length).toBe(0);
  });

  linux('--sched-none leaves who comes late in the queue of the kernel (needs /proc)', async () => {
    const server = await start('3h', '--sleep', LONG, '--sched-none');
    await occupyAll(server);
    await askAll(server, 3);
    expect(acceptQueue(server.port)).toBe(3);
  });

  linux(
    '3-12: a worker killed in mid-answer costs its client alone, and is replaced (needs /proc)',
    async () => {
      const server = await start('3h', '--sleep', LONG);
      const [client] = [await ask(server)];
      await isAnswering(client);
      const victim = Number(/^(\d+): 200 OK$/m.exec(server.stdout)?.[1]);
      const before = workerPids(server);
      process.kill(victim, 'SIGKILL');
      expect(isCut(await client.readToEnd())).toBe(true);
      await server.waitForOutput(
        new RegExp(`\\* worker ${victim} ended: SIGKILL; next in \\d+ ms`),
      );
      await server.waitForOutput(/(\* worker \d+ is here.*){5}/s);
      const after = workerPids(server);
      expect(after).toHaveLength(WORKERS);
      expect(after.filter((pid) => before.includes(pid))).toHaveLength(WORKERS - 1);
      await occupyAll(server);
    },
  );

  linux('3-12: those that die young are replaced ever later (needs /proc)', async () => {
    const server = await start('3h', '--workers', '2', '--sleep', '0');
    for (let born = 2; born < 5; born++) {
      await server.waitForOutput(new RegExp(`(is here.*){${born}}`, 's'));
      const [, youngest] = [...server.stdout.matchAll(/worker (\d+) is here/g)].at(-1) ?? [];
      process.kill(Number(youngest), 'SIGKILL');
    }
    await server.waitForOutput(/(is here.*){5}/s);
    const waits = [...server.stdout.matchAll(/next in (\d+) ms/g)].map(([, ms]) => Number(ms));
    expect(waits).toEqual([100, 200, 400]);
    await expectService(server);
  });

  test('a primary that is killed leaves no worker behind', async () => {
    const server = await start('3h', '--sleep', '0');
    server.signal('SIGKILL');
    await server.stop(); // rejects if anything of it lives on
  });
});

describe.skipIf(process.env.SERVER)('client3', () => {
  const client3 = (...args: string[]) => runToEnd(tsx('part3/client3.ts', ...args));

  test('asked for 20 connections it opens 20, and tells what each of them saw', async () => {
    const server = await start('3g', '--sleep', '0');
    const port = `${server.port}`;
    const { stdout } = await client3('--port', port, '--clients', '4', '--conns', '5', '--json');
    const sights = JSON.parse(stdout);
    expect(sights).toHaveLength(20);
    for (const [index, sight] of sights.entries()) {
      const client = Math.floor(index / 5) + 1;
      expect(sight).toMatchObject({ client, ending: 'complete', process: server.pid });
      expect(sight.connected).toBeLessThanOrEqual(sight.firstByte);
      expect(sight.firstByte).toBeLessThanOrEqual(sight.ended);
    }
    await expect.poll(() => server.stdout.match(/200 OK/g)).toHaveLength(20);
  });

  test('--reverse lets the last one speak first', async () => {
    const port = await listenFor(3);
    const { code, stdout } = await client3(
      ...['--port', `${port.number}`, '--clients', '3', '--reverse'],
    );
    expect(await port.speakers).toEqual([2, 1, 0]);
    expect({ code, last: stdout.trimEnd().split('\n').at(-1) }).toEqual({
      code: 0,
      last: '3 closed, no answer',
    });
  });

  test('it tells a cut from an end, a silence from a refusal', async () => {
    const half = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf';
    for (const [answer, ending] of [
      [(socket: Socket) => socket.end(half), 'cut'],
      [(socket: Socket) => socket.resetAndDestroy(), 'reset'],
      [(socket: Socket) => socket.write(half), 'given up'],
      [(socket: Socket) => socket.write(`${half}-whole`), 'left open'],
      [(socket: Socket) => socket.end(), 'closed, no answer'],
    ] as const) {
      const listener = createServer((socket) => socket.once('data', () => answer(socket)));
      await once(listener.listen(0, '127.0.0.1'), 'listening');
      const port = `${(listener.address() as AddressInfo).port}`;
      const run = await client3('--port', port, '--clients', '1', '--timeout', '1');
      expect(run.stdout).toMatch(new RegExp(`  ${ending}\\n1 ${ending}\\n$`));
      expect(run.code).toBe(0);
      listener.close();
    }
    const refused = await client3('--port', '1', '--clients', '2');
    expect(refused).toMatchObject({ code: 1, stderr: '' });
    expect(refused.stdout).toMatch(/\n2 refused\n$/);
  });

  test('--help, and options that are none', async () => {
    expect((await client3('--help')).stdout).toContain('--reverse');
    for (const [args, message] of [
      [['--clients', 'many'], "--clients takes a number, not 'many'"],
      [['--port', '65536'], "--port takes a number, not '65536'"],
      [['--client', '5'], "Unknown option '--client'"],
    ] as const) {
      const { code, stderr } = await client3(...args);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^[^\n]+\n$/);
      expect(stderr).toContain(message);
    }
  });
});

/** A port that takes so many connections, and says in what order they spoke; the first to connect is 0. */
async function listenFor(count: number) {
  const spoke: number[] = [];
  let connected = 0;
  const listener = createServer();
  const speakers = new Promise<number[]>((resolve) => {
    listener.on('connection', (socket) => {
      const number = connected++;
      socket.once('data', () => {
        if (spoke.push(number) === count) resolve(spoke);
        socket.end();
      });
    });
  });
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  speakers.finally(() => listener.close());
  return { number: (listener.address() as AddressInfo).port, speakers };
}
