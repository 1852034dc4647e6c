/** Part 2, the end: any application on any server. */
import { quick, type ServerProcess, startCommand } from '../../shared/harness/server-process.ts';
import type { Check } from '../../shared/checks/check.ts';
import { Failure } from '../../shared/checks/failure.ts';
import { type Answer, allOf, quote, quoteBytes } from '../../shared/checks/part2-parse.ts';
import { ask, CONTRACT, expectStatus, request, wrongAnswer } from '../../shared/checks/part2-tools.ts';
import { PythonTrial } from '../../shared/checks/python-apps.ts';
import type { Trial } from '../../shared/checks/trial.ts';

export const MATCH: readonly Check[] = [
  {
    id: '2-11',
    name: 'mix and match',
    part: 'part2',
    title: 'Three frameworks with three calling styles, and one server that knows none of them',
    goal: 'The interface is the point.',
    hints: [
      'What would you have to change in your server for a framework that is written next year?',
      'shared/adapters: what fromNodeHandler and fromFetchHandler need of an environ, REQUEST_URI most of all.',
      'No name of a framework in the server. result may be a promise, an array, a generator, an async iterable; a chunk is a string or a Uint8Array.',
    ],
    anchor: 'mix-and-match',
    lenient: ['headers that one framework sends and another does not', 'chunked or length'],
    byHand: 'printf $REQUEST | nc 127.0.0.1 $PORT',
    solution: '2b',
    seconds: 10,
    run: checkFrameworks,
  },
  {
    id: '2-12',
    name: 'oracle',
    part: 'part2',
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
    solution: '2b',
    seconds: 10,
    run: checkOracle,
  },
];

type Framework = readonly [app: string, greeting: string];
const FRAMEWORKS: readonly Framework[] = [
  ['wsgiapp:app', 'WSGI'],
  ['expressapp:app', 'Express'],
  ['honoapp:app', 'Hono'],
];
/** The shapes of an application in PEP 3333, and a framework where that is installed. */
const IN_PYTHON: readonly Framework[] = [
  ['calling_styles:function', 'a function'],
  ['calling_styles:instance', 'an instance'],
  ['calling_styles:Response', 'a class'],
  ['flaskapp:app', 'Flask'],
];
const IS_NOT_INSTALLED = /No module named '?flask\b/;

async function checkFrameworks(trial: Trial): Promise<void> {
  const frameworks = trial instanceof PythonTrial ? IN_PYTHON : FRAMEWORKS;
  for (const [index, [app, greeting]] of frameworks.entries()) {
    const server = await trial.start({ app }).catch((failure: Failure) => {
      const { cause, stderr = '' } = failure.details ?? {};
      if (cause !== 'did not start' || index === 0) throw failure;
      if (IS_NOT_INSTALLED.test(stderr)) return undefined;
      const number = frameworks.length === 3 ? 'three' : 'four';
      const why = `Your program runs ${index} of the ${number} frameworks, and ended when told to run ${app}`;
      throw new Failure(why, { ...failure.details, mistake: 'special-case' });
    });
    if (server) await askFramework(trial, server, app, greeting);
  }
}

/** The same five requests for every framework. */
async function askFramework(
  trial: Trial,
  server: ServerProcess,
  app: string,
  greeting: string,
): Promise<void> {
  const json = Buffer.from('{"name":"Zoë"}');
  const bytes = Buffer.alloc(100_000, 1);
  const post = (path: string, type: string, body: Buffer) => [
    request(`POST ${path} HTTP/1.1`, `Content-Type: ${type}`, `Content-Length: ${body.length}`),
    body,
  ];
  for (const [pieces, status, wanted] of [
    [[request('GET /hello HTTP/1.1')], 200, `Hello world from ${greeting}!\n`],
    [post('/json', 'application/json', json), 200, '{"hello":"Zoë"}'],
    [post('/upload', 'application/octet-stream', bytes), 200, '100000 bytes\n'],
    [[request('GET /cookies HTTP/1.1')], 200, 'two cookies\n'],
    [[request('GET /nope HTTP/1.1')], 404, undefined],
  ] as const) {
    const answer = await ask(trial, server, ...pieces);
    const what = `${pieces[0]?.toString('latin1').split(' HTTP')[0]} of ${app}`;
    expectStatus(answer, status, what, server);
    const text = answer.body.toString();
    const got = wanted?.startsWith('{') ? compactJson(text) : text;
    if (wanted !== undefined && got !== wanted) {
      throw wrongAnswer(`${what}: expected ${quote(wanted)}, got ${quote(got)}`, answer);
    }
    const cookies = allOf(answer, 'set-cookie').length;
    if (wanted?.includes('cookies') && cookies !== 2) {
      throw wrongAnswer(`${what}: expected two Set-Cookie lines, got ${cookies}`, answer, {
        at: 0,
      });
    }
  }
}

/** The same value with no space between, and no more escapes than it needs. */
function compactJson(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return text;
  }
}

/** Asked of both: of an application that uses the contract to its edges. */
const ORACLE_TARGETS = [
  '/hello',
  '/async',
  '/generator',
  '/headers',
  '/204',
  '/304',
  '/empty-list',
];
/** The server's own, about the connection and the length; and one in latin-1, which node:http sends in UTF-8. */
const NOT_COMPARED =
  /^(date|server|connection|keep-alive|transfer-encoding|content-length|x-last)$/;

/** What a server cannot know: who adds one of these speaks for the application. */
const ABOUT_THE_APP = /^(content-.*|set-cookie|etag|location|cache-control|x-mistaken)$/i;

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
