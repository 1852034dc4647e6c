/** Mistakes on the way from an application's answer to bytes, 2-06 to 2-09. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: edits are text of programs
import type { Mistake } from './mistake.ts';

const SERVER = 'part2/webserver2.ts';
const HTTP = 'part2/http.ts';
/** Made in http.ts, and run with the server that uses it. */
const IN_HTTP = { file: HTTP, run: SERVER };
const HEADERS = 'headers: headers.map(([name, value]) => [name, value])';

export const ANSWER_MISTAKES: readonly Mistake[] = [
  {
    name: 'always-200',
    check: '2-06',
    says: 'GET /async, of which the app says 201 Created: expected 201, got 200 OK',
    ...IN_HTTP,
    edits: [['`HTTP/1.1 ${status}`', "`HTTP/1.1 ${status.startsWith('2') ? '200 OK' : status}`"]],
  },
  {
    name: 'headers-in-a-map',
    check: '2-06',
    says: 'Set-Cookie: expected two lines, a=1 and b=2, got Set-Cookie: b=2',
    file: SERVER,
    edits: [[HEADERS, 'headers: [...new Map(headers)]']],
  },
  {
    name: 'joined-cookies',
    check: '2-06',
    says: 'Set-Cookie: expected two lines, a=1 and b=2, got Set-Cookie: a=1, b=2',
    file: SERVER,
    edits: [
      [
        HEADERS,
        'headers: [...new Headers(headers)].filter(([name]) => name !== "set-cookie").concat(headers.some(([name]) => name === "Set-Cookie") ? [["Set-Cookie", headers.filter(([name]) => name === "Set-Cookie").map(([, value]) => value).join(", ")]] : [])',
      ],
    ],
  },
  {
    name: 'head-in-utf8',
    check: '2-06',
    says: 'X-Last: expected "caf\\xe9", got "caf\\xc3\\xa9"',
    ...IN_HTTP,
    edits: [["Buffer.from(lines.join('\\r\\n'), 'latin1')", "Buffer.from(lines.join('\\r\\n'))"]],
  },
  {
    name: 'head-too-soon',
    check: '2-06',
    says: 'GET /generator, which calls startResponse when its first piece is asked for: expected 200, got 500 Internal Server Error; your server printed: Error: the application broke a rule of PEP 3333: startResponse comes before the body',
    file: SERVER,
    edits: [
      [
        'await this.finishResponse(response, result);',
        "response.head ?? breach('startResponse comes before the body');\n      await this.finishResponse(response, result);",
      ],
    ],
  },
  {
    name: 'bytes-as-text',
    check: '2-06',
    says: 'GET /generator: expected the bytes "\\xff\\u0000\\xc3\\xa9\\xf0\\x9f\\x91\\x8b", got "\\xef\\xbf\\xbd\\u0000\\xc3\\xa9\\xf0\\x9f\\x91\\x8b"',
    file: SERVER,
    edits: [
      [
        'const bytes = Buffer.from(checkChunk(chunk));',
        'const bytes = Buffer.from(`${checkChunk(chunk)}`);',
      ],
    ],
  },
  {
    name: 'said-twice',
    check: '2-07',
    says: 'The app has sent its own Date, "Tue, 15 Nov 1994 08:12:31 GMT"; expected that one alone, got "Tue, 15 Nov 1994 08:12:31 GMT" and "NOW"',
    ...IN_HTTP,
    edits: [["if (!given.has('date')) lines", 'lines']],
  },
  {
    name: 'iso-date',
    check: '2-07',
    says: 'Date: expected "NOW", the one format HTTP has, got "NOW"',
    ...IN_HTTP,
    edits: [['toUTCString', 'toISOString']],
  },
  {
    name: 'constant-date',
    check: '2-07',
    says: 'Date: "Fri, 12 Jun 2015 19:45:00 GMT" is not now; expected the time of this answer',
    ...IN_HTTP,
    edits: [['${new Date().toUTCString()}', 'Fri, 12 Jun 2015 19:45:00 GMT']],
  },
  {
    name: 'startup-date',
    check: '2-07',
    says: 'Date: "NOW" is when your server was started; expected the time of this answer',
    ...IN_HTTP,
    edits: [
      ['${new Date().toUTCString()}', '${STARTED}'],
      ['const TOKEN_CHARS =', 'const STARTED = new Date().toUTCString();\nconst TOKEN_CHARS ='],
    ],
  },
  {
    name: 'joins-first',
    check: '2-08',
    says: 'The app has yielded a piece and works on the next; after 3 s the client has nothing of it',
    file: SERVER,
    edits: [
      [
        `      for await (const chunk of body) {
        await this.#write(response, chunk);
        if (response.headSent && hasNoBody(response)) break;
      }`,
        `      const chunks: Buffer[] = [];
      for await (const chunk of body) chunks.push(Buffer.from(checkChunk(chunk)));
      await this.#write(response, Buffer.concat(chunks));`,
      ],
    ],
  },
  {
    name: 'ignores-backpressure',
    check: '2-08',
    says: 'A client that takes nothing: the app was asked for 64 MiB all the same, and your server keeps them in memory',
    file: SERVER,
    edits: [
      [
        'await this.#sendPiece(response.socket, all.subarray(start, start + WRITE_SIZE));',
        'this.#sendPiece(response.socket, all.subarray(start, start + WRITE_SIZE)).catch(() => {});',
      ],
    ],
  },
  {
    name: 'dies-of-a-throw',
    check: '2-09',
    says: 'GET /throws: the connection was closed without an answer; your program ended',
    file: SERVER,
    edits: [
      [
        'if (!(error instanceof Refusal)) console.error(error);',
        'if (!(error instanceof Refusal)) queueMicrotask(() => { throw error; });',
      ],
    ],
  },
  {
    name: 'says-nothing-of-a-throw',
    check: '2-09',
    says: 'GET /throws: the connection was closed without an answer',
    file: SERVER,
    edits: [
      [
        'if (!(error instanceof Refusal)) console.error(error);',
        'if (!(error instanceof Refusal)) return console.error(error);',
      ],
    ],
  },
  {
    name: 'head-too-early',
    check: '2-09',
    says: 'GET /throws-after-start, of an app that throws before a byte of its body is there: expected 500, got 200 OK',
    file: SERVER,
    edits: [
      [
        '    return (chunk) => {',
        "    if (response.method !== 'HEAD') void this.#send(response, Buffer.alloc(0));\n    return (chunk) => {",
      ],
    ],
  },
  {
    name: 'half-looks-whole',
    check: '2-09',
    says: 'The app has thrown in the middle of its body, and its client got a FIN: half an answer looks whole',
    file: SERVER,
    edits: [
      ['if (response.headSent) return cut(response.socket);', 'if (response.headSent) return;'],
    ],
  },
  {
    name: 'head-made-up',
    check: '2-09',
    says: 'An app that returns a body and never calls startResponse: expected 500, got 200 OK',
    file: SERVER,
    edits: [
      [
        "response.head ?? breach('startResponse comes before the body')",
        "response.head ?? { status: '200 OK', headers: [] }",
      ],
    ],
  },
  {
    name: 'second-head',
    check: '2-09',
    says: 'An app that calls startResponse twice: expected 500, got 200 OK',
    file: SERVER,
    edits: [
      [
        "    if (response.started && !excInfo) breach('a second startResponse needs excInfo');\n",
        '',
      ],
    ],
  },
  {
    name: 'rule-not-named',
    check: '2-09',
    says: 'An app that returns a body and never calls startResponse gets its 500; expected the name of the rule, startResponse, in what your server prints',
    file: SERVER,
    edits: [['console.error(error);', "console.error('* the application failed');"]],
  },
  {
    name: 'no-errors-stream',
    check: '2-09',
    says: 'The validator about your server: wsgi.errors has write, writelines and flush',
    file: SERVER,
    isNamed: false,
    edits: [['        flush: () => {}, // nothing is held back\n', '']],
  },
];
