/** Beyond part 1's ladder: three things that a server of its size can still learn. */
import { ask, get, quote, REACTION, wrong } from '../../shared/checks/answer.ts';
import type { Check } from '../../shared/checks/check.ts';
import { Failure } from '../../shared/checks/failure.ts';
import { expectLength } from '../../shared/checks/part1-answers.ts';
import type { Trial } from '../../shared/checks/trial.ts';

const SOLUTION = 'shared/checks/solutions/part1.ts';

/** What a path looks like that no server knows. */
const NOWHERE = '/no/such/page';

/** A stranger's. */
const MARKUP = '/?<b>bold</b>';

/** 1-x1 */
async function repeats(trial: Trial): Promise<void> {
  const server = await trial.start();
  const { bytes, body, bodyAt } = await ask(trial, server, get('/?colour=blue'));
  if (!body.includes('GET /?colour=blue HTTP/1.1')) {
    const message = `Expected a page that says "GET /?colour=blue HTTP/1.1", got ${quote(body, 80)}`;
    throw wrong(message, bytes, bodyAt);
  }
  const answer = await ask(trial, server, get(MARKUP));
  const promised = answer.headers.get('content-length');
  if (promised !== undefined) expectLength(Number(promised), answer);
  const isPlain = /^text\/plain/.test(answer.headers.get('content-type') ?? '');
  const at = answer.body.indexOf('<b>bold');
  if (at === -1 || isPlain) return;
  const message =
    'The page has the markup of a stranger: expected "&lt;b&gt;" where the request says "<b>"';
  const failure = wrong(message, answer.bytes, answer.bodyAt + at, 'unescaped');
  throw new Failure(message, { ...failure.details, byHand: `curl -sg '127.0.0.1:$PORT${MARKUP}'` });
}

/** 1-x2 */
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
}

/** 1-x3 */
async function logs(trial: Trial): Promise<void> {
  const server = await trial.start();
  for (const target of ['/?log=1', '/?log=2', NOWHERE]) {
    const { status } = await ask(trial, server, get(target));
    const isOf = (line: string) =>
      !line.startsWith('<') && line.includes(target) && /\bGET\b/.test(line);
    const wanted = `expected a line with "GET ${target} ${status}" in it`;
    const behind = new RegExp(`^(?!<).*GET.*${target.replace(/[?.]/g, '\\$&')}.*\\n`, 'm');
    await server.waitForOutput(behind, REACTION / 1000).catch(() => {});
    const lines = server.stdout.split('\n').filter(isOf);
    const received = Buffer.from(server.stdout);
    if (lines.length !== 1) {
      const message = `There are ${lines.length} lines for one request: ${wanted}`;
      throw new Failure(message, { cause: 'wrong', received, isPrinted: true });
    }
    if (new RegExp(`\\b${status}\\b`).test(lines[0] ?? '')) continue;
    const message = `The answer was ${status}, and the log says ${quote(lines[0] ?? '', 80)}: ${wanted}`;
    const isConstant = status === 404 && lines[0]?.includes('200');
    throw new Failure(message, {
      cause: 'wrong',
      received,
      isPrinted: true,
      ...(isConstant && { mistake: 'logs-200' }),
    });
  }
}

export const EXERCISES1: readonly Check[] = [
  {
    id: '1-x1',
    part: 'part1',
    title: 'The page repeats the request line',
    goal: 'What a client sends is a string in your hands, and a stranger wrote it',
    hints: [
      'Where in the head does the request line end? And what does a browser do with "<b>" on a page?',
      "head.split('\\r\\n')[0] is the line. HTML has &lt; for <, &gt; for >, &amp; for &.",
      'Put the escaped line into the page behind the greeting, and count its bytes after that.',
    ],
    anchor: 'exercises',
    lenient: ['what else the page says', 'escaping, if Content-Type is text/plain'],
    byHand: "curl -s '127.0.0.1:$PORT/?colour=blue'",
    solution: SOLUTION,
    seconds: 4,
    run: repeats,
  },
  {
    id: '1-x2',
    part: 'part1',
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
    solution: SOLUTION,
    seconds: 4,
    run: knowsItsPaths,
  },
  {
    id: '1-x3',
    part: 'part1',
    title: 'There is a log: one line for each request',
    goal: 'Who runs a server wants to know what it did, not only what it was asked',
    hints: [
      'When do you know the status: before or after you have decided on the answer?',
      'One console.log where the answer is sent, because all answers pass there: method, target, status.',
      "console.log(method + ' ' + target + ' ' + status), beside the lines with '< '.",
    ],
    anchor: 'exercises',
    lenient: [
      'time, address, length and whatever else the line has',
      'the lines that begin with "<"',
    ],
    byHand: 'curl -s 127.0.0.1:$PORT/ 127.0.0.1:$PORT/no/such/page',
    solution: SOLUTION,
    seconds: 4,
    run: logs,
  },
];
