/** A program whose application changes while it is served: the file with its words, and who was born with them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** shared/harness/changing-app.ts, as a server is started with it. */
export const CHANGING = 'shared/harness/changing-app:app';

/** A process that has loaded the code: when it began, and when it came to it. In milliseconds since 1970. */
export interface Birth {
  readonly pid: number;
  readonly began: number;
  readonly loaded: number;
}

export class ChangingCode {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'code-'));

  constructor(words: string) {
    this.write(words);
  }

  /** What the program must have in its environment. */
  get env(): Record<string, string> {
    return { CODE: this.#file };
  }

  /** From now on, who loads it says these words; `broken` cannot be loaded. */
  write(words: string): void {
    writeFileSync(this.#file, `${words}\n`);
  }

  /** In the order in which they loaded it. */
  births(): Birth[] {
    try {
      const lines = readFileSync(`${this.#file}.births`, 'utf8').split('\n').slice(0, -1);
      return lines.map((line) => {
        const [pid = 0, began = 0, loaded = 0] = line.split(' ').map(Number);
        return { pid, began, loaded };
      });
    } catch {
      return []; // nobody has, yet
    }
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #file(): string {
    return path.join(this.#folder, 'code');
  }
}
