import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { onSignal } from '../../server/signals.ts';

/** What a listener heard of signals at these times, in milliseconds. */
function heard(signal: NodeJS.Signals, ...times: number[]): number {
  const source = new EventEmitter();
  let [now, count] = [0, 0];
  onSignal(
    signal,
    () => count++,
    source,
    () => now,
  );
  for (now of times) source.emit(signal, signal, 2);
  return count;
}

test('a Ctrl-C that npm passes on is not a second one', () => {
  expect(heard('SIGINT', 0, 40)).toBe(1);
});

test('two of a person are two', () => {
  expect(heard('SIGINT', 0, 900)).toBe(2);
});

test('SIGTERM is never taken for an echo: who sends it means it', () => {
  expect(heard('SIGTERM', 0, 1)).toBe(2);
});
