/** What checks 1-01 to 1-04 do on the wire, one function each, in their order. What they are for is in part1.ts. */
import { acceptQueue } from '../../shared/harness/proc.ts';
import type { RawClient } from '../../shared/harness/raw-client.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';
import { type Answer, ask, get, lineOf, quote, REACTION, wrong } from '../../shared/checks/answer.ts';
import { Failure } from '../../shared/checks/failure.ts';
import { accepts, type Trial } from '../../shared/checks/trial.ts';

/** No kernel gives out ports below it unasked; so one that is may be the program's own choice. */
const FIRST_FREE_PORT = 10_000;
/** 1-01 */
export async function listens(trial: Trial): Promise<void> {
  const server = await trial.start();
  await expectFreePort(trial, server);
  const client = await trial.connect(server);
  await client.send(get());
  await client.settle(REACTION, () => client.size > 0);
  if (client.size > 0) return;
  if (client.ending === 'open') throw await whySilent(server, client);
  await trial.settle();
  if (trial.hasExited) throw new Failure('A request ends your program', { cause: 'exited' });
}

async function expectFreePort(trial: Trial, server: ServerProcess): Promise<void> {
  if (server.port === 0) {
    const message =
      'Your program says "port 0": expected the port it got, server.address().port - getsockname(2)';
    throw new Failure(message, { cause: 'wrong', mistake: 'prints-port-0' });
  }
  if (server.port >= FIRST_FREE_PORT) return;
  const second = await trial.start().catch(() => undefined);
  if (second && second.port !== server.port) return;
  if (second) {
    // Two programs run, and one port cannot be both of theirs.
    const message = `Your program prints "port ${server.port}", whichever it has: expected the port it got, server.address().port - getsockname(2)`;
    throw new Failure(message, { cause: 'wrong', mistake: 'prints-a-constant' });
  }
  const message = `Your program takes the same port whatever PORT says: expected any free one, for PORT=0`;
  throw new Failure(message, { cause: 'wrong', mistake: 'ignores-port' });
}

/** What people take for the end of a head: LF alone, each line end the wrong way round, what was escaped twice. */
const WRONG_ENDS = ['\n\n', '\n\r\n\r', '\\r\\n\\r\\n'];
/** Milliseconds in which a server that waited for one of them answers. */
const PROMPT = 200;

async function whySilent(server: ServerProcess, client: RawClient): Promise<Failure> {
  if (queueOf(server.port) > 0) {
    const message = `The kernel took the connection, and your program did not pick it up in ${REACTION / 1000} s: is it busy or asleep?`;
    return new Failure(message, { cause: 'timed out', mistake: 'frozen' });
  }
  for (const end of WRONG_ENDS) {
    await client.send(end);
    await client.settle(PROMPT, () => client.size > 0);
    if (client.size === 0) continue;
    const message = `Your program takes ${JSON.stringify(end)} for the end of a head: expected it to speak at "\\r\\n\\r\\n"`;
    return wrong(message, client.received, 0, 'wrong-end-of-head');
  }
  client.halfClose();
  await client.settle(REACTION, () => client.size > 0);
  if (client.size > 0) {
    const message =
      'Your program answers only when the client has hung up: expected it to speak as soon as a request is there';
    return wrong(message, client.received, 0, 'waits-for-end');
  }
  const silence = `Connected, a request sent, and in ${REACTION / 1000} s nothing came back`;
  return client.ending === 'open'
    ? new Failure(
        `${silence}, nor a FIN when the client hung up: does your program read what it is sent?`,
        { cause: 'timed out', mistake: 'no-listener' },
      )
    : new Failure(
        `${silence}; your program reads, and says nothing: expected any reaction at all`,
        {
          cause: 'timed out',
        },
      );
}

/** Connections nobody accepted; 0 where nobody can tell. */
function queueOf(port: number): number {
  try {
    return acceptQueue(port);
  } catch {
    return 0;
  }
}

/** 1-02 */
export async function hello(trial: Trial): Promise<void> {
  const answer = await ask(trial, await trial.start());
  const { bytes, status, bodyAt, body } = answer;
  if (status !== 200) throw wrong(`Expected status 200, got ${status}`, bytes, 9);
  expectSomeBody(answer);
  const blank = /^\r?\n/.exec(body.toString('latin1'));
  if (blank) {
    const message =
      'The body begins with an empty line: one blank line ends the head, expected no second one';
    throw wrong(message, bytes, bodyAt, 'two-blank-lines');
  }
  if (!/hello,? *world/i.test(body.toString())) {
    throw wrong(`Expected a body that says "Hello, World!", got ${quote(body)}`, bytes, bodyAt);
  }
}

/** What makes a page unreadable before its words matter. */
function expectSomeBody({ bytes, bodyAt, body, headers, ending }: Answer): void {
  if (bytes.length === bodyAt) {
    const why =
      ending === 'open' ? `nothing came for ${REACTION / 1000} s` : 'the connection ended';
    const message = `There is no body: behind the head ${why}; expected "Hello, World!"`;
    throw wrong(message, bytes, bodyAt);
  }
  const sent = bytes.subarray(bodyAt);
  if (headers.has('transfer-encoding') && !/^[\da-f]+\r\n/i.test(sent.toString('latin1'))) {
    const size = `"${sent.length.toString(16)}\\r\\n"`;
    const message = `The head says "chunked", and the body is in no chunks: expected ${size}, the size in hex, before ${quote(sent, 13)}`;
    throw wrong(message, bytes, bodyAt, 'chunked-without-chunks');
  }
  if (body.includes('[object Promise]')) {
    const message = 'The body is a promise, not what it brings: expected it to be awaited';
    throw wrong(message, bytes, bodyAt, 'not-awaited');
  }
}

/** 1-03 */
export async function crlf(trial: Trial): Promise<void> {
  const server = await trial.start();
  const { bytes, head, headers, bodyAt } = await ask(trial, server);
  const text = bytes.toString('latin1', 0, bodyAt);
  expectLineEnds(bytes, text);
  let at = head.indexOf('\r\n') + 2;
  for (const line of head.split('\r\n').slice(1)) {
    expectField(line, bytes, at);
    at += line.length + 2;
  }
  if (headers.has('content-length') && headers.has('transfer-encoding')) {
    const message = 'Content-Length and Transfer-Encoding are both there: expected one of the two';
    throw wrong(message, bytes, fieldAt(bytes, 'content-length'), 'length-and-chunks');
  }
  const signal = AbortSignal.timeout(2 * REACTION);
  try {
    const { body } = await server.request('/', { reset: true, signal });
    await body.dump().catch(() => {}); // how long it is, is asked later
  } catch (error) {
    const { message } = error as Error;
    if (!(await accepts(server.port))) throw await oneShot(trial);
    throw wrong(`A strict client (undici) refuses your answer: ${message}`, bytes, 0);
  }
}

/** It has answered once, and listens no more. What it said when it ended, if it has, tells whether that was its will. */
async function oneShot(trial: Trial): Promise<Failure> {
  await trial.settle();
  const message = 'Your program takes one client and no other: expected it to go on listening';
  return new Failure(message, {
    cause: trial.hasExited ? 'exited' : 'refused',
    stderr: trial.stderr,
    ...(trial.stderr === '' && { mistake: 'one-shot' }),
  });
}

function expectLineEnds(bytes: Buffer, text: string): void {
  const at = /\n\r(?!\n)/.exec(text)?.index;
  if (at !== undefined) {
    const message = `Line ${lineOf(text, at)} of the head ends in \\n\\r: expected \\r\\n, the other way round`;
    throw wrong(message, bytes, at, 'lf-cr');
  }
  const bare = /(?<!\r)\n/.exec(text)?.index;
  if (bare === undefined) return;
  const isAll = !text.includes('\r\n');
  const message = `Line ${lineOf(text, bare)} of the head ends in \\n: expected \\r\\n${isAll ? '' : ', as the others do'}`;
  throw wrong(message, bytes, bare, isAll ? 'lf-only' : 'mixed-line-ends');
}

/** field-line = field-name ":" OWS field-value OWS; RFC 9112 §5. */
function expectField(line: string, bytes: Buffer, at: number): void {
  const [, name = '', space = '', colon, value = ''] =
    /^([^\s:]*)(\s*)(:?)\s*(.*)/.exec(line) ?? [];
  if (colon && space) {
    const message = `There is a space before the colon: expected ${quote(`${name}:`)}, got ${quote(`${name}${space}:`)}`;
    throw wrong(message, bytes, at + name.length, 'space-before-colon');
  }
  if (!colon || !/^[!#$%&'*+.^_`|~\w-]+$/.test(name)) {
    throw wrong(`Expected a field, "Name: value", got ${quote(line)}`, bytes, at, 'no-field');
  }
  if (name.toLowerCase() === 'content-length' && !/^\d+$/.test(value)) {
    const message = `Content-Length is ${quote(value)}: expected a number`;
    throw wrong(message, bytes, at + line.length - value.length, 'length-is-no-number');
  }
}

/** 1-04 */
export async function length(trial: Trial): Promise<void> {
  const answer = await ask(trial, await trial.start());
  const { bytes, bodyAt, body, headers } = answer;
  const promised = headers.get('content-length');
  const text = body.toString();
  if (promised !== undefined) expectLength(Number(promised), answer);
  else if (!headers.has('transfer-encoding')) {
    const message = `There is no Content-Length: expected "Content-Length: ${body.length}" in the head`;
    throw wrong(message, bytes, bodyAt, 'no-length');
  }
  if (Buffer.compare(Buffer.from(text), body) !== 0) throw notUtf8(bytes, bodyAt);
  if (text.length < body.length) return;
  const message = `The body is ${quote(body)}, where bytes and characters are the same in number: expected an ö and an emoji behind the "Hello, World!"`;
  throw wrong(message, bytes, bodyAt, 'ascii-only');
}

function fieldAt(bytes: Buffer, name: string): number {
  return bytes.toString('latin1').toLowerCase().indexOf(`\n${name}`) + 1;
}

/** Content-Length against what came behind the head. */
export function expectLength(promised: number, { bytes, bodyAt, ending }: Answer): void {
  const body = bytes.subarray(bodyAt);
  if (promised === body.length) return;
  const text = body.toString();
  if (!isUtf8(body)) throw notUtf8(bytes, bodyAt);
  const came = `Content-Length is ${promised}, and the body has ${body.length} bytes`;
  const at = bodyAt + Math.min(promised, body.length);
  const known: readonly (readonly [is: boolean, says: string, mistake: string])[] = [
    [/HTTP\/1\.[01] \d{3}/.test(text), 'another answer follows the first', 'answers-twice'],
    [promised === text.length, `${promised} is how many UTF-16 units it has`, 'string-length'],
    [
      promised === [...text].length,
      `${promised} is how many characters it has`,
      'counts-characters',
    ],
    [promised === bytes.length, `${promised} is head and body together`, 'length-of-all'],
    [promised === body.length - 1, 'the last one is not counted', 'one-too-short'],
    [promised === body.length + 1, 'one is counted that never comes', 'one-too-long'],
  ];
  const [, says, mistake] = known.find(([is]) => is) ?? [];
  if (says) throw wrong(`${came}: ${says}`, bytes, at, mistake);
  if (ending === 'fin' || promised < body.length)
    throw wrong(`${came}: expected the same number`, bytes, at);
  // Whether the number is wrong, or the body did not get through, nobody can tell from here.
  const some = `${body.length} of the ${promised} bytes that Content-Length promises`;
  const message =
    ending === 'rst'
      ? `The connection was reset after ${some}: expected all of them, and then a FIN`
      : `${some} came, then nothing for ${REACTION / 1000} s: expected the others, or a smaller number`;
  throw new Failure(message, {
    cause: ending === 'rst' ? 'reset' : 'timed out',
    received: bytes,
    at,
  });
}

/** Whether it is, though its last character may lack bytes. */
function isUtf8(bytes: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false; // so a decoder says it
  }
}

function notUtf8(bytes: Buffer, bodyAt: number): Failure {
  const body = bytes.subarray(bodyAt);
  const same = Buffer.from(body.toString()).findIndex((byte, index) => byte !== body[index]);
  if (isUtf8(body)) {
    const message =
      'The body ends in the middle of a character: expected all bytes of the last one';
    return wrong(message, bytes, bytes.length, 'cut-character');
  }
  const message = `The body is not UTF-8: byte ${body[same]?.toString(16)} stands alone; expected the ö as c3 b6`;
  return wrong(message, bytes, bodyAt + same, 'latin1-body');
}
