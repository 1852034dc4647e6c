/** More mistakes of part 2, which readers make and the first lists did not have. */
import type { Mistake } from './mistake.ts';

const SERVER = 'part2/webserver2.ts';

export const MORE_MISTAKES: readonly Mistake[] = [
  {
    name: 'wrong-length',
    check: '2-02',
    says: 'PROPFIND /environ: Content-Length says 23, and NOW bytes came',
    file: 'part2/http.ts',
    run: SERVER,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: an edit is text of a program
    edits: [['`Content-Length: ${length}`', "'Content-Length: 23'"]],
  },
  {
    name: 'first-dash-only',
    check: '2-04',
    says: 'HTTP_X_MIXED_CASE: expected "MiXeD", got none; there is HTTP_X_MIXED-CASE',
    isNamed: false,
    file: SERVER,
    edits: [[".replaceAll('-', '_')", ".replace('-', '_')"]],
  },
  {
    name: 'refuses-the-good',
    check: '2-04',
    says: 'A request with the header "X-Time:12:34:56": expected 200, got 400 Bad Request',
    file: SERVER,
    edits: [
      ['FIELD_LINE.exec(line) ??', '/^([^:]+): (.*)$/.exec(line) ??'],
      ['  FIELD_LINE,\n', ''],
    ],
  },
  {
    name: 'app-not-awaited',
    check: '2-05',
    says: 'POST of 1048576 bytes: expected 200, got 500 Internal Server Error; your server printed: Error: the application broke a rule of PEP 3333: an application returns something to iterate over',
    isNamed: false,
    file: SERVER,
    edits: [
      ['const result = await this.#application?.(', 'const result: any = this.#application?.('],
    ],
  },
  {
    name: 'chars-for-bytes',
    check: '2-06',
    says: 'GET /text: Content-Length says 7, and 10 bytes came, which are as many characters: a length is in bytes',
    file: SERVER,
    edits: [['sum + Buffer.byteLength(checkChunk(chunk))', 'sum + checkChunk(chunk).length']],
  },
  {
    name: 'empty-chunk-ends',
    check: '2-06',
    says: 'GET /generator: its first piece is empty, and was sent as a chunk of length 0, which is the end',
    file: SERVER,
    edits: [
      [
        'if (!response.headSent) await this.#send(response, Buffer.alloc(0));',
        'if (!response.headSent || response.length === undefined) await this.#send(response, Buffer.alloc(0));',
      ],
      [
        'if (bytes.length > 0) await this.#send(response, bytes);',
        'await this.#send(response, bytes);',
      ],
      [
        'const bytes = hasNoBody(response) ? [] : [body];',
        "const isChunked = response.length === undefined && !hasNoBody(response);\n    const chunk = [Buffer.from(body.length.toString(16) + '\\r\\n'), body, Buffer.from('\\r\\n')];\n    const bytes = hasNoBody(response) ? [] : isChunked ? chunk : [body];",
      ],
      [
        'bytes.unshift(serializeHead(status, headers, length));',
        "bytes.unshift(serializeHead(status, isChunked ? [...headers, ['Transfer-Encoding', 'chunked']] : headers, length));",
      ],
    ],
  },
  {
    name: 'dies-of-a-client',
    check: '2-08',
    says: 'A client left in the middle of its answer, and your program ended',
    file: SERVER,
    edits: [["socket.on('error', () => socket.destroy());", '']],
  },
  {
    name: 'head-of-another',
    check: '2-09',
    says: 'An app that returns a body and never calls startResponse: expected 500, got the head of the request before it',
    file: SERVER,
    edits: [
      ['    response.head = { status', '    lastHead = response.head = { status'],
      [
        "response.head ?? breach('startResponse comes before the body')",
        "response.head ?? lastHead ?? breach('startResponse comes before the body')",
      ],
      ['export class WSGIServer {', "let lastHead: Response['head'];\n\nexport class WSGIServer {"],
    ],
  },
  {
    name: 'length-of-nothing',
    check: '2-10',
    says: 'HEAD /hello: its Content-Length is that of GET, 14, or left out; got 0',
    file: SERVER,
    edits: [
      [
        "if (length > 0 || response.method !== 'HEAD') response.length = length;",
        "response.length = response.method === 'HEAD' ? 0 : length;",
      ],
    ],
  },
];
