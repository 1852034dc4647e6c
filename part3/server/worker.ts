/**
 * A process that serves: opens the door, gives each client a Connection, looks at their clocks, and at the end
 * sees them all out. It knows every connection, and nothing of what they say.
 */
import { once } from 'node:events';
import { readFileSync, unlinkSync } from 'node:fs';
import net, { type AddressInfo, type Socket } from 'node:net';
import tls from 'node:tls';
import type { Peer } from '../gateway/environ.ts';
import { HttpError } from '../http/http-error.ts';
import { Connection, type Service } from './connection.ts';

/** Where to listen: an address, or a path in the file system; and with what certificate, if any. */
export interface Door {
  readonly host: string;
  readonly port: number;
  readonly unix?: string | undefined;
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
  #clock: NodeJS.Timeout | undefined;

  constructor(door: Door, service: Omit<Service, 'canReset' | 'toPeer'>) {
    this.#door = door;
    this.#service = {
      ...service,
      canReset: door.tls === undefined && door.unix === undefined,
      toPeer: (socket) => this.#toPeer(socket),
    };
    const options = { allowHalfOpen: true, noDelay: true };
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
    this.#listener.maxConnections = service.limits.maxConnections + MAX_TURNED_AWAY;
  }

  /** Opens the door. Rejects if the address can't be had; resolves with where it is. */
  async listen(): Promise<string> {
    const { unix, host, port, tls } = this.#door;
    if (unix !== undefined) await removeStaleSocket(unix);
    await once(
      this.#listener.listen(unix === undefined ? { host, port } : { path: unix }),
      'listening',
    );
    this.#clock = setInterval(() => this.#checkDeadlines(), TICK).unref();
    const address = this.#listener.address();
    const where = typeof address === 'string' ? `unix socket ${address}` : `port ${address?.port}`;
    return `${tls ? 'HTTPS' : 'HTTP'} on ${where}`;
  }

  /**
   * Closes the door, and lets what is under way come to its end, for so many seconds; what is not done then is cut.
   * Resolves with the number of those.
   */
  async drain(seconds: number): Promise<number> {
    const closed = new Promise((resolve) => this.#listener.close(resolve));
    for (const connection of this.#connections) connection.drain();
    let cut = 0;
    const cutAll = () => {
      cut = this.#connections.size;
      for (const connection of this.#connections) connection.cut();
    };
    const timer = seconds > 0 ? setTimeout(cutAll, seconds * 1000) : undefined; // 0: for ever
    await closed;
    clearTimeout(timer);
    clearInterval(this.#clock);
    return cut;
  }

  #accept(socket: Socket): void {
    const connection = new Connection(socket, this.#service);
    if (this.#connections.size >= this.#service.limits.maxConnections) {
      connection.turnAway(new HttpError(503, 'too many connections'));
    }
    this.#connections.add(connection);
    socket.once('close', () => this.#connections.delete(connection));
  }

  #checkDeadlines(): void {
    const now = performance.now();
    for (const connection of this.#connections) connection.checkDeadline(now);
  }

  /** PEP 3333 wants a name and a port always; a path in the file system has neither. */
  #toPeer(socket: Socket): Peer {
    const scheme = this.#door.tls ? 'https' : 'http';
    const port = (this.#listener.address() as AddressInfo | null)?.port;
    return {
      scheme,
      serverName: socket.localAddress ?? 'localhost',
      serverPort: `${socket.localPort ?? port ?? (this.#door.tls ? 443 : 80)}`,
      remoteAddress: socket.remoteAddress ?? '',
      remotePort: `${socket.remotePort ?? ''}`,
      isMultiprocess: false,
    };
  }
}

/** A socket in the file system outlives a server that was killed. If nobody answers there, it is in the way. */
async function removeStaleSocket(file: string): Promise<void> {
  const probe = net.connect(file);
  try {
    await once(probe, 'connect');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') unlinkSync(file);
  } finally {
    probe.destroy();
  }
}
