/** Mistakes on the way from an application's answer to bytes, and with what is no request: 2-06 to 2-12. */
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
    says: '',
    ...IN_HTTP,
    edits: [['`HTTP/1.1 ${status}`', "`HTTP/1.1 ${status.startsWith('2') ? '200 OK' : status}`"]],
  },
  {
    name: 'headers-in-a-map',
    check: '2-06',
    says: '',
    file: SERVER,
    edits: [[HEADERS, 'headers: [...new Map(headers)]']],
  },
  {
    name: 'joined-cookies',
    check: '2-06',
    says: '',
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
    says: '',
    ...IN_HTTP,
    edits: [["Buffer.from(lines.join('\\r\\n'), 'latin1')", "Buffer.from(lines.join('\\r\\n'))"]],
  },
  {
    name: 'head-too-soon',
    check: '2-06',
    says: '',
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
    says: '',
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
    says: '',
    ...IN_HTTP,
    edits: [["if (!given.has('date')) lines", 'lines']],
  },
  {
    name: 'iso-date',
    check: '2-07',
    says: '',
    ...IN_HTTP,
    edits: [['toUTCString', 'toISOString']],
  },
  {
    name: 'constant-date',
    check: '2-07',
    says: '',
    ...IN_HTTP,
    edits: [['${new Date().toUTCString()}', 'Fri, 12 Jun 2015 19:45:00 GMT']],
  },
  {
    name: 'startup-date',
    check: '2-07',
    says: '',
    ...IN_HTTP,
    edits: [
      ['${new Date().toUTCString()}', '${STARTED}'],
      ['const TOKEN_CHARS =', 'const STARTED = new Date().toUTCString();\nconst TOKEN_CHARS ='],
    ],
  },
  {
    name: 'joins-first',
    check: '2-08',
    says: '',
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
    says: '',
    file: SERVER,
    edits: [['await this.#sendPiece(response.socket', 'void this.#sendPiece(response.socket']],
  },
  {
    name: 'dies-of-a-throw',
    check: '2-09',
    says: '',
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
    says: '',
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
    says: '',
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
    says: '',
    file: SERVER,
    edits: [
      ['if (response.headSent) return cut(response.socket);', 'if (response.headSent) return;'],
    ],
  },
  {
    name: 'head-made-up',
    check: '2-09',
    says: '',
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
    says: '',
    file: SERVER,
    edits: [
      ["    if (response.head && !excInfo) breach('a second startResponse needs excInfo');\n", ''],
    ],
  },
  {
    name: 'rule-not-named',
    check: '2-09',
    says: '',
    file: SERVER,
    edits: [['console.error(error);', "console.error('* the application failed');"]],
  },
  {
    name: 'no-errors-stream',
    check: '2-09',
    says: '',
    file: SERVER,
    isNamed: false,
    edits: [['        flush: () => {}, // nothing is held back\n', '']],
  },
  {
    name: 'hangs',
    check: '2-10',
    says: '',
    file: SERVER,
    edits: [
      [
        'const status = error instanceof Refusal ? error.status',
        'if (error instanceof Refusal) await once(response.socket, "close");\n    const status = error instanceof Refusal ? error.status',
      ],
    ],
  },
  {
    name: 'dies-of-rubbish',
    check: '2-10',
    says: '',
    file: SERVER,
    edits: [
      [
        "FIELD_LINE.exec(line) ?? refuse('400 Bad Request', 'malformed field line')",
        'FIELD_LINE.exec(line) ?? process.exit(1)',
      ],
    ],
  },
  {
    name: 'skips-bad-lines',
    check: '2-10',
    says: '',
    file: SERVER,
    edits: [
      [
        "      const [, name = '', padded = ''] =\n        FIELD_LINE.exec(line) ?? refuse('400 Bad Request', 'malformed field line');",
        "      const [, name = '', padded = ''] = FIELD_LINE.exec(line) ?? [];\n      if (!name) continue;",
      ],
    ],
  },
  {
    name: 'guesses',
    check: '2-10',
    says: '',
    file: SERVER,
    edits: [
      [
        "const value = /[^ \\t](.*[^ \\t])?/.exec(padded)?.[0] ?? '';",
        "const value = /[^ \\t](.*[^ \\t])?/.exec(padded)?.[0] ?? '';\n      if (key === 'content-length') headers.delete(key);",
      ],
    ],
  },
  {
    name: 'no-limit',
    check: '2-10',
    says: '',
    ...IN_HTTP,
    edits: [['MAX_HEAD_BYTES = 16 * 1024', 'MAX_HEAD_BYTES = Number.POSITIVE_INFINITY']],
  },
  {
    name: 'ignores-encoding',
    check: '2-10',
    says: '',
    file: SERVER,
    edits: [
      [
        "if (headers.has('transfer-encoding')) refuse('501 Not Implemented', 'Transfer-Encoding');",
        '',
      ],
    ],
  },
  {
    name: 'refuses-and-stays',
    check: '2-10',
    says: '',
    file: SERVER,
    edits: [
      [
        '    // FIN goes out behind the last byte.',
        "    if (response.method === '') return;\n    // FIN goes out behind the last byte.",
      ],
    ],
  },
  {
    name: 'head-with-body',
    check: '2-10',
    says: '',
    file: SERVER,
    edits: [["return method === 'HEAD' || isBodiless", "return method === '' || isBodiless"]],
  },
  {
    name: 'special-case',
    check: '2-11',
    says: '',
    file: SERVER,
    edits: [
      [
        "const { loadApplication } = await import('../shared/app-loader.ts');",
        "const { loadApplication } = await import('../shared/app-loader.ts');\n    if (!/^(wsgiapp|expressapp|nosuch|shared)/.test(name)) throw new Error(`${name}: unknown framework`);",
      ],
    ],
  },
  {
    name: 'default-type',
    check: '2-12',
    says: '',
    ...IN_HTTP,
    edits: [
      [
        "  if (!given.has('server'))",
        "  if (!given.has('content-type')) lines.push('Content-Type: text/html');\n  if (!given.has('server'))",
      ],
    ],
  },
  {
    name: 'body-of-304',
    check: '2-12',
    says: '',
    file: SERVER,
    edits: [
      [
        "return method === 'HEAD' || isBodiless(head?.status ?? '');",
        "return method === 'HEAD' || /^204/.test(head?.status ?? '');",
      ],
    ],
  },
];
