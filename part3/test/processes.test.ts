/** Processes and what becomes of them: a child for each connection, 3c to 3f, and workers that stay, 3h. */
import { expect, test } from 'vitest';
import { describeStage } from '../../shared/harness/describe-stages.ts';
import { acceptQueue, bornAt, childrenOf, isStopped, uptime } from '../../shared/harness/proc.ts';
import { RawClient } from '../../shared/harness/raw-client.ts';
import { quick, type ServerProcess } from '../../shared/harness/server-process.ts';
import {
  answerOf,
  ask,
  askAll,
  expectService,
  fileOf,
  GET,
  isAnswering,
  isCut,
  LONG,
  launch,
  linux,
  start,
} from './ladder.ts';

describeStage('3c', 'a process for each connection', () => {
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
  /** Sixty clients, all of which have asked, against a process that may have 64 descriptors. */
  async function crowd(...args: string[]) {
    const command = [...quick(fileOf('3d')), ...args].map((word) => `'${word}'`).join(' ');
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

  test('3-07: --max-connections stops before that, and tells of each', async () => {
    const { server, clients } = await crowd('--max-connections', '8');
    const endings = await Promise.all(clients.map((client) => client.readToEnd()));
    await expectService(server);
    const turnedAway = endings.filter(({ bytes }) => bytes.length === 0).length;
    expect(turnedAway).toBeGreaterThan(0);
    expect(server.stdout.match(/hung up on one more/g)).toHaveLength(turnedAway);
    expect(server.stdout).not.toContain('EMFILE');
  });
});

describeStage('3f', 'signals', () => {
  const CHILDREN = 4;

  /** Lets four children end while their parent is stopped, and reads how many it then takes for busy. */
  async function othersAfterStop(...args: string[]): Promise<string | undefined> {
    const server = await start('3f', '--sleep', LONG, ...args);
    for (const client of await askAll(server, CHILDREN)) await isAnswering(client);
    server.signal('SIGSTOP');
    await expect.poll(() => isStopped(server.pid)).toBe(true);
    const children = () => childrenOf(server.pid);
    for (const { pid } of children()) process.kill(pid, 'SIGKILL');
    const states = () => children().map(({ state }) => state);
    await expect.poll(states, { timeout: 10_000 }).toEqual(['Z', 'Z', 'Z', 'Z']);
    server.signal('SIGCONT');
    await server.waitForOutput(new RegExp(`(ended: SIGKILL.*){${CHILDREN}}`, 's'));
    await isAnswering(await ask(server));
    const line = new RegExp(`(?:ended: SIGKILL.*){${CHILDREN}}, (\\d+) others are at work\n`, 's');
    return (await server.waitForOutput(line))[1];
  }

  linux('3-09: --count-signals takes the dead for busy (needs /proc)', async () => {
    expect(await othersAfterStop('--count-signals')).toBe('3');
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
      const victim = Number((await server.waitForOutput(/^(\d+): 200 OK$/m))[1]);
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
    const youngest = async (count: number) => {
      await server.waitForOutput(new RegExp(`(is here.*){${count}}`, 's'));
      return Number([...server.stdout.matchAll(/worker (\d+) is here/g)].at(-1)?.[1]);
    };
    for (const [deaths, wait] of [100, 200, 400].entries()) {
      const victim = await youngest(2 + deaths);
      const death = uptime();
      process.kill(victim, 'SIGKILL');
      await server.waitForOutput(new RegExp(`${victim} ended: SIGKILL; next in ${wait} ms`));
      const birth = bornAt(await youngest(3 + deaths));
      expect(birth - death).toBeGreaterThan(wait - 20);
    }
    await expectService(server);
  });
});
