import type { Lesson } from '../../shared/checks/check.ts';
import { ask, expectStatus, request, wrongAnswer } from '../../shared/checks/run/contract.ts';
import { quote } from '../../shared/checks/run/response.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

const get = (target: string, method = 'GET') => request(`${method} ${target} HTTP/1.1`);

export const check: Lesson = {
  title: 'The field of a form is found in a query and in a body',
  goal: 'GET says its fields in the target, POST in the body; both are data from a stranger.',
  hints: [
    'Where is the field of a GET, and where that of a POST?',
    'URLSearchParams; QUERY_STRING; await environ["wsgi.input"].read().',
    'new URLSearchParams(method === "POST" ? Buffer.from(await input.read()).toString() : environ.QUERY_STRING).get("name"), and escape & < > before it goes into a page.',
  ],
  anchor: 'exercises',
  lenient: ['the page around the greeting', 'what is said without a field, or to another type'],
  byHand: 'printf $REQUEST | nc 127.0.0.1 $PORT',
  file: 'form',
  solution: 'part2/start/solutions/form.ts',
  seconds: 5,
  run: checkForm,
  mistakes: [
    {
      name: 'markup-planted',
      says: 'GET /?name=%3Cscript%3E: what a stranger writes becomes markup in your page; escape & and <',
      edits: [['escapeHtml(name)', 'name']],
    },
    {
      name: 'reads-nothing',
      isNamed: false,
      file: 'part2/start/form.ts',
      says: 'GET /?name=Zo%C3%AB+B: expected "Hello, Zoë B!" in the page, got "<!doctype html><form method=\\"post\\"><input name=\\"name\\"><button>Say it</button></form>"',
    },
  ],
};

async function checkForm(trial: Trial): Promise<void> {
  const server = await trial.startAsApp();
  const bare = await ask(trial, server, get('/'));
  expectStatus(bare, 200, 'GET /', server);
  await greets(server, 'GET /?name=Zo%C3%AB+B', 'Hello, Zoë B!', get('/?name=Zo%C3%AB+B'));
  const post = (body: string) => [
    request(
      'POST / HTTP/1.1',
      'Content-Type: application/x-www-form-urlencoded',
      `Content-Length: ${body.length}`,
    ),
    Buffer.from(body),
  ];
  await greets(
    server,
    'POST of a=1&name=Zo%C3%AB+B',
    'Hello, Zoë B!',
    ...post('a=1&name=Zo%C3%AB+B'),
  );
  const target = '/?name=%3Cscript%3E';
  const planted = await ask(trial, server, get(target));
  if (planted.body.includes('<script>')) {
    const message = `GET ${target}: what a stranger writes becomes markup in your page; escape & and <`;
    const at = planted.bytes.indexOf('<script>');
    throw wrongAnswer(message, planted, { at, mistake: 'markup-planted' });
  }

  async function greets(server: ServerProcess, what: string, text: string, ...bytes: Buffer[]) {
    const answer = await ask(trial, server, ...bytes);
    expectStatus(answer, 200, what, server);
    if (answer.body.includes(text)) return;
    const isRaw = /Zo%C3%AB|Zoë\+B/.test(answer.body.toString());
    const message = `${what}: expected ${quote(text)} in the page, got ${quote(answer.body.toString())}`;
    throw wrongAnswer(message, answer, { mistake: isRaw ? 'form-not-decoded' : undefined });
  }
}
