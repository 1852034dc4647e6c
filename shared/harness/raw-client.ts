/**
 * A client with no manners of its own: it sends the very bytes it is given, in the slices it is given, hangs up
 * in every way TCP knows, and reports what came back and how it ended. For everything polite there is undici.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';

/** How a connection ended: with a FIN, with a RST, or not yet. */
export type Ending = 'open' | 'fin' | 'rst';

export class RawClient {
  readonly #socket: Socket;
  readonly #chunks: Buffer[] = [];
  #ending: Ending = 'open';
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      this.#chunks.push(chunk);
      this.#wake();
    });
    socket.once('end', () => this.#end('fin'));
    socket.once('error', () => this.#end('rst'));
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  /** What has arrived so far. */
  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get ending(): Ending {
    return this.#ending;
  }

  /** Sends each slice in a packet of its own, as far as the network lets us. */
  async send(...slices: (string | Uint8Array)[]): Promise<void> {
    for (const slice of slices) {
      await new Promise<void>((resolve) => this.#socket.write(slice, () => resolve()));
      await turn();
    }
  }

  /** Says that no more will come, and goes on listening. */
  halfClose(): void {
    this.#socket.end();
  }

  /** Hangs up rudely: the other side gets a RST. */
  async reset(): Promise<void> {
    this.#socket.resetAndDestroy();
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

  /** Closes the connection, whatever its state; for the end of a test. */
  leave(): void {
    this.#socket.destroy();
  }

  #end(ending: Ending): void {
    this.#ending = ending;
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
  readonly body: Buffer;
}

/** Takes apart a response that ended with its connection. Strict: CR LF only. */
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
  return { status: Number(status), headers, body: bytes.subarray(end + 4) };
}

/** The one value of a header, in whatever letter case; undefined if there is none. */
export function headerOf({ headers }: RawResponse, name: string): string | undefined {
  return headers.find(([given]) => given.toLowerCase() === name.toLowerCase())?.[1];
}
