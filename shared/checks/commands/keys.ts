/** What the reader types while we watch: single keys from a terminal, letters from a pipe. */
const CTRL_C = '\x03';
const CTRL_D = '\x04';

interface Listener {
  onKey(key: string): void;
  /** There will be no more. */
  onEnd(): void;
}

/** Listens until the returned function is called. A raw terminal hands over Ctrl-C as a key, too: it means q. */
export function readKeys(isRaw: boolean, { onKey, onEnd }: Listener): () => void {
  const { stdin } = process;
  if (isRaw) stdin.setRawMode(true);
  stdin.setEncoding('utf8').on('data', (keys: string) => {
    for (const key of keys) onKey([CTRL_C, CTRL_D].includes(key) ? 'q' : key);
  });
  stdin.once('end', onEnd);
  return () => {
    if (isRaw) stdin.setRawMode(false);
    stdin.pause();
  };
}
