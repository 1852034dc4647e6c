import { setTimeout as delay } from 'node:timers/promises';
import type { Lesson } from '../../shared/checks/check.ts';
import {
  ask,
  CONTRACT,
  expectStatus,
  readAnswer,
  request,
  within,
  wrongAnswer,
} from '../../shared/checks/run/contract.ts';
import { asMistake, Failure } from '../../shared/checks/run/failure.ts';
import { startResponseOf } from '../../shared/checks/run/python-trial.ts';
import { openRelay } from '../../shared/checks/run/relay.ts';
import { headerOf } from '../../shared/checks/run/response.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';

export const check: Lesson = {
  title: 'Whatever an application breaks, its client hears the truth, and the next is served',
  goal: 'The contract is checked, not trusted, on both sides of it.',
  hints: [
    'What does the client of an application that throws get, and what the next client?',
    'try around all of it, the iteration too; PEP 3333 "Error Handling"; socket.resetAndDestroy() - setsockopt(2) with SO_LINGER 0, then close(2); shared/adapters/validator.ts.',
    'Head not sent: 500. Head sent: resetAndDestroy, so that half an answer cannot look whole. No startResponse before the first chunk, or a second one without excInfo: throw an error that has startResponse in it; console.error; 500.',
  ],
  anchor: 'rules',
  lenient: [
    'what the page of a 500 says',
    'stdout or stderr, and the words around the name of the rule',
    'how a half answer is cut: a RST, a missing last chunk, fewer bytes than promised',
  ],
  byHand: "curl http://127.0.0.1:$PORT/headers; curl -i 'http://127.0.0.1:$PORT$TARGET'",
  solution: '2d',
  seconds: 10,
  run: checkRules,
  mistakes: [
    {
      name: 'dies-of-a-throw',
      says: 'GET /throws: the connection was closed without an answer; your program ended',
      edits: [
        [
          'if (!(error instanceof Refusal)) console.error(error);',
          'if (!(error instanceof Refusal)) queueMicrotask(() => { throw error; });',
        ],
      ],
    },
    {
      name: 'says-nothing-of-a-throw',
      says: 'GET /throws: the connection was closed without an answer',
      edits: [
        [
          'if (!(error instanceof Refusal)) console.error(error);',
          'if (!(error instanceof Refusal)) return console.error(error);',
        ],
      ],
    },
    {
      name: 'head-too-early',
      says: 'GET /throws-after-start, of an app that throws before a byte of its body is there: expected 500, got 200 OK',
      edits: [
        [
          '    return (chunk) => {',
          "    if (headers[0]?.[0] === 'X-Mistaken') void this.#send(response, Buffer.alloc(0));\n    return (chunk) => {",
        ],
      ],
    },
    {
      name: 'half-looks-whole',
      says: 'The app has thrown in the middle of its body, and its client got a FIN: half an answer looks whole',
      edits: [
        ['if (response.headSent) return cut(response.socket);', 'if (response.headSent) return;'],
      ],
    },
    {
      name: 'head-made-up',
      says: 'An app that returns a body and never calls startResponse: expected 500, got 200 OK',
      edits: [
        [
          "response.head ?? breach('startResponse comes before the body')",
          "response.head ?? { status: '200 OK', headers: [] }",
        ],
      ],
    },
    {
      name: 'second-head',
      says: 'An app that calls startResponse twice: expected 500, got 200 OK',
      edits: [
        [
          "    if (response.started && !excInfo) breach('a second startResponse needs excInfo');\n",
          '',
        ],
      ],
    },
    {
      name: 'rule-not-named',
      says: 'An app that returns a body and never calls startResponse gets its 500; expected the name of the rule, startResponse, in what your server prints',
      edits: [['console.error(error);', "console.error('* the application failed');"]],
    },
    {
      name: 'no-errors-stream',
      says: 'The validator about your server: wsgi.errors has write, writelines and flush',
      isNamed: false,
      edits: [['        flush: () => {}, // nothing is held back\n', '']],
    },
    {
      name: 'head-of-another',
      says: 'An app that returns a body and never calls startResponse: expected 500, got the head of the request before it',
      edits: [
        ['    response.head = { status', '    lastHead = response.head = { status'],
        [
          "response.head ?? breach('startResponse comes before the body')",
          "response.head ?? lastHead ?? breach('startResponse comes before the body')",
        ],
        [
          'export class WSGIServer {',
          "let lastHead: Response['head'];\n\nexport class WSGIServer {",
        ],
      ],
    },
    {
      name: 'secret-told',
      says: 'GET /throws: the client is told what the app said as it threw; that is for your log alone',
      edits: [
        [
          "const detail = error instanceof Refusal ? `: ${error.message}` : '';",
          'const detail = `: ${(error as Error).stack}`;',
        ],
      ],
    },
  ],
};

async function checkRules(trial: Trial): Promise<void> {
  const server = await trial.start({ app: CONTRACT });
  const next = async (what: string) => {
    const answer = await ask(trial, server, request('GET /hello HTTP/1.1'));
    expectStatus(answer, 200, `The request behind ${what}`, server);
  };
  for (const path of ['/throws', '/rejects', '/throws-after-start']) {
    const asked = ask(trial, server, request(`GET ${path} HTTP/1.1`));
    const answer = await asked.catch((failure: Failure) =>
      asMistake(server.hasExited ? 'dies-of-a-throw' : 'says-nothing-of-a-throw')(failure),
    );
    const what = `GET ${path}, of an app that throws before a byte of its body is there`;
    const isEarly = path === '/throws-after-start' && answer.status === 200;
    expectStatus(answer, 500, what, server, isEarly ? 'head-too-early' : undefined);
    if (answer.body.includes('secret')) {
      const told = `GET ${path}: the client is told what the app said as it threw; that is for your log alone`;
      throw wrongAnswer(told, answer, { mistake: 'secret-told' });
    }
    await next(path);
  }

  const { client, words } = await openRelay(trial, server, '/relay-and-throw');
  words.write('half of ');
  const late = () => new Failure('GET /relay-and-throw: its first piece did not arrive');
  await within(client.readUntil('half of '), late);
  words.end();
  const half = await readAnswer(server, client, 'GET /relay-and-throw');
  if (half.ending === 'fin' && half.isWhole) {
    const message =
      'The app has thrown in the middle of its body, and its client got a FIN: half an answer looks whole';
    throw wrongAnswer(message, half, { at: half.bytes.length, mistake: 'half-looks-whole' });
  }
  await next('/relay-and-throw');

  const startResponse = startResponseOf(trial);
  for (const [path, rule, mistake] of [
    ['/never-starts', `returns a body and never calls ${startResponse}`, 'head-made-up'],
    ['/starts-twice', `calls ${startResponse} twice`, 'second-head'],
  ] as const) {
    await ask(trial, server, request('GET /headers HTTP/1.1')); // whose head is easily known again
    const { stdout, stderr } = server;
    const answer = await ask(trial, server, request(`GET ${path} HTTP/1.1`));
    if (headerOf(answer, 'x-first')) {
      const message = `An app that ${rule}: expected 500, got the head of the request before it`;
      throw wrongAnswer(message, answer, { at: 9, mistake: 'head-of-another' });
    }
    const isServed = answer.status === 200;
    expectStatus(answer, 500, `An app that ${rule}`, server, isServed ? mistake : undefined);
    const said = () =>
      `${server.stdout.slice(stdout.length)}${server.stderr.slice(stderr.length)}${answer.body}`;
    const isNamed = () => /start_?response/i.test(said());
    for (let round = 0; round < 20 && !isNamed(); round++) await delay(50); // the log may come behind the answer
    if (!isNamed()) {
      const message = `An app that ${rule} gets its 500; expected the name of the rule, ${startResponse}, in what your server prints`;
      throw wrongAnswer(message, answer, { server, mistake: 'rule-not-named' });
    }
    await next(path);
  }

  const app = 'shared/harness/contract-app:validated';
  const strict = await trial.start({ app }).catch((failure: Failure) => {
    if (!/EADDRINUSE|Address already in use/i.test(failure.details?.stderr ?? '')) throw failure;
    const message = `Two of your servers cannot run side by side: take the port that PORT says, where 0 means any, and not one of your own`;
    throw new Failure(message, { ...failure.details, mistake: 'port-of-its-own' });
  });
  const answer = await ask(trial, strict, request('GET /hello HTTP/1.1'));
  if (answer.status !== 200) {
    const [, rule] = /the server broke PEP 3333: (.*)/.exec(strict.stdout + strict.stderr) ?? [];
    const message = rule
      ? `The validator about your server: ${rule}`
      : `An app in a validator: expected 200, got ${answer.status} ${answer.reason}`;
    throw wrongAnswer(message, answer, { at: 9, server: strict });
  }
}
