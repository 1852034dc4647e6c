import type { Lesson } from '../../shared/checks/check.ts';
import {
  ask,
  expectBody,
  expectStatus,
  request,
  wrongAnswer,
} from '../../shared/checks/run/contract.ts';
import { headerOf } from '../../shared/checks/run/response.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';

const get = (target: string, method = 'GET') => request(`${method} ${target} HTTP/1.1`);

export const check: Lesson = {
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
  solution: 'part2/start/solutions/framework.ts',
  seconds: 5,
  run: checkFramework,
  mistakes: [
    {
      name: 'path-as-text',
      says: 'GET /hello/Zo%C3%AB: expected "Hello, Zoë!\\n", got "Hello, ZoÃ«!\\n"',
      edits: [["Buffer.from(environ.PATH_INFO, 'latin1').toString()", 'environ.PATH_INFO']],
    },
    {
      name: 'no-routes',
      isNamed: false,
      file: 'part2/start/framework.ts',
      says: 'GET /: expected 200, got 501 Not Implemented',
    },
  ],
};

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
