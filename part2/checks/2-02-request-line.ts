import type { Lesson } from '../../shared/checks/check.ts';
import {
  ask,
  CONTRACT,
  environOf,
  request,
  wrongAnswer,
} from '../../shared/checks/run/contract.ts';
import { quote } from '../../shared/checks/run/response.ts';

export const check: Lesson = {
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
  mistakes: [
    {
      name: 'assumes-get',

      says: 'REQUEST_METHOD: expected "PROPFIND", got "GET"',

      edits: [['REQUEST_METHOD: request.method', "REQUEST_METHOD: 'GET'"]],
    },
    {
      name: 'constant-protocol',

      says: 'SERVER_PROTOCOL: expected "HTTP/1.0", got "HTTP/1.1"',

      edits: [['SERVER_PROTOCOL: request.protocol', "SERVER_PROTOCOL: 'HTTP/1.1'"]],
    },
    {
      name: 'words-not-counted',

      says: 'A request line of four words, "GET /environ x HTTP/1.1": expected 400, got 200',

      edits: [
        [
          `      REQUEST_LINE.exec(requestLine) ?? refuse('400 Bad Request', 'malformed request line');
    if (!/1\\.[01]$/.test(protocol))`,
          `      [requestLine, ...requestLine.split(' ')];
    if (/^HTTP/.test(protocol) && !/1\\.[01]$/.test(protocol))`,
        ],
      ],
    },
    {
      name: 'wrong-length',

      says: 'PROPFIND /environ: Content-Length says 23, and NOW bytes came',
      file: 'part2/http.ts',

      edits: [['`Content-Length: ${length}`', "'Content-Length: 23'"]],
    },
  ],
};
