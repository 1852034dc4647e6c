/** Exercises of part 2: what can be built on the contract. Each is an application; our own server of part 2 runs it. */
import type { ServerProcess } from '../../shared/harness/server-process.ts';
import type { Check } from '../../shared/checks/check.ts';
import { type Answer, allOf, headerOf, quote } from '../../shared/checks/part2-parse.ts';
import { ask, expectStatus, request, wrongAnswer } from '../../shared/checks/part2-tools.ts';
import type { Trial } from '../../shared/checks/trial.ts';

const BY_HAND = "curl -i 'http://127.0.0.1:$PORT$TARGET'";

export const EXERCISES2: readonly Check[] = [
  {
    id: '2-x1',
    name: 'middleware',
    part: 'part2',
    title: 'A middleware adds a header, and changes nothing else',
    goal: 'What looks like an application to the server, and like a server to the application, fits everywhere.',
    hints: [
      'What does an application see of a server? Then what do you have to be for the one inside?',
      'StartResponse in shared/wsgi.ts; performance.now().',
      '(environ, startResponse) => inner(environ, (status, headers, excInfo) => startResponse(status, [...headers, ["X-Elapsed-Ms", ms]], excInfo))',
    ],
    anchor: 'exercises',
    lenient: ['how exact the time is', 'where among the headers it stands'],
    byHand: BY_HAND,
    file: 'middleware',
    solution: 'shared/checks/solutions/middleware.ts',
    seconds: 5,
    run: checkMiddleware,
  },
  {
    id: '2-x2',
    name: 'framework',
    part: 'part2',
    title: 'A framework of your own has routes',
    goal: 'A framework is an application that chooses among functions.',
    hints: [
      'Which two variables of an environ does a router look at?',
      'RegExp with named groups: match.groups; PATH_INFO is bytes: Buffer.from(path, "latin1").toString().',
      'get(pattern, handler): turn :name into (?<name>[^/]+) and keep both; app: the first that matches; none: 404; not GET: 405 with an Allow.',
    ],
    anchor: 'exercises',
    lenient: ['what 404 and 405 say', 'HEAD, which is 2-x4'],
    byHand: 'printf $REQUEST | nc 127.0.0.1 $PORT',
    file: 'framework',
    solution: 'shared/checks/solutions/framework.ts',
    seconds: 5,
    run: checkFramework,
  },
  {
    id: '2-x3',
    name: 'form',
    part: 'part2',
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
    solution: 'shared/checks/solutions/form.ts',
    seconds: 5,
    run: checkForm,
  },
  {
    id: '2-x4',
    name: 'head',
    part: 'part2',
    title: 'Your framework answers HEAD like GET, without the page',
    goal: 'HEAD asks what GET would say: the same status, the same headers, the same length.',
    hints: [
      'Which of your routes is meant by HEAD /hello/Ada?',
      'RFC 9110 §9.3.2; the server of part 2 drops the body of a HEAD, whatever the application returns.',
      'Choose the route as for GET, say the Content-Length of the page it would be, and return [].',
    ],
    anchor: 'exercises',
    lenient: ['whether the Content-Length is yours or the server’s'],
    byHand: 'printf $REQUEST | nc 127.0.0.1 $PORT',
    file: 'framework',
    solution: 'shared/checks/solutions/framework.ts',
    seconds: 5,
    run: checkHead,
  },
];

const get = (target: string, method = 'GET') => request(`${method} ${target} HTTP/1.1`);

function expectBody(answer: Answer, wanted: string, what: string, mistake?: string): void {
  const got = answer.body.toString();
  if (got === wanted) return;
  throw wrongAnswer(`${what}: expected ${quote(wanted)}, got ${quote(got)}`, answer, { mistake });
}

async function checkMiddleware(trial: Trial): Promise<void> {
  const server = await trial.startAsApp();
  const hello = await ask(trial, server, get('/hello'));
  expectStatus(hello, 200, 'GET /hello', server);
  expectBody(hello, 'Hello world from WSGI!\n', 'GET /hello');
  const elapsed = headerOf(hello, 'x-elapsed-ms');
  if (!/^\d+(\.\d+)?$/.test(elapsed ?? '')) {
    const got = elapsed === undefined ? 'none' : quote(elapsed);
    const message = `GET /hello: expected a header X-Elapsed-Ms with a number, got ${got}`;
    throw wrongAnswer(message, hello, { at: 0 });
  }
  const cookies = await ask(trial, server, get('/cookies'));
  const set = allOf(cookies, 'set-cookie');
  if (set.join(' | ') !== 'a=1 | b=2') {
    const message = `GET /cookies: the app inside sets a=1 and b=2; expected both, got ${set.join(' | ') || 'none'}`;
    throw wrongAnswer(message, cookies, { at: 0, mistake: 'headers-as-object' });
  }
  const nope = await ask(trial, server, get('/nope'));
  const mistake = nope.status === 200 ? 'status-forgotten' : undefined;
  expectStatus(nope, 404, 'GET /nope, as the app inside says', server, mistake);
  expectStatus(await ask(trial, server, get('/error')), 500, 'GET /error, which throws', server);
}

async function checkFramework(trial: Trial): Promise<void> {
  const server = await trial.startAsApp();
  const say = async (target: string, wanted: string, mistake?: string) => {
    const answer = await ask(trial, server, get(target));
    expectStatus(answer, 200, `GET ${target}`, server);
    expectBody(answer, wanted, `GET ${target}`, mistake);
  };
  await say('/', 'welcome\n');
  await say('/hello/Ada', 'Hello, Ada!\n');
  await say('/hello/Zo%C3%AB', 'Hello, Zoë!\n', 'path-as-text');
  for (const target of ['/nope', '/hello/Ada/Lovelace', '/x/hello/Ada']) {
    const answer = await ask(trial, server, get(target));
    const mistake = answer.status === 200 ? 'half-a-match' : undefined;
    expectStatus(answer, 404, `GET ${target}, for which there is no route`, server, mistake);
  }
  const posted = await ask(trial, server, get('/hello/Ada', 'DELETE'));
  const mistake = posted.status === 200 ? 'any-method' : undefined;
  expectStatus(posted, 405, 'DELETE /hello/Ada, whose route is for GET', server, mistake);
  if (!/\bGET\b/.test(headerOf(posted, 'allow') ?? '')) {
    const message = 'DELETE /hello/Ada: a 405 says in Allow what is allowed; expected GET in it';
    throw wrongAnswer(message, posted, { at: 0 });
  }
}

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

async function checkHead(trial: Trial): Promise<void> {
  const server = await trial.startAsApp();
  for (const target of ['/hello/Ada', '/nope']) {
    const page = await ask(trial, server, get(target));
    expectStatus(page, target === '/nope' ? 404 : 200, `GET ${target}`, server);
    const head = await ask(trial, server, get(target, 'HEAD'));
    const mistake = head.status === 405 ? 'head-not-allowed' : undefined;
    expectStatus(
      head,
      page.status,
      `HEAD ${target}, of which GET says ${page.status}`,
      server,
      mistake,
    );
    const [wanted, got] = [page, head].map((answer) => headerOf(answer, 'content-length'));
    if (got !== undefined && got !== wanted) {
      const message = `HEAD ${target}: GET says Content-Length: ${wanted}, HEAD says ${got}`;
      throw wrongAnswer(message, head, { at: 0, mistake: 'length-of-nothing' });
    }
  }
}
