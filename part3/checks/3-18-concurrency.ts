import { createHash } from 'node:crypto';
import type { Lesson } from '../../shared/checks/check.ts';
import { type Answer, ask, headerIn, takeAnswer, until } from '../../shared/checks/run/clients.ts';
import { CONTRACT } from '../../shared/checks/run/contract.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import { expectSame, head, startWorkers, talk } from '../../shared/checks/run/gateway.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import { openGate } from '../../shared/harness/gate.ts';
import type { RawClient } from '../../shared/harness/raw-client.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

export const check: Lesson = {
  title: 'All that part 2 promised holds for many at a time, and in every mode',
  goal: 'It is done when an application cannot tell: one process or two, one client or many.',
  hints: [
    'Two requests are under way. What do they share in your program, and may they?',
    'Let each connection have its own request, response and input; leave nothing of them on the server object.',
    "server.on('connection', (socket) => serve(socket)), without await; in the environ wsgi.multiprocess is " +
      'cluster.isWorker, and wsgi.multithread is false.',
  ],
  anchor: 'gateway/README.md#many-at-a-time',
  lenient: [
    '--workers: a server that does not know it is checked in one process',
    'keep-alive',
    'chunked or length',
    'threads, processes or a loop: which process answers, and how many there are',
  ],
  byHand:
    'for i in 1 2 3; do curl -sN http://127.0.0.1:$PORT/relay & done; time wait  # a second, not three',
  solution: '3j',
  seconds: 15,
  async run(trial) {
    const server = await trial.start({ app: CONTRACT });
    await servesTwoAtATime(trial, server);
    await keepsThePromises(trial, server);
    await trial.end();
    const many = await startWorkers(trial);
    if (many) await keepsThePromises(trial, many);
  },
  mistakes: [
    {
      name: 'shared-state',
      says: 'Two requests were under way, and one got the head or the body of another: 204 ""',
      file: 'part3/gateway/run-application.ts',
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
      says: 'A body came in two pieces, and other requests between them: what the app read is not that body',
      file: 'part3/gateway/input-stream.ts',
      edits: [
        ['export class InputStream', 'const ALL: Buffer[] = [];\n\nexport class InputStream'],
        [
          '    if (size > 0 && this.#rest.length === 0) await this.#fetch();',
          '    if (!this.#hasEnded) {\n      while (await this.#fetch()) ALL.push(this.#rest);\n      this.#rest = Buffer.concat(ALL.splice(0));\n    }',
        ],
      ],
    },
    {
      name: 'dies-of-a-throw',
      says: 'An application threw, and your program ended: expected a 500 for its client alone',
      file: 'part3/server/connection.ts',
      edits: [
        [
          '    if (!hasLeft && !(error instanceof HttpError)) console.error(error);',
          '    if (!hasLeft && !(error instanceof HttpError)) throw error;',
        ],
      ],
    },
    {
      // As the server of part 2 does it: an application begins when the one before it has ended.
      name: 'one-at-a-time',
      says: 'While one request was under way, a second did not reach the application: expected both to be under way',
      file: 'part3/server/connection.ts',
      edits: [
        [
          'export class Connection {',
          'let turn: Promise<void> = Promise.resolve();\n\nexport class Connection {',
        ],
        [
          'const running = exchange.run(this.#service.application);',
          'turn = turn.catch(() => {}).then(() => exchange.run(this.#service.application));\n    const running = turn;',
        ],
      ],
    },
    {
      name: 'multiprocess-lies',
      says: 'The application runs in the only process there is, and wsgi.multiprocess says true',
      file: 'part3/gateway/environ.ts',
      edits: [["'wsgi.multiprocess': peer.isMultiprocess", "'wsgi.multiprocess': true"]],
    },
  ],
};

/** Clients that ask for the same at the same time. */
const CROWD = 4;

/** What is asked, and what its answer must be, whoever else asks at the same time. */
type Promised = readonly [request: string, test: (answer: Answer) => void];

/** What part 2's checks ask one by one. Where two could be mixed up, `n` tells them apart. */
function promisesTo(n: number): readonly Promised[] {
  const status = (line: string, wanted: number): Promised => [
    head(line),
    (answer) => expectSame(`the status of ${line}`, answer.status, wanted, answer),
  ];
  const text = (line: string, wanted: string, body?: string): Promised => [
    body === undefined ? head(line) : `${head(line, `Content-Length: ${body.length}`)}${body}`,
    (answer) => expectSame(line, answer.text, wanted, answer),
  ];
  return [
    text('GET /hello', 'Hello, World!\n'),
    text(`GET /echo/${n}?n=${n}`, `GET /echo/${n}?n=${n}\n`),
    text('POST /echo', `the body of ${n}`, `the body of ${n}`),
    text('GET /pieces', 'one, two, three\n'),
    text('GET /write', 'written, then returned\n'),
    status('GET /204', 204),
    status('GET /throws', 500),
    status('GET /throws-after-start', 500),
    status('HEAD /hello', 200),
    [
      'GET\r\n\r\n',
      ({ status: got }) => {
        if (got >= 400) return;
        throw new Failure(`A request line of one word: expected a 4xx, got ${got}`);
      },
    ],
    [
      head('GET /headers'),
      (answer) => {
        const cookies = answer.headers.filter(([name]) => /^set-cookie$/i.test(name));
        expectSame('Set-Cookie of two', cookies.length, 2, answer);
      },
    ],
    [
      head(`GET /environ/caf%C3%A9?q=a%20${n}`, `X-Mine: ${n}`),
      (answer) => {
        const seen = parseEnviron(answer);
        expectSame(
          'PATH_INFO of /environ/caf%C3%A9',
          seen.PATH_INFO,
          '/environ/caf\u00c3\u00a9',
          answer,
        );
        expectSame(`QUERY_STRING of ?q=a%20${n}`, seen.QUERY_STRING, `q=a%20${n}`, answer);
        expectSame(`HTTP_X_MINE of X-Mine: ${n}`, seen.HTTP_X_MINE, `${n}`, answer);
      },
    ],
  ];
}

/** All of it at the same time, a few times over; and bodies of which half has come wait for the rest meanwhile. */
async function keepsThePromises(trial: Trial, server: ServerProcess): Promise<void> {
  const crowd = Array.from({ length: CROWD }, (_, n) => n);
  const posts = await Promise.all([1, 2].map((n) => beginPost(trial, server, n))); // a thread each, to some
  const promises = crowd.flatMap(promisesTo);
  const talks = promises.map(([request]) =>
    talk(trial, server, request, /^\S*/.exec(request)?.[0]),
  );
  const answers = await Promise.all(talks).catch(async (error: Failure) => {
    await trial.settle();
    if (!server.hasExited || !server.stderr.includes('secret of the app')) throw error;
    const message =
      'An application threw, and your program ended: expected a 500 for its client alone';
    const why = { cause: 'exited', stderr: server.stderr, mistake: 'dies-of-a-throw' } as const;
    throw new Failure(message, why);
  });
  for (const post of posts) await endPost(trial, server, post);
  for (const [index, [, test]] of promises.entries()) test(answers[index] as Answer);
  await tellsTheTruth(trial, server);
}

interface Post {
  readonly client: RawClient;
  readonly request: string;
  readonly body: Buffer;
}

const HALF = 50_000;

async function beginPost(trial: Trial, server: ServerProcess, n: number): Promise<Post> {
  const body = Buffer.alloc(2 * HALF, `not all of ${n} at once. `);
  const client = await trial.connect(server);
  const request = head('POST /sha256', `Content-Length: ${body.length}`);
  await client.send(request, body.subarray(0, HALF)).catch(() => {});
  return { client, request, body };
}

async function endPost(trial: Trial, server: ServerProcess, post: Post): Promise<void> {
  const { client, request, body } = post;
  await client.send(body.subarray(HALF)).catch(() => {});
  const posted = await takeAnswer(client, 'POST /sha256');
  client.leave();
  const digest = createHash('sha256').update(body).digest('hex');
  if (posted.text === digest) return;
  const alone = await talk(trial, server, `${request}${body}`);
  const isShared = alone.text === digest;
  throw new Failure(
    isShared
      ? 'A body came in two pieces, and other requests between them: what the app read is not that body'
      : 'The SHA-256 of a body of 100,000 bytes is not what the app has read',
    { received: posted.body, ...(isShared && { mistake: 'shared-body' }) },
  );
}

/** The application asks for two facts at a time: which process it is in, and what it has been told. */
async function tellsTheTruth(trial: Trial, server: ServerProcess): Promise<void> {
  const pids = new Set<number>();
  for (let i = 0; i < 8; i++) pids.add(Number((await talk(trial, server, head('GET /pid'))).text));
  const environ = await talk(trial, server, head('GET /environ'));
  const told = parseEnviron(environ)['wsgi.multiprocess'];
  const isOneOfMany = pids.size > 1;
  if (!isOneOfMany && !pids.has(server.pid)) return; // behind npx or a supervisor, and nobody knows of others
  if (told === isOneOfMany) return;
  const where = isOneOfMany ? 'a worker, one of several' : 'the only process there is';
  throw new Failure(`The application runs in ${where}, and wsgi.multiprocess says ${told}`, {
    mistake: 'multiprocess-lies',
  });
}

/** The first has called startResponse and has no word to say yet; the second comes, and is done before it. */
async function servesTwoAtATime(trial: Trial, server: ServerProcess): Promise<void> {
  const gates = await Promise.all([openGate(), openGate()]);
  try {
    const clients: RawClient[] = [];
    for (const [index, gate] of gates.entries()) {
      clients.push(await ask(trial, server, head(`GET /relay?${gate.port}`)));
      let isOpen = false;
      gate.opened.then(() => (isOpen = true)).catch(() => {});
      const who = index === 0 ? 'A request' : 'While one request was under way, a second';
      await until(
        () => isOpen,
        3,
        () => {
          const { received } = clients[index] as RawClient;
          const message = `${who} did not reach the application: expected both to be under way`;
          if (received.length > 0) return new Failure(message, { received, at: 0 });
          const mistake = index === 1 ? { mistake: 'one-at-a-time' } : {};
          return new Failure(message, { cause: 'timed out', ...mistake });
        },
      );
    }
    const between = await talk(trial, server, head('GET /204'));
    expectSame('the status of a third', between.status, 204, between);
    for (const [index, gate] of [...gates.entries()].reverse())
      (await gate.opened).end(`word ${index}`);
    for (const [index, client] of clients.entries()) {
      const answer = await takeAnswer(client, `Request ${index + 1} of 2`);
      const isOwn = answer.status === 200 && headerIn(answer, 'X-Process') !== undefined;
      client.leave();
      if (isOwn && answer.text === `word ${index}`) continue;
      throw new Failure(
        `Two requests were under way, and one got the head or the body of another: ${answer.status} ${JSON.stringify(answer.text)}`,
        { received: client.received, at: 0, mistake: 'shared-state' },
      );
    }
  } finally {
    for (const gate of gates) gate.close();
  }
}

function parseEnviron(answer: Answer): Record<string, unknown> {
  try {
    return JSON.parse(answer.text);
  } catch {
    throw new Failure(
      `Expected the environ as JSON, got ${JSON.stringify(answer.text.slice(0, 60))}`,
    );
  }
}
