/** When a server has nothing more to do. */
import type { ServerProcess } from '../../harness/server-process.ts';
import { get } from './first-answer.ts';
import type { Trial } from './trial.ts';

/** Milliseconds that a server which serves one after the other is given to come to rest. */
export const REST = 100;

/** Lets the server do all it has to do now: it has, when a second client has its first byte. Some serve one at a time. */
export async function rest(trial: Trial, server: ServerProcess): Promise<boolean> {
  const second = await trial.connect(server);
  await second.send(get());
  await second.settle(REST, () => second.size > 0);
  second.pause();
  return second.size > 0;
}
