import type { Lesson } from '../../shared/checks/check.ts';
import {
  ask,
  CONTRACT,
  environIn,
  environOf,
  readAnswer,
  request,
  type Seen,
  wrongAnswer,
} from '../../shared/checks/run/contract.ts';
import { asMistake } from '../../shared/checks/run/failure.ts';
import { PythonTrial } from '../../shared/checks/run/python-trial.ts';
import { quote } from '../../shared/checks/run/response.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import type { RawClient } from '../../shared/harness/raw-client.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

const PIECES = [
  'GET /envi',
  'ron HTTP/1.1\r\nHost: local',
  'host\r\nConnection: close\r\n\r',
  '\n',
];
/** Milliseconds between them. */
const PAUSE = 30;

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
  solution: '2c',
  seconds: 5,
  run: checkRequestLine,
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
    {
      name: 'one-packet',
      says: 'A request in four packets: expected 200, got 400: a head ends at its blank line, however many packets it takes',
      edits: [
        [
          "while (!bytes.includes('\\r\\n\\r\\n') && bytes.length <= MAX_HEAD_BYTES) {",
          'while (bytes.length === 0) {',
        ],
        [
          "const headEnd = bytes.indexOf('\\r\\n\\r\\n');",
          "const headEnd = bytes.indexOf('\\r\\n\\r\\n') < 0 ? bytes.length : bytes.indexOf('\\r\\n\\r\\n');",
        ],
      ],
    },
    {
      name: 'port-of-the-client',
      says: 'SERVER_PORT: expected "N", got "N"',
      isNamed: false,
      edits: [['SERVER_PORT: `${socket.localPort}`', 'SERVER_PORT: `${socket.remotePort}`']],
    },
    {
      name: 'nobody-is-asking',
      says: 'REMOTE_PORT: expected "N", got ""',
      isNamed: false,
      edits: [["REMOTE_PORT: `${socket.remotePort ?? ''}`", "REMOTE_PORT: ''"]],
    },
    {
      name: 'claims-threads',
      says: 'wsgi.multithread: expected false, got true',
      isNamed: false,
      edits: [["'wsgi.multithread': false", "'wsgi.multithread': true"]],
    },
  ],
};

async function checkRequestLine(trial: Trial): Promise<void> {
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
    const mistake = answer.status === 200 ? 'words-not-counted' : undefined;
    throw wrongAnswer(message, answer, { at: 9, server, mistake });
  }
  await checkPieces(trial, server);
}

/** One request in four packets, cut where nobody would cut it. */
async function checkPieces(trial: Trial, server: ServerProcess): Promise<void> {
  const client = await trial.connect(server);
  for (const piece of PIECES) {
    await client.send(piece);
    await client.settle(PAUSE, () => client.size > 0 || client.ending !== 'open'); // so that each is read for itself
  }
  const what = 'A request in four packets';
  const answer = await readAnswer(server, client, what).catch(asMistake('one-packet'));
  if (answer.status !== 200 || !answer.body.includes('GET')) {
    const message = `${what}: expected 200, got ${answer.status}: a head ends at its blank line, however many packets it takes`;
    throw wrongAnswer(message, answer, { at: 9, server, mistake: 'one-packet' });
  }
  const seen = environIn(answer, 'GET /environ', server);
  seen.expect('PATH_INFO', '/environ');
  if (`${seen.environ.HTTP_HOST}`.trim() !== 'localhost') seen.expect('HTTP_HOST', 'localhost');
  expectConnection(seen, client, server, trial);
}

/** What a server knows of the connection, and of itself. */
function expectConnection(
  seen: Seen,
  client: RawClient,
  server: ServerProcess,
  trial: Trial,
): void {
  seen.expect('SERVER_PORT', `${server.port}`);
  if (!seen.environ.SERVER_NAME) seen.expect('SERVER_NAME', '127.0.0.1');
  seen.expect('wsgi.url_scheme', 'http');
  if (trial instanceof PythonTrial) return; // what comes now PEP 3333 does not ask for, or it has several truths
  const address = seen.environ.REMOTE_ADDR;
  if (address !== '::ffff:127.0.0.1') seen.expect('REMOTE_ADDR', '127.0.0.1');
  seen.expect('REMOTE_PORT', `${client.port}`);
  for (const fact of ['wsgi.multithread', 'wsgi.multiprocess', 'wsgi.run_once'] as const) {
    if (seen.environ[fact] !== false)
      throw seen.wrong(fact, `${fact}: expected false, got ${quote(seen.environ[fact])}`);
  }
}
