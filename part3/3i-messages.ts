/**
 * 3i: messages. The first room on a socket: bytes become requests, and answers bytes. A connection is kept for one request
 * after another, several may come in one packet, and their bodies in chunks; what is doubtful is refused. It answers by
 * itself: with the request line, or with the body that came. With --parse it needs no network.
 *
 *   npm run part3 -- 3i               and in a second terminal:   curl -d hello localhost:8888 localhost:8888/again
 *   printf 'GET / HTTP/1.1\r\nHost: x\r\n\r\n' | npm run part3 -- 3i --parse
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { HttpError, reasonFor } from './http/http-error.ts';
import { LIMITS } from './http/limits.ts';
import { type RequestHead, RequestParser } from './http/request-parser.ts';
import { ResponseWriter, type Send } from './http/response-writer.ts';

type State =
  | { readonly kind: 'reading' } // the next head
  | Answering
  | { readonly kind: 'closing' }; // all is said, and the client's FIN is to come

interface Answering {
  readonly kind: 'answering';
  readonly request: RequestHead;
  readonly answer: ResponseWriter;
}

const READING: State = { kind: 'reading' };
const CLOSING: State = { kind: 'closing' };
const TEXT = [['Content-Type', 'text/plain']] as const;

class Connection {
  readonly #socket: Socket;
  readonly #parser = new RequestParser(LIMITS);
  #state: State = READING;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes) => this.#receive(bytes));
    socket.once('end', () => this.#proceed());
    socket.on('error', () => socket.destroy()); // unheard, one client's reset would end us all
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
        return this.#readBody(state);
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
    this.#state = { kind: 'answering', request, answer };
  }

  /** What came with the request goes back; behind its end the answer ends, too. */
  #readBody({ request, answer }: Answering): boolean {
    const event = this.#parser.next();
    if (!event) {
      if (this.#socket.readableEnded) throw new HttpError(400, 'the body ended in its middle');
      return false;
    }
    if (!answer.headSent) sendHead(request, answer, event.kind === 'data');
    if (event.kind === 'data') answer.sendBody(event.data);
    if (event.kind === 'end') this.#finish(answer);
    return true;
  }

  #finish(answer: ResponseWriter): void {
    answer.end();
    if (answer.keepAlive) this.#state = READING;
    else this.#close();
  }

  /** Strings are latin-1. */
  readonly #send: Send = (piece) => void this.#socket.write(piece, 'latin1');

  /** Every failure ends here: a refusal is answered, and half an answer is not taken for a whole one. */
  #fail(error: unknown): void {
    const { request, answer } = this.#state as Partial<Answering>;
    this.#state = CLOSING;
    if (answer?.headSent && !answer.showsItsEnd) return void this.#socket.resetAndDestroy();
    if (answer?.headSent) return void this.#close(); // what has been sent arrives, and is not taken for all
    if (!(error instanceof HttpError)) console.error(error);
    const [code, detail] =
      error instanceof HttpError ? [error.status, `: ${error.message}`] : [500, ''];
    const status = `${code} ${reasonFor(code)}`;
    const method = request?.method ?? '';
    const question = { method, version: 'HTTP/1.1', keepAlive: false } as const;
    const refusal = new ResponseWriter(question, this.#send);
    const body = `${status}${detail}\n`;
    refusal.sendHead(status, TEXT, body.length);
    refusal.sendBody(body);
    this.#close();
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

/** Begins an answer: a line, or a body of unknown length for /pieces, and if one came; 204 and 304 for /204 and /304. */
function sendHead({ method, path, target }: RequestHead, answer: ResponseWriter, isEcho: boolean) {
  const line = path.startsWith('/echo') ? `${method} ${target}\n` : 'Hello, World!\n';
  if (path === '/204') answer.sendHead('204 No Content', []);
  else if (path === '/304') answer.sendHead('304 Not Modified', []);
  else if (path === '/pieces') sendPieces(answer);
  else if (isEcho) answer.sendHead('200 OK', TEXT);
  else {
    answer.sendHead('200 OK', TEXT, line.length);
    answer.sendBody(line);
  }
}

function sendPieces(answer: ResponseWriter): void {
  answer.sendHead('200 OK', TEXT);
  for (const piece of ['one, ', 'two, ', '', 'three\n']) answer.sendBody(piece);
}

/** Prints the events that the bytes of standard input make, one a line. The exit status of a refusal is 1. */
async function printEvents(): Promise<void> {
  const parser = new RequestParser(LIMITS);
  try {
    for await (const bytes of process.stdin) {
      parser.receive(bytes);
      for (let event = parser.next(); event; event = parser.next()) {
        if (event.kind === 'head') console.log('head', event.head);
        else if (event.kind === 'data') console.log('data', event.data.toString('latin1'));
        else console.log('end');
      }
    }
    if (parser.state !== 'idle') console.log(`it ended in the middle of a ${parser.state}`);
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    console.log(`refused: ${error.status} ${reasonFor(error.status)}: ${error.message}`);
    process.exitCode = 1;
  }
}

/** Opens the door. Whatever stands in the way (a taken port, a wrong option) is told in one line. */
async function main(): Promise<void> {
  process.once('SIGINT', () => process.exit(0));
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    new Connection(socket);
  });
  try {
    const [text, flag] = [{ type: 'string' }, { type: 'boolean' }] as const;
    const options = { port: text, host: text, parse: flag } as const;
    const { values } = parseArgs({ options, allowPositionals: true });
    if (values.parse) return await printEvents();
    const port = values.port ?? (process.env.PORT || 8888);
    await once(server.listen({ port, host: values.host ?? '127.0.0.1' }), 'listening');
    const address = server.address() as AddressInfo;
    console.log(`Serving HTTP on port ${address.port} ... (process ${process.pid})`);
  } catch (error) {
    const reason = (error as Error).message.replaceAll('\n', ' ');
    console.error(`${reason} (options: --port N, --host ADDRESS, --parse)`);
    process.exit(1);
  }
}

await main();
