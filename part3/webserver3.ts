/**
 * The gateway: part 2's contract under real concurrency. From the command line come an application and where to
 * listen; out of them comes a server that stops when it is told to, and not before it has answered. It only puts
 * together what the three rooms make: `http/` (bytes and messages), `gateway/` (messages and the application) and
 * `server/` (sockets, clocks, signals).
 *
 *   npm run part3 -- wsgiapp:app     and in a second terminal:   curl -v localhost:8888/hello
 */
import cluster from 'node:cluster';
import { setFlagsFromString } from 'node:v8';
import { loadApplication } from '../shared/app-loader.ts';
import { openAccessLog } from './server/access-log.ts';
import { MAX_SECONDS, readOptions } from './server/options.ts';
import { onSignal } from './server/signals.ts';
import { Supervisor, serveUnderSupervisor } from './server/supervisor.ts';
import { show } from './server/trace.ts';
import { removeStaleSocket, Worker } from './server/worker.ts';

// V8 guesses which objects will live long, from the first ones it sees, and makes the others there, too. A request
// lives for microseconds: guessed wrong, it costs the frameworks we host up to half of their speed.
setFlagsFromString('--no-allocation-site-pretenuring');

try {
  await main();
} catch (error) {
  const { message, code } = error as NodeJS.ErrnoException;
  const isOurs = code === undefined || code.startsWith('ERR_PARSE');
  console.error(isOurs ? message : `${message} (options: --port N, --host ADDRESS, --unix PATH)`);
  process.exit(1);
}

async function main(): Promise<void> {
  const { name, door, limits, staffing, python, accessLog, trace } = readOptions();
  // Who read what we print may have gone. The service goes on.
  for (const output of [process.stdout, process.stderr]) output.on('error', () => {});
  // Before there are workers: from then on the socket there is our own.
  if (door.unix !== undefined && cluster.isPrimary) await removeStaleSocket(door.unix);
  if (staffing.workers > 1 && cluster.isPrimary) {
    // The only file that a supervisor makes is the socket, whenever a first worker asks for it.
    const umask = door.umask === undefined ? undefined : process.umask(door.umask);
    process.exit(await new Supervisor({ ...staffing, umask }).run());
  }
  const application = await loadApplication(name, {
    ...python,
    requestTimeout: limits.requestTimeout || MAX_SECONDS,
    queueTimeout: limits.queueTimeout || MAX_SECONDS,
  });
  // A promise that an application forgot would end us all, and a client that leaves can make it reject.
  process.on('unhandledRejection', (reason) => console.error(reason));
  const log = accessLog === undefined ? undefined : openAccessLog(accessLog);
  const service = { application, limits, log, trace: trace ? show : undefined };
  const worker = new Worker(door, service);
  if (cluster.isWorker) return serveUnderSupervisor(worker, staffing);
  stopOnSignals(worker, limits.drainTimeout);
  console.log(`webserver3: Serving ${await worker.listen()} ...\n`);
}

/** The first signal asks for an end in peace, the second for an end; by then nobody is asked any more. */
function stopOnSignals(worker: Worker, drainTimeout: number): void {
  let isStopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    onSignal(signal, async (number) => {
      if (isStopping) process.exit(128 + number);
      isStopping = true;
      const cut = await worker.drain(drainTimeout);
      if (cut > 0) console.error(`* cut off ${cut} that took longer than ${drainTimeout} s`);
      process.exit(0);
    });
  }
}
