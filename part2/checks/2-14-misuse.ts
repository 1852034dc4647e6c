import type { Lesson } from '../../shared/checks/check.ts';
import {
  ask,
  CONTRACT,
  expectBody,
  expectStatus,
  readAnswer,
  request,
  within,
  wrongAnswer,
} from '../../shared/checks/run/contract.ts';
import { asMistake, Failure } from '../../shared/checks/run/failure.ts';
import { PythonTrial, startResponseOf } from '../../shared/checks/run/python-trial.ts';
import { openRelay } from '../../shared/checks/run/relay.ts';
import { allOf, headerOf, quote, quoteBytes } from '../../shared/checks/run/response.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

/** A target of the application whose status is this. */
const status = (text: string) => `/status?${encodeURIComponent(text)}`;
/** A target of the application that sends this header. */
const header = (name: unknown, value: unknown) =>
  `/header?${encodeURIComponent(JSON.stringify([name, value]))}`;

type Misuse = readonly [target: string, what: string, mistake: string];

/** What no server can send to a client, whatever language it is in. */
const BAD_CALLS: readonly Misuse[] = [
  [status('OK'), 'the status "OK"', 'any-status'],
  [status('2000 OK'), 'the status "2000 OK"', 'any-status'],
  [status('HTTP/1.1 200 OK'), 'the whole line "HTTP/1.1 200 OK" as its status', 'any-status'],
  [status('200 OK\r\nX-Split: 1'), 'a line end in its status', 'response-splitting'],
  [header('X-A', 'b\r\nX-Split: 1'), 'a line end in a value', 'response-splitting'],
  [header('X-A', 'b\nX-Split: 1'), 'a LF in a value', 'response-splitting'],
  [header('X-A\r\nX-Split', '1'), 'a line end in a name', 'response-splitting'],
  [header('X-Split: 1\r\nX-A', '1'), 'a colon in a name', 'response-splitting'],
  ['/returns-nothing', 'nothing to iterate over', 'nothing-is-no-body'],
  ['/returns-numbers', 'a body of numbers', 'numbers-are-no-body'],
];
/** What is good manners in Python, and what its servers let pass. */
const BAD_MANNERS: readonly Misuse[] = [
  [status('200'), 'a status without a space behind its code', 'any-status'],
  [status('100 Continue'), 'a status that is no final one', 'any-status'],
  [header('X A', '1'), 'a space in a name', 'any-name'],
  [header('', '1'), 'a header without a name', 'any-name'],
  [header('X-A', 1), 'a value that is a number', 'any-value'],
  [header(1, 'x'), 'a name that is a number', 'any-name'],
  [header('X-A', 'a\u0000b'), 'a NUL in a value', 'any-value'],
  [
    header('X-A', '\u010d\u010aX-Split: 1'),
    'letters that become a line end in latin-1',
    'response-splitting',
  ],
  ['/map-headers', 'its headers as a Map', 'headers-of-any-shape'],
  ['/two-lengths', 'two Content-Lengths', 'two-lengths'],
  ['/bad-length', 'a Content-Length of "abc"', 'any-length'],
  ...[
    ...['Connection', 'keep-alive', 'Proxy-Connection', 'TE', 'Trailer', 'Trailers'],
    ...['transfer-encoding', 'Upgrade'],
  ].map((name): Misuse => [header(name, 'x'), `the hop-by-hop header ${name}`, 'hop-by-hop']),
];
/** What looks like one of these, and is none: statuses, and headers that come to the client. */
const GOOD_STATUSES = ['299 Odd', '999 Message here', '200 '];
const GOOD_HEADERS = [
  ['TE-Custom', 'a\tb'],
  ['My-Upgrade', 'x'],
  ['X-Content-Length', 'abc'],
  ['Content-Length-X', 'abc'],
  ["!#$%&'*+-.^_`|~9", 'caf\xe9'],
] as const;

export const check: Lesson = {
  title: 'What an application may not say, its client does not hear',
  goal: "A head is text that strangers take apart: one line end too many, and the next line is the application's, or a stranger's.",
  hints: [
    'An application puts what a client has typed into a header. What if there is a line end in it?',
    'PEP 3333 "The start_response() Callable", "Error Handling", "Other HTTP Features"; RFC 9110 §5.6.2 (token), §7.6.1 (hop-by-hop).',
    'In startResponse, before anything is kept: /^[2-9]\\d\\d [\\t -~\\x80-\\xff]*$/ for the status; for each header two strings, a token and a value without control characters; none of Connection, Keep-Alive, TE, Trailer, Transfer-Encoding, Upgrade; else throw.',
  ],
  anchor: 'misuse',
  lenient: [
    'what the page of the 500 says',
    'a hop-by-hop header may be dropped instead',
    'whether a rule is named: 2-09 asks for two of them',
    'for a gateway in Python: what PEP 3333 leaves to servers',
  ],
  byHand: "curl -i 'http://127.0.0.1:$PORT$TARGET'",
  solution: '2d',
  seconds: 10,
  run: checkMisuse,
  mistakes: [
    {
      name: 'any-status',
      says: 'An app that gives the status "OK": no status line: "HTTP/1.1 OK"',
      edits: [['    if (!STATUS.test(status)) breach(\'a status looks like "200 OK"\');\n', '']],
    },
    {
      name: 'response-splitting',
      says: 'An app that gives a line end in a value: expected 500, got 200 OK',
      edits: [
        [
          'const isSafe = isString && TOKEN.test(name) && FIELD_VALUE.test(value);',
          'const isSafe = isString && TOKEN.test(name);',
        ],
      ],
    },
    {
      name: 'any-name',
      says: 'An app that gives a space in a name: this is no header: "X A: 1"',
      edits: [
        [
          'const isSafe = isString && TOKEN.test(name) && FIELD_VALUE.test(value);',
          'const isSafe = isString && !/[\\r\\n:]/.test(name) && FIELD_VALUE.test(value);',
        ],
      ],
    },
    {
      name: 'nothing-is-no-body',
      says: 'An app that gives nothing to iterate over: expected 500, got 200 OK',
      edits: [
        [
          "      if (!isIterable) breach('an application returns something to iterate over');\n",
          '',
        ],
        [
          'for await (const chunk of body) {',
          'for await (const chunk of isIterable ? body : []) {',
        ],
      ],
    },
    {
      name: 'numbers-are-no-body',
      says: 'An app that gives a body of numbers: expected 500, got 200 OK',
      edits: [
        ["  return breach('a body is made of strings and Uint8Arrays');", '  return `${chunk}`;'],
      ],
    },
    {
      name: 'headers-of-any-shape',
      says: 'An app that gives its headers as a Map: expected 500, got 200 OK',
      edits: [
        [
          "    if (!Array.isArray(headers)) breach('headers are a list of [name, value]');\n",
          '    headers = [...headers];\n',
        ],
      ],
    },
    {
      name: 'hop-by-hop',
      says: 'An app that gives the hop-by-hop header Connection: expected 500, got 200 OK',
      edits: [
        ["      if (HOP_BY_HOP.test(name)) breach(`${name} is the server's to send`);\n", ''],
      ],
    },
    {
      name: 'too-strict',
      says: 'An app that gives the header TE-Custom, which breaks no rule: expected "a\\tb", got nothing',
      edits: [
        [
          'headers: headers.map(([name, value]) => [name, value])',
          'headers: headers.filter(([name]) => !/^(te|upgrade)\\b/i.test(name))',
        ],
      ],
    },
    {
      name: 'two-lengths',
      says: 'An app that gives two Content-Lengths: expected 500, got 200 OK',
      edits: [['if (lengths.length > 1 || !/', 'if (!/']],
    },
    {
      name: 'no-second-thought',
      says: 'GET /replaced, of an app that calls startResponse again, with excInfo: expected 503, got 500 Internal Server Error; your server printed: Error: the application broke a rule of PEP 3333: a second startResponse needs excInfo',
      edits: [['if (response.started && !excInfo) breach', 'if (response.started) breach']],
    },
    {
      name: 'empty-piece-sends-the-head',
      says: 'GET /replaced-behind-nothing, of an app that calls startResponse again behind an empty piece: expected 503, got 200 OK',
      edits: [
        [
          'if (bytes.length > 0) await this.#send(response, bytes);',
          'await this.#send(response, bytes);',
        ],
      ],
    },
    {
      name: 'head-behind-the-head',
      says: 'GET /too-late, of an app that calls startResponse with excInfo behind its first words: its client got a whole answer, with "half of the other half"; expected excInfo to be thrown, and the answer to be cut',
      edits: [['if (response.headSent && excInfo) throw excInfo;', '']],
    },
    {
      name: 'write-says-nothing',
      says: 'GET /write, of an app that writes before it returns: expected "written, then returned\\n", got "then returned\\n"',
      edits: [
        [
          'const sent = this.#send(response, Buffer.from(checkChunk(chunk))); // the head at once, even for nothing',
          'const sent = Promise.resolve(void chunk);',
        ],
      ],
    },
    {
      name: 'log-is-lost',
      says: 'GET /logs: the app wrote "a word for the operator" on wsgi.errors, and your server printed nothing of it',
      edits: [
        [
          "writelines: (lines) => void process.stderr.write([...lines].join('')),",
          'writelines: () => {},',
        ],
      ],
    },
    {
      name: 'length-said-twice',
      says: 'An app that has said its Content-Length: expected that one alone, got 2',
      file: 'part2/http.ts',
      edits: [
        ["if (length !== undefined && !given.has('content-length'))", 'if (length !== undefined)'],
      ],
    },
  ],
};

async function checkMisuse(trial: Trial): Promise<void> {
  const server = await trial.start({ app: CONTRACT });
  const isPython = trial instanceof PythonTrial;
  await checkSecondThoughts(trial, server);
  for (const [target, what, mistake] of [...BAD_CALLS, ...(isPython ? [] : BAD_MANNERS)]) {
    const said = `An app that gives ${what}`;
    const client = await trial.connect(server);
    await client.send(request(`GET ${target} HTTP/1.1`));
    const inOtherWords = (message: string) => message.replace(/^[^:]*/, said);
    const asked = readAnswer(server, client, target);
    const answer = await asked.catch(asMistake(mistake, inOtherWords));
    if (mistake === 'hop-by-hop' && !answer.headers.some(([, value]) => value === 'x')) continue;
    expectStatus(answer, 500, said, server, mistake);
  }
  const measured = await ask(
    trial,
    server,
    request(`GET ${header('content-length', '1')} HTTP/1.1`),
  );
  const lengths = allOf(measured, 'content-length').length;
  if (lengths !== 1) {
    const message = `An app that has said its Content-Length: expected that one alone, got ${lengths}`;
    throw wrongAnswer(message, measured, { at: 9, mistake: 'length-said-twice' });
  }
  const breaksNone = (target: string) => `GET ${target}, which breaks no rule`;
  for (const good of GOOD_STATUSES) {
    const target = status(good);
    const answer = await ask(trial, server, request(`GET ${target} HTTP/1.1`));
    expectStatus(answer, Number.parseInt(good, 10), breaksNone(target), server, 'too-strict');
  }
  for (const [name, value] of GOOD_HEADERS) {
    const target = header(name, value);
    const answer = await ask(trial, server, request(`GET ${target} HTTP/1.1`));
    expectStatus(answer, 200, breaksNone(target), server, 'too-strict');
    const got = headerOf(answer, name.toLowerCase());
    if (got === value) continue;
    const message = `An app that gives the header ${name}, which breaks no rule: expected ${quoteBytes(value)}, got ${got === undefined ? 'nothing' : quoteBytes(got)}`;
    throw wrongAnswer(message, answer, { at: 9, mistake: 'too-strict' });
  }
}

/** A head may be replaced as long as it has not left; then the application hears its own error again. */
async function checkSecondThoughts(trial: Trial, server: ServerProcess): Promise<void> {
  const again = `calls ${startResponseOf(trial)} again`;
  const excInfo = trial instanceof PythonTrial ? 'exc_info' : 'excInfo';
  for (const [target, what, mistake] of [
    ['/replaced', `${again}, with ${excInfo}`, 'no-second-thought'],
    ['/replaced-behind-nothing', `${again} behind an empty piece`, 'empty-piece-sends-the-head'],
  ] as const) {
    const answer = await ask(trial, server, request(`GET ${target} HTTP/1.1`));
    const said = `GET ${target}, of an app that ${what}`;
    expectStatus(answer, 503, said, server, mistake);
    if (headerOf(answer, 'x-mistaken') !== undefined)
      throw wrongAnswer(
        `${said}: X-Mistaken is of the first head, expected it to be gone`,
        answer,
        { at: 9 },
      );
    expectBody(answer, 'sorry\n', said);
  }
  const written = await ask(trial, server, request('GET /write HTTP/1.1'));
  const said = 'GET /write, of an app that writes before it returns';
  expectBody(written, 'written, then returned\n', said, 'write-says-nothing');
  const { client, words } = await openRelay(trial, server, '/too-late');
  words.write('half of ');
  await within(
    client.readUntil('half of '),
    () => new Failure('GET /too-late: its first words did not arrive'),
  );
  words.end();
  const late = await readAnswer(server, client, 'GET /too-late');
  if (late.ending === 'fin' && late.isWhole) {
    const message = `GET /too-late, of an app that calls ${startResponseOf(trial)} with ${excInfo} behind its first words: its client got a whole answer, with ${quote(late.body.toString())}; expected ${excInfo} to be thrown, and the answer to be cut`;
    throw wrongAnswer(message, late, { at: late.bytes.length, mistake: 'head-behind-the-head' });
  }
  const logged = await ask(trial, server, request('GET /logs HTTP/1.1'));
  await server.waitForOutput(/a word for the operator/, 2).catch(() => {
    const message =
      'GET /logs: the app wrote "a word for the operator" on wsgi.errors, and your server printed nothing of it';
    throw wrongAnswer(message, logged, { mistake: 'log-is-lost', server });
  });
}
