import type { Lesson } from '../../shared/checks/check.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import { ask, get, quote, wrong } from '../../shared/checks/run/first-answer.ts';
import { expectLength } from '../../shared/checks/run/length.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';

/** A stranger's. */
const MARKUP = '/?<b>bold</b>';

export const check: Lesson = {
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
  solution: 'part1/start/solutions/exercises.ts',
  seconds: 4,
  run: repeats,
  mistakes: [
    {
      name: 'unescaped',
      says: 'The page has the markup of a stranger: expected "&lt;b&gt;" where the request says "<b>"',
      edits: [['escapeHtml(requestLine)}', 'requestLine}']],
    },
    {
      name: 'the part is done',
      isNamed: false,
      file: 'part1/webserver1.ts',
      says: 'Expected a page that says "GET /?colour=blue HTTP/1.1", got "Hello, World! (Hallo, schöne Welt! 👋)\\n"',
    },
  ],
};

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
