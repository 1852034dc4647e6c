/**
 * How far a long command has come: a line on stderr while it is at work, if that is a terminal. The line is gone when
 * something is to be printed, for it stands only while a step is done.
 */
import { SingleBar } from 'cli-progress';

/** The line itself, for a command that does several steps at a time; it is gone when it stops. */
export function makeBar(stream: NodeJS.WriteStream = process.stderr): SingleBar {
  return new SingleBar({
    stream,
    format: '[{bar}] {value}/{total} {what}',
    barsize: 20,
    fps: 1, // who measures is not to be disturbed
    clearOnComplete: true,
    linewrap: true, // as it is: Ctrl-C would leave the terminal without
  });
}

export class Progress {
  readonly #total: number;
  readonly #stream: NodeJS.WriteStream;
  #done = 0;

  constructor(total: number, stream: NodeJS.WriteStream = process.stderr) {
    this.#total = total;
    this.#stream = stream;
  }

  /** Does the next step, which is called so. */
  async during<T>(what: string, step: () => Promise<T>): Promise<T> {
    const bar = makeBar(this.#stream);
    bar.start(this.#total, this.#done++, { what });
    try {
      return await step();
    } finally {
      bar.stop();
    }
  }
}
