/**
 * A process that serves: opens the door, gives each client a Connection, looks at their clocks, and at the end
 * sees them all out. It knows every connection, and nothing of what they say.
 */
import cluster from 'node:cluster';
import { once } from 'node:events';
import { lstatSync, readFileSync, unlinkSync } from 'node:fs';
import net, { type BlockList, type Socket } from 'node:net';
import tls from 'node:tls';
import type { Peer } from '../gateway/environ.ts';
import { HttpError } from '../http/http-error.ts';
import { Connection, type Service } from './connection.ts';

/** Where to listen: an address, or a path in the file system; and with what certificate, if any. */
export interface Door {
  readonly host: string;
  readonly port: number;
  readonly unix?: string | undefined;
  /** The permissions that the socket in the file system shall not have; if nothing is said, the process's own umask. */
  readonly umask?: number | undefined;
  /** A descriptor that listens already, which we were given at birth. */
  readonly fd?: number | undefined;
  /** Who else but the client may speak for it. */
  readonly proxies?: BlockList | undefined;
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
}

/** Milliseconds between two looks at the clocks, for all connections at once: a timer for each would cost more. */
const TICK = 100;
/** Connections that may be told of the limit at a time; those beyond hear nothing. */
const MAX_TURNED_AWAY = 100;

export class Worker {
  readonly #service: Service;
  readonly #door: Door;
  readonly #listener: net.Server;
  readonly #connections = new Set<Connection>();
  readonly stats = { requests: 0, underWay: 0 };
  #clock: NodeJS.Timeout | undefined;
  #isDraining = false;
  #onEmpty = () => {};

  constructor(door: Door, service: Omit<Service, 'canReset' | 'toPeer' | 'stats'>) {
    this.#door = door;
    this.#service = {
      ...service,
      canReset: door.tls === undefined,
      toPeer: (socket) => this.#toPeer(socket),
      stats: this.stats,
    };
    // Half open in the middle of a handshake would be a place that nobody has any more.
    const options = { allowHalfOpen: door.tls === undefined, noDelay: true };
    const handshakeTimeout = service.limits.headTimeout * 1000 || 2 ** 31 - 1;
    this.#listener = door.tls
      ? tls.createServer({
          ...options,
          handshakeTimeout,
          cert: readFileSync(door.tls.cert),
          key: readFileSync(door.tls.key),
        })
      : net.createServer(options);
    this.#listener.on(door.tls ? 'secureConnection' : 'connection', (socket: Socket) =>
      this.#accept(socket),
    );
    this.#listener.on('tlsClientError', (_, socket: Socket) => socket.destroy()); // it speaks no TLS, or hung up
    // Counted from accept(2) on, so a handshake takes a place, too. Before its end nobody can be told anything.
    this.#listener.maxConnections =
      service.limits.maxConnections + (door.tls ? 0 : MAX_TURNED_AWAY);
  }

  /** Opens the door. Rejects if the address can't be had; resolves with where it is. */
  async listen(): Promise<string> {
    const { unix, fd, host, port, tls } = this.#door;
    const place =
      fd === undefined ? (unix === undefined ? { host, port } : { path: unix }) : { fd };
    // A worker's socket is made by its supervisor, with that one's umask.
    const umask = cluster.isWorker ? undefined : this.#door.umask;
    await once(
      withUmask(umask, () => this.#listener.listen(place)),
      'listening',
    );
    this.#clock = setInterval(() => this.#checkDeadlines(), TICK).unref();
    const address = this.#listener.address();
    const isTcp = address !== null && typeof address === 'object';
    const where = isTcp ? `port ${address.port}` : `unix socket ${address ?? 'of systemd'}`;
    return `${tls ? 'HTTPS' : 'HTTP'} on ${where}`;
  }

  /**
   * Closes the door, and lets what is under way come to its end, for so many seconds (0: for ever); what is not done
   * then is cut. Resolves with the number of those. In peace, who is connected may ask once more.
   */
  async drain(seconds: number, inPeace = false): Promise<number> {
    this.#isDraining = true;
    const closed = new Promise<void>((resolve) => {
      this.#listener.close(() => resolve());
      if (!inPeace) this.#onEmpty = resolve; // who is in a handshake has asked nothing, and is not waited for
    });
    for (const connection of this.#connections) connection.drain(inPeace);
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
    socket.allowHalfOpen = true; // also over TLS, from here on
    const connection = new Connection(socket, this.#service);
    if (this.#connections.size >= this.#service.limits.maxConnections) {
      connection.turnAway(new HttpError(503, 'too many connections'));
    }
    if (this.#isDraining) connection.drain(true); // its handshake took longer
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

  /** PEP 3333 wants a name and a port always; a path in the file system has neither. */
  #toPeer(socket: Socket): Peer {
    const scheme = this.#door.tls ? 'https' : 'http';
    return {
      scheme,
      serverName: socket.localAddress ?? 'localhost',
      serverPort: `${socket.localPort ?? (this.#door.tls ? 443 : 80)}`,
      remoteAddress: socket.remoteAddress ?? '',
      remotePort: `${socket.remotePort ?? ''}`,
      isProxy: this.#isProxy(socket.remoteAddress),
      isMultiprocess: cluster.isWorker,
    };
  }

  /** Who reaches a socket in the file system has been let in by its owner. */
  #isProxy(address: string | undefined): boolean {
    const { proxies } = this.#door;
    if (!proxies) return false;
    return address === undefined || proxies.check(address, net.isIPv6(address) ? 'ipv6' : 'ipv4');
  }
}

/**
 * A socket in the file system outlives a server that was killed. If nobody answers there, it is in the way. Nobody
 * answers at any other file, either, and that is none of ours.
 */
export async function removeStaleSocket(file: string): Promise<void> {
  if (!lstatSync(file, { throwIfNoEntry: false })?.isSocket()) return;
  const probe = net.connect(file);
  try {
    await once(probe, 'connect');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') unlinkSync(file);
  } finally {
    probe.destroy();
  }
}

/** What makes files with a umask of its own, if any. The mode is right from the first moment; chmod comes later. */
export function withUmask<T>(umask: number | undefined, action: () => T): T {
  if (umask === undefined) return action();
  const before = process.umask(umask);
  try {
    return action();
  } finally {
    process.umask(before);
  }
}
