/**
 * Many messages on one connection: what the checks of keep-alive, pipelining, chunks and smuggling ask with. Requests go out
 * as bytes, cut where the check wants them cut; answers are taken one behind the other, each by its own framing.
 */
import { readChunks } from '../../harness/chunks.ts';
import type { RawClient } from '../../harness/raw-client.ts';
import type { ServerProcess } from '../../harness/server-process.ts';
import { type Answer, answerOf, untilRead } from './clients.ts';
import { Failure } from './failure.ts';
import { quote } from './response.ts';
import type { Trial } from './trial.ts';

/** Seconds in which nothing comes, until nothing more is expected to. It bounds, it does not measure. */
export const SILENCE = 3;

/** An answer, and the place of its first byte among all that came. */
export interface Turn extends Answer {
  readonly at: number;
}

/**
 * The bytes of a request, as latin-1: a Host of ours where the fields have none, and HTTP/1.1 where its line names no
 * version.
 */
export function toRequest(line: string, fields: readonly string[] = [], body = ''): string {
  const host = fields.some((field) => /^host\b/i.test(field)) ? [] : ['Host: localhost'];
  const first = line.includes(' HTTP/') ? line : `${line} HTTP/1.1`;
  return `${[first, ...host, ...fields].join('\r\n')}\r\n\r\n${body}`;
}

/** The same with a body of a known length. */
export function toPost(target: string, body: string, fields: readonly string[] = []): string {
  return toRequest(`POST ${target}`, [...fields, `Content-Length: ${body.length}`], body);
}

/** What the application says to a request without a body. */
export const echoOf = (line: string): string => `${line.replace(/ HTTP\/.*/, '')}\n`;

/** Whether this answer says that it is the last of its connection. */
export function saysClose(answer: Pick<Answer, 'headers'>): boolean {
  return hasOption(answer, 'close');
}

/** Connection = #connection-option, in any letter case; RFC 9110 §7.6.1 */
export function hasOption({ headers }: Pick<Answer, 'headers'>, option: string): boolean {
  const values = headers.filter(([name]) => /^connection$/i.test(name)).map(([, value]) => value);
  const options = values.join(',').toLowerCase().split(',');
  return options.some((one) => one.trim() === option);
}

/** One connection, and the answers that come over it. */
export class Dialogue {
  readonly client: RawClient;
  /** Bytes of the answers that have been taken. */
  #taken = 0;

  readonly #byHand: string | undefined;

  private constructor(client: RawClient, byHand: string | undefined) {
    this.client = client;
    this.#byHand = byHand;
  }

  /** `byHand`: a command that shows this dialogue, if the check's own does not. */
  static async open(trial: Trial, server: ServerProcess, byHand?: string): Promise<Dialogue> {
    return new Dialogue(await trial.connect(server), byHand);
  }

  /** Sends latin-1, each piece in a packet of its own, as far as the network lets us. What is wrong shows in what comes back. */
  async say(...pieces: readonly string[]): Promise<void> {
    const bytes = pieces.map((piece) => Buffer.from(piece, 'latin1'));
    await this.client.send(...bytes).catch(() => {});
  }

  /** The next answer, whole. `what` is what was asked, as a failure names it. */
  async take(what: string, method = 'GET'): Promise<Turn> {
    const at = this.#taken;
    let answer: Answer | undefined;
    const look = () => {
      answer = answerOf(this.#rest, method);
      return answer !== undefined;
    };
    await this.client.settle(SILENCE * 1000, look);
    if (!answer && !look()) throw this.#notWhole(what);
    const turn = { ...(answer as unknown as Answer), at };
    this.#taken += turn.size;
    return turn;
  }

  /** The next answer is a 200 with this body. `mistake`: whose sign it is if it is not. */
  async expect(what: string, wanted: string, mistake?: string): Promise<Turn> {
    const turn = await this.take(what).catch((error: Failure) => {
      throw error.details.mistake ? error : named(error, mistake);
    });
    return this.compare(turn, what, wanted, mistake);
  }

  /** The answer that was taken last is a 200 with this body. */
  compare(turn: Turn, what: string, wanted: string, mistake?: string): Turn {
    if (turn.status !== 200) {
      throw this.wrong(`${what}: expected 200, got ${turn.status}`, turn.at + 9, mistake);
    }
    if (turn.text === wanted) return turn;
    const at = this.#taken - turn.body.length;
    const told = `${what}: expected the body ${quote(wanted)}, got ${quote(turn.text)}`;
    throw this.wrong(told, Math.max(turn.at, at), mistake);
  }

  /** The connection ends, and no byte stands behind the last answer. `stays`: the mistake of who keeps it open. */
  async expectEnd(what: string, stays?: string): Promise<void> {
    await this.client.settle(SILENCE * 1000, () => this.#rest.received.length > 0);
    const { received, ending } = this.#rest;
    if (received.length > 0) {
      const [line = ''] = received.toString('latin1').split('\r\n');
      const told = `${what}, and behind its answer came more: ${quote(line)}`;
      throw this.wrong(told, this.#taken);
    }
    if (ending === 'fin') return;
    if (ending === 'rst') {
      throw new Failure(`${what}, and the connection was reset: expected FIN`, { cause: 'reset' });
    }
    const told = `${what}, and the connection is still open after ${SILENCE} s`;
    throw this.wrong(told, this.#taken, stays);
  }

  /** What comes behind the last answer: so many bytes of it, or fewer, if no more come. */
  async peek(size: number): Promise<string> {
    await this.client.settle(SILENCE * 1000, () => this.#rest.received.length >= size);
    return this.#rest.received.toString('latin1', 0, size);
  }

  /** Whether it has ended, and nothing is left to be taken. */
  get isOver(): boolean {
    return this.client.ending !== 'open' && this.#rest.received.length === 0;
  }

  /** A failure that points into what came. */
  wrong(message: string, at: number, mistake?: string): Failure {
    const { received } = this.client;
    const byHand = this.#byHand;
    return new Failure(message, {
      received,
      at,
      ...(mistake && { mistake }),
      ...(byHand && { byHand }),
    });
  }

  leave(): void {
    this.client.leave(); // a server may wait for our end, with a thread
  }

  get #rest(): RawClient {
    const { client } = this;
    const rest = { received: client.received.subarray(this.#taken), ending: client.ending };
    return rest as RawClient; // as much of one as there is to look at
  }

  /** Why there is no whole answer, as far as what came of it tells. */
  #notWhole(what: string): Failure {
    const { received, ending } = this.#rest;
    const at = this.client.received.length;
    const isOpen = ending === 'open';
    if (received.length === 0) {
      const end = ending === 'rst' ? 'reset' : 'closed';
      if (!isOpen) return this.wrong(`${what}: the connection was ${end} without an answer`, at);
      return new Failure(`${what}: no answer in ${SILENCE} s`, { cause: 'timed out' });
    }
    const headEnd = received.indexOf('\r\n\r\n');
    const head = received.toString('latin1', 0, Math.max(0, headEnd));
    if (/^transfer-encoding:.*chunked/im.test(head)) {
      const { isWhole } = readChunks(received.subarray(headEnd + 4));
      const told = `${what}: the last chunk, of length 0, is missing`;
      const isForgotten = isOpen && received.toString('latin1').endsWith('\r\n');
      if (!isWhole) return this.wrong(told, at, isForgotten ? 'no-last-chunk' : undefined);
    }
    if (headEnd !== -1 && isOpen && !/^content-length:/im.test(head)) {
      const told = `${what}: the answer has neither a length nor chunks, and its connection stays open: where does it end?`;
      return this.wrong(told, this.#taken, 'no-length');
    }
    const told = isOpen ? `is not whole after ${SILENCE} s` : 'was cut';
    return this.wrong(`${what}: the answer ${told}, with ${received.length} bytes of it`, at);
  }
}

/** The same failure, as the sign of a mistake. */
export function named({ message, details }: Failure, mistake: string | undefined): Failure {
  return new Failure(message, { ...details, ...(mistake && { mistake }) });
}

/** What is in doubt, and what stands behind it. */
export interface Doubt {
  /** As a failure names it. */
  readonly what: string;
  /** A request that can be read in two ways, or in none. Behind it we send another one. */
  readonly bytes: string;
  /** Where the bytes are cut into two packets, if they are. */
  readonly cutAt?: number;
  /** The clause that says so. */
  readonly clause: string;
  /** Whose sign it is to answer as if nothing were in doubt. */
  readonly mistake?: string | undefined;
  /** Which statuses refuse it: a 4xx, if nothing is said. */
  readonly statuses?: RegExp;
  /** Whether there is good data before what is bad: then an answer may have begun, and can only be cut. */
  readonly mayBegin?: boolean;
  /** Whether it is clear where the next request begins: then that may be answered, too. */
  readonly mayGoOn?: boolean;
  /** Bodies of answers that are right, too, where the standard leaves a choice; or the first of them, and closed. */
  readonly readings?: readonly (readonly string[])[];
}

/** What nobody may answer whom the request before it left in doubt. It says close, so that who reads on has an end. */
export const SMUGGLED = toRequest('GET /echo/smuggled', ['Connection: close']);
export const ITS_ANSWER = echoOf('GET /echo/smuggled');

/** It is refused, and the connection closed, and what stands behind it is not answered; or one of the other readings. */
export async function expectRefusal(
  trial: Trial,
  server: ServerProcess,
  doubt: Doubt,
): Promise<void> {
  const { what, clause, cutAt = 0, statuses = /^4/, mayBegin, mayGoOn, readings = [] } = doubt;
  const talk = await Dialogue.open(trial, server, 'printf $REQUEST | nc 127.0.0.1 $PORT');
  const { client } = talk;
  if (cutAt > 0) {
    await talk.say(doubt.bytes.slice(0, cutAt));
    await untilRead(client, server);
  }
  await talk.say(doubt.bytes.slice(cutAt) + SMUGGLED);
  await client.settle(SILENCE * 1000, () => client.received.includes(ITS_ANSWER));
  const answers = answersIn(client);
  client.leave();
  const isGood = (one: Answer, text?: string) => one.status === 200 && one.text === text;
  const isEnough = (count: number) => answers.length === count || client.ending !== 'open';
  const isRead = (texts: readonly string[]) =>
    answers.length > 0 &&
    isEnough(texts.length) &&
    answers.every((one, i) => isGood(one, texts[i]));
  if (readings.some(isRead)) return;

  const at = client.received.indexOf(ITS_ANSWER);
  const isBehind = at !== -1;
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(client.received.toString('latin1'))?.[1];
  if (status === undefined) {
    if (mayBegin && client.ending === 'rst') return; // so is an answer cut that would end with its connection
    throw unanswered(client, what);
  }
  if (!statuses.test(status)) {
    const isCut = answers.length === 0 && client.ending !== 'open';
    if (mayBegin && isCut && !isBehind) return;
    const behind = isBehind ? ', and the request behind it was answered' : '';
    const told = `${what}: expected 400, got ${status}${behind}; ${clause}`;
    const mistake = Number(status) < 400 ? doubt.mistake : undefined;
    throw talk.wrong(told, isBehind ? at : 9, mistake);
  }
  if (mayGoOn) return;
  if (isBehind) {
    const told = `${what}: refused, and the request behind it was answered all the same; ${clause}`;
    throw talk.wrong(told, at, 'refuses-and-goes-on');
  }
  if (client.ending !== 'open') return;
  const told = `${what}: refused, and the connection is still open after ${SILENCE} s; what comes next cannot be understood`;
  throw talk.wrong(told, client.received.length, 'refuses-and-stays');
}

/**
 * The client says FIN before its request is whole: whatever it hears, it is not a whole 200; RFC 9112 §8. An answer that
 * ends with its connection is whole to nobody.
 */
export async function expectNotWhole(
  trial: Trial,
  server: ServerProcess,
  { what, bytes, mistake }: Pick<Doubt, 'what' | 'bytes' | 'mistake'>,
): Promise<void> {
  const talk = await Dialogue.open(trial, server, 'printf $REQUEST | nc -N 127.0.0.1 $PORT');
  await talk.say(bytes);
  talk.client.halfClose();
  await talk.client.settle(SILENCE * 1000);
  const { client } = talk;
  const [answer] = answersIn(client);
  client.leave();
  const framing = /^(content-length|transfer-encoding)$/i;
  const showsItsEnd = answer?.headers.some(([name]) => framing.test(name));
  if (answer && showsItsEnd && answer.status < 400) {
    const told = `${what}: expected a 400, or no answer, got ${answer.status} and ${quote(answer.text)}; RFC 9112 §8`;
    throw talk.wrong(told, 9, mistake);
  }
  if (client.ending !== 'open') return;
  throw talk.wrong(`${what}: the connection is still open after ${SILENCE} s`, client.size);
}

/** All whole answers. One without a length ends with its connection, unless that was reset. */
function answersIn({ received, ending }: RawClient): Answer[] {
  const answers: Answer[] = [];
  for (let at = 0; at < received.length; ) {
    const rest = { received: received.subarray(at), ending: ending === 'fin' ? 'fin' : 'open' };
    const answer = answerOf(rest as RawClient);
    if (!answer) break;
    answers.push(answer);
    at += answer.size;
  }
  return answers;
}

function unanswered({ ending }: RawClient, what: string): Failure {
  if (ending === 'open') {
    const told = `${what}: expected 400, got nothing in ${SILENCE} s`;
    return new Failure(told, { cause: 'timed out' });
  }
  const end = ending === 'rst' ? 'reset' : 'closed';
  return new Failure(`${what}: expected 400, and the connection was ${end} without an answer`);
}

/** The text in two, at each of its places. */
export function cutsOf(text: string): (readonly [before: string, after: string])[] {
  return Array.from(text.slice(1), (_, i) => [text.slice(0, i + 1), text.slice(i + 1)]);
}
