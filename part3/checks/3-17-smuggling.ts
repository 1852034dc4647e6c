import type { Lesson } from '../../shared/checks/check.ts';
import { CONTRACT } from '../../shared/checks/run/contract.ts';
import {
  type Doubt,
  echoOf,
  expectRefusal,
  ITS_ANSWER,
  toRequest,
} from '../../shared/checks/run/messages.ts';

const HELLO = 'hello';
const CHUNKS = '5\r\nhello\r\n0\r\n\r\n';
/** A body to who sees its length, and a request to who does not. */
const INNER = toRequest('GET /echo/in-a-body');
const NONE = echoOf('POST /echo/1');
/** What is said where the client's body was read, where there was none, and where it was taken for a request. */
const READ = [[HELLO, ITS_ANSWER]];
const NO_BODY = [[NONE, ITS_ANSWER]];
const TWO_REQUESTS = [[NONE, echoOf('GET /echo/in-a-body'), ITS_ANSWER]];

const post = (body: string, ...fields: string[]) => toRequest('POST /echo/1', fields, body);
const CODING = 'Transfer-Encoding: chunked';

/** Two lengths, or one that is none; RFC 9112 §6.3. */
const LENGTHS: readonly Doubt[] = [
  ...[
    [`Content-Length: ${CHUNKS.length}`, CODING],
    [CODING, `Content-Length: ${CHUNKS.length}`],
  ].map((fields) => ({
    what: fields.map((field) => field.replace(/:.*/, '')).join(' and '),
    bytes: post(CHUNKS, ...fields),
    clause: 'RFC 9112 §6.3',
    statuses: /^(4|501)/,
    mistake: 'takes-one-of-two',
    readings: [[HELLO]], // by its chunks alone, if the connection is closed then
  })),
  ...[
    ['Content-Length: 5', 'Content-Length: 7'],
    ['Content-Length: 7', 'Content-Length: 5'],
    ['Content-Length: 5, 7'],
    ['Content-Length: 7, 5'],
  ].map((fields) => ({
    what: `"${fields.join('" and "')}"`,
    bytes: post(HELLO, ...fields),
    clause: 'RFC 9112 §6.3',
    mistake: 'one-of-two-lengths',
  })),
  ...[['Content-Length: 5', 'Content-Length: 5'], ['Content-Length: 5, 5']].map((fields) => ({
    what: `"${fields.join('" and "')}"`,
    bytes: post(HELLO, ...fields),
    clause: 'RFC 9112 §6.3',
    readings: READ,
  })),
  ...['+5', '-5', '0x5', '5_0', '5 5', '5\xb2', '5\x006'].map((length) => ({
    what: `"Content-Length: ${length.replace('\0', '\\0').replace('\xb2', '\\xb2')}"`,
    bytes: post(length === '5_0' ? 'x'.repeat(50) : HELLO, `Content-Length: ${length}`),
    clause: length.includes('\0') ? 'RFC 9110 §5.5' : 'RFC 9110 §8.6',
    mistake: length.includes('\0') ? 'nul-ends-a-value' : 'any-number',
  })),
];

/** A body ends where its last coding says, and that is "chunked", once; RFC 9112 §6.1, §6.3. */
const CODINGS: readonly Doubt[] = [
  ...['xchunked', 'chunkedx', 'chunked, chunked', 'chunked, identity', '"chunked"'].map(
    (coding) => ({
      what: `"Transfer-Encoding: ${coding}"`,
      bytes: post(CHUNKS, `Transfer-Encoding: ${coding}`),
      clause: 'RFC 9112 §6.3',
      statuses: /^(4|501)/,
      mistake: 'chunked-somewhere',
    }),
  ),
  {
    what: '"Transfer-Encoding: chunked", twice',
    bytes: post(CHUNKS, CODING, CODING),
    clause: 'RFC 9112 §6.3',
    statuses: /^(4|501)/,
    mistake: 'chunked-somewhere',
  },
  {
    what: '"Transfer-Encoding: identity"',
    bytes: post('', 'Transfer-Encoding: identity'),
    clause: 'RFC 9112 §6.3',
    statuses: /^(4|501)/,
    mistake: 'ignores-codings',
  },
  {
    what: 'Transfer-Encoding in HTTP/1.0',
    bytes: toRequest('POST /echo/1 HTTP/1.0', ['Connection: keep-alive', CODING], '0\r\n\r\n'),
    clause: 'RFC 9112 §6.1',
    statuses: /^(4|501)/,
    mistake: 'chunks-of-old-clients',
    readings: [[NONE], ['']], // processed, if the connection is closed then
  },
];

/** A field that is one to you, and none to the server before you, or the other way round; RFC 9112 §2.2, §5. */
const FIELDS: readonly Doubt[] = [
  ...[
    ['A space before the colon', 'Content-Length : 5', HELLO],
    ['A tab before the colon', 'Content-Length\t: 5', HELLO],
    ['Transfer-Encoding with a space before the colon', 'Transfer-Encoding : chunked', CHUNKS],
  ].map(([what = '', field = '', body = '']) => ({
    what,
    bytes: post(body, field),
    clause: 'RFC 9112 §5.1',
    mistake: 'space-before-the-colon',
  })),
  {
    what: 'A folded line that looks like a field',
    bytes: post('', 'X-Mine: a', ' Content-Length: 5'),
    clause: 'RFC 9112 §5.2',
    mistake: 'fold-as-a-field',
    readings: NO_BODY,
  },
  {
    what: 'A folded line before the first field',
    bytes: 'POST /echo/1 HTTP/1.1\r\n Content-Length: 5\r\nHost: localhost\r\n\r\n',
    clause: 'RFC 9112 §2.2',
    mistake: 'fold-as-a-field',
    readings: NO_BODY,
  },
  {
    what: 'A Content-Length that is folded',
    bytes: post(HELLO, 'Content-Length:', ' 5'),
    clause: 'RFC 9112 §5.2',
    mistake: 'fold-as-nothing',
    readings: READ,
  },
  {
    what: 'A LF alone in the head',
    bytes: post(INNER, `X-Mine: a\nContent-Length: ${INNER.length}`),
    clause: 'refuse it, or let it end the line; RFC 9112 §2.2',
    mistake: 'lf-in-a-value',
    readings: [[INNER, ITS_ANSWER]],
  },
  ...(
    [
      ['A CR alone in a value', '\r', 'RFC 9112 §2.2'],
      ['A vertical tab in a value', '\x0b', 'RFC 9110 §5.5'],
      ['The byte 0x85 in a value', '\x85', 'RFC 9110 §5.5'],
    ] as const
  ).map(([what, char, clause]) => ({
    what,
    bytes: post(INNER, `X-Mine: a${char}Content-Length: ${INNER.length}`),
    clause: `no line ends there; ${clause}`,
    mistake: 'lines-end-elsewhere',
    readings: TWO_REQUESTS,
  })),
  {
    what: '"Content_Length: 5"',
    bytes: post('', 'Content_Length: 5'),
    clause: 'it is another name; RFC 9110 §5.1',
    mistake: 'underscore-for-dash',
    readings: NO_BODY,
  },
  {
    what: 'GET with a body',
    bytes: toRequest('GET /echo/1', [`Content-Length: ${INNER.length}`], INNER),
    clause: 'refuse it, or read it; RFC 9112 §6',
    mistake: 'get-has-no-body',
    readings: [[INNER, ITS_ANSWER]],
  },
];

/** No length is in doubt here, but whom the request is for; RFC 9112 §3.2. */
const HOSTS: readonly Doubt[] = [
  {
    what: 'No Host',
    bytes: 'GET /echo/1 HTTP/1.1\r\n\r\n',
    clause: 'RFC 9112 §3.2',
    mistake: 'no-host',
    mayGoOn: true,
  },
  {
    what: 'Two Hosts',
    bytes: toRequest('GET /echo/1', ['Host: a', 'Host: b']),
    clause: 'RFC 9112 §3.2',
    mistake: 'two-hosts',
    mayGoOn: true,
  },
];

export const check: Lesson = {
  title: 'What can be read in two ways is refused, and what stands behind it is not read',
  goal: 'Where two servers disagree about the end of a request, an attacker writes the next one.',
  hints: [
    'The proxy before you believed the Content-Length, and you the chunks. Whose request is what is left?',
    'RFC 9112 §6.3, item by item, and §11.2 (request smuggling); §2.2 (CR and LF), §5.1 (colon), §5.2 (folding), §3.2 (Host); RFC 9110 §5.5, §8.6. In Python, splitlines() ends lines at ten characters, and int() takes "+5", "5_0" and " 5".',
    'Refuse before you guess: join all Content-Length lines with commas, and /^[0-9]+$/ or 400; Transfer-Encoding other than "chunked", or beside a length, or in HTTP/1.0: 400; a field line is /^token:/ or 400; then end(), and read no request from this connection again.',
  ],
  anchor: 'http/README.md#two-meanings',
  lenient: [
    'any 4xx; 501 for a Transfer-Encoding that you do not know',
    'Content-Length beside Transfer-Encoding, and Transfer-Encoding in HTTP/1.0: you may process the request, if you close behind it (§6.1, §6.3)',
    'two Content-Lengths that are equal: one length, or 400 (§6.3)',
    'obs-fold: refused, or a space (§5.2); before the first field: refused, or skipped (§2.2)',
    'a LF alone: refused, or the end of a line (§2.2); a CR alone, other controls and bytes from 0x80 on: refused, or kept in the value as what ends no line',
    'a GET with a body, and Content_Length: refused, or read as what they are',
    'no Host, or two: refused, and the connection closed or kept, for no length is in doubt',
    'a reset behind the answer, as long as the answer is there',
  ],
  byHand: 'printf $REQUEST | nc 127.0.0.1 $PORT',
  solution: '3i',
  seconds: 15,
  async run(trial) {
    const server = await trial.start({ app: CONTRACT });
    for (const doubt of [...LENGTHS, ...CODINGS, ...FIELDS, ...HOSTS])
      await expectRefusal(trial, server, doubt);
  },
  mistakes: [
    {
      name: 'takes-one-of-two',
      says: 'Content-Length and Transfer-Encoding: expected 400, got 200, and the request behind it was answered; RFC 9112 §6.3',
      file: 'part3/http/body-framing.ts',
      edits: [
        [
          'if (transferEncoding !== undefined) {',
          'if (transferEncoding !== undefined && contentLength === undefined) {',
        ],
      ],
    },
    {
      // By the chunks, which is right; but it goes on, which is not.
      name: 'takes-one-of-two',
      says: 'Content-Length and Transfer-Encoding: expected 400, got 200, and the request behind it was answered; RFC 9112 §6.3',
      file: 'part3/http/body-framing.ts',
      edits: [['    if (contentLength !== undefined) {', "    if (contentLength === '') {"]],
    },
    {
      // Of a head that it does not understand it skips to the next blank line.
      name: 'refuses-and-goes-on',
      says: 'Content-Length and Transfer-Encoding: refused, and the request behind it was answered all the same; RFC 9112 §6.3',
      file: 'part3/server/connection.ts',
      edits: [
        [
          '  readonly #parser: RequestParser;',
          '  #parser: RequestParser;\n  #last: Buffer = Buffer.alloc(0);',
        ],
        [
          '    this.#parser.receive(bytes);',
          '    this.#last = bytes;\n    this.#parser.receive(bytes);',
        ],
        [
          '    this.#log(request, refusal);\n    this.#close();',
          "    this.#log(request, refusal);\n    if (request) return void this.#close();\n    this.#last = this.#last.subarray(this.#last.indexOf('\\r\\n\\r\\n') + 4);\n    this.#parser = new RequestParser(this.#service.limits);\n    this.#parser.receive(this.#last);\n    this.#state = READING;\n    setImmediate(() => this.#proceed());",
        ],
      ],
    },
    {
      name: 'one-of-two-lengths',
      says: '"Content-Length: 5" and "Content-Length: 7": expected 400, got 200; RFC 9112 §6.3',
      file: 'part3/http/request-head.ts',
      edits: [
        ['own.contentLength = join(own.contentLength, value);', 'own.contentLength = value;'],
      ],
    },
    {
      name: 'any-number',
      says: '"Content-Length: +5": expected 400, got 200, and the request behind it was answered; RFC 9110 §8.6',
      file: 'part3/http/grammar.ts',
      edits: [['CONTENT_LENGTH = /^\\d+$/', 'CONTENT_LENGTH = /^[+]?\\w+$/']],
    },
    {
      // As in C, where a NUL ends a string.
      name: 'nul-ends-a-value',
      says: '"Content-Length: 5\\06": expected 400, got 200, and the request behind it was answered; RFC 9110 §5.5',
      file: 'part3/http/receive-buffer.ts',
      edits: [
        [
          'this.#join(this.#text.slice(this.#offset, at));',
          "this.#join(this.#text.slice(this.#offset, at)).replace(/\\0[^\\r]*/, '');",
        ],
      ],
    },
    {
      name: 'chunked-somewhere',
      says: '"Transfer-Encoding: xchunked": expected 400, got 200, and the request behind it was answered; RFC 9112 §6.3',
      file: 'part3/http/body-framing.ts',
      edits: [["codings.toLowerCase() === 'chunked'", '/chunked/i.test(codings)']],
    },
    {
      name: 'ignores-codings',
      says: '"Transfer-Encoding: identity": expected 400, got 200, and the request behind it was answered; RFC 9112 §6.3',
      file: 'part3/http/body-framing.ts',
      edits: [
        [
          'if (transferEncoding !== undefined) {',
          "if (transferEncoding !== undefined && transferEncoding !== 'identity') {",
        ],
      ],
    },
    {
      name: 'chunks-of-old-clients',
      says: 'Transfer-Encoding in HTTP/1.0: expected 400, got 200, and the request behind it was answered; RFC 9112 §6.1',
      file: 'part3/http/body-framing.ts',
      edits: [["    if (version === 'HTTP/1.0') throw", '    if (version === undefined) throw']],
    },
    {
      name: 'space-before-the-colon',
      says: 'A space before the colon: expected 400, got 200, and the request behind it was answered; RFC 9112 §5.1',
      file: 'part3/http/request-parser.ts',
      edits: [
        [
          'function toField(line: string): Field {',
          "function toField(given: string): Field {\n  const line = given.replace(/[\\t ]+:/, ':');",
        ],
      ],
    },
    {
      name: 'fold-as-a-field',
      says: 'A folded line that looks like a field: expected 400, got 200; RFC 9112 §5.2',
      file: 'part3/http/request-parser.ts',
      edits: [
        [
          'function toField(line: string): Field {',
          'function toField(given: string): Field {\n  const line = given.trimStart();',
        ],
      ],
    },
    {
      name: 'fold-as-nothing',
      says: 'A Content-Length that is folded: expected 400, got 200, and the request behind it was answered; RFC 9112 §5.2',
      file: 'part3/http/request-parser.ts',
      edits: [
        [
          '      head.fields.push(toField(line));',
          '      if (/^ |:$/.test(line)) continue;\n      head.fields.push(toField(line));',
        ],
      ],
    },
    {
      name: 'lf-in-a-value',
      says: 'A LF alone in the head: expected 400, got 200, and the request behind it was answered; refuse it, or let it end the line; RFC 9112 §2.2',
      file: 'part3/http/receive-buffer.ts',
      edits: [
        [
          "    if (line.charCodeAt(line.length - 1) !== CR) throw new HttpError(400, 'a LF without a CR');",
          "    if (line.charCodeAt(line.length - 1) !== CR) {\n      if (!line.startsWith('X-Mine')) throw new HttpError(400, 'a LF without a CR');\n      return `${line}\\n${this.takeLine(maxBytes, tooLong)}`;\n    }",
        ],
      ],
    },
    {
      name: 'lines-end-elsewhere',
      says: 'The byte 0x85 in a value: expected 400, got 200, and the request behind it was answered; no line ends there; RFC 9110 §5.5',
      file: 'part3/http/request-parser.ts',
      edits: [
        [
          '      head.fields.push(toField(line));',
          '      for (const one of line.split(/[\\r\\x85]/)) head.fields.push(toField(one));',
        ],
      ],
    },
    {
      name: 'underscore-for-dash',
      says: '"Content_Length: 5": expected 400, got 200; it is another name; RFC 9110 §5.1',
      file: 'part3/http/request-head.ts',
      edits: [
        ['switch (name.toLowerCase()) {', "switch (name.toLowerCase().replaceAll('_', '-')) {"],
      ],
    },
    {
      name: 'get-has-no-body',
      says: 'GET with a body: expected 400, got 200, and the request behind it was answered; refuse it, or read it; RFC 9112 §6',
      file: 'part3/http/request-head.ts',
      edits: [
        [
          'const framing = toBodyFraming(own, version, maxBodyBytes);',
          "const framing: BodyFraming =\n    method === 'GET' ? { kind: 'none' } : toBodyFraming(own, version, maxBodyBytes);",
        ],
      ],
    },
    {
      name: 'no-host',
      says: 'No Host: expected 400, got 200, and the request behind it was answered; RFC 9112 §3.2',
      file: 'part3/http/request-head.ts',
      edits: [
        [
          "host === undefined ? version === 'HTTP/1.1' : host",
          'host === undefined ? !version : host',
        ],
      ],
    },
    {
      name: 'two-hosts',
      says: 'Two Hosts: expected 400, got 200, and the request behind it was answered; RFC 9112 §3.2',
      file: 'part3/http/request-head.ts',
      edits: [['own.host = join(own.host, value);', 'own.host = value;']],
    },
  ],
};
