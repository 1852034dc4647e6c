import type { Lesson } from '../../shared/checks/check.ts';
import {
  ask,
  CONTRACT,
  expectStatus,
  request,
  wrongAnswer,
} from '../../shared/checks/run/contract.ts';
import { PythonTrial } from '../../shared/checks/run/python-trial.ts';
import {
  type Answer,
  allOf,
  headerOf,
  quote,
  quoteBytes,
} from '../../shared/checks/run/response.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import { quick, type ServerProcess, startCommand } from '../../shared/harness/server-process.ts';

/** Asked of both: of an application that uses the contract to its edges. */
const ORACLE_TARGETS = [
  '/hello',
  '/async',
  '/generator',
  '/headers',
  '/204',
  '/304',
  '/empty-list',
  '/status?200%20OK%20204%20304',
];

/** The server's own, about the connection and the length; and one in latin-1, which node:http sends in UTF-8. */
const NOT_COMPARED =
  /^(date|server|connection|keep-alive|transfer-encoding|content-length|x-last)$/;

/** What a server cannot know: who adds one of these speaks for the application. */
const ABOUT_THE_APP = /^(content-.*|set-cookie|etag|location|cache-control|x-mistaken)$/i;

export const check: Lesson = {
  title: 'Your server and node:http tell clients the same',
  goal: 'Portability can be measured: an application that needs our quirk is not portable.',
  hints: [
    'What does your server add to an answer, or take away, that nobody has asked for?',
    'diff <(curl -si …) <(curl -si …); shared/harness/node-http-host.ts is the other one.',
    'Add Date, Server, Connection and a length or chunks, and nothing else. 204 and 304 have no body, whatever the application returns.',
  ],
  anchor: 'oracle',
  lenient: [
    'Date, Server, Connection, Keep-Alive, Transfer-Encoding, Content-Length',
    'order and letter case of headers; reason phrases',
    'more headers, as long as they do not speak for the application, as Content-Type does',
  ],
  byHand: "curl -i 'http://127.0.0.1:$PORT$TARGET'",
  solution: '2d',
  seconds: 10,
  run: checkOracle,
  mistakes: [
    {
      name: 'default-type',
      says: 'GET /headers: node:http sends none for content-type, your server "text/html"; the app is the same',
      file: 'part2/http.ts',
      edits: [
        [
          "  if (!given.has('server'))",
          "  if (!given.has('content-type')) lines.push('Content-Type: text/html');\n  if (!given.has('server'))",
        ],
      ],
    },
    {
      name: 'body-of-304',
      says: 'GET /304: node:http sends the body "", your server "not for the wire"',
      edits: [
        [
          "return method === 'HEAD' || isBodiless(head?.status ?? '');",
          "return method === 'HEAD' || /^204/.test(head?.status ?? '');",
        ],
      ],
    },
    {
      name: 'reads-the-reason',
      says: 'GET /status?200%20OK%20204%20304: node:http sends the body "x", your server ""',
      isNamed: false,
      edits: [['/^(204|304)/.test(status)', '/204|304/.test(status)']],
    },
    {
      name: 'length-of-204',
      says: 'GET /204: a 204 has no body, and says nothing of its length; RFC 9110 §8.6',
      edits: [
        [
          'const length = isBodiless(status) ? undefined : response.length;',
          'const { length } = response;',
        ],
      ],
    },
  ],
};

async function checkOracle(trial: Trial): Promise<void> {
  const starting = startCommand(quick('shared/harness/node-http-host.ts', CONTRACT));
  try {
    const server = await trial.start({ app: CONTRACT });
    const oracle = await starting;
    for (const target of ORACLE_TARGETS) {
      const asked = request(`GET ${target} HTTP/1.1`);
      const [ours, theirs] = [await ask(trial, server, asked), await ask(trial, oracle, asked)];
      const app = trial instanceof PythonTrial ? 'the app says' : 'the app is';
      compare(target, ours, theirs, server, app);
      const length = headerOf(ours, 'content-length') ?? headerOf(ours, 'transfer-encoding');
      if (ours.status !== 204 || length === undefined) continue;
      const message = `GET ${target}: a 204 has no body, and says nothing of its length; RFC 9110 §8.6`;
      throw wrongAnswer(message, ours, { at: 9, mistake: 'length-of-204' });
    }
  } finally {
    await starting.then((oracle) => oracle.kill()).catch(() => {});
  }
}

function compare(
  target: string,
  ours: Answer,
  theirs: Answer,
  server: ServerProcess,
  app: string,
): void {
  expectStatus(ours, theirs.status, `GET ${target}, as node:http answers it`, server);
  const given = [...theirs.headers, ...ours.headers.filter(([name]) => ABOUT_THE_APP.test(name))];
  const names = new Set(given.map(([name]) => name.toLowerCase()));
  for (const name of names) {
    if (NOT_COMPARED.test(name)) continue;
    const [mine, other] = [allOf(ours, name), allOf(theirs, name)].map((all) => all.join(' | '));
    if (mine === other) continue;
    const say = (value = '') => (value === '' ? 'none' : quote(value));
    const message = `GET ${target}: node:http sends ${say(other)} for ${name}, your server ${say(mine)}; ${app} the same`;
    const at = Math.max(0, ours.bytes.toString('latin1').toLowerCase().indexOf(`\n${name}:`) + 1);
    const isAdded = name === 'content-type' && other === '';
    throw wrongAnswer(message, ours, { at, mistake: isAdded ? 'default-type' : undefined });
  }
  if (ours.body.equals(theirs.body)) return;
  const [mine, other] = [ours.body, theirs.body].map((body) => quoteBytes(body.toString('latin1')));
  const isBodiless = ours.status === 204 || ours.status === 304;
  const mistake = isBodiless && theirs.body.length === 0 ? 'body-of-304' : undefined;
  const message = `GET ${target}: node:http sends the body ${other}, your server ${mine}`;
  throw wrongAnswer(message, ours, { mistake });
}
