/** What the checks of a gateway have in common: requests to an application that a gate holds, and answers to them. */
import type { Socket } from 'node:net';
import type { RawClient } from '../../harness/raw-client.ts';
import type { ServerProcess } from '../../harness/server-process.ts';
import { type Answer, answerOf, ask, comesTrue, PATIENCE, takeAnswer } from './clients.ts';
import { CONTRACT } from './contract.ts';
import { Failure } from './failure.ts';
import type { Trial } from './trial.ts';

/** A whole head, the last of its connection. */
export function head(request: string, ...fields: string[]): string {
  const lines = [`${request} HTTP/1.1`, 'Host: localhost', ...fields, 'Connection: close'];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** The application's end of a relay; never longer than it may take for a request to reach it. */
export async function takeCall(opened: Promise<Socket>, client: RawClient): Promise<Socket> {
  let app: Socket | undefined;
  opened.then((socket) => (app = socket)).catch(() => {});
  await comesTrue(() => app !== undefined || client.ending !== 'open', 3);
  if (app) return app;
  const { received } = client;
  throw new Failure(
    'A request did not reach the application',
    received.length > 0 ? { received, at: 0 } : { cause: 'timed out' },
  );
}

/** Starts it with so many workers; undefined if it does not know the option. */
export async function startWorkers(trial: Trial): Promise<ServerProcess | undefined> {
  try {
    return await trial.start({ app: CONTRACT, args: ['--workers', '2'] });
  } catch (error) {
    const { cause, stderr = '' } = (error as Failure).details ?? {};
    if (cause === 'did not start' && /workers/.test(stderr)) return undefined;
    throw error;
  }
}

export async function talk(trial: Trial, server: ServerProcess, request: string, method = 'GET') {
  const client = await ask(trial, server, request);
  const [line = ''] = request.split('\r\n');
  await comesTrue(
    () => answerOf(client, method) !== undefined || client.ending !== 'open',
    PATIENCE,
  );
  const answer = answerOf(client, method) ?? (await takeAnswer(client, line, 0.1));
  client.leave(); // a server may wait for our end, with a thread
  return answer;
}

export function expectSame(what: string, got: unknown, wanted: unknown, { body }: Answer): void {
  if (got === wanted) return;
  const [expected, came] = [JSON.stringify(wanted), JSON.stringify(got)];
  throw new Failure(`${what}: expected ${expected}, got ${came}`, { received: body });
}
