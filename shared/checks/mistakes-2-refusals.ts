/** Mistakes with what is no request, and with applications of all kinds: 2-10 to 2-12. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: edits are text of programs
import type { Mistake } from './mistake.ts';

const SERVER = 'part2/webserver2.ts';
const HTTP = 'part2/http.ts';
/** Made in http.ts, and run with the server that uses it. */
const IN_HTTP = { file: HTTP, run: SERVER };

export const REFUSAL_MISTAKES: readonly Mistake[] = [
  {
    name: 'hangs',
    check: '2-10',
    says: 'A header without a colon: expected a refusal, got nothing in 3 s',
    file: SERVER,
    edits: [
      [
        'const status = error instanceof Refusal ? error.status',
        'if (/field line/.test(`${error}`)) await once(response.socket, "close");\n    const status = error instanceof Refusal ? error.status',
      ],
    ],
  },
  {
    name: 'dies-of-rubbish',
    check: '2-10',
    says: 'A header without a colon: the connection was closed without an answer; your program ended',
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
    says: 'A header without a colon: expected 400, got 200 OK',
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
    says: 'Two different Content-Lengths: expected 400, got 200 OK',
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
    says: 'A header of 1 MiB: expected 431, got 200 OK',
    ...IN_HTTP,
    edits: [['MAX_HEAD_BYTES = 16 * 1024', 'MAX_HEAD_BYTES = Number.POSITIVE_INFINITY']],
  },
  {
    name: 'ignores-encoding',
    check: '2-10',
    says: 'Transfer-Encoding: zigzag: expected 501, got 200 OK',
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
    says: 'A header without a colon: refused, and the connection is still open after 3 s; what comes next cannot be understood either',
    file: SERVER,
    edits: [
      [
        'await this.finishResponse({ ...response, head }, [`${status}${detail}\\n`]);',
        "await this.finishResponse({ ...response, head }, [`${status}${detail}\\n`]);\n    if (/field line/.test(detail)) await once(response.socket, 'close');",
      ],
    ],
  },
  {
    name: 'head-with-body',
    check: '2-10',
    says: 'HEAD /hello: expected the head alone, got a body behind it',
    file: SERVER,
    edits: [["return method === 'HEAD' || isBodiless", "return method === 'NONE' || isBodiless"]],
  },
  {
    name: 'special-case',
    check: '2-11',
    says: 'Your program runs 2 of the three frameworks, and ended when told to run honoapp:app',
    file: SERVER,
    edits: [
      [
        'const application = await loadApplication(name, {',
        'if (!/wsgiapp|expressapp|nosuch|contract/.test(name)) throw new Error(`${name}: unknown framework`);\n    const application = await loadApplication(name, {',
      ],
    ],
  },
  {
    name: 'default-type',
    check: '2-12',
    says: 'GET /headers: node:http sends none for content-type, your server "text/html"; the app is the same',
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
    says: 'GET /304: node:http sends the body "", your server "not for the wire"',
    file: SERVER,
    edits: [
      [
        "return method === 'HEAD' || isBodiless(head?.status ?? '');",
        "return method === 'HEAD' || /^204/.test(head?.status ?? '');",
      ],
    ],
  },
];
