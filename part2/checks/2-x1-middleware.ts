import type { Lesson } from '../../shared/checks/check.ts';
import {
  ask,
  expectBody,
  expectStatus,
  request,
  wrongAnswer,
} from '../../shared/checks/run/contract.ts';
import { allOf, headerOf, quote } from '../../shared/checks/run/response.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';

const get = (target: string, method = 'GET') => request(`${method} ${target} HTTP/1.1`);

export const check: Lesson = {
  title: 'A middleware adds a header, and changes nothing else',
  goal: 'What looks like an application to the server, and like a server to the application, fits everywhere.',
  hints: [
    'What does an application see of a server? Then what do you have to be for the one inside?',
    'StartResponse in shared/wsgi.ts; performance.now().',
    '(environ, startResponse) => inner(environ, (status, headers, excInfo) => startResponse(status, [...headers, ["X-Elapsed-Ms", ms]], excInfo))',
  ],
  anchor: 'exercises',
  lenient: ['how exact the time is', 'where among the headers it stands'],
  byHand: "curl -i 'http://127.0.0.1:$PORT$TARGET'",
  file: 'middleware',
  solution: 'part2/start/solutions/middleware.ts',
  seconds: 5,
  run: checkMiddleware,
  mistakes: [
    {
      name: 'headers-as-object',
      says: 'GET /cookies: the app inside sets a=1 and b=2; expected both, got b=2',
      edits: [
        ['[...headers, [', '[...new Map([...headers, ['],
        ['elapsed]]', 'elapsed]])]'],
      ],
    },
    {
      name: 'adds-nothing',
      isNamed: false,
      file: 'part2/start/middleware.ts',
      says: 'GET /hello: expected a header X-Elapsed-Ms with a number, got none',
    },
  ],
};

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
