/** Signals as they are meant. It knows what a process is sent, and not what becomes of it. */
import type { EventEmitter } from 'node:events';

/**
 * Milliseconds in which a second SIGINT is the same Ctrl-C: a terminal sends it to the whole process group, and npm, which is
 * in it, passes its own on to us. Nobody presses Ctrl-C twice in that time and means it.
 */
const ECHO = 300;

/** Calls `act` with the signal's number, once for each time that somebody wanted it. */
export function onSignal(
  signal: NodeJS.Signals,
  act: (number: number) => void,
  source: EventEmitter = process,
  now = () => performance.now(),
): void {
  let last = Number.NEGATIVE_INFINITY;
  source.on(signal, (_name: NodeJS.Signals, number: number) => {
    const isEcho = signal === 'SIGINT' && now() - last < ECHO;
    last = now();
    if (!isEcho) act(number);
  });
}
