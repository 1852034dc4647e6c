/**
 * One connection, from its first byte to its last: the only place that sees both ends. Bytes go to the parser, requests
 * to the application, answers back, in order; and a chess clock says whose move it is and when the time is up.
 * It must not know how connections come to be, nor what is inside a message.
 */
import type { Socket } from 'node:net';
import { type Peer, toEnviron } from '../gateway/environ.ts';
import { InputStream } from '../gateway/input-stream.ts';
import { RequestBody } from '../gateway/request-body.ts';
import { Exchange } from '../gateway/run-application.ts';
import type { Application } from '../gateway/wsgi.ts';
import { HttpError, reasonFor } from '../http/http-error.ts';
import type { Limits } from '../http/limits.ts';
import { type RequestHead, RequestParser } from '../http/request-parser.ts';
import { CONTINUE, ResponseWriter } from '../http/response-writer.ts';
import { Clock } from './clock.ts';
import { ClientLeft, Outbox, type Trace } from './outbox.ts';

/** What all connections of a worker have in common. */
export interface Service {
  readonly application: Application;
  readonly limits: Limits;
  /** Sees what travels; for the curious. */
  readonly trace: Trace | undefined;
  /** Is told of every answer, also of those to requests that were none. */
  readonly log: ((entry: LogEntry) => void) | undefined;
  /** Whether a connection over TCP can be ended with a RST: not under TLS. */
  readonly canReset: boolean;
  toPeer(socket: Socket): Peer;
  /** Counted over all connections. */
  readonly stats: { requests: number; underWay: number };
}

export interface LogEntry {
  readonly remoteAddress: string;
  readonly request: RequestHead | undefined;
  readonly status: number;
  readonly bodyBytes: number;
}

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

export class Connection {
  readonly #socket: Socket;
  readonly #service: Service;
  readonly #parser: RequestParser;
  readonly #outbox: Outbox;
  readonly #clock: Clock;
  #state: State = READING;
  #peer: Peer | undefined;
  #isLast = false;

  constructor(socket: Socket, service: Service) {
    this.#socket = socket;
    this.#service = service;
    this.#parser = new RequestParser(service.limits);
    this.#outbox = new Outbox(socket, service.trace);
    this.#clock = new Clock(service.limits);
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

  /**
   * The server stops: the answer under way is the last one, and where there is none, all is said. In peace, a client
   * that was not told so may still ask once: its request may be on the way, and a close that crosses it would lose it.
   */
  drain(inPeace: boolean): void {
    this.#isLast = true;
    const state = this.#state;
    if (state.kind === 'answering' && (!inPeace || !state.answer.headSent))
      state.answer.keepAlive = false;
    const isIdle = state.kind === 'reading' && this.#parser.state === 'idle';
    if (!inPeace && (isIdle || state.kind === 'discarding')) this.#close();
  }

  /** Ends it now, whatever is under way, with a RST: no client shall take half an answer for a whole one. */
  cut(): void {
    this.#abandon(new ClientLeft('when it was cut off'));
    const isTcp = this.#socket.remoteAddress !== undefined; // a socket in the file system has none
    if (isTcp && this.#service.canReset) this.#socket.resetAndDestroy(); // waits for what is to be sent,
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
    this.#service.trace?.('<', bytes);
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
    this.#peer ??= this.#service.toPeer(this.#socket);
    this.#service.stats.requests++;
    this.#service.stats.underWay++;
    const answer = new ResponseWriter(request, this.#outbox.send);
    const isHeldBack = request.expectContinue;
    // A client that waits for its "100 Continue" in vain may or may not send its body: we could not tell.
    if (this.#isLast || isHeldBack) answer.keepAlive = false;
    const body = new RequestBody(() => {
      this.#feed(state);
      if (body.isAwaited) this.#wind();
    });
    const environ = toEnviron(request, this.#peer, new InputStream(body.next));
    const exchange = new Exchange(environ, answer, this.#ready);
    const state: Answering = { kind: 'answering', request, answer, body, exchange, isHeldBack };
    this.#state = state;
    const running = exchange.run(this.#service.application);
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

  #finish({ request, answer, body }: Answering): void {
    this.#service.stats.underWay--;
    this.#log(request, answer);
    body.close();
    if (!answer.keepAlive) this.#close();
    else if (body.hasEnded) this.#state = READING;
    else this.#state = { kind: 'discarding', leftBytes: this.#service.limits.maxDrainBytes };
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
    state.answer.keepAlive = state.request.keepAlive && !this.#isLast;
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
    return this.#socket.readableEnded && this.#service.limits.halfCloseTimeout > 0;
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
    this.#log(request, refusal);
    this.#close();
  }

  /** Whoever still works on the answer, or waits for the body, need not go on. */
  #abandon(reason: unknown): void {
    const state = this.#state;
    this.#state = CLOSING;
    this.#clock.stop();
    if (state.kind !== 'answering') return;
    this.#service.stats.underWay--;
    if (state.answer.headSent) this.#log(state.request, state.answer); // half an answer is one, too
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

  #log(request: RequestHead | undefined, { status, bodyBytes }: ResponseWriter): void {
    const { log, toPeer } = this.#service;
    if (!log) return;
    const { remoteAddress } = this.#peer ?? toPeer(this.#socket);
    log({ remoteAddress, request, status, bodyBytes });
  }
}

/** A Node.js handler that destroys its response wants none to be sent: node:http closes without a word, too. */
function isGivenUp(error: unknown): boolean {
  return error instanceof Error && error.name === 'ResponseDestroyed';
}
