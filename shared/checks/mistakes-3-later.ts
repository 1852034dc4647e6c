/** The rest of what goes wrong in part 3: the event loop, pre-fork and the gateway. */
import type { Mistake } from './mistake.ts';

const [G, H, WEBSERVER] = [
  'part3/3g-event-loop.ts',
  'part3/3h-prefork.ts',
  'part3/webserver3.ts',
] as const;

export const LATER_MISTAKES: readonly Mistake[] = [
  {
    name: 'async-around-a-busy-loop',
    check: '3-11',
    says: 'When the first of 50 was served, no more than its neighbours had a head: expected all to be served at a time',
    file: G,
    edits: [
      ['  if (busy) compute(sleep);\n', ''],
      ['  else await delay(sleep * 1000);', '  await (async () => compute(sleep))();'],
    ],
  },
  {
    name: 'awaits-each',
    check: '3-11',
    says: '200 say nothing, and of 50 who asked nobody was answered',
    file: G,
    edits: [
      ['    handleRequest(socket, sleep, busy);', '    await handleRequest(socket, sleep, busy);'],
    ],
  },
  {
    name: 'busy-does-not-compute',
    check: '3-11',
    says: 'With --busy a handler computes, and yet another client was answered',
    file: G,
    edits: [['  if (busy) compute(sleep);\n  else await delay', '  await delay']],
  },
  {
    name: 'no-respawn',
    check: '3-12',
    says: 'A worker was killed, and after 3 s there are 3 of 4',
    file: H,
    edits: [['      setTimeout(spawn, backoff);\n', '']],
  },
  {
    name: 'respawns-in-a-hurry',
    check: '3-12',
    says: 'Two workers died in a row, and the next was born at once: expected it to wait, at least 100 ms',
    file: H,
    edits: [['setTimeout(spawn, backoff);', 'spawn();']],
  },
  {
    name: 'not-all-work',
    check: '3-12',
    says: '4 asked while the first slept: expected 4 processes to answer, got 1',
    file: H,
    edits: [['{ length: options.workers - 1 }', '{ length: 0 }']],
  },
  {
    name: 'shared-state',
    check: '3-13',
    says: 'Two requests were under way, and one got the head or the body of another: 204 ""',
    file: 'part3/gateway/run-application.ts',
    run: WEBSERVER,
    edits: [
      [
        '  #head: Head | undefined;\n',
        `  static head: Head | undefined;
  get #head(): Head | undefined {
    return Exchange.head;
  }
  set #head(head: Head | undefined) {
    Exchange.head = head;
  }
`,
      ],
      ["if (this.#isStarted && !excInfo) breach('a second startResponse needs excInfo');", ''],
    ],
  },
  {
    name: 'shared-body',
    check: '3-13',
    says: 'A body came in two pieces, and other requests between them: what the app read is not that body',
    file: 'part2/webserver2.ts',
    edits: [
      ['await this.handleOneRequest(socket);', 'this.handleOneRequest(socket);'],
      [
        'const body = [bytes.subarray(headEnd + 4)];',
        'body.splice(0, body.length, bytes.subarray(headEnd + 4));',
      ],
      ['export class WSGIServer {', 'const body: Buffer[] = [];\n\nexport class WSGIServer {'],
    ],
  },
  {
    name: 'dies-of-a-throw',
    check: '3-13',
    says: 'An application threw, and your program ended: expected a 500 for its client alone',
    file: 'part2/webserver2.ts',
    edits: [
      ['await this.handleOneRequest(socket);', 'this.handleOneRequest(socket);'],
      ['await this.#answerError(response, error).catch(() => socket.destroy());', 'throw error;'],
    ],
  },
  {
    // The server of part 2, as it is.
    name: 'one-at-a-time',
    check: '3-13',
    says: 'While one request was under way, a second did not reach the application: expected both to be under way',
    file: 'part2/webserver2.ts',
    edits: [],
  },
  {
    name: 'multiprocess-lies',
    check: '3-13',
    says: 'The application runs in the only process there is, and wsgi.multiprocess says true',
    file: 'part3/gateway/environ.ts',
    run: WEBSERVER,
    edits: [["'wsgi.multiprocess': peer.isMultiprocess", "'wsgi.multiprocess': true"]],
  },
  {
    name: 'exits-at-once',
    check: '3-14',
    says: 'SIGTERM in mid-answer: expected the answer to be finished, and it was cut',
    file: WEBSERVER,
    edits: [['if (isStopping) process.exit(128 + number);', 'process.exit(0);']],
  },
  {
    name: 'goes-on',
    check: '3-14',
    says: 'SIGTERM, and 3 s later it still takes new connections: expected none',
    file: WEBSERVER,
    edits: [
      ['  stopOnSignals(worker, limits.drainTimeout);\n', "  process.on('SIGTERM', () => {});\n"],
    ],
  },
  {
    // It closes the door, and nobody sees to it that the process ends.
    name: 'never-ends',
    check: '3-14',
    says: 'The last answer was given, and 5 s later the server still runs',
    file: WEBSERVER,
    edits: [['      process.exit(0);\n    });', '      setInterval(() => {}, 1000);\n    });']],
  },
  {
    name: 'waits-for-ever',
    check: '3-14',
    says: 'A second SIGTERM, and 3 s later the server still runs: expected it to end now',
    file: WEBSERVER,
    edits: [['if (isStopping) process.exit(128 + number);', 'if (isStopping) return;']],
  },
  {
    // A helper that was started with the workers, and is forgotten at the end.
    name: 'orphans',
    check: '3-14',
    says: 'The server has ended, and a process of it is left',
    file: WEBSERVER,
    edits: [
      [
        '  if (staffing.workers > 1 && cluster.isPrimary) {\n',
        `  if (staffing.workers > 1 && cluster.isPrimary) {
    const { spawn } = await import('node:child_process');
    spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
`,
      ],
    ],
  },
];
