/**
 * 3k: pace. Nobody gets more than was asked for. An application that does not read makes its client wait, and a client that
 * does not take its answer makes the application wait, so neither fills our memory. A client that asks whether it may send
 * its body is told so when the application reads. But whoever stops in the middle keeps its place for ever.
 *
 *   npm run part3 -- 3k wsgiapp:app     and in a second terminal:   curl -v localhost:8888/hello
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
import { CONTINUE, ResponseWriter } from './http/response-writer.ts';
import { ClientLeft, Outbox } from './server/outbox.ts';

type State =
  | { readonly kind: 'reading' } // the next head
  | Answering
  | { readonly kind: 'flushing' } // pipelined answers, before the next one is made
  | { readonly kind: 'discarding'; leftBytes: number } // a body that the application did not read
  | { readonly kind: 'closing' }; // all is said, and the client's FIN is to come

interface Answering {
  readonly kind: 'answering';
  readonly request: RequestHead;
  readonly answer: ResponseWriter;
  readonly body: RequestBody;
  readonly exchange: Exchange;
  /** Whether the client holds its body back until it is told to go on. */
  isHeldBack: boolean;
}

/** Bytes read ahead of the application; beyond it the client waits. */
const READ_AHEAD = 64 * 1024;
const READING: State = { kind: 'reading' };
const FLUSHING: State = { kind: 'flushing' };
const CLOSING: State = { kind: 'closing' };
const END = { kind: 'end' } as const;

class Connection {
  readonly #socket: Socket;
  readonly #application: Application;
  readonly #parser = new RequestParser(LIMITS);
  readonly #outbox: Outbox;
  #state: State = READING;

  constructor(socket: Socket, application: Application) {
    this.#socket = socket;
    this.#application = application;
    this.#outbox = new Outbox(socket, undefined);
    socket.on('data', (bytes) => this.#receive(bytes));
    socket.once('end', () => this.#proceed());
    socket.on('error', () => socket.destroy()); // unheard, one client's reset would end us all
    socket.once('close', () => this.#abandon(new ClientLeft('before its answer was whole')));
  }

  /** Ends it now, whatever is under way, with a RST: no client shall take half an answer for a whole one. */
  cut(): void {
    this.#abandon(new ClientLeft('when it was cut off'));
    this.#socket.resetAndDestroy(); // waits for what is to be sent,
    this.#socket.destroy(); // and this does not
  }

  #receive(bytes: Buffer): void {
    if (this.#state.kind === 'closing') return; // read and forgotten
    this.#parser.receive(bytes);
    this.#outbox.hold();
    this.#proceed();
    this.#outbox.flush();
    if (this.#isAhead && this.#parser.bufferedBytes > READ_AHEAD) this.#socket.pause();
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
        return this.#discard(state);
      default:
        return false;
    }
  }

  #readHead(): boolean {
    const wait = this.#outbox.ready();
    if (wait) return this.#flushFirst(wait);
    const event = this.#parser.next();
    if (event?.kind === 'head') {
      this.#begin(event.head);
      return true;
    }
    this.#resume();
    if (this.#socket.readableEnded) {
      if (this.#parser.state !== 'idle') throw new HttpError(400, 'it ended in its middle');
      this.#close();
    }
    return false;
  }

  /** Who sends requests and takes no answers gets none made. */
  #flushFirst(wait: Promise<void>): false {
    this.#state = FLUSHING;
    wait.then(
      () => {
        if (this.#state === FLUSHING) this.#state = READING;
        this.#proceed();
      },
      () => {}, // it left
    );
    return false;
  }

  #begin(request: RequestHead): void {
    const answer = new ResponseWriter(request, this.#outbox.send);
    const isHeldBack = request.expectContinue;
    // A client that waits for its "100 Continue" in vain may or may not send its body: we could not tell.
    if (isHeldBack) answer.keepAlive = false;
    const body = new RequestBody(() => this.#feed(state));
    const environ = toEnviron(request, toPeer(this.#socket), new InputStream(body.next));
    const exchange = new Exchange(environ, answer, this.#outbox.ready);
    const state: Answering = { kind: 'answering', request, answer, body, exchange, isHeldBack };
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
    else if (body.hasEnded) this.#state = READING;
    else this.#state = { kind: 'discarding', leftBytes: LIMITS.maxDrainBytes };
  }

  /** Gives the application what has come of the body, if it waits for it. */
  #feed(state: Answering): void {
    const { answer, body } = state;
    if (!body.isAwaited) return;
    try {
      const event = body.hasEnded ? END : this.#parser.next();
      if (state.isHeldBack) this.#letGo(state, event === undefined);
      if (event?.kind === 'data') body.give(event.data);
      else if (event) body.giveEnd();
      else if (this.#socket.readableEnded) throw new HttpError(400, 'the body ended in its middle');
      else this.#resume();
    } catch (error) {
      body.refuse(error);
      // The client's mistake, and ours to refuse, whatever the application makes of it; but it may be answering already.
      if (!answer.headSent) this.#fail(error);
    }
  }

  /** RFC 9110 §10.1.1: the application asks for the body, so the client may send it. Maybe it has not waited. */
  #letGo(state: Answering, isWaiting: boolean): void {
    state.isHeldBack = false;
    if (state.answer.headSent) return; // too late: it has been told that this is the last answer
    state.answer.keepAlive = state.request.keepAlive;
    if (isWaiting) this.#outbox.send(CONTINUE);
  }

  /** Reads what the application did not, up to a bound: the next request is behind it. */
  #discard(state: State & { kind: 'discarding' }): boolean {
    const event = this.#parser.next();
    if (event?.kind === 'end') this.#state = READING;
    if (event?.kind === 'data') state.leftBytes -= event.data.length;
    if (state.leftBytes < 0 || (!event && this.#socket.readableEnded)) this.#close();
    if (!event) this.#resume();
    return event !== undefined;
  }

  /** Whether nobody waits for what the client sends: the parser's own limits bound what somebody waits for. */
  get #isAhead(): boolean {
    const state = this.#state;
    return state.kind === 'flushing' || (state.kind === 'answering' && !state.body.isAwaited);
  }

  /** Reads on, if we had stopped to read ahead. */
  #resume(): void {
    if (this.#socket.isPaused()) this.#socket.resume();
  }

  /** Every failure ends here: a refusal is answered, a crash is logged and answered, half an answer is cut. */
  #fail(error: unknown): void {
    const { request, answer } = this.#state as Partial<Answering>;
    const isOver = this.#state.kind === 'discarding';
    this.#abandon(error);
    if (this.#socket.destroyed) return;
    if (isOver) return void this.#close(); // all has been answered, and what comes now is doubtful
    const hasLeft = error instanceof ClientLeft;
    if (!hasLeft && !(error instanceof HttpError)) console.error(error);
    if (answer?.headSent && (hasLeft || !answer.showsItsEnd)) return void this.cut();
    if (answer?.headSent) return void this.#close(); // what has been sent arrives, and is not taken for all
    if (hasLeft || isGivenUp(error)) return void this.#close(); // nobody is there to be answered, or is to be
    const [code, detail] =
      error instanceof HttpError ? [error.status, `: ${error.message}`] : [500, ''];
    const status = `${code} ${reasonFor(code)}`;
    const method = request?.method ?? '';
    const question = { method, version: 'HTTP/1.1', keepAlive: false } as const;
    const refusal = new ResponseWriter(question, this.#outbox.send);
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
    this.#outbox.flush();
    this.#socket.end();
    this.#socket.resume();
  }
}

/** A Node.js handler that destroys its response wants none to be sent: node:http closes without a word, too. */
function isGivenUp(error: unknown): boolean {
  return error instanceof Error && error.name === 'ResponseDestroyed';
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
