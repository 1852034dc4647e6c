/**
 * Clients with other manners than to ask in one piece and wait: those who take their time, those who leave before they
 * have asked, those who talk too much. What the checks of the ladder put among the others.
 */
import { hasProc, isReadUp } from '../../harness/proc.ts';
import type { RawClient } from '../../harness/raw-client.ts';
import type { ServerProcess } from '../../harness/server-process.ts';
import { answerOf, ask, begins, comesTrue, hasBegun, PATIENCE, until } from './clients.ts';
import { Failure } from './failure.ts';
import type { Trial } from './trial.ts';

/** All but the last byte of a request. */
const ALMOST = 'GET /hello HTTP/1.1\r\nHost: takes-its-time\r\n\r';
/** A head of 20 KiB: more than most servers take. */
const LONG = `GET /hello HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'x'.repeat(20 * 1024)}\r\n\r\n`;

/** Seconds in which half a question should be read, and then not be answered. */
const A_WHILE = 3;
const A_MOMENT = 0.03;

/** A client that has not finished asking: the last byte is missing. */
export async function beginToAsk(trial: Trial, server: ServerProcess): Promise<RawClient> {
  const client = await trial.connect(server);
  await client.send(...ALMOST);
  return client;
}

/** The byte that is missing. */
export const REST = '\n';

/** ... and the last byte. Nobody may have answered before it. */
export async function finishAsking(
  client: RawClient,
  server: ServerProcess,
  who: string,
): Promise<void> {
  await expectSilence(client, server, who);
  await client.send(REST);
}

/** Whoever has read half a question does not answer it. */
export async function expectSilence(
  client: RawClient,
  server: ServerProcess,
  who: string,
): Promise<void> {
  const isRead = () => hasBegun(client) || isReadUp(server.port, client.port);
  if (hasProc) await comesTrue(isRead, A_WHILE);
  await comesTrue(() => hasBegun(client), A_MOMENT);
  if (!hasBegun(client)) return;
  throw new Failure(`${who} was answered before the blank line that ends its head`, {
    received: client.received,
    at: 0,
    mistake: 'answers-too-soon',
  });
}

/** Two leave in the middle of their question: one resets the connection; and the one that is returned says FIN. */
export async function comeAndGo(trial: Trial, server: ServerProcess): Promise<RawClient> {
  const resets = await beginToAsk(trial, server);
  const leaves = await beginToAsk(trial, server);
  await resets.reset();
  leaves.halfClose();
  return leaves;
}

/** Who has said FIN and has not asked is let go: the connection ends, perhaps behind a refusal, and not for want of patience. */
export async function expectLetGo(client: RawClient): Promise<void> {
  const what = 'A client said FIN and had not asked';
  const late = () =>
    new Failure(`${what}: expected its connection to be closed, and somebody waits for it`, {
      cause: 'timed out',
      received: client.received,
      mistake: 'waits-for-who-left',
    });
  await until(() => client.ending !== 'open', PATIENCE, late);
  if (!hasBegun(client)) return;
  if (answerOf(client)?.status === 408) throw late();
  expectRefusal(client, what);
}

/** Asks, and resets the connection behind the first byte of the answer: an error that is heard by nobody ends a program. */
export async function askAndReset(trial: Trial, server: ServerProcess): Promise<void> {
  const client = await ask(trial, server);
  await begins(client, 'A client');
  await client.reset();
}

/** Whether a head is too long is for the server to say. But then it says so: a page, a refusal, or a hang-up. */
export async function talkTooMuch(trial: Trial, server: ServerProcess): Promise<void> {
  const client = await trial.connect(server);
  await client.send(LONG).catch(() => {}); // it may be closed by now
  const isOver = () => client.ending !== 'open' || answerOf(client) !== undefined;
  const what = 'A client sent a head of 20 KiB';
  const late = () => new Failure(`${what}, and had neither an answer nor an end`);
  await until(isOver, PATIENCE, late);
  if (hasBegun(client) && answerOf(client)?.status !== 200) expectRefusal(client, what);
}

function expectRefusal(client: RawClient, what: string): void {
  const { received } = client;
  const status = answerOf(client)?.status ?? 0;
  if (status >= 400 && status < 500) return;
  const line = received.toString('latin1').split('\r\n')[0];
  throw new Failure(`${what}: expected a 4xx or nothing, got ${JSON.stringify(line)}`, {
    received,
    at: 0,
    mistake: 'answers-whom-it-did-not-understand',
  });
}
