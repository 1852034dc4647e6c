/**
 * A client with no manners of its own: it sends the very bytes it is given, in the slices it is given, hangs up
 * in every way TCP knows, and reports what came back and how it ended. For everything polite there is undici.
 */
import { once } from 'node:events';
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { readChunks } from './chunks.ts';
import type { Address } from './transport.ts';

/** How a connection ended: with a FIN, with a RST, or not yet. Over a Unix socket and TLS, too, an error is a RST. */
export type Ending = 'open' | 'fin' | 'rst';

export class RawClient {
  readonly #socket: Socket;
  /** What goes over the network: under TLS another one. */
  readonly #transport: Socket;
  readonly #chunks: Buffer[] = [];
  readonly #sent: Buffer[] = [];
  #ending: Ending = 'open';
  /** Is told what arrives, in the pieces in which it is read, and how the connection ends. */
  observer: (news: Buffer | Ending) => void = () => {};
  #wake: () => void = () => {};

  private constructor(socket: Socket, transport: Socket) {
    this.#socket = socket;
    this.#transport = transport;
    transport.setNoDelay(true);
    socket.on('data', (chunk) => {
      this.#chunks.push(chunk);
      this.observer(chunk);
      this.#wake();
    });
    socket.once('end', () => this.#end('fin'));
    socket.once('error', () => this.#end('rst'));
  }

  /** Connects to a server, over whatever it listens on, or to a TCP port. */
  static async connect(server: number | { readonly address: Address }): Promise<RawClient> {
    const { port, socketPath, ca }: Partial<Address> =
      typeof server === 'number' ? { port: server } : server.address;
    const where = socketPath === undefined ? { port, host: '127.0.0.1' } : { path: socketPath };
    const socket = connect({ ...where, allowHalfOpen: true } as NetConnectOpts);
    await once(socket, 'connect');
    if (ca === undefined) return new RawClient(socket, socket);
    const secured = connectTls({ socket, ca });
    await once(secured, 'secureConnect');
    return new RawClient(secured, socket);
  }

  /** What has arrived so far. */
  get received(): Buffer {
    if (this.#chunks.length !== 1)
      this.#chunks.splice(0, this.#chunks.length, Buffer.concat(this.#chunks));
    return this.#chunks[0] as Buffer;
  }

  /** The port it has on its own side; undefined over a Unix socket. */
  get port(): number | undefined {
    return this.#transport.localPort;
  }

  /** How many bytes these are. */
  get size(): number {
    return this.#chunks.reduce((sum, { length }) => sum + length, 0);
  }

  get ending(): Ending {
    return this.#ending;
  }

  /** What was given to `send` so far. */
  get sent(): Buffer {
    return Buffer.concat(this.#sent);
  }

  /** Sends each slice in a packet of its own, as far as the network lets us. */
  async send(...slices: (string | Uint8Array)[]): Promise<void> {
    for (const slice of slices) {
      this.#sent.push(Buffer.from(slice));
      await new Promise<void>((resolve) => this.#socket.write(slice, () => resolve()));
      await turn();
    }
  }

  /** Sends a piece of something large, of which no note is kept; whether the kernel has taken it. */
  pour(piece: Uint8Array): Promise<boolean> {
    return new Promise((resolve) => this.#socket.write(piece, (error) => resolve(!error)));
  }

  /** Says that no more will come, and goes on listening. */
  halfClose(): void {
    this.#socket.end();
  }

  /** Hangs up rudely: the other side gets a RST, where there is such a thing. */
  async reset(): Promise<void> {
    if (this.#transport === this.#socket) {
      if (this.#socket.remotePort !== undefined) this.#socket.resetAndDestroy();
    } else {
      // Under TLS resetAndDestroy says FIN first, and the RST behind it goes unheard. The handle says RST alone.
      const { _handle } = this.#transport as unknown as {
        _handle?: { reset(done: () => void): void };
      };
      await new Promise<void>((resolve) => (_handle ? _handle.reset(resolve) : resolve()));
    }
    this.#socket.destroy();
    if (!this.#socket.closed) await once(this.#socket, 'close');
  }

  /** Takes nothing off the line until `resume`: the buffers on the way fill up. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Resolves when the text has arrived; rejects when the connection ends without it. */
  async readUntil(text: string): Promise<string> {
    while (!this.received.includes(text)) {
      if (this.#ending !== 'open') {
        throw new Error(`the connection ended (${this.#ending}) before ${JSON.stringify(text)}`);
      }
      await this.#change();
    }
    return this.received.toString();
  }

  /** Reads until the server ends the connection, and says goodbye, too. */
  async readToEnd(): Promise<{ bytes: Buffer; ending: Ending }> {
    this.resume();
    while (this.#ending === 'open') await this.#change();
    this.#socket.end();
    return { bytes: this.received, ending: this.#ending };
  }

  /** Reads until it is enough, or the connection ends, or nothing has come for so many milliseconds. */
  async settle(quiet: number, isEnough: () => boolean = () => false): Promise<void> {
    this.resume();
    let isQuiet = false;
    while (this.#ending === 'open' && !isQuiet && !isEnough()) {
      let lastLook: NodeJS.Immediate | undefined;
      const timer = setTimeout(() => {
        // Where this process was busy itself, what has come in time is still to be read.
        lastLook = setImmediate(() => {
          isQuiet = true;
          this.#wake();
        });
      }, quiet);
      await this.#change();
      clearTimeout(timer);
      clearImmediate(lastLook);
    }
  }

  /** Closes the connection, whatever its state; for the end of a test. */
  leave(): void {
    this.#socket.destroy();
  }

  #end(ending: Ending): void {
    this.#ending = ending;
    this.observer(ending);
    this.#wake();
  }

  async #change(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }
}

export interface RawResponse {
  readonly status: number;
  /** In their order, names as they were sent. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** All that came behind the head; of a chunked body, what is in the chunks. */
  readonly body: Buffer;
  /** Whether it is as long as its framing says. A body that ends with its connection cannot be known to be cut. */
  readonly isWhole: boolean;
}

/** Takes apart a response that ended with its connection. Strict: CR LF only, and nothing behind the last chunk. */
export function parseResponse(bytes: Buffer): RawResponse {
  const end = bytes.indexOf('\r\n\r\n');
  const [statusLine = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const [, status] = /^HTTP\/1\.1 (\d{3}) [^\r\n]*$/.exec(statusLine) ?? [];
  if (end === -1 || !status)
    throw new Error(`no HTTP response: ${JSON.stringify(bytes.toString())}`);
  const headers = lines.map((line): [string, string] => {
    const [, name = '', value = ''] = /^([^\s:]+): (.*)$/.exec(line) ?? [];
    return [name, value];
  });
  const body = bytes.subarray(end + 4);
  const response = { status: Number(status), headers, body };
  if (headerOf(response, 'Transfer-Encoding') === 'chunked') {
    const { used, fault, ...chunks } = readChunks(body);
    if (fault) throw new Error(`${fault.message}, at byte ${fault.at} of the body`);
    if (chunks.isWhole && used < body.length)
      throw new Error(`behind the last chunk: ${body.length - used} bytes`);
    return { ...response, ...chunks };
  }
  const length = headerOf(response, 'Content-Length');
  return { ...response, isWhole: length === undefined || Number(length) === body.length };
}

/** The one value of a header, in whatever letter case; undefined if there is none. */
export function headerOf(
  { headers }: Pick<RawResponse, 'headers'>,
  name: string,
): string | undefined {
  return headers.find(([given]) => given.toLowerCase() === name.toLowerCase())?.[1];
}
