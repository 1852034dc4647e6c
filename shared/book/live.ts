/**
 * One live request of a page, in a process of its own: a line of JSON comes in and says what to run; what happens goes
 * out as it happens. When its standard input ends, because the page or the whole book has gone, all it started ends, too.
 *
 *   echo '{"check":"1-01"}' or '{"server":"part1 -- 1b","script":"send hello\\n","clients":1}'
 */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { RawClient } from '../harness/raw-client.ts';
import { ROOT, type ServerProcess, startServer } from '../harness/server-process.ts';
import { parseScript, type Step, type WireEvent } from './notation.ts';
import { readServer } from './servers.ts';

interface Order {
  readonly check?: string;
  readonly server?: string;
  readonly script?: string;
  readonly clients?: number;
}

/** Seconds for all that is said over the wire, and without a word after which there is nothing to wait for. */
const SECONDS = 10;
const QUIET = 4;
/** Bytes in either direction of a connection. */
const MAX_BYTES = 64 * 1024;
const MAX_CLIENTS = 8;
/** Milliseconds for what a server prints behind its last answer. */
const LAST_WORDS = 150;

process.stdout.on('error', () => process.exit(1)); // the page has gone
const lines = createInterface({ input: process.stdin });
lines.once('close', () => process.exit(0)); // what was started goes with this process: the harness sees to that
lines.once('line', async (line) => {
  const order: Order = JSON.parse(line);
  await (order.check === undefined ? new Wire().run(order) : runCheck(order.check));
  process.exit(0);
});

function runCheck(id: string): Promise<void> {
  const command = path.join(ROOT, 'shared/checks/commands/cli.ts');
  const args = ['--import', 'tsx', command, 'check', id];
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    stdio: ['ignore', 1, 1],
  });
  process.once('exit', () => child.kill());
  return new Promise((resolve) => child.once('close', () => resolve()));
}

class Wire {
  #begin = performance.now();
  #last = this.#begin;
  readonly #clients: RawClient[] = [];
  /** Clients that still have something to do. */
  #busy = 0;

  async run({ server: words = '', script = '', clients = 1 }: Order): Promise<void> {
    let server: ServerProcess | undefined;
    try {
      const steps = parseScript(script);
      const found = readServer(words);
      if (!found) {
        const [own, part] = words.split(' ');
        const advice = own === 'my' ? `; this makes yours: npm run start -- ${part}` : '';
        throw new Error(`There is no server to start for: ${words}${advice}`);
      }
      const { stage, ...options } = found;
      server = await startServer({ id: words, part: '', summary: '', ...stage }, options);
      this.#begin = performance.now();
      this.#tell('ready', { text: words });
      void this.#follow(server, 'stdout');
      void this.#follow(server, 'stderr');
      const talks = Array.from({ length: Math.min(clients, MAX_CLIENTS) }, (_, client) =>
        this.#talk(server?.port ?? 0, client, steps).catch(({ message }: Error) =>
          this.#tell('note', { client, text: message }),
        ),
      );
      await Promise.race([this.#patience(), Promise.all(talks).then(() => delay(LAST_WORDS))]);
      if (server.hasExited) {
        const { code, signal } = await server.exited;
        this.#tell('note', {
          text: `the server has ended by itself: ${signal ?? `exit code ${code}`}`,
        });
      }
    } catch (error) {
      this.#tell('note', { text: (error as Error).message });
    }
    for (const client of this.#clients) client.leave();
    await server?.kill();
    this.#tell('over');
  }

  async #talk(port: number, client: number, steps: readonly Step[]): Promise<void> {
    this.#tell('syn', { client });
    const raw = await RawClient.connect(port);
    this.#clients.push(raw);
    this.#tell('open', { client });
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
      raw.observer = (news) => this.#hear(raw, client, news, end);
    });
    this.#busy++;
    for (const step of steps) {
      if (raw.ending === 'rst') break;
      if (step.kind === 'pause') await delay(step.seconds * 1000);
      else await this.#act(raw, client, step, end);
    }
    this.#busy--;
    await ended;
    raw.halfClose(); // as any client would
  }

  async #act(raw: RawClient, client: number, step: Step, end: () => void): Promise<void> {
    if (step.kind === 'reset') {
      this.#tell('rst-sent', { client });
      await raw.reset();
      end();
    } else if (step.kind === 'fin') {
      this.#tell('fin-sent', { client });
      raw.halfClose();
    } else if (step.kind === 'send') {
      const bytes = step.bytes.slice(0, MAX_BYTES - raw.sent.length);
      this.#tell('sent', { client, text: bytes });
      await raw.send(Buffer.from(bytes, 'latin1'));
    }
  }

  #hear(raw: RawClient, client: number, news: Buffer | string, end: () => void): void {
    if (typeof news === 'string') {
      this.#tell(news as 'fin' | 'rst', { client });
      end();
      return;
    }
    this.#tell('read', { client, text: news.toString('latin1') });
    if (raw.size < MAX_BYTES) return;
    this.#tell('note', { client, text: 'more than 64 KiB have come: the book hangs up' });
    raw.leave();
    end();
  }

  /** Tells what the server prints, as it comes. */
  async #follow(server: ServerProcess, stream: 'stdout' | 'stderr'): Promise<void> {
    let told = server[stream].length;
    while (!server.hasExited) {
      const text = await server.waitFor(() => server[stream].slice(told) || undefined, SECONDS);
      if (text) this.#tell('said', { text });
      told += text?.length ?? 0;
    }
  }

  /** Resolves when the time is over, or when nothing more is to be expected. */
  async #patience(): Promise<void> {
    const seconds = (since: number) => (performance.now() - since) / 1000;
    const isQuiet = () => this.#busy === 0 && seconds(this.#last) >= QUIET;
    while (seconds(this.#begin) < SECONDS && !isQuiet()) await delay(100);
    const why =
      seconds(this.#begin) < SECONDS ? `nothing has come for ${QUIET} s` : `${SECONDS} s are over`;
    this.#tell('note', { text: `${why}: the book hangs up` });
  }

  #tell(kind: WireEvent['kind'], what: Pick<WireEvent, 'client' | 'text'> = {}): void {
    this.#last = performance.now();
    const event: WireEvent = { t: Math.round(this.#last - this.#begin), kind, ...what };
    process.stdout.write(`${JSON.stringify(event)}\n`);
  }
}
