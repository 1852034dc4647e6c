/**
 * Every stage of the tutorial, in the order a reader meets them: the command line runs them by id, and the
 * test harness drives them by what they can do. It knows their files by name only; it imports none.
 */

/** What a stage promises, and so which tests drive it. */
export type Capability =
  | 'echo' // sends back what it read
  | 'http' // answers a request with a response
  | 'whole-head' // waits for the blank line, however the bytes arrive
  | 'length' // says how long its answer is, in bytes
  | 'tough' // outlives clients that vanish, reset, dribble or talk too much
  | 'gateway'; // runs any application: takes module:callable

export interface Stage {
  readonly id: string;
  readonly part: string;
  /** Relative to the project's root; empty for a program that is not ours. */
  readonly file: string;
  readonly summary: string;
  readonly can: readonly Capability[];
  /** Options of its own, beside --port and --host. */
  readonly options?: readonly (readonly [option: string, meaning: string])[];
}

export const STAGES: readonly Stage[] = [
  {
    id: '1a',
    part: 'part1',
    file: 'part1/1a-echo-once.ts',
    summary: 'one connection, the same bytes back, done',
    can: ['echo'],
  },
  {
    id: '1b',
    part: 'part1',
    file: 'part1/1b-hello.ts',
    summary: 'answers everybody: Hello, World!',
    can: ['http'],
  },
  {
    id: '1c',
    part: 'part1',
    file: 'part1/webserver1.ts',
    summary: 'waits for the whole head, says its length, outlives rude clients',
    can: ['http', 'whole-head', 'length', 'tough'],
    options: [['--page FILE', 'what to answer with (default: a greeting)']],
  },
  {
    id: '2a',
    part: 'part2',
    file: 'part2/2a-run-application.ts',
    summary: 'the contract without a socket',
    can: [],
  },
  {
    id: '2b',
    part: 'part2',
    file: 'part2/webserver2.ts',
    summary: 'any framework, one request at a time',
    can: ['http', 'whole-head', 'length', 'tough', 'gateway'],
    options: [
      ['--read-timeout S', 'seconds a client has for its whole request (default: 10)'],
      ['--write-timeout S', 'seconds a client may take nothing of its answer (default: 60)'],
      ['--workers N', 'processes for an app in Python (default: 1)'],
      ['--request-timeout S', 'seconds an app in Python has for its next bytes (default: 30)'],
    ],
  },
];
