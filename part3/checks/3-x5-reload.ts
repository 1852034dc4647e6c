/** Exercises of part 3, beyond the ladder. Four are for your gateway; the pool is a small server of its own. */
import { createHash } from 'node:crypto';
import { openGate } from '../../shared/harness/gate.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';
import type { Check } from '../../shared/checks/check.ts';
import { answerOf, ask, comesTrue, GET, hasBegun, isWhole, takeAnswer, until } from '../../shared/checks/clients.ts';
import { Failure } from '../../shared/checks/failure.ts';
import { APP, head, takeCall, talk } from '../../shared/checks/part3-gateway.ts';
import type { Trial } from '../../shared/checks/trial.ts';

const COMMON = { part: 'part3', anchor: 'exercises', solution: 'gateway' } as const;

const keepAlive: Check = {
  ...COMMON,
  id: '3-x1',
  name: 'keep-alive',
  title: 'A connection serves one request after another',
  goal: 'The end of an answer is not the end of the connection: framing, not FIN, says where it ends.',
  hints: [
    'If you do not close, how does the client know that the answer is over? And where does the next request begin?',
    'RFC 9112 §9.3: persistent unless "Connection: close", or HTTP/1.0 without keep-alive.',
    'a loop in the connection: read a head and its body, answer with a length or chunks, begin anew with what is left.',
  ],
  lenient: ['pipelining', 'how long an idle connection is kept'],
  byHand:
    'curl -v http://localhost:$PORT/hello http://localhost:$PORT/hello  # Re-using existing connection',
  seconds: 10,
  async run(trial) {
    const server = await trial.start({ app: APP });
    const client = await trial.connect(server);
    const sizes: number[] = [];
    for (const turn of ['first', 'second', 'third']) {
      if (client.ending !== 'open') {
        throw new Failure(
          `The connection was closed before the ${turn} request: expected it to be kept`,
          {
            mistake: 'closes-each',
          },
        );
      }
      const before = client.received.length;
      await client.send(GET).catch(() => {});
      const rest = () => ({ received: client.received.subarray(before), ending: client.ending });
      await comesTrue(() => answerIn(rest()) || client.ending !== 'open', 3);
      if (!answerIn(rest())) {
        throw new Failure(
          `The ${turn} request on one connection: expected a whole answer with its length`,
          {
            received: client.received,
            at: before,
          },
        );
      }
      sizes.push(client.received.length - before);
    }
    const last = await ask(trial, server, head('GET /hello'));
    await takeAnswer(last, 'A client that says Connection: close');
    await until(
      () => last.ending !== 'open',
      3,
      () => new Failure('A client said "Connection: close", and the connection was kept'),
    );
  },
};

const answerIn = (client: { received: Buffer; ending: 'open' | 'fin' | 'rst' }) =>
  answerOf({ ...client, ending: 'open' } as Parameters<typeof answerOf>[0]) !== undefined;

const chunkedBodies: Check = {
  ...COMMON,
  id: '3-x2',
  name: 'chunked',
  title: 'A body in chunks reaches the application without its framing',
  goal: 'A body may have no length: it has an end.',
  hints: [
    'Where does a chunk end, if its packet ends in the middle of it?',
    'RFC 9112 §7.1: size in hex, CR LF, so many bytes, CR LF; a chunk of 0, trailers, an empty line.',
    'a state machine over a buffer: size line, data, CR LF; and nothing that is not hex is a size (400).',
  ],
  lenient: ['chunk extensions', 'trailers', 'which 4xx refuses a bad size'],
  byHand:
    "curl -H 'Transfer-Encoding: chunked' --data-binary @README.md http://localhost:$PORT/sha256",
  seconds: 10,
  async run(trial) {
    const server = await trial.start({ app: APP });
    const pieces = ['one, ', 'and another of some length, ', `${'x'.repeat(70_000)}\r\n0\r\n\r\n`];
    const chunks = pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`);
    const sent = `${head('POST /sha256', 'Transfer-Encoding: chunked')}${chunks.join('')}0\r\n\r\n`;
    const digest = createHash('sha256').update(pieces.join('')).digest('hex');
    const odd = sent.indexOf('another');
    for (const slices of [[sent], [sent.slice(0, odd), sent.slice(odd, -3), sent.slice(-3)]]) {
      const client = await trial.connect(server);
      await client.send(...slices).catch(() => {});
      const { status, text } = await takeAnswer(client, 'POST in chunks');
      if (status === 200 && text === digest) continue;
      throw new Failure(
        `A body in chunks: expected its SHA-256, got ${status} ${JSON.stringify(text.slice(0, 60))}`,
        {
          received: client.received,
          at: 0,
        },
      );
    }
    const bad = `${head('POST /sha256', 'Transfer-Encoding: chunked')}1g\r\nx\r\n0\r\n\r\n`;
    const { status } = await talk(trial, server, bad);
    if (status < 400 || status > 499)
      throw new Failure(`A chunk of size 1g: expected 400, got ${status}`);
  },
};

const slowClients: Check = {
  ...COMMON,
  id: '3-x3',
  name: 'slow',
  title: 'Who takes too long for its head is told so: 408',
  goal: 'Patience is a resource: a deadline for the whole, not for each byte.',
  hints: [
    'A client sends a byte each time your patience is nearly over. When does it end?',
    'a timer that is started with the first byte, or the connection, and not by each packet.',
    '--head-timeout S: setTimeout once for each head - poll(2) with what is left of the time; then 408 and Connection: close, and close.',
  ],
  lenient: ['a close without a 408, for who has sent nothing', 'when exactly it comes'],
  byHand:
    'for i in G E T " "; do printf %s "$i"; sleep 1; done | nc 127.0.0.1 $PORT  # it does not wait for ever',
  seconds: 10,
  async run(trial) {
    const server = await trial.start({ app: APP, args: ['--head-timeout', '0.5'] });
    const slow = await ask(trial, server, 'GET /hello HTTP/1.1\r\nHost: ');
    const drip = setInterval(() => slow.send('x').catch(() => {}), 100);
    try {
      await takeAnswer(
        await ask(trial, server, head('GET /hello')),
        'Beside a slow client, another',
      );
      await comesTrue(() => hasBegun(slow) || slow.ending !== 'open', 5);
    } finally {
      clearInterval(drip);
    }
    const status = hasBegun(slow) ? (await takeAnswer(slow, 'The slow client')).status : 'nothing';
    if (status !== 408) {
      throw new Failure(
        `With --head-timeout 0.5 a byte came every 0.1 s: expected 408, got ${status}`,
        {
          received: slow.received,
          at: 0,
        },
      );
    }
  },
};

const JOBS = 6;

const threadPool: Check = {
  ...COMMON,
  id: '3-x4',
  name: 'pool',
  title: 'A pool of threads computes, and the loop goes on serving',
  goal: 'One process, several threads: parallelism where there is work, the loop where there is waiting.',
  hints: [
    '3g --busy: one computes, all stand still. Where else in the same process could it compute?',
    "node:worker_threads: new Worker(code, { eval: true }) with plain JavaScript, for tsx does not reach threads; postMessage, on('message') - " +
      'pthread_create(3), and a queue with a lock.',
    'GET /busy: take an idle thread or stand in the queue; when a thread is done, answer, and give it the next job.',
  ],
  lenient: ['how many threads, if fewer than jobs', 'the order of the jobs'],
  byHand: 'curl http://127.0.0.1:$PORT/busy & curl http://127.0.0.1:$PORT/hello',
  file: 'pool',
  solution: 'shared/checks/solutions/pool.ts',
  seconds: 15,
  async run(trial) {
    const server = await trial.start({ args: ['--sleep', '0.2', '--threads', '2'] });
    const jobs = await Promise.all(
      Array.from({ length: JOBS }, () => ask(trial, server, GET.replace('/hello', '/busy'))),
    );
    const hello = await ask(trial, server);
    const greeting = await takeAnswer(hello, 'While the threads computed, GET /hello');
    if (jobs.every(isWhole)) {
      throw new Failure(
        `GET /hello was answered after all ${JOBS} jobs: expected it not to wait for them`,
        {
          mistake: 'computes-in-the-loop',
        },
      );
    }
    for (const [index, job] of jobs.entries()) {
      const { pid } = await takeAnswer(job, `Job ${index + 1} of ${JOBS}`);
      if (pid !== greeting.pid)
        throw new Failure('Jobs were done by another process: expected threads');
    }
  },
};

const reloadWithoutLoss: Check = {
  ...COMMON,
  id: '3-x5',
  name: 'reload',
  title: 'SIGHUP brings new workers, and no client is lost',
  goal: 'A deploy is a rolling change: the new ones serve before the old ones go.',
  hints: [
    'An old worker is in the middle of an answer. When may it go, and who serves meanwhile?',
    'cluster.fork for each old worker; when it is "listening", tell the old one to drain; server.close() - ' +
      'fork(2), and close(2) of the socket that listens, in the old one alone.',
    'on SIGHUP: for each old worker fork a new one, wait until it listens, then let the old one finish and exit.',
  ],
  lenient: ['how long the old ones take', 'what is printed'],
  byHand:
    'while curl -sS http://127.0.0.1:$PORT/pid; do echo; sleep 0.2; done  # meanwhile, in a third: kill -HUP the server',
  seconds: 20,
  async run(trial) {
    const server = await trial.start({ app: APP, args: ['--workers', '2'] });
    const gate = await openGate();
    try {
      const old = new Set<string>();
      for (let count = 0; count < 10; count++) old.add(await pidOf(trial, server));
      const busy = await ask(trial, server, head(`GET /relay?${gate.port}`));
      const app = await takeCall(gate.opened, busy);
      server.signal('SIGHUP');
      let isNew = false;
      for (const deadline = performance.now() + 8000; !isNew && performance.now() < deadline; ) {
        isNew = !old.has(await pidOf(trial, server));
      }
      if (!isNew) {
        throw new Failure('SIGHUP, and 8 s later the old workers still serve: expected new ones', {
          mistake: 'no-reload',
        });
      }
      app.end('not lost');
      const { text } = await takeAnswer(busy, 'A client that an old worker was answering');
      if (text !== 'not lost')
        throw new Failure(`Its answer: expected "not lost", got ${JSON.stringify(text)}`);
    } finally {
      gate.close();
    }
  },
};

async function pidOf(trial: Trial, server: ServerProcess): Promise<string> {
  return (await talk(trial, server, head('GET /pid'))).text;
}

export const EXERCISES3: readonly Check[] = [
  keepAlive,
  chunkedBodies,
  slowClients,
  threadPool,
  reloadWithoutLoss,
];
