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
  | 'shows' // prints what it reads, every line of a head behind "< "
  | 'tough' // outlives clients that vanish, reset, dribble or talk too much
  | 'keep-alive' // keeps the connection for the next request, unless the client says close
  | 'drains' // at SIGTERM finishes what is under way, and exits with 0
  | 'gateway' // runs any application: takes module:callable
  | 'contract'; // keeps all of PEP 3333 as it does so, and refuses what is not HTTP

/** What a file begins as: a copy of a stage's own file, or of a piece of it: from one declaration on, before another one. */
export interface Origin {
  readonly from: string;
  readonly at?: string;
  readonly before?: string;
}

export interface Stage {
  readonly id: string;
  readonly part: string;
  /** Relative to the project's root; empty for a program that is not ours. */
  readonly file: string;
  readonly summary: string;
  readonly can: readonly Capability[];
  /** The stage that a reader changes into this one, or a piece of it; without it, this one begins as an empty file. */
  readonly from?: string | Origin;
  /** Files that a reader types for it beside its own, each from the beginning, or from a stage; relative to the project's root. */
  readonly beside?: readonly (string | ({ readonly file: string } & Origin))[];
  /** Its chapter shows all of it, in the order in which it is typed: a test types it and compares. */
  readonly isTyped?: boolean;
  /** Options of its own, beside --port and --host. */
  readonly options?: readonly (readonly [option: string, meaning: string])[];
}

/** What every stage of part 3's ladder can do, beside its own lesson. */
const LADDER: readonly Capability[] = ['http', 'whole-head', 'length', 'tough'];
/** The same, where the handler is one that another stage is tested for: a process for each rude client takes long. */
const SIBLING: readonly Capability[] = ['http', 'whole-head', 'length'];

export const STAGES: readonly Stage[] = [
  {
    id: '1a',
    part: 'part1',
    file: 'part1/1a-echo-once.ts',
    summary: 'one connection, the same bytes back, done',
    can: ['echo'],
    isTyped: true,
  },
  {
    id: '1b',
    part: 'part1',
    file: 'part1/1b-hello.ts',
    summary: 'answers everybody: Hello, World!',
    can: ['http', 'shows'],
    from: '1a',
    isTyped: true,
  },
  {
    id: '1c',
    part: 'part1',
    file: 'part1/webserver1.ts',
    summary: 'waits for the whole head, says its length, outlives rude clients',
    can: ['http', 'shows', 'whole-head', 'length', 'tough'],
    from: '1b',
    isTyped: true,
    options: [['--page FILE', 'what to answer with (default: a greeting)']],
  },
  {
    id: '2a',
    part: 'part2',
    file: 'part2/2a-run-application.ts',
    summary: 'the contract without a socket',
    can: [],
    isTyped: true,
  },
  {
    id: '2b',
    part: 'part2',
    file: 'part2/2b-webserver.ts',
    summary: 'any framework, as in 2015: one packet in, one string out',
    can: ['http', 'shows', 'gateway'],
    beside: ['part2/wsgi.ts'],
    isTyped: true,
  },
  {
    id: '2c',
    part: 'part2',
    file: 'part2/2c-environ.ts',
    summary: 'the application learns all of a request; its answer goes out in one piece',
    can: ['http', 'shows', 'whole-head', 'gateway'],
    from: '2b',
    beside: ['part2/input-stream.ts'],
    isTyped: true,
  },
  {
    id: '2d',
    part: 'part2',
    file: 'part2/2d-answers.ts',
    summary: 'each piece leaves when it is there; whatever a client says is believed',
    can: ['http', 'shows', 'whole-head', 'length', 'gateway'],
    from: '2c',
    beside: ['part2/http.ts'],
    isTyped: true,
  },
  {
    id: '2e',
    part: 'part2',
    file: 'part2/webserver2.ts',
    summary: 'any framework, by the rules, one request at a time',
    can: ['http', 'shows', 'whole-head', 'length', 'tough', 'gateway', 'contract'],
    from: '2d',
    isTyped: true,
    options: [
      ['--read-timeout S', 'seconds a client has for its whole request (default: 10)'],
      ['--write-timeout S', 'seconds a client may take nothing of its answer (default: 60)'],
      ['--workers N', 'processes for an app in Python (default: 1)'],
      ['--request-timeout S', 'seconds an app in Python has for its next bytes (default: 30)'],
    ],
  },
  {
    id: 'client3',
    part: 'part3',
    file: 'part3/client3.ts',
    summary: 'not a server: the client that makes them sweat',
    can: [],
  },
  {
    id: '3a',
    part: 'part3',
    file: 'part3/3a-iterative.ts',
    summary: 'one at a time: the second client waits',
    can: LADDER,
    isTyped: true,
  },
  {
    id: '3b',
    part: 'part3',
    file: 'part3/3b-sleeping.ts',
    summary: 'blocks as it answers: connected is not accepted',
    can: LADDER,
    from: '3a',
    isTyped: true,
    options: [
      ['--sleep S', 'seconds a handler blocks between head and body (default: 3)'],
      ['--backlog N', 'connections the kernel may queue (default: 511)'],
    ],
  },
  {
    id: '3c',
    part: 'part3',
    file: 'part3/3c-process-per-connection.ts',
    summary: 'a process for each connection, and its price',
    can: LADDER,
    from: '3b',
    isTyped: true,
    options: [
      ['--sleep S', 'seconds a handler blocks between head and body (default: 3)'],
      ['--no-pause', 'read on from connections given away: bytes are lost'],
    ],
  },
  {
    id: '3d',
    part: 'part3',
    file: 'part3/3d-descriptors.ts',
    summary: 'descriptors that leak, and those that run out',
    can: SIBLING,
    from: '3c',
    isTyped: true,
    options: [
      ['--sleep S', 'seconds a handler blocks between head and body (default: 0)'],
      ['--max-connections N', 'connections that may wait (default: 1000)'],
      ['--keep-open', 'keep a copy of every connection'],
    ],
  },
  {
    id: '3e',
    part: 'part3',
    file: 'part3/3e-zombies.ts',
    summary: 'children that died and were not asked about',
    can: SIBLING,
    from: '3d',
    isTyped: true,
    options: [
      ['--sleep S', 'seconds a handler blocks between head and body (default: 0.5)'],
      ['--blocked S', 'let the event loop stand still for S seconds at a time (default: 0)'],
    ],
  },
  {
    id: '3f',
    part: 'part3',
    file: 'part3/3f-signals.ts',
    summary: 'many deaths, one SIGCHLD',
    can: LADDER,
    from: '3e',
    isTyped: true,
    options: [
      ['--sleep S', 'seconds a handler blocks between head and body (default: 0)'],
      ['--count-signals', 'count signals instead of exits'],
    ],
  },
  {
    id: '3g',
    part: 'part3',
    file: 'part3/3g-event-loop.ts',
    summary: 'one process serves all, until one handler computes',
    can: LADDER,
    from: '3a',
    isTyped: true,
    options: [
      ['--sleep S', 'seconds a handler waits between head and body (default: 3)'],
      ['--busy', 'compute instead of waiting'],
    ],
  },
  {
    id: '3h',
    part: 'part3',
    file: 'part3/3h-prefork.ts',
    summary: 'workers that share a port, and a primary that replaces them',
    can: LADDER,
    from: '3b',
    isTyped: true,
    options: [
      ['--sleep S', 'seconds a handler blocks between head and body (default: 3)'],
      ['--workers N', 'processes (default: 4)'],
      ['--sched-none', 'take from the queue of the kernel instead of in turn'],
    ],
  },
  {
    id: '3i',
    part: 'part3',
    file: 'part3/3i-messages.ts',
    summary: 'the first room on a socket: connections are kept; it answers by itself',
    can: ['http', 'whole-head', 'length', 'tough', 'keep-alive'],
    beside: [
      ...['http-error', 'limits', 'grammar', 'receive-buffer', 'request-head'],
      ...['body-framing', 'request-parser', 'response-writer'],
    ].map((module) => `part3/http/${module}.ts`),
    isTyped: true,
    options: [['--parse', 'print the events that standard input makes, and serve nobody']],
  },
  {
    id: '3j',
    part: 'part3',
    file: 'part3/3j-applications.ts',
    summary: 'the second room: any framework, many requests at a time',
    can: ['http', 'whole-head', 'length', 'tough', 'keep-alive', 'gateway'],
    from: '3i',
    beside: ['wsgi', 'environ', 'input-stream', 'request-body', 'run-application'].map(
      (module) => `part3/gateway/${module}.ts`,
    ),
    isTyped: true,
  },
  {
    id: '3k',
    part: 'part3',
    file: 'part3/3k-pace.ts',
    summary: 'nobody gets more than was asked for: backpressure both ways',
    can: ['http', 'whole-head', 'length', 'tough', 'keep-alive', 'gateway'],
    from: '3j',
    isTyped: true,
    beside: ['part3/server/outbox.ts'],
  },
  {
    id: '3l',
    part: 'part3',
    file: 'part3/3l-deadlines.ts',
    summary: 'a chess clock for each connection, and limits that speak',
    can: ['http', 'whole-head', 'length', 'tough', 'keep-alive', 'gateway'],
    from: '3k',
    isTyped: true,
    beside: ['part3/server/clock.ts'],
    options: [['--head-timeout S', 'and the others of http/limits.ts, as the gateway has them']],
  },
  {
    id: '3m',
    part: 'part3',
    file: 'part3/3m-stopping.ts',
    summary: 'drains at the end, logs what it did, knows whom to believe',
    can: ['http', 'whole-head', 'length', 'tough', 'keep-alive', 'drains', 'gateway'],
    from: { from: '3l', at: 'TICK' },
    isTyped: true,
    beside: [
      { file: 'part3/server/connection.ts', from: '3l', at: 'State', before: 'TICK' },
      'part3/server/signals.ts',
      'part3/server/access-log.ts',
    ],
    options: [
      ['--access-log FILE', 'a line for each answer, in Combined Log Format; - is standard output'],
      ['--forwarded-allow-ips LIST', 'proxies whose X-Forwarded-* are believed (default: nobody)'],
      ['--head-timeout S', 'and the other limits, as the gateway has them'],
    ],
  },
  {
    id: 'gateway',
    part: 'part3',
    file: 'part3/webserver3.ts',
    summary: 'any framework, many requests at a time',
    can: ['http', 'whole-head', 'length', 'tough', 'keep-alive', 'drains', 'gateway', 'contract'],
    isTyped: true,
    beside: [
      { file: 'part3/server/worker.ts', from: '3m', at: 'Door', before: 'readProxies' },
      ...['trace', 'supervisor', 'options'].map((module) => `part3/server/${module}.ts`),
    ],
    options: [
      ['--unix PATH', 'listen on a socket in the file system instead of a port'],
      ['--unix-mode MODE', 'its permissions in octal, like 660 (default: what the umask leaves)'],
      ['--tls-cert FILE', 'certificate (PEM); with it and --tls-key FILE it speaks HTTPS'],
      ['--forwarded-allow-ips LIST', 'proxies whose X-Forwarded-* are believed (default: nobody)'],
      ['--trace', 'show what travels: < read, > written'],
      ['--access-log FILE', 'a line for each answer, in Combined Log Format; - is standard output'],
      ['--workers N', 'processes that serve; with more than 1 a supervisor (default: 1)'],
      ['--python-workers N', 'for each of them, processes that run an app in Python (default: 1)'],
      ['--python-threads N', 'threads in each of these, a request in each (default: 1)'],
      ['--queue-timeout S', 'seconds a request waits for one of them; then 503 (default: 10)'],
      ['--worker-timeout S', 'a worker that says nothing for so long is replaced (default: 30)'],
      ['--max-requests N', 'a worker that had about so many is replaced (default: 0, never)'],
      ['--max-connections N', 'at a time; one more gets a 503 (default: 1000)'],
      ['--max-head-bytes N', 'request line and fields; 431 beyond it (default: 16384)'],
      ['--max-body-bytes N', '413 beyond it (default: 1073741824)'],
      ['--head-timeout S', 'seconds for the whole head; then 408 (default: 10)'],
      ['--keep-alive-timeout S', 'seconds between two requests; then closed (default: 5)'],
      ['--body-timeout S', 'seconds between two pieces of a body; then 408 (default: 20)'],
      ['--write-timeout S', 'seconds a client may take nothing of its answer (default: 60)'],
      ['--request-timeout S', 'seconds the app has for its next step; then 504 (default: 60)'],
      ['--half-close-timeout S', "the same behind its client's FIN; then it is told (default: 1)"],
      ['--drain-timeout S', 'seconds to finish what is under way at the end (default: 10)'],
    ],
  },
];
