/** What a check leaves for whoever reports: the bytes of its clients, and the program it spoke to. */
import type { Ending } from '../../harness/raw-client.ts';

/** One client's talk with the program, and how its connection stood when the check was over. */
export interface Talk {
  readonly sent: Buffer;
  readonly received: Buffer;
  readonly ending: Ending;
}

export interface Evidence {
  /** The command that was started or asked last, application and options included. */
  readonly command: readonly string[];
  readonly port?: number;
  /** Of raw clients; what went through an HTTP library is not kept. */
  readonly talks: readonly Talk[];
  /** How the program ended, if it has: `exit code 1`, `SIGSEGV`. */
  readonly ended?: string;
  /** Standard output and standard error. */
  readonly printed: string;
}
