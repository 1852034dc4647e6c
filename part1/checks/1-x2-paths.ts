import type { Lesson } from '../../shared/checks/check.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import { ask, expectService, get, wrong } from '../../shared/checks/run/first-answer.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

/** What a path looks like that no server knows. */
const NOWHERE = '/no/such/page';

export const check: Lesson = {
  title: 'Unknown paths get a 404',
  goal: 'The target of a request is a path, and maybe a query',
  hints: [
    'GET /?colour=blue HTTP/1.1: which part of it names the page?',
    "line.split(' ')[1] is the target; target.split('?')[0] the path. RFC 9110 §15.5.5 tells what a 404 says.",
    "const status = path === '/' ? '200 OK' : '404 Not Found'; a 404 has a page, too, and its own length.",
  ],
  anchor: 'exercises',
  lenient: ['what the page of the 404 says', 'which paths there are beside /'],
  byHand: 'curl -i 127.0.0.1:$PORT/no/such/page',
  solution: 'part1/start/solutions/exercises.ts',
  seconds: 4,
  run: knowsItsPaths,
  mistakes: [
    {
      name: 'query-in-path',
      says: 'Expected status 200 for /?colour=blue, got 404',
      edits: [['const [pathname] = target', 'const pathname = target; target']],
    },
    {
      name: 'trusts-the-request-line',
      says: "A client whose request line is one word ends your program: TypeError: Cannot read properties of undefined (reading 'split'); expected it to serve the next one",
      edits: [['= target.split(', "= (requestLine.split(' ')[1] as string).split("]],
      isNamed: false,
    },
    {
      name: 'everything-200',
      file: 'part1/webserver1.ts',
      says: 'Expected status 404 for /no/such/page, got 200',
    },
  ],
};

async function knowsItsPaths(trial: Trial): Promise<void> {
  const server = await trial.start();
  for (const [target, expected, mistake] of [
    ['/', 200, 'everything-404'],
    [NOWHERE, 404, 'everything-200'],
    ['/?colour=blue', 200, 'query-in-path'],
    [`${NOWHERE}?/`, 404, 'last-character'],
  ] as const) {
    const { status, bytes, bodyAt, body } = await ask(trial, server, get(target));
    if (status !== expected) {
      const message = `Expected status ${expected} for ${target}, got ${status}`;
      const { details } = wrong(message, bytes, 9, mistake);
      throw new Failure(message, { ...details, byHand: `curl -i '127.0.0.1:$PORT${target}'` });
    }
    if (body.length === 0)
      throw wrong(
        `Expected a page with the ${status} for ${target}, too`,
        bytes,
        bodyAt,
        'empty-404',
      );
  }
  await expectToughness(trial, server);
}

/** RFC 9112 §3: a request line has three words, and a client may send one. */
async function expectToughness(trial: Trial, server: ServerProcess): Promise<void> {
  await trial.exchange(server, 'X\r\n\r\n'); // whatever it is told
  const byHand = "printf 'X\\r\\n\\r\\n' | nc 127.0.0.1 $PORT; curl -i 127.0.0.1:$PORT";
  await expectService(trial, server, 'whose request line is one word', byHand);
}
