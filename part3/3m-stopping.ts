/**
 * 3m: stopping. At SIGTERM and Ctrl-C the door is closed, and what is under way comes to its end; a second one ends it now.
 * A line for each answer says afterwards what happened. Who stands behind a proxy is believed from proxies that are named.
 * All of it is one process, over plain TCP.
 *
 *   npm run part3 -- 3m wsgiapp:app --access-log -     and in a second terminal:   curl -v localhost:8888/hello
 */
import { once } from 'node:events';
import net, { type AddressInfo, BlockList, isIP, isIPv6, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { loadApplication } from '../shared/app-loader.ts';
import type { Peer } from './gateway/environ.ts';
import { HttpError } from './http/http-error.ts';
import { LIMITS, type Limits } from './http/limits.ts';
import { openAccessLog } from './server/access-log.ts';
import { Connection, type Service } from './server/connection.ts';
import { onSignal } from './server/signals.ts';

/** Where to listen, and whom to believe. */
interface Door {
  readonly host: string;
  readonly port: string | number;
  /** Who else but the client may speak for it. */
  readonly proxies: BlockList | undefined;
}

/** Milliseconds between two looks at the clocks, for all connections at once: a timer for each would cost more. */
const TICK = 100;
/** Connections that may be told of the limit at a time; those beyond hear nothing. */
const MAX_TURNED_AWAY = 100;

/** Opens the door, gives each client a Connection, looks at their clocks, and at the end sees them all out. */
class Worker {
  readonly #service: Service;
  readonly #door: Door;
  readonly #listener: net.Server;
  readonly #connections = new Set<Connection>();
  readonly stats = { requests: 0, underWay: 0 };
  #clock: NodeJS.Timeout | undefined;
  #onEmpty = () => {};

  constructor(door: Door, service: Omit<Service, 'canReset' | 'toPeer' | 'stats'>) {
    this.#door = door;
    const toPeer = (socket: Socket) => this.#toPeer(socket);
    this.#service = { ...service, canReset: true, toPeer, stats: this.stats };
    const options = { allowHalfOpen: true, noDelay: true };
    this.#listener = net.createServer(options, (socket) => this.#accept(socket));
    this.#listener.maxConnections = service.limits.maxConnections + MAX_TURNED_AWAY;
  }

  /** Opens the door. Rejects if the address can't be had; resolves with where it is. */
  async listen(): Promise<string> {
    const { host, port } = this.#door;
    await once(this.#listener.listen({ host, port }), 'listening');
    this.#clock = setInterval(() => this.#checkDeadlines(), TICK).unref();
    const address = this.#listener.address() as AddressInfo;
    return `HTTP on port ${address.port}`;
  }

  /**
   * Closes the door, and lets what is under way come to its end, for so many seconds (0: for ever); what is not done
   * then is cut. Resolves with the number of those.
   */
  async drain(seconds: number): Promise<number> {
    const closed = new Promise<void>((resolve) => {
      this.#listener.close();
      this.#onEmpty = resolve;
    });
    for (const connection of this.#connections) connection.drain(false);
    if (this.#connections.size === 0) this.#onEmpty();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Set<Connection>>((resolve) => {
      if (seconds > 0) timer = setTimeout(() => resolve(this.#connections), seconds * 1000);
    });
    const toCut = await Promise.race([closed, late]);
    clearTimeout(timer);
    clearInterval(this.#clock);
    const cut = [...(toCut ?? [])];
    for (const connection of cut) connection.cut();
    return cut.length;
  }

  #accept(socket: Socket): void {
    const connection = new Connection(socket, this.#service);
    if (this.#connections.size >= this.#service.limits.maxConnections) {
      connection.turnAway(new HttpError(503, 'too many connections'));
    }
    this.#connections.add(connection);
    socket.once('close', () => {
      this.#connections.delete(connection);
      if (this.#connections.size === 0) this.#onEmpty();
    });
  }

  #checkDeadlines(): void {
    const now = performance.now();
    for (const connection of this.#connections) connection.checkDeadline(now);
  }

  #toPeer(socket: Socket): Peer {
    return {
      scheme: 'http',
      serverName: socket.localAddress ?? '',
      serverPort: `${socket.localPort}`,
      remoteAddress: socket.remoteAddress ?? '',
      remotePort: `${socket.remotePort}`,
      isProxy: this.#isProxy(socket.remoteAddress),
      isMultiprocess: false,
    };
  }

  #isProxy(address = ''): boolean {
    const { proxies } = this.#door;
    return proxies?.check(address, isIPv6(address) ? 'ipv6' : 'ipv4') ?? false;
  }
}

/** Addresses and networks, with commas between them; `*` is everybody. */
function readProxies(list: string | undefined): BlockList | undefined {
  if (list === undefined) return undefined;
  const proxies = new BlockList();
  const all = list === '*' ? ['0.0.0.0/0', '::/0'] : list.split(',');
  for (const entry of all) {
    const [address = '', bits] = entry.trim().split('/');
    const [family, most] = isIPv6(address) ? (['ipv6', 128] as const) : (['ipv4', 32] as const);
    const prefix = bits === undefined ? most : Number(bits || Number.NaN);
    if (isIP(address) === 0 || !(prefix >= 0 && prefix <= most)) {
      throw new Error(`--forwarded-allow-ips takes addresses and networks, not '${entry}'`);
    }
    proxies.addSubnet(address, prefix, family);
  }
  return proxies;
}

/** Each limit is an option, named like it: maxBodyBytes is `--max-body-bytes`. */
const toOption = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

function readLimits(values: Readonly<Record<string, string | undefined>>): Limits {
  const limits: Record<string, number> = { ...LIMITS };
  for (const name of Object.keys(LIMITS)) {
    const value = values[toOption(name)];
    if (value !== undefined) limits[name] = Number(value);
    if (!((limits[name] ?? -1) >= 0)) throw new Error(`--${toOption(name)} takes a number`);
  }
  return limits as Limits;
}

/** The first signal asks for an end in peace, the second for an end; by then nobody is asked any more. */
function stopOnSignals(worker: Worker, drainTimeout: number): void {
  let isStopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    onSignal(signal, async (number) => {
      if (isStopping) process.exit(128 + number);
      isStopping = true;
      const cut = await worker.drain(drainTimeout);
      if (cut > 0) console.error(`* cut off ${cut} that took longer than ${drainTimeout} s`);
      process.exit(0);
    });
  }
}

/** Opens the door. Whatever stands in the way (a taken port, a wrong option) is told in one line. */
async function main(): Promise<void> {
  try {
    const own = ['port', 'host', 'access-log', 'forwarded-allow-ips'];
    const names = [...own, ...Object.keys(LIMITS).map(toOption)];
    const options = Object.fromEntries(names.map((name) => [name, { type: 'string' }] as const));
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    const { host = '127.0.0.1', port = process.env.PORT || 8888 } = values;
    const [name] = positionals;
    if (!name) throw new Error('Provide a WSGI application object as module:callable');
    const limits = readLimits(values);
    const proxies = readProxies(values['forwarded-allow-ips']);
    const target = values['access-log'];
    const log = target === undefined ? undefined : openAccessLog(target);
    const application = await loadApplication(name);
    // A promise that an application forgot would end us all, and a client that leaves can make it reject.
    process.on('unhandledRejection', (reason) => console.error(reason));
    const service = { application, limits, log, trace: undefined };
    const worker = new Worker({ host, port, proxies }, service);
    stopOnSignals(worker, limits.drainTimeout);
    console.log(`Serving ${await worker.listen()} ... (process ${process.pid})`);
  } catch (error) {
    const reason = (error as Error).message.replaceAll('\n', ' ');
    console.error(
      `${reason} (options: --port N, --host ADDRESS, --access-log FILE, --forwarded-allow-ips LIST, and the limits of http/limits.ts)`,
    );
    process.exit(1);
  }
}

await main();
