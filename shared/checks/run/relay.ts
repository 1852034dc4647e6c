/** An application whose words the check says: a request to it stays under way as long as that wants. */
import { openGate } from '../../harness/gate.ts';
import type { RawClient } from '../../harness/raw-client.ts';
import type { ServerProcess } from '../../harness/server-process.ts';
import { PATIENCE, request, within } from './contract.ts';
import { Failure } from './failure.ts';
import type { Trial } from './trial.ts';

/** Opens a stream whose words are ours to say: its client, and the end of it that the application hears. */
export async function openRelay(trial: Trial, server: ServerProcess, path = '/relay') {
  const gate = await openGate();
  const client = await trial.connect(server);
  await client.send(request(`GET ${path}?${gate.port} HTTP/1.1`));
  const late = () => noCall(client, path);
  const words = await within(gate.opened, late).finally(() => gate.close());
  words.on('error', () => {}); // it goes when the application goes
  return { client, words };
}

function noCall(client: RawClient, path: string): Failure {
  const message = `GET ${path}: the app was not asked for the first piece of its body in ${PATIENCE} s`;
  return new Failure(message, { cause: 'timed out', received: client.received });
}
