/** Mistakes on the way from bytes to an environ: 2-01 to 2-05. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: edits are text of programs
import type { Mistake } from './mistake.ts';

const SERVER = 'part2/webserver2.ts';

export const REQUEST_MISTAKES: readonly Mistake[] = [
  {
    name: 'app-imported',
    check: '2-01',
    says: 'Started without an application, your program serves all the same; it should say what is missing, and exit with 1',
    file: SERVER,
    edits: [
      ["if (!name) throw new Error('Provide a WSGI application object as module:callable');", ''],
      ['loadApplication(name, {', "loadApplication('wsgiapp:app', {"],
    ],
  },
  {
    name: 'name-not-looked-up',
    check: '2-01',
    says: 'Told to run wsgiapp:nosuchname, your program serves all the same; it should say what is missing, and exit with 1',
    file: SERVER,
    edits: [
      [
        `const application = await loadApplication(name, {
      workers: positive(values, 'workers'),
      requestTimeout: positive(values, 'request-timeout'),
    });`,
        `void loadApplication;
    const [module, callable = 'app'] = name.split(':');
    const { [callable]: application } = await import(\`../shared/apps/\${module}.ts\`);`,
      ],
    ],
  },
  {
    name: 'says-nothing',
    check: '2-01',
    says: 'Started without an application, your program ends, and says nothing: expected the word application',
    file: SERVER,
    isNamed: false,
    edits: [
      [
        `    console.error(code ? \`\${message} (options: --port N, --host ADDRESS)\` : message);`,
        '    void [code, message];',
      ],
    ],
  },
  {
    name: 'exit-0',
    check: '2-01',
    says: 'Started without an application, your program exits with 0, which means success; expected 1',
    file: SERVER,
    edits: [['process.exit(1)', 'process.exit()']],
  },
  {
    name: 'assumes-get',
    check: '2-02',
    says: 'REQUEST_METHOD: expected "PROPFIND", got "GET"',
    file: SERVER,
    edits: [['REQUEST_METHOD: request.method', "REQUEST_METHOD: 'GET'"]],
  },
  {
    name: 'constant-protocol',
    check: '2-02',
    says: 'SERVER_PROTOCOL: expected "HTTP/1.0", got "HTTP/1.1"',
    file: SERVER,
    edits: [['SERVER_PROTOCOL: request.protocol', "SERVER_PROTOCOL: 'HTTP/1.1'"]],
  },
  {
    name: 'words-not-counted',
    check: '2-02',
    says: 'A request line of four words, "GET /environ x HTTP/1.1": expected 400, got 200',
    file: SERVER,
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
    name: 'query-in-path',
    check: '2-03',
    says: 'PATH_INFO: expected "/environ/caf\\xc3\\xa9 %2F", got "/environ/caf\\xc3\\xa9 %2F?q=a b?c=\\xc3\\xa9+d"',
    file: SERVER,
    edits: [["percentDecode(path || '/')", 'percentDecode(request.target)']],
  },
  {
    name: 'path-not-decoded',
    check: '2-03',
    says: 'PATH_INFO: expected "/environ/caf\\xc3\\xa9 %2F", got "/environ/caf%C3%A9%20%252F"',
    file: SERVER,
    edits: [
      ["percentDecode(path || '/')", "path || '/'"],
      ['  percentDecode,\n', ''],
    ],
  },
  {
    name: 'decodes-twice',
    check: '2-03',
    says: 'PATH_INFO: expected "/environ/caf\\xc3\\xa9 %2F", got "/environ/caf\\xc3\\xa9 /"',
    file: SERVER,
    edits: [["percentDecode(path || '/')", "percentDecode(percentDecode(path || '/'))"]],
  },
  {
    name: 'path-as-unicode',
    check: '2-03',
    says: 'PATH_INFO: expected "/environ/caf\\xc3\\xa9 %2F", got "/environ/caf\\xe9 %2F"',
    file: SERVER,
    edits: [["percentDecode(path || '/')", 'decodeURIComponent(path)']],
  },
  {
    name: 'query-decoded',
    check: '2-03',
    says: 'QUERY_STRING: expected "q=a%20b?c=%C3%A9+d", got "q=a b?c=\\xe9+d"',
    file: SERVER,
    edits: [['QUERY_STRING: query', 'QUERY_STRING: decodeURIComponent(query)']],
  },
  {
    name: 'query-cut',
    check: '2-03',
    says: 'QUERY_STRING: expected "q=a%20b?c=%C3%A9+d", got "q=a%20b"',
    file: SERVER,
    edits: [['QUERY_STRING: query', "QUERY_STRING: request.target.split('?')[1] ?? ''"]],
  },
  {
    name: 'malformed-escape',
    check: '2-03',
    says: 'GET /environ/%zz: expected %zz as it is, or a 400; got 500: decodeURIComponent throws on it',
    file: SERVER,
    edits: [
      [
        "percentDecode(path || '/')",
        "Buffer.from(decodeURIComponent(path || '/')).toString('latin1')",
      ],
    ],
  },
  {
    name: 'HTTP_CONTENT_TYPE',
    check: '2-04',
    says: 'CONTENT_TYPE: expected "text/x", got none',
    file: SERVER,
    edits: [
      [
        `if (variable === 'CONTENT_TYPE' || variable === 'CONTENT_LENGTH') environ[variable] = value;
      else environ`,
        'environ',
      ],
    ],
  },
  {
    name: 'untrimmed',
    check: '2-04',
    says: 'HTTP_HOST: expected "localhost:80", got "  localhost:80 \\t"',
    file: SERVER,
    edits: [
      ["headers.get('content-length') ?? '0'", "headers.get('content-length')?.trim() ?? '0'"],
      ["/[^ \\t](.*[^ \\t])?/.exec(padded)?.[0] ?? ''", 'padded'],
      ['if (!HOST.test(host)', 'if (!HOST.test(host.trim())'],
    ],
  },
  {
    name: 'cut-at-colon',
    check: '2-04',
    says: 'HTTP_HOST: expected "localhost:80", got "localhost"',
    file: SERVER,
    edits: [
      ["/[^ \\t](.*[^ \\t])?/.exec(padded)?.[0] ?? ''", "(line.split(':')[1] ?? padded).trim()"],
    ],
  },
  {
    name: 'lower-cased',
    check: '2-04',
    says: 'HTTP_X_MIXED_CASE: expected "MiXeD", got "mixed"',
    file: SERVER,
    edits: [['FIELD_LINE.exec(line) ??', 'FIELD_LINE.exec(line.toLowerCase()) ??']],
  },
  {
    name: 'last-one-wins',
    check: '2-04',
    says: 'HTTP_X_TWO: expected "a, b", got "b"',
    file: SERVER,
    edits: [
      ['before === undefined ? value : before + separator + value', 'value'],
      ["const separator = key === 'cookie' ? '; ' : ', ';", ''],
      ['const before = headers.get(key);', ''],
    ],
  },
  {
    name: 'one-read',
    check: '2-05',
    says: 'Of a body of 1 MiB the app got only the beginning: Content-Length promises more than one read brings',
    file: SERVER,
    edits: [['while (missing > 0) {', 'while (missing > length) {']],
  },
  {
    name: 'as-text',
    check: '2-05',
    says: 'The app did not read the body that was sent: the body went through a string: bytes are not text',
    file: SERVER,
    edits: [
      [
        'const whole = Buffer.concat(body).subarray(0, length);',
        'const whole = Buffer.from(Buffer.concat(body).toString());',
      ],
    ],
  },
  {
    name: 'head-in-input',
    check: '2-05',
    says: 'The app did not read the body that was sent: wsgi.input begins with the head',
    file: SERVER,
    edits: [
      [
        'return { request, body: whole };',
        'return { request, body: Buffer.concat([bytes.subarray(0, headEnd + 4), whole]) };',
      ],
    ],
  },
  {
    name: 'waits-for-fin',
    check: '2-05',
    says: "POST /sha256: no answer in 3 s, though every byte was sent; it comes behind the client's FIN, but a body ends where Content-Length says",
    file: SERVER,
    edits: [
      ['while (missing > 0) {', "while (request.method === 'POST' && length > 0) {"],
      [
        'const packet = await nextPacket(packets);',
        'const packet = await nextPacket(packets).catch(() => undefined);\n        if (!packet) break;',
      ],
    ],
  },
];
