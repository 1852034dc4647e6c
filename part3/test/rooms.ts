/**
 * The rooms of the gateway, for `npm run bench -- rooms`: each on its own with the requests of one packet, and all of
 * them together in a Connection. In comes the packet, out go functions to be called again and again. No socket, no
 * kernel: what is written is made into bytes, and forgotten.
 */
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { app } from '../../shared/apps/wsgiapp.ts';
import type { MakeRooms } from '../../shared/bench/rooms.ts';
import { type Peer, toEnviron } from '../gateway/environ.ts';
import { InputStream } from '../gateway/input-stream.ts';
import { Exchange } from '../gateway/run-application.ts';
import { LIMITS } from '../http/limits.ts';
import { RequestParser } from '../http/request-parser.ts';
import { ResponseWriter } from '../http/response-writer.ts';
import { Connection, type Service } from '../server/connection.ts';

setFlagsFromString('--no-allocation-site-pretenuring'); // as webserver3.ts does

const BODY = 'Hello world from WSGI!\n';
const PEER: Peer = {
  ...{ scheme: 'http', serverName: '127.0.0.1', serverPort: '8888' },
  ...{ remoteAddress: '127.0.0.1', remotePort: '54321', isProxy: false, isMultiprocess: false },
};
const SERVICE: Service = {
  ...{ application: app, limits: LIMITS, trace: undefined, log: undefined, canReset: true },
  toPeer: () => PEER,
  stats: { requests: 0, underWay: 0 },
};

/** What a Connection and its Outbox use of a socket: one that is never full. */
class NoSocket extends EventEmitter {
  readonly writableLength = 0;
  readonly writableNeedDrain = false;
  readonly readableEnded = false;
  readonly destroyed = false;
  readonly #bytes = Buffer.alloc(64 * 1024);
  #length = 0;
  #onWrite = () => {};

  /** What was written last. */
  get written(): string {
    return this.#bytes.toString('latin1', 0, this.#length);
  }

  /** Gives the connection a packet; a promise if the answer comes later. */
  receive(packet: Buffer): Promise<void> | undefined {
    this.#length = 0;
    this.emit('data', packet);
    if (this.#length > 0) return undefined;
    return new Promise((resolve) => {
      this.#onWrite = resolve;
    });
  }

  write(text: string, encoding: 'latin1'): void {
    this.#length = this.#bytes.write(text, encoding);
    this.#onWrite();
  }

  isPaused(): boolean {
    return false;
  }
}

/** Where results go, so that none of them counts as unused. */
export const sink: { last: unknown } = { last: undefined };
const send = (piece: unknown) => {
  sink.last = piece;
};

export const makeRooms: MakeRooms = async (packet) => {
  const parser = new RequestParser(LIMITS);
  const parse = () => {
    parser.receive(packet);
    for (let event = parser.next(); event; event = parser.next()) sink.last = event;
  };
  const { heads, pieces } = readAll(packet);
  const makeInput = () => {
    let next = 0;
    return new InputStream(async () => pieces[next++] ?? Buffer.alloc(0));
  };
  const requests = heads.map((head) => ({ head, environ: toEnviron(head, PEER, makeInput()) }));
  const socket = new NoSocket();
  new Connection(socket as unknown as Socket, SERVICE);
  await socket.receive(packet);
  const answers = socket.written.split('HTTP/1.1 200 OK\r\n').length - 1;
  if (answers !== heads.length) throw new Error(`${heads.length} requests, ${answers} answers`);

  return {
    requests: heads.length,
    parser: parse,
    environ: () => {
      for (const { head, environ } of requests)
        sink.last = toEnviron(head, PEER, environ['wsgi.input']);
    },
    exchange: () => {
      let running: Promise<void> | undefined;
      for (const { head, environ } of requests) {
        environ['wsgi.input'] = makeInput();
        const writer = new ResponseWriter(head, send);
        running = new Exchange(environ, writer, () => undefined).run(app);
      }
      return running;
    },
    writer: () => {
      for (const { head } of requests) {
        const writer = new ResponseWriter(head, send);
        writer.sendHead('200 OK', [['Content-Type', 'text/plain; charset=utf-8']], BODY.length);
        writer.sendBody(BODY);
        writer.end();
      }
    },
    whole: () => socket.receive(packet),
  };
};

function readAll(packet: Buffer) {
  const parser = new RequestParser(LIMITS);
  parser.receive(packet);
  const events = Array.from({ length: 100 }, () => parser.next());
  return {
    heads: events.flatMap((event) => (event?.kind === 'head' ? [event.head] : [])),
    pieces: events.flatMap((event) => (event?.kind === 'data' ? [event.data] : [])),
  };
}
