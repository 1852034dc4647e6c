import type { Lesson } from '../../shared/checks/check.ts';
import { ask, expectStatus, request, wrongAnswer } from '../../shared/checks/run/contract.ts';
import { headerOf } from '../../shared/checks/run/response.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';

const get = (target: string, method = 'GET') => request(`${method} ${target} HTTP/1.1`);

export const check: Lesson = {
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
  solution: 'part2/start/solutions/framework.ts',
  seconds: 5,
  run: checkHead,
  mistakes: [
    {
      name: 'head-not-allowed',
      says: 'HEAD /hello/Ada, of which GET says 200: expected 200, got 405 Method Not Allowed',
      edits: [[" || environ.REQUEST_METHOD === 'HEAD';", ';']],
    },
  ],
};

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
