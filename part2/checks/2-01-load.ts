import type { Lesson } from '../../shared/checks/check.ts';
import { ask, expectStatus, request, wrongAnswer } from '../../shared/checks/run/contract.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import { quote } from '../../shared/checks/run/response.ts';
import type { Ended, Trial } from '../../shared/checks/run/trial.ts';
import type { StartOptions } from '../../shared/harness/server-process.ts';

export const check: Lesson = {
  title: 'Your server runs the application it is told to run',
  goal: 'Server and application are two programs, and neither has heard of the other.',
  hints: [
    'Who knows the name of the application: the one who wrote the server, or the one who starts it?',
    'process.argv[2], and loadApplication of shared/app-loader.ts; below it is the dynamic import().',
    'No name: console.error(what you want), process.exit(1). Else: const app = await loadApplication(name); const result = await app(environ, startResponse); send status, headers, and every chunk of result.',
  ],
  anchor: 'load',
  lenient: [
    'any exit status but 0',
    'a stack trace is words, too, as long as it has the name that was not found',
    'no other headers than those of the application',
  ],
  byHand: 'curl -i http://127.0.0.1:$PORT/hello',
  solution: '2b',
  seconds: 5,
  run: checkLoad,
  mistakes: [
    {
      name: 'app-imported',
      says: 'Started without an application, your program serves all the same; it should say what is missing, and exit with 1',
      edits: [
        ["if (!name) throw new Error('Provide a WSGI application object as module:callable');", ''],
        ['loadApplication(name, {', "loadApplication('wsgiapp:app', {"],
      ],
    },
    {
      name: 'name-not-looked-up',
      says: 'Told to run wsgiapp:nosuchname, your program serves all the same; it should say what is missing, and exit with 1',
      edits: [
        [
          `const application = await loadApplication(name, {
      workers: positive(values, 'workers'),
      requestTimeout: positive(values, 'request-timeout'),
    });`,
          `void loadApplication;
    const [module, callable = 'app'] = name.split(':');
    const { [callable]: application } = await import(\`../shared/apps/\${module}.ts\`);`,
        ],
      ],
    },
    {
      name: 'says-nothing',
      says: 'Started without an application, your program ends, and says nothing: expected the word application',
      isNamed: false,
      edits: [
        [
          `    console.error(code ? \`\${message} (options: --port N, --host ADDRESS)\` : message);`,
          '    void [code, message];',
        ],
      ],
    },
    {
      name: 'exit-0',
      says: 'Started without an application, your program exits with 0, which means success; expected 1',
      edits: [['process.exit(1)', 'process.exit()']],
    },
    {
      name: 'no-socket',
      isNamed: false,
      file: 'part2/2a-run-application.ts',
      says: 'Your program ended before it was ready',
    },
    {
      name: 'nobody-calls-the-application',
      isNamed: false,
      file: 'part2/start/server.ts',
      says: 'GET /hello of wsgiapp:app: expected 200, got 501 Not Implemented',
    },
  ],
};

async function checkLoad(trial: Trial): Promise<void> {
  const server = await trial.start({ app: 'wsgiapp:app' });
  const answer = await ask(trial, server, request('GET /hello HTTP/1.1'));
  const greeting = 'Hello world from WSGI!\n';
  expectStatus(answer, 200, 'GET /hello of wsgiapp:app', server);
  if (answer.body.toString() !== greeting) {
    const message = `GET /hello of wsgiapp:app: expected ${quote(greeting)}, got ${quote(answer.body.toString())}`;
    throw wrongAnswer(message, answer);
  }
  await trial.end(); // what is told from here on is about the programs below
  const first = await Promise.all(REFUSED.map(([options]) => trial.runToEnd(options)));
  for (const [index, refused] of REFUSED.entries()) {
    const [options, , word] = refused;
    const ended = first[index];
    const isRefused = ended && ended.code !== 0 && word.test(ended.printed);
    if (!isRefused) expectRefused(refused, await trial.runToEnd(options)); // once more, alone: it is what will be told
  }
}

/** What there is no application for, how it is told, and the word that the program should say of it. */
type Refused = readonly [options: StartOptions, when: string, word: RegExp, mistake: string];

const REFUSED: readonly Refused[] = [
  [{}, 'Started without an application', /\S/, 'app-imported'],
  [{ app: 'nosuchmodule:app' }, 'Told to run nosuchmodule:app', /nosuchmodule/, 'app-imported'],
  [
    { app: 'wsgiapp:nosuchname' },
    'Told to run wsgiapp:nosuchname',
    /nosuchname/,
    'name-not-looked-up',
  ],
];

function expectRefused([, when, word, mistake]: Refused, ended: Ended | undefined): void {
  if (!ended) {
    const message = `${when}, your program serves all the same; it should say what is missing, and exit with 1`;
    throw new Failure(message, { cause: 'wrong', mistake });
  }
  const stderr = ended.printed;
  if (!word.test(stderr)) {
    const which = when
      .split(' ')
      .at(-1)
      ?.split(':')
      .find((part) => word.test(part));
    const wanted = which ? `the word ${which}` : 'a line that says what is missing';
    const message = `${when}, your program ends, and ${stderr.trim() ? 'does not say what is missing' : 'says nothing'}: expected ${wanted}`;
    throw new Failure(message, { cause: 'wrong', stderr });
  }
  if (ended.code === 0) {
    const message = `${when}, your program exits with 0, which means success; expected 1`;
    throw new Failure(message, { cause: 'wrong', stderr, mistake: 'exit-0' });
  }
}
