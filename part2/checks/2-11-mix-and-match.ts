import type { Lesson } from '../../shared/checks/check.ts';
import { ask, expectStatus, request, wrongAnswer } from '../../shared/checks/run/contract.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import { PythonTrial } from '../../shared/checks/run/python-trial.ts';
import { allOf, quote } from '../../shared/checks/run/response.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

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

export const check: Lesson = {
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
  solution: '2c',
  seconds: 10,
  run: checkFrameworks,
  mistakes: [
    {
      name: 'special-case',
      says: 'Your program runs 2 of the three frameworks, and ended when told to run honoapp:app',
      edits: [
        [
          'const application = await loadApplication(name, {',
          'if (!/wsgiapp|expressapp|nosuch|contract/.test(name)) throw new Error(`${name}: unknown framework`);\n    const application = await loadApplication(name, {',
        ],
      ],
    },
  ],
};

async function checkFrameworks(trial: Trial): Promise<void> {
  const frameworks = trial instanceof PythonTrial ? IN_PYTHON : FRAMEWORKS;
  const begun = await Promise.allSettled(frameworks.map(([app]) => trial.start({ app })));
  for (const [index, [app, greeting]] of frameworks.entries()) {
    const started = begun[index]?.status === 'fulfilled' ? begun[index].value : undefined;
    const starting = started ?? trial.start({ app }); // once more, alone: it is what will be told
    const server = await Promise.resolve(starting).catch((failure: Failure) => {
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
