/** What the tests of the gateway have in common: clients that are tidied away, and a strict reader of answers. */

import { afterAll, expect } from 'vitest';
import { readChunks } from '../../../shared/harness/chunks.ts';
import { openGate } from '../../../shared/harness/gate.ts';
import { headerOf, RawClient, type RawResponse } from '../../../shared/harness/raw-client.ts';
import type { ServerProcess } from '../../../shared/harness/server-process.ts';

export const APP = 'part3/test/gateway/hostile-app:app';
export const HELLO = 'Hello, World!\n';

const clients = new Set<RawClient>();
afterAll(() => {
  for (const client of clients) client.leave();
});

/** A request without a body: `GET /path` becomes a whole head, with these fields besides Host. */
export function head(request: string, ...fields: string[]): string {
  const line = /HTTP\/\d/.test(request) ? request : `${request} HTTP/1.1`;
  return `${[line, 'Host: localhost', ...fields].join('\r\n')}\r\n\r\n`;
}

/** A last request: its answer ends with the connection. */
export const LAST = head('GET /hello', 'Connection: close');

/** Connects and sends, each slice in a packet of its own. */
export async function ask(
  server: ServerProcess,
  ...slices: (string | Uint8Array)[]
): Promise<RawClient> {
  const client = await RawClient.connect(server.port);
  clients.add(client);
  await client.send(...slices);
  return client;
}

/** Reads to the FIN: all answers, which must be whole, in their order. */
export async function answersOf(client: RawClient, ...methods: string[]): Promise<Answer[]> {
  const { bytes, ending } = await client.readToEnd();
  const answers = splitAnswers(bytes, ...methods);
  expect(ending).toBe('fin');
  return answers;
}

/** Sends, and reads to the FIN. */
export async function talk(
  server: ServerProcess,
  ...slices: (string | Uint8Array)[]
): Promise<Answer[]> {
  return answersOf(await ask(server, ...slices));
}

/** An answer that is whole. */
export type Answer = Omit<RawResponse, 'isWhole'>;

export const statusesOf = (answers: readonly Answer[]) => answers.map(({ status }) => status);
export const textsOf = (answers: readonly Answer[]) => answers.map(({ body }) => `${body}`);

const STATUS_LINE = /^HTTP\/1\.1 ([1-5]\d\d) [\t -~\x80-\xff]*$/;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\t -~\x80-\xff]*)$/;

/**
 * Takes apart what one connection was sent, by RFC 9112 §6.3 and with no lenience; throws at whatever is not well
 * formed or not whole. Bodies come out decoded. A method that is not given is GET.
 */
export function splitAnswers(bytes: Buffer, ...methods: string[]): Answer[] {
  const answers: Answer[] = [];
  let rest = bytes;
  while (rest.length > 0) {
    const end = rest.indexOf('\r\n\r\n');
    if (end === -1) throw new Error(`no whole head: ${JSON.stringify(`${rest.subarray(0, 300)}`)}`);
    const [statusLine = '', ...lines] = rest.toString('latin1', 0, end).split('\r\n');
    const status = Number(STATUS_LINE.exec(statusLine)?.[1]);
    const headers = lines.map((line): [string, string] => {
      const [, name, value] = FIELD.exec(line) ?? [];
      if (!status || !name) throw new Error(`malformed: ${JSON.stringify(line || statusLine)}`);
      return [name, value ?? ''];
    });
    const method = status < 200 ? 'HEAD' : (methods.shift() ?? 'GET');
    const { body, used } = takeBody({ status, headers, body: rest.subarray(end + 4) }, method);
    answers.push({ status, headers, body });
    rest = rest.subarray(end + 4 + used);
  }
  return answers;
}

function takeBody(answer: Answer, method: string): { body: Buffer; used: number } {
  const { status, body } = answer;
  const isChunked = headerOf(answer, 'Transfer-Encoding') === 'chunked';
  const length = headerOf(answer, 'Content-Length');
  if (isChunked && length !== undefined) throw new Error('two framings');
  if (method === 'HEAD' || status === 204 || status === 304) {
    return { body: Buffer.alloc(0), used: 0 };
  }
  if (isChunked) {
    const { isWhole, fault, ...chunks } = readChunks(body);
    if (!isWhole) throw new Error(`not a whole chunk: ${fault?.message ?? 'it was cut'}`);
    return chunks;
  }
  if (length === undefined) {
    expect(headerOf(answer, 'Connection')).toBe('close');
    return { body, used: body.length };
  }
  if (!/^\d+$/.test(length) || body.length < Number(length)) throw new Error('not a whole body');
  return { body: body.subarray(0, Number(length)), used: Number(length) };
}

/** A gate for one application to wait at: `arrived` when it does, and it goes on at `open`. */
export async function makeGate() {
  const gate = await openGate();
  return {
    port: gate.port,
    arrived: gate.opened.then(() => {}),
    async open() {
      (await gate.opened).end();
      gate.close();
    },
    async say(word: string) {
      (await gate.opened).write(word);
    },
  };
}

/** Resolves when a figure has come to rest, with what it came to. */
export async function restOf(figure: () => number): Promise<number> {
  let last = Number.NaN;
  const isAtRest = () => {
    const before = last;
    last = figure();
    return before === last;
  };
  await expect.poll(isAtRest, { interval: 300, timeout: 20_000 }).toBe(true);
  return last;
}
