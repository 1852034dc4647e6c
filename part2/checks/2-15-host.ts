import type { Lesson } from '../../shared/checks/check.ts';
import { ask, CONTRACT, environOf, wrongAnswer } from '../../shared/checks/run/contract.ts';
import { asMistake } from '../../shared/checks/run/failure.ts';
import { PythonTrial } from '../../shared/checks/run/python-trial.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';

const raw = (...lines: string[]) =>
  Buffer.from([...lines, 'Connection: close', '', ''].join('\r\n'), 'latin1');

/** What RFC 9112 §3.2 has a server answer with a 400. */
const NO_HOSTS: readonly (readonly [bytes: Buffer, what: string, mistake: string])[] = [
  [raw('GET /hello HTTP/1.1'), 'A request of HTTP/1.1 without Host', 'no-host'],
  [raw('GET /hello HTTP/1.1', 'Host: a', 'Host: b'), 'Two Hosts', 'two-hosts'],
  [raw('GET /hello HTTP/1.1', 'Host: a', 'Host: a'), 'Host, twice the same', 'two-hosts'],
  [raw('GET /hello HTTP/1.1', 'Host: a b'), 'Host: a b', 'any-host'],
  [raw('GET /hello HTTP/1.1', 'Host: a/b'), 'Host: a/b', 'any-host'],
  [raw('GET /hello HTTP/1.1', 'Host: user@a'), 'Host: user@a', 'any-host'],
  [raw('GET /hello HTTP/1.1', 'Host: a:b'), 'Host: a:b', 'any-host'],
];
/** The same about a target that names its host. */
const NO_TARGETS: typeof NO_HOSTS = [
  [raw('GET http://user@a/hello HTTP/1.1', 'Host: a'), 'http://user@a/hello', 'any-host'],
  [raw('GET http:///hello HTTP/1.1', 'Host: a'), 'http:///hello', 'any-host'],
];
const HOSTS = ['a', 'a:80', 'a:', '127.0.0.1', '[::1]:8888', 'xn--bcher-kva.example', ''];

export const check: Lesson = {
  title: 'It knows which host is meant, or says 400',
  goal: 'One address serves many names. A server that guesses which is meant is used by strangers to reach another.',
  hints: [
    'Two Host lines: which of them did the proxy in front of you believe?',
    'RFC 9112 §3.2, §3.2.2 (absolute-form); RFC 9110 §7.2 (Host), §4.2.4 (userinfo).',
    "A Map of headers: if (version is 1.1 and there is no 'host', or it came twice, or is no host[:port]) 400. For GET http://a:81/x take the path from behind the host, and set Host to a:81.",
  ],
  anchor: 'host',
  lenient: [
    'which host: any name will do',
    'for a gateway in Python: targets that name their host',
  ],
  byHand: 'printf $REQUEST | nc 127.0.0.1 $PORT',
  solution: '2e',
  seconds: 8,
  run: checkHost,
  mistakes: [
    {
      name: 'no-host',
      says: 'A request of HTTP/1.1 without Host: expected 400, got 200 OK',
      edits: [["(protocol === 'HTTP/1.0' ? '' : 'none, and')", "''"]],
    },
    {
      name: 'two-hosts',
      says: 'Two Hosts: expected 400, got 200 OK',
      edits: [
        [
          '      const before = headers.get(key);',
          "      const before = key === 'host' ? undefined : headers.get(key);",
        ],
      ],
    },
    {
      name: 'any-host',
      says: 'Host: a/b: expected 400, got 200 OK',
      edits: [['if (!HOST.test(host) ||', 'if (/[, ]/.test(host) ||']],
    },
    {
      name: 'asks-an-old-client',
      says: 'A request of HTTP/1.0 without Host: expected 200, got 400 Bad Request',
      edits: [["(protocol === 'HTTP/1.0' ? '' : 'none, and')", "'none, and'"]],
    },
    {
      name: 'absolute-target',
      says: 'GET http://other:81/environ?x=1 HTTP/1.1: the app was given another PATH_INFO than /environ, and greets',
      edits: [['(?:https?:\\/\\/[^/?]*)?([^?]*)', '([^?]*)']],
    },
    {
      name: 'host-outranks-target',
      says: 'HTTP_HOST: expected "other:81", got "localhost"',
      edits: [
        [
          "      headers.set('host', named || refuse('400 Bad Request', 'no host in it'));",
          "      named || refuse('400 Bad Request', 'no host in it');",
        ],
      ],
    },
    {
      name: 'refuses-a-good-host',
      says: 'Host: [::1]:8888: expected 200, got 400 Bad Request',
      file: 'part2/http.ts',
      edits: [['\\[[\\da-f:.]+\\]|', '']],
    },
    {
      name: 'host-in-the-query',
      says: 'HTTP_HOST: expected "localhost", got "other:81"',
      edits: [['const named = /^https?:', 'const named = /https?:']],
    },
  ],
};

async function checkHost(trial: Trial): Promise<void> {
  const server = await trial.start({ app: CONTRACT });
  const isPython = trial instanceof PythonTrial;
  for (const [bytes, what, mistake] of [...NO_HOSTS, ...(isPython ? [] : NO_TARGETS)]) {
    const answer = await ask(trial, server, bytes);
    if (answer.status >= 400 && answer.status < 500) continue;
    const message = `${what}: expected 400, got ${answer.status} ${answer.reason}`;
    throw wrongAnswer(message, answer, { at: 9, server, mistake });
  }
  const good = HOSTS.map((host) => [
    raw('GET /hello HTTP/1.1', `Host: ${host}`),
    `Host: ${host}`,
    'refuses-a-good-host',
  ]);
  good.push([
    raw('GET /hello HTTP/1.0'),
    'A request of HTTP/1.0 without Host',
    'asks-an-old-client',
  ]);
  for (const [bytes, what, mistake] of good as [Buffer, string, string][]) {
    const answer = await ask(trial, server, bytes);
    if (answer.status === 200) continue;
    const message = `${what}: expected 200, got ${answer.status} ${answer.reason}`;
    throw wrongAnswer(message, answer, { at: 9, server, mistake });
  }
  if (isPython) return;
  const line = 'GET http://other:81/environ?x=1 HTTP/1.1';
  const asked = environOf(trial, server, line, 'X-Mine: 1');
  const seen = await asked.catch(asMistake('absolute-target'));
  seen.expect('PATH_INFO', '/environ');
  seen.expect('QUERY_STRING', 'x=1');
  seen.expect('HTTP_HOST', 'other:81', { localhost: 'host-outranks-target' });
  seen.expect('HTTP_X_MINE', '1');
  const quoting = await environOf(trial, server, 'GET /environ?u=http://other:81/ HTTP/1.1');
  quoting.expect('HTTP_HOST', 'localhost', { 'other:81': 'host-in-the-query' });
  const secure = await environOf(trial, server, 'GET https://other/environ HTTP/1.1');
  secure.expect('PATH_INFO', '/environ');
  secure.expect('QUERY_STRING', '');
}
