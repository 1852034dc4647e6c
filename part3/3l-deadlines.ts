/**
 * 3l: deadlines. It is always somebody's move, and each move has its time: a chess clock for each connection. Whoever sends a
 * byte now and then does not get more of it. And all that a client can send or take has a limit, which is told: heads,
 * bodies, connections. But Ctrl-C cuts whoever is being answered, and nobody knows afterwards what happened.
 *
 *   npm run part3 -- 3l wsgiapp:app --head-timeout 2     and in a second terminal:   time nc localhost 8888
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { loadApplication } from '../shared/app-loader.ts';
import { type Peer, toEnviron } from './gateway/environ.ts';
import { InputStream } from './gateway/input-stream.ts';
import { RequestBody } from './gateway/request-body.ts';
import { Exchange } from './gateway/run-application.ts';
import type { Application } from './gateway/wsgi.ts';
import { HttpError, reasonFor } from './http/http-error.ts';
import { LIMITS, type Limits } from './http/limits.ts';
import { type RequestHead, RequestParser } from './http/request-parser.ts';
import { CONTINUE, ResponseWriter } from './http/response-writer.ts';
import { Clock } from './server/clock.ts';
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
  readonly #limits: Limits;
  readonly #parser: RequestParser;
  readonly #outbox: Outbox;
  readonly #clock: Clock;
  #state: State = READING;

  constructor(socket: Socket, application: Application, limits: Limits) {
    this.#socket = socket;
    this.#application = application;
    this.#limits = limits;
    this.#parser = new RequestParser(limits);
    this.#outbox = new Outbox(socket, undefined);
    this.#clock = new Clock(limits);
    socket.on('data', (bytes) => this.#receive(bytes));
    socket.once('end', () => {
      this.#proceed();
      this.#wind(); // it may be half a goodbye, or a whole one
    });
    socket.on('error', () => socket.destroy()); // unheard, one client's reset would end us all
    socket.once('close', () => this.#abandon(new ClientLeft('before its answer was whole')));
    this.#clock.start('client: head');
  }

  /** For a client that is one too many, or the like: an answer to what it did not yet ask, and goodbye. */
  turnAway(error: HttpError): void {
    this.#fail(error);
  }

  /** Ends it now, whatever is under way, with a RST: no client shall take half an answer for a whole one. */
  cut(): void {
    this.#abandon(new ClientLeft('when it was cut off'));
    this.#socket.resetAndDestroy(); // waits for what is to be sent,
    this.#socket.destroy(); // and this does not
  }

  /** Looks at the clock. */
  checkDeadline(now: number): void {
    if (!this.#clock.isOver(now)) return;
    const { turn } = this.#clock;
    const isSending = !this.#outbox.isEmpty;
    if (turn === 'client: FIN' || (turn === 'client: answer' && isSending)) return void this.cut();
    if (isSending) return void this.#clock.start('client: answer'); // of an earlier answer, and it has not had its time
    if (turn === 'client: answer' && this.#state.kind === 'answering') return void this.#wind(); // it has taken it
    if (turn === 'application, after FIN')
      return void this.#fail(new ClientLeft('while the application was silent'));
    if (turn === 'application')
      return void this.#fail(new HttpError(504, 'the application is late'));
    if (turn === 'client: body') return void this.#fail(new HttpError(408, 'the body is late'));
    if (this.#parser.state === 'idle') return void this.#close(); // it has asked nothing, and gets no answer
    this.#fail(new HttpError(408, 'the head is late'));
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
    const isIdle = this.#parser.state === 'idle';
    if (this.#socket.readableEnded) {
      if (!isIdle) throw new HttpError(400, 'it ended in its middle');
      this.#close();
    } else if (isIdle) {
      if (this.#clock.turn !== 'client: head') this.#clock.start('client: next head');
    } else {
      this.#clock.continue('client: head'); // from its first byte; the others do not wind up the clock
    }
    return false;
  }

  /** Who sends requests and takes no answers gets none made. */
  #flushFirst(wait: Promise<void>): false {
    this.#state = FLUSHING;
    this.#clock.start('client: answer');
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
    this.#clock.stop();
    const answer = new ResponseWriter(request, this.#outbox.send);
    const isHeldBack = request.expectContinue;
    // A client that waits for its "100 Continue" in vain may or may not send its body: we could not tell.
    if (isHeldBack) answer.keepAlive = false;
    const body = new RequestBody(() => {
      this.#feed(state);
      if (body.isAwaited) this.#wind();
    });
    const environ = toEnviron(request, toPeer(this.#socket), new InputStream(body.next));
    const exchange = new Exchange(environ, answer, this.#ready);
    const state: Answering = { kind: 'answering', request, answer, body, exchange, isHeldBack };
    this.#state = state;
    const running = exchange.run(this.#application);
    if (!running) {
      if (this.#state === state) this.#finish(state); // or what it was to read has been refused
      return;
    }
    this.#wind();
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
    else this.#state = { kind: 'discarding', leftBytes: this.#limits.maxDrainBytes };
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
      else return void this.#resume();
    } catch (error) {
      body.refuse(error);
      // The client's mistake, and ours to refuse, whatever the application makes of it; but it may be answering already.
      if (!answer.headSent) return void this.#fail(error);
    }
    this.#wind();
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
    if (event) return true;
    this.#clock.continue('client: body');
    this.#resume();
    return false;
  }

  readonly #ready = (bytes: number): Promise<void> | undefined => {
    const wait = this.#outbox.ready();
    this.#wind(bytes > 0);
    return wait?.then(() => this.#wind());
  };

  /** The chess clock of an answer: whoever moved, the time of the next one to move starts. */
  #wind(isSending = false): void {
    if (this.#state.kind !== 'answering') return;
    if (this.#outbox.isWaiting) this.#clock.start('client: answer');
    else if (this.#state.body.isAwaited) this.#clock.start('client: body');
    else if (!this.#mayHaveLeft) this.#clock.start('application');
    else if (isSending) this.#clock.start('application, after FIN');
    else this.#clock.continue('application, after FIN');
  }

  /**
   * After a FIN the client may still listen, or have gone: only what we send can tell, by the RST that it gets. So an
   * application that goes on is let be, and one that is silent is not kept waiting for nobody.
   */
  get #mayHaveLeft(): boolean {
    return this.#socket.readableEnded && this.#limits.halfCloseTimeout > 0;
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
    const isOver = this.#state.kind === 'closing' || this.#state.kind === 'discarding';
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
    this.#clock.stop();
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
    this.#clock.start('client: answer');
    this.#outbox.flush();
    this.#socket.end(() => this.#clock.start('client: FIN'));
    this.#socket.resume();
  }
}

/** A Node.js handler that destroys its response wants none to be sent: node:http closes without a word, too. */
function isGivenUp(error: unknown): boolean {
  return error instanceof Error && error.name === 'ResponseDestroyed';
}

/** Milliseconds between two looks at the clocks, for all connections at once: a timer for each would cost more. */
const TICK = 100;
/** Connections that may be told of the limit at a time; those beyond hear nothing. */
const MAX_TURNED_AWAY = 100;

/** Opens the door, gives each client a Connection, up to a limit, and looks at their clocks. */
class Worker {
  readonly #application: Application;
  readonly #limits: Limits;
  readonly #listener: Server;
  readonly #connections = new Set<Connection>();

  constructor(application: Application, limits: Limits) {
    this.#application = application;
    this.#limits = limits;
    const options = { allowHalfOpen: true, noDelay: true };
    this.#listener = createServer(options, (socket) => this.#accept(socket));
    this.#listener.maxConnections = limits.maxConnections + MAX_TURNED_AWAY;
  }

  /** Opens the door. Rejects if the address can't be had; resolves with where it is. */
  async listen(place: { host: string; port: string | number }): Promise<string> {
    await once(this.#listener.listen(place), 'listening');
    setInterval(() => this.#checkDeadlines(), TICK).unref();
    const address = this.#listener.address() as AddressInfo;
    return `HTTP on port ${address.port}`;
  }

  #accept(socket: Socket): void {
    const connection = new Connection(socket, this.#application, this.#limits);
    if (this.#connections.size >= this.#limits.maxConnections) {
      connection.turnAway(new HttpError(503, 'too many connections'));
    }
    this.#connections.add(connection);
    socket.once('close', () => this.#connections.delete(connection));
  }

  #checkDeadlines(): void {
    const now = performance.now();
    for (const connection of this.#connections) connection.checkDeadline(now);
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

/** Opens the door. Whatever stands in the way (a taken port, a wrong option) is told in one line. */
async function main(): Promise<void> {
  process.once('SIGINT', () => process.exit(0));
  try {
    const names = ['port', 'host', ...Object.keys(LIMITS).map(toOption)];
    const options = Object.fromEntries(names.map((name) => [name, { type: 'string' }] as const));
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    const { host = '127.0.0.1', port = process.env.PORT || 8888 } = values;
    const [name] = positionals;
    if (!name) throw new Error('Provide a WSGI application object as module:callable');
    const application = await loadApplication(name);
    // A promise that an application forgot would end us all, and a client that leaves can make it reject.
    process.on('unhandledRejection', (reason) => console.error(reason));
    const worker = new Worker(application, readLimits(values));
    const where = await worker.listen({ host, port });
    console.log(`Serving ${where} ... (process ${process.pid})`);
  } catch (error) {
    const reason = (error as Error).message.replaceAll('\n', ' ');
    console.error(
      `${reason} (options: --port N, --host ADDRESS, and the limits of http/limits.ts)`,
    );
    process.exit(1);
  }
}

await main();
