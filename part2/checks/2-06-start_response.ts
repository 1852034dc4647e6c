import type { Lesson } from '../../shared/checks/check.ts';
import {
  ask,
  CONTRACT,
  expectStatus,
  request,
  wrongAnswer,
} from '../../shared/checks/run/contract.ts';
import { asMistake } from '../../shared/checks/run/failure.ts';
import { PythonTrial, startResponseOf } from '../../shared/checks/run/python-trial.ts';
import { allOf, headerOf, quoteBytes } from '../../shared/checks/run/response.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

const HEADERS = 'headers: headers.map(([name, value]) => [name, value])';

export const check: Lesson = {
  title: "The application's status and headers are sent as it gave them",
  goal: 'A callback fixes the head before the body; its headers are a list of pairs.',
  hints: [
    'What becomes of the first Set-Cookie in an object whose keys are names?',
    "PEP 3333 'The start_response() Callable'; Buffer.from(head, 'latin1').",
    'Keep status and headers when they are given; "HTTP/1.1 " + status, and for (const [name, value] of headers) a line. The head is due at the first chunk of the body: a generator calls startResponse only then.',
  ],
  anchor: 'start-response',
  lenient: [
    'the order of headers with different names, and their letter case',
    'headers of the server, before or behind',
    'the reason phrase',
  ],
  byHand: "curl -i 'http://127.0.0.1:$PORT$TARGET'",
  solution: '2d',
  seconds: 5,
  run: checkHead,
  mistakes: [
    {
      name: 'always-200',
      says: 'GET /async, of which the app says 201 Created: expected 201, got 200 OK',
      file: 'part2/http.ts',
      edits: [['`HTTP/1.1 ${status}`', "`HTTP/1.1 ${status.startsWith('2') ? '200 OK' : status}`"]],
    },
    {
      name: 'headers-in-a-map',
      says: 'Set-Cookie: expected two lines, a=1 and b=2, got Set-Cookie: b=2',
      edits: [[HEADERS, 'headers: [...new Map(headers)]']],
    },
    {
      name: 'joined-cookies',
      says: 'Set-Cookie: expected two lines, a=1 and b=2, got Set-Cookie: a=1, b=2',
      edits: [
        [
          HEADERS,
          'headers: [...new Headers(headers)].filter(([name]) => name !== "set-cookie").concat(headers.some(([name]) => name === "Set-Cookie") ? [["Set-Cookie", headers.filter(([name]) => name === "Set-Cookie").map(([, value]) => value).join(", ")]] : [])',
        ],
      ],
    },
    {
      name: 'head-in-utf8',
      says: 'X-Last: expected "caf\\xe9", got "caf\\xc3\\xa9"',
      file: 'part2/http.ts',
      edits: [["Buffer.from(lines.join('\\r\\n'), 'latin1')", "Buffer.from(lines.join('\\r\\n'))"]],
    },
    {
      name: 'head-too-soon',
      says: 'GET /generator, which calls startResponse when its first piece is asked for: expected 200, got 500 Internal Server Error; your server printed: Error: the application broke a rule of PEP 3333: startResponse comes before the body',
      edits: [
        [
          'await this.finishResponse(response, result);',
          "response.head ?? breach('startResponse comes before the body');\n      await this.finishResponse(response, result);",
        ],
      ],
    },
    {
      name: 'bytes-as-text',
      says: 'GET /generator: expected the bytes "\\xff\\u0000\\xc3\\xa9\\xf0\\x9f\\x91\\x8b", got "\\xef\\xbf\\xbd\\u0000\\xc3\\xa9\\xf0\\x9f\\x91\\x8b"',
      edits: [
        [
          'const bytes = Buffer.from(checkChunk(chunk));',
          'const bytes = Buffer.from(`${checkChunk(chunk)}`);',
        ],
      ],
    },
    {
      name: 'chars-for-bytes',
      says: 'GET /text: Content-Length says 7, and 10 bytes came, which are as many characters: a length is in bytes',
      edits: [['sum + Buffer.byteLength(checkChunk(chunk))', 'sum + checkChunk(chunk).length']],
    },
    {
      name: 'large-pieces',
      says: 'GET /large: Content-Length says 400000, and N bytes came',
      edits: [
        [
          'const bytes = Buffer.from(checkChunk(chunk));',
          'const bytes = Buffer.from(checkChunk(chunk)).subarray(0, 65536);',
        ],
      ],
    },
    {
      name: 'empty-chunk-ends',
      says: 'GET /generator: its first piece is empty, and was sent as a chunk of length 0, which is the end',
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
      name: 'list-without-length',
      says: 'GET /text: a list has a length; expected Content-Length: 10 (or a body in chunks), got neither',
      edits: [
        [
          "        if (length > 0 || response.method !== 'HEAD') response.length = length;\n",
          '        void length;\n',
        ],
      ],
    },
  ],
};

async function checkHead(trial: Trial): Promise<void> {
  const server = await trial.start({ app: CONTRACT });
  const created = await ask(trial, server, request('GET /async HTTP/1.1'));
  const mistake = created.status === 200 ? 'always-200' : undefined;
  expectStatus(created, 201, 'GET /async, of which the app says 201 Created', server, mistake);
  const answer = await ask(trial, server, request('GET /headers HTTP/1.1'));
  const cookies = allOf(answer, 'set-cookie');
  if (cookies.join(' | ') !== 'a=1 | b=2') {
    const got = cookies.map((cookie) => `Set-Cookie: ${cookie}`).join(' and ') || 'none';
    const message = `Set-Cookie: expected two lines, a=1 and b=2, got ${got}`;
    const name = /a=1, ?b=2/.test(cookies[0] ?? '') ? 'joined-cookies' : 'headers-in-a-map';
    const at = Math.max(9, answer.bytes.toString('latin1').search(/set-cookie/i));
    throw wrongAnswer(message, answer, { at, mistake: cookies.length === 1 ? name : undefined });
  }
  const last = headerOf(answer, 'x-last');
  if (last !== 'caf\xe9' || headerOf(answer, 'x-first') !== '1') {
    const [name, wanted, got] =
      last === 'caf\xe9'
        ? ['X-First', '1', headerOf(answer, 'x-first')]
        : ['X-Last', 'caf\xe9', last];
    const message = `${name}: expected ${quoteBytes(wanted)}, got ${quoteBytes(got)}`;
    throw wrongAnswer(message, answer, {
      at: answer.bytes.indexOf(`${name}:`),
      mistake: last === 'caf\xc3\xa9' ? 'head-in-utf8' : undefined,
    });
  }
  const late = await ask(trial, server, request('GET /generator HTTP/1.1'));
  const what = `GET /generator, which calls ${startResponseOf(trial)} when its first piece is asked for`;
  expectStatus(late, 200, what, server, 'head-too-soon');
  const wanted = Buffer.from([0xff, 0, ...Buffer.from('é👋')]);
  if (!late.body.equals(wanted)) {
    const [expected, got] = [wanted, late.body].map((bytes) =>
      quoteBytes(bytes.toString('latin1')),
    );
    const hasEnded =
      late.body.length === 0 && /\r\n0\r\n\r\n./s.test(late.bytes.toString('latin1'));
    if (hasEnded) {
      const why =
        'GET /generator: its first piece is empty, and was sent as a chunk of length 0, which is the end';
      throw wrongAnswer(why, late, { mistake: 'empty-chunk-ends' });
    }
    const isText = late.body.includes(Buffer.from('\ufffd')) || late.body.includes('255');
    throw wrongAnswer(`GET /generator: expected the bytes ${expected}, got ${got}`, late, {
      mistake: isText ? 'bytes-as-text' : undefined,
    });
  }
  await checkText(trial, server);
}

/** A list of strings has a length that the server can know: in bytes, and none is a length, too. */
async function checkText(trial: Trial, server: ServerProcess): Promise<void> {
  const text = await ask(trial, server, request('GET /text HTTP/1.1'));
  if (text.body.toString() !== 'Zoë 👋\n') {
    const [expected, got] = ['Zoë 👋\n', text.body.toString('latin1')].map(quoteBytes);
    throw wrongAnswer(`GET /text: expected ${expected}, got ${got}`, text);
  }
  const asked = ask(trial, server, request('GET /large HTTP/1.1'));
  const large = await asked.catch(asMistake('large-pieces'));
  if (large.body.toString() !== 'é'.repeat(200_000)) {
    const message = `GET /large, of two pieces of 200000 bytes each: they did not arrive as they were, ${large.body.length} bytes in all`;
    throw wrongAnswer(message, large, { mistake: 'large-pieces' });
  }
  if (trial instanceof PythonTrial) return; // PEP 3333 lets a server leave it out
  for (const [target, length] of [
    ['/text', 10],
    ['/empty-list', 0],
  ] as const) {
    const answer = await ask(trial, server, request(`GET ${target} HTTP/1.1`));
    // Without one of them nobody can tell a whole answer from a cut one.
    if (headerOf(answer, 'content-length') ?? headerOf(answer, 'transfer-encoding')) continue;
    const message = `GET ${target}: a list has a length; expected Content-Length: ${length} (or a body in chunks), got neither`;
    throw wrongAnswer(message, answer, { at: 0, mistake: 'list-without-length' });
  }
}
