/** Several gateways behind one door, each on an address of its own: none of them is missed by a client. */
import { Agent, request } from 'undici';
import { afterEach, describe, expect, test } from 'vitest';
import { freePort, hasNginx, startNginx } from '../../../shared/harness/nginx.ts';
import { childrenOf, hasProc } from '../../../shared/harness/proc.ts';
import { quick, type ServerProcess } from '../../../shared/harness/server-process.ts';
import { fileOf, launch } from '../ladder.ts';

const APP = 'shared/harness/contract-app:app';
/** 127.0.0.0/8 is all this machine's own; on Linux without asking. */
const HOSTS = ['127.0.0.2', '127.0.0.3'];
const why = 'needs nginx, and Linux for several loopback addresses';

describe.skipIf(process.env.SERVER || !hasProc || (!hasNginx && !process.env.CI))(
  `nginx in front (${why})`,
  () => {
    const doors: ServerProcess[] = [];
    afterEach(async () => {
      for (const door of doors.splice(0)) await door.stop();
    });

    function gateway(host: string, port: number, ...args: string[]): Promise<ServerProcess> {
      const where = ['--host', host, '--port', `${port}`];
      return launch(quick(fileOf('gateway'), APP, ...where, ...args));
    }

    /** nginx, and the gateways behind it. */
    async function open(...args: string[]) {
      const ports = await Promise.all(HOSTS.map(freePort));
      const gateways = await Promise.all(
        HOSTS.map((host, index) => gateway(host, ports[index] as number, ...args)),
      );
      const door = await startNginx(HOSTS.map((host, index) => `${host}:${ports[index]}`));
      doors.push(door);
      return { door, gateways, ports };
    }

    /** Clients that ask until `until` resolves: which processes answered, and what went wrong. */
    async function load(door: ServerProcess, until: Promise<unknown>) {
      const failures: unknown[] = [];
      const answered = new Map<string, number>();
      let isOver = false;
      const client = async () => {
        const dispatcher = new Agent({ connections: 1 });
        while (!isOver) {
          try {
            const { statusCode, body } = await request(`${door.origin}/pid`, { dispatcher });
            const pid = await body.text();
            if (statusCode !== 200) failures.push(statusCode);
            else answered.set(pid, (answered.get(pid) ?? 0) + 1);
          } catch (error) {
            failures.push(error);
          }
        }
        await dispatcher.close();
      };
      const clients = Promise.all(Array.from({ length: 8 }, client));
      await until;
      isOver = true;
      await clients;
      return { failures, answered };
    }

    test('both gateways answer, and learn from nginx alone who asks', async () => {
      const { door } = await open('--forwarded-allow-ips', '127.0.0.1');
      const pids = new Set<string>();
      await expect
        .poll(async () => pids.add(await (await request(`${door.origin}/pid`)).body.text()).size)
        .toBe(2);
      const headers = { 'X-Forwarded-For': '6.6.6.6', 'X-Forwarded-Proto': 'https' };
      const { body } = await request(`${door.origin}/environ`, { headers });
      expect(await body.json()).toMatchObject({
        REMOTE_ADDR: '127.0.0.1',
        HTTP_X_FORWARDED_FOR: '127.0.0.1',
        'wsgi.url_scheme': 'http',
      });
    });

    test('one is killed, and comes back: no GET fails', async () => {
      const { door, gateways, ports } = await open();
      const [victim] = gateways as [ServerProcess];
      const answers = async (server: ServerProcess) => {
        const who = async () => (await request(`${door.origin}/pid`)).body.text();
        await expect.poll(who, { timeout: 20_000 }).toBe(`${server.pid}`);
      };
      const story = async () => {
        await answers(victim);
        await victim.kill();
        await asked(door, 200);
        await answers(await gateway(HOSTS[0] as string, ports[0] as number));
      };
      const { failures, answered } = await load(door, story());
      expect(failures).toEqual([]);
      expect(answered.size).toBeGreaterThan(0);
    });

    test('one is reloaded under load: no GET fails', async () => {
      const { door, gateways } = await open('--workers', '2');
      const [first] = gateways as [ServerProcess];
      const story = async () => {
        const old = childrenOf(first.pid).map(({ pid }) => pid);
        first.signal('SIGHUP');
        const isHere = ({ pid }: { pid: number }) => old.includes(pid);
        await expect
          .poll(() => childrenOf(first.pid).filter(isHere), { timeout: 25_000 })
          .toEqual([]);
      };
      const { failures } = await load(door, story());
      expect(failures).toEqual([]);
    });

    async function asked(door: ServerProcess, times: number): Promise<void> {
      for (let count = 0; count < times; count++) {
        await (await request(`${door.origin}/hello`)).body.dump();
      }
    }
  },
);
