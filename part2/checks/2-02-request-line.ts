import type { Check } from '../../shared/checks/check.ts';
import { Failure } from '../../shared/checks/failure.ts';
import { quote } from '../../shared/checks/part2-parse.ts';
import { ask, CONTRACT, environOf, expectStatus, request, wrongAnswer } from '../../shared/checks/part2-tools.ts';
import { PythonTrial } from '../../shared/checks/python-apps.ts';
import type { Trial } from '../../shared/checks/trial.ts';

export const REQUESTS: readonly Check[] = [
  {
    id: '2-01',
    name: 'load',
    part: 'part2',
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
  },
  {
    id: '2-02',
    name: 'request line',
    part: 'part2',
    title: 'The request line becomes variables',
    goal: 'Parsing is splitting, and refusing what does not split.',
    hints: [
      'How many words are in a request line, and what do you do if there are more or fewer?',
      "String.split(' ') or a RegExp; environ's REQUEST_METHOD, PATH_INFO, SERVER_PROTOCOL in shared/wsgi.ts.",
      'const [method, target, protocol, surplus] = line.split(" "); not three of them: answer 400 and call nobody.',
    ],
    anchor: 'request-line',
    lenient: [
      'any 4xx for a line of four words; a line of two, which was HTTP once',
      'the app may be served in HTTP/1.1 to a client of 1.0',
    ],
    byHand: 'printf $REQUEST | nc 127.0.0.1 $PORT',
    solution: '2b',
    seconds: 5,
    async run(trial) {
      const server = await trial.start({ app: CONTRACT });
      const seen = await environOf(trial, server, 'PROPFIND /environ HTTP/1.1');
      seen.expect('REQUEST_METHOD', 'PROPFIND', { GET: 'assumes-get' });
      seen.expect('PATH_INFO', '/environ');
      seen.expect('SERVER_PROTOCOL', 'HTTP/1.1');
      const old = await environOf(trial, server, 'GET /environ HTTP/1.0');
      old.expect('REQUEST_METHOD', 'GET');
      old.expect('SERVER_PROTOCOL', 'HTTP/1.0', { 'HTTP/1.1': 'constant-protocol' });
      const answer = await ask(trial, server, request('GET /environ x HTTP/1.1'));
      if (answer.status < 400 || answer.status > 499) {
        const message = `A request line of four words, ${quote('GET /environ x HTTP/1.1')}: expected 400, got ${answer.status}`;
        throw wrongAnswer(message, answer, {
          at: 9,
          server,
          mistake: answer.status === 200 ? 'words-not-counted' : undefined,
        });
      }
    },
  },
  {
    id: '2-03',
    name: 'target',
    part: 'part2',
    title: 'A path is decoded once, and its query not at all',
    goal: 'Who decodes what, and how often: the server the path, once; the application the query.',
    hints: [
      'What may a %2F be in a path, and what in a query? Who can know?',
      'PEP 3333, "environ Variables" and "Unicode Issues": each char of PATH_INFO is one byte.',
      'Split at the first "?"; path.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16))). The query stays as it is; REQUEST_URI is the whole target as it came.',
    ],
    anchor: 'target',
    lenient: ['%zz may stay as it is or be refused with 400', 'absolute targets (http://...)'],
    byHand: 'printf $REQUEST | nc 127.0.0.1 $PORT',
    solution: '2b',
    seconds: 5,
    run: checkTarget,
  },
];

async function checkLoad(trial: Trial): Promise<void> {
  const server = await trial.start({ app: 'wsgiapp:app' });
  const answer = await ask(trial, server, request('GET /hello HTTP/1.1'));
  const greeting = 'Hello world from WSGI!\n';
  expectStatus(answer, 200, 'GET /hello of wsgiapp:app', server);
  if (answer.body.toString() !== greeting) {
    const message = `GET /hello of wsgiapp:app: expected ${quote(greeting)}, got ${quote(answer.body.toString())}`;
    throw wrongAnswer(message, answer);
  }
  await trial.end(); // what is told from here on is about the programs below, one at a time
  for (const [options, when, word, mistake] of [
    [{}, 'Started without an application', /\S/, 'app-imported'],
    [{ app: 'nosuchmodule:app' }, 'Told to run nosuchmodule:app', /nosuchmodule/, 'app-imported'],
    [
      { app: 'wsgiapp:nosuchname' },
      'Told to run wsgiapp:nosuchname',
      /nosuchname/,
      'name-not-looked-up',
    ],
  ] as const) {
    const ended = await trial.runToEnd(options);
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
}

async function checkTarget(trial: Trial): Promise<void> {
  const server = await trial.start({ app: CONTRACT });
  const [path, query] = ['/environ/caf%C3%A9%20%252F', 'q=a%20b?c=%C3%A9+d'];
  const seen = await environOf(trial, server, `GET ${path}?${query} HTTP/1.1`);
  seen.expect('PATH_INFO', '/environ/caf\xc3\xa9 %2F', {
    [path]: 'path-not-decoded',
    [`${path}?${query}`]: 'query-in-path',
    '/environ/caf\xc3\xa9 %2F?q=a b?c=\xc3\xa9+d': 'query-in-path',
    '/environ/caf\xe9 %2F?q=a b?c=\xe9+d': 'query-in-path',
    '/environ/caf\xc3\xa9 /': 'decodes-twice',
    '/environ/caf\xe9 /': 'decodes-twice',
    '/environ/caf\xe9 %2F': 'path-as-unicode',
  });
  seen.expect('QUERY_STRING', query, {
    [`?${query}`]: 'query-with-mark',
    'q=a%20b': 'query-cut',
    'q=a b?c=\xe9+d': 'query-decoded',
    'q=a b?c=\xc3\xa9+d': 'query-decoded',
    'q=a b?c=\xe9 d': 'query-decoded',
  });
  // shared/wsgi.ts asks for it and PEP 3333 does not: Python's servers have it, or something like it, or nothing.
  if (!(trial instanceof PythonTrial)) seen.expect('REQUEST_URI', `${path}?${query}`);
  (await environOf(trial, server, 'GET /environ HTTP/1.1')).expect('QUERY_STRING', '', {
    undefined: 'query-undefined',
  });
  const answer = await ask(trial, server, request('GET /environ/%zz HTTP/1.1'));
  if (answer.status >= 500) {
    const message = `GET /environ/%zz: expected %zz as it is, or a 400; got ${answer.status}: decodeURIComponent throws on it`;
    throw wrongAnswer(message, answer, { at: 9, server, mistake: 'malformed-escape' });
  }
}
