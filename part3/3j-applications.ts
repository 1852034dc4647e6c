/**
 * 3j: applications. The second room between the messages: a request becomes an environ, the application is called, and
 * what it says becomes the answer. Many requests are under way at a time, each with what is its own. Nobody waits for
 * anybody yet: what a client does not take lies in our memory, and a client that is silent stays for ever.
 *
 *   npm run part3 -- 3j wsgiapp:app     and in a second terminal:   curl -v localhost:8888/hello
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { loadApplication } from '../shared/app-loader.ts';
import { type Peer, toEnviron } from './gateway/environ.ts';
import { InputStream } from './gateway/input-stream.ts';
import { RequestBody } from './gateway/request-body.ts';
import { Exchange } from './gateway/run-application.ts';
import type { Application } from './gateway/wsgi.ts';
import { HttpError, reasonFor } from './http/http-error.ts';
import { LIMITS } from './http/limits.ts';
import { type RequestHead, RequestParser } from './http/request-parser.ts';
import { ResponseWriter, type Send } from './http/response-writer.ts';

type State =
  | { readonly kind: 'reading' } // the next head
  | Answering
  | { readonly kind: 'discarding' } // a body that the application did not read
  | { readonly kind: 'closing' }; // all is said, and the client's FIN is to come

interface Answering {
  readonly kind: 'answering';
  readonly request: RequestHead;
  readonly answer: ResponseWriter;
  readonly body: RequestBody;
  readonly exchange: Exchange;
}

const READING: State = { kind: 'reading' };
const DISCARDING: State = { kind: 'discarding' };
const CLOSING: State = { kind: 'closing' };
const END = { kind: 'end' } as const;

class Connection {
  readonly #socket: Socket;
  readonly #application: Application;
  readonly #parser = new RequestParser(LIMITS);
  #state: State = READING;

  constructor(socket: Socket, application: Application) {
    this.#socket = socket;
    this.#application = application;
    socket.on('data', (bytes) => this.#receive(bytes));
    socket.once('end', () => this.#proceed());
    socket.on('error', () => socket.destroy()); // unheard, one client's reset would end us all
    socket.once('close', () => this.#abandon(new Error('the client left')));
  }

  #receive(bytes: Buffer): void {
    if (this.#state.kind === 'closing') return; // read and forgotten
    this.#parser.receive(bytes);
    this.#proceed();
  }

  /** Goes on as far as the bytes that are here allow. */
  #proceed(): void {
    try {
      while (this.#step());
    } catch (error) {
      this.#fail(error);
    }
  }

  /** One step; false when something has to come first. */
  #step(): boolean {
    const state = this.#state;
    switch (state.kind) {
      case 'reading':
        return this.#readHead();
      case 'answering':
        this.#feed(state);
        return false;
      case 'discarding':
        return this.#discard();
      default:
        return false;
    }
  }

  #readHead(): boolean {
    const event = this.#parser.next();
    if (event?.kind === 'head') {
      this.#begin(event.head);
      return true;
    }
    if (this.#socket.readableEnded) {
      if (this.#parser.state !== 'idle') throw new HttpError(400, 'it ended in its middle');
      this.#close();
    }
    return false;
  }

  #begin(request: RequestHead): void {
    const answer = new ResponseWriter(request, this.#send);
    const body = new RequestBody(() => this.#feed(state));
    const environ = toEnviron(request, toPeer(this.#socket), new InputStream(body.next));
    const exchange = new Exchange(environ, answer, () => undefined);
    const state: Answering = { kind: 'answering', request, answer, body, exchange };
    this.#state = state;
    const running = exchange.run(this.#application);
    if (!running) {
      if (this.#state === state) this.#finish(state); // or what it was to read has been refused
      return;
    }
    running.then(
      () => {
        if (this.#state !== state) return; // it was given up
        this.#finish(state);
        this.#proceed();
      },
      (error) => {
        if (this.#state === state) this.#fail(error);
      },
    );
  }

  #finish({ answer, body }: Answering): void {
    body.close();
    if (!answer.keepAlive) this.#close();
    else this.#state = body.hasEnded ? READING : DISCARDING;
  }

  /** Gives the application what has come of the body, if it waits for it. */
  #feed({ answer, body }: Answering): void {
    if (!body.isAwaited) return;
    try {
      const event = body.hasEnded ? END : this.#parser.next();
      if (event?.kind === 'data') body.give(event.data);
      else if (event) body.giveEnd();
      else if (this.#socket.readableEnded) throw new HttpError(400, 'the body ended in its middle');
    } catch (error) {
      body.refuse(error);
      // The client's mistake, and ours to refuse, whatever the application makes of it; but it may be answering already.
      if (!answer.headSent) this.#fail(error);
    }
  }

  /** Reads what the application did not: the next request is behind it. */
  #discard(): boolean {
    const event = this.#parser.next();
    if (event?.kind === 'end') this.#state = READING;
    if (!event && this.#socket.readableEnded) this.#close();
    return event !== undefined;
  }

  /** Strings are latin-1. */
  readonly #send: Send = (piece) => void this.#socket.write(piece, 'latin1');

  /** Every failure ends here: a refusal is answered, a crash is logged and answered, half an answer is cut. */
  #fail(error: unknown): void {
    const { request, answer } = this.#state as Partial<Answering>;
    const isOver = this.#state.kind === 'discarding';
    this.#abandon(error);
    if (this.#socket.destroyed) return;
    if (isOver) return void this.#close(); // all has been answered, and what comes now is doubtful
    if (!(error instanceof HttpError)) console.error(error);
    if (answer?.headSent && !answer.showsItsEnd) return void this.#socket.resetAndDestroy();
    if (answer?.headSent) return void this.#close(); // what has been sent arrives, and is not taken for all
    const [code, detail] =
      error instanceof HttpError ? [error.status, `: ${error.message}`] : [500, ''];
    const status = `${code} ${reasonFor(code)}`;
    const method = request?.method ?? '';
    const question = { method, version: 'HTTP/1.1', keepAlive: false } as const;
    const refusal = new ResponseWriter(question, this.#send);
    const body = `${status}${detail}\n`;
    refusal.sendHead(status, [['Content-Type', 'text/plain']], body.length);
    refusal.sendBody(body);
    this.#close();
  }

  /** Whoever still works on the answer, or waits for the body, need not go on. */
  #abandon(reason: unknown): void {
    const state = this.#state;
    this.#state = CLOSING;
    if (state.kind !== 'answering') return;
    state.body.abandon(reason);
    state.exchange.abort();
  }

  /**
   * Says FIN behind the last byte, and reads on until the client has said it, too: closing with bytes unread would
   * send a RST, and that could destroy the answer on its way. RFC 9112 §9.6.
   */
  #close(): void {
    this.#state = CLOSING;
    this.#socket.end();
    this.#socket.resume();
  }
}

/** What an application may know of the connection. */
function toPeer({ localAddress, localPort, remoteAddress, remotePort }: Socket): Peer {
  return {
    scheme: 'http',
    serverName: localAddress ?? '',
    serverPort: `${localPort}`,
    remoteAddress: remoteAddress ?? '',
    remotePort: `${remotePort}`,
    isProxy: false,
    isMultiprocess: false,
  };
}

/** Opens the door. Whatever stands in the way (a taken port, a wrong option) is told in one line. */
async function main(): Promise<void> {
  process.once('SIGINT', () => process.exit(0));
  try {
    const text = { type: 'string' } as const;
    const options = { port: text, host: text };
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    const [name] = positionals;
    if (!name) throw new Error('Provide a WSGI application object as module:callable');
    const application = await loadApplication(name);
    // A promise that an application forgot would end us all, and a client that leaves can make it reject.
    process.on('unhandledRejection', (reason) => console.error(reason));
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      new Connection(socket, application);
    });
    const port = values.port ?? (process.env.PORT || 8888);
    await once(server.listen({ port, host: values.host ?? '127.0.0.1' }), 'listening');
    const address = server.address() as AddressInfo;
    console.log(`Serving HTTP on port ${address.port} ... (process ${process.pid})`);
  } catch (error) {
    const reason = (error as Error).message.replaceAll('\n', ' ');
    console.error(`${reason} (options: --port N, --host ADDRESS)`);
    process.exit(1);
  }
}

await main();
