/** Mistakes on the way from bytes to an environ: 2-01 to 2-05. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: edits are text of programs
import type { Mistake } from './mistake.ts';

const SERVER = 'part2/webserver2.ts';

export const REQUEST_MISTAKES: readonly Mistake[] = [
  {
    name: 'app-imported',
    check: '2-01',
    says: '',
    file: SERVER,
    edits: [
      ["if (!name) throw new Error('Provide a WSGI application object as module:callable');", ''],
      ['loadApplication(name, {', "loadApplication('wsgiapp:app', {"],
    ],
  },
  {
    name: 'name-not-looked-up',
    check: '2-01',
    says: '',
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
    says: '',
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
    says: '',
    file: SERVER,
    edits: [['process.exit(1)', 'process.exit()']],
  },
  {
    name: 'assumes-get',
    check: '2-02',
    says: '',
    file: SERVER,
    edits: [['REQUEST_METHOD: request.method', "REQUEST_METHOD: 'GET'"]],
  },
  {
    name: 'constant-protocol',
    check: '2-02',
    says: '',
    file: SERVER,
    edits: [['SERVER_PROTOCOL: request.protocol', "SERVER_PROTOCOL: 'HTTP/1.1'"]],
  },
  {
    name: 'two-words',
    check: '2-02',
    says: '',
    file: SERVER,
    edits: [
      [
        `      REQUEST_LINE.exec(requestLine) ?? refuse('400 Bad Request', 'malformed request line');
    if (!/1\\.[01]$/.test(protocol))`,
        `      [requestLine, ...requestLine.split(' ')];
    if (protocol && !/1\\.[01]$/.test(protocol))`,
      ],
    ],
  },
  {
    name: 'query-in-path',
    check: '2-03',
    says: '',
    file: SERVER,
    edits: [["percentDecode(path || '/')", 'percentDecode(request.target)']],
  },
  {
    name: 'path-not-decoded',
    check: '2-03',
    says: '',
    file: SERVER,
    edits: [
      ["percentDecode(path || '/')", "path || '/'"],
      ['  percentDecode,\n', ''],
    ],
  },
  {
    name: 'decodes-twice',
    check: '2-03',
    says: '',
    file: SERVER,
    edits: [["percentDecode(path || '/')", "percentDecode(percentDecode(path || '/'))"]],
  },
  {
    name: 'path-as-unicode',
    check: '2-03',
    says: '',
    file: SERVER,
    edits: [["percentDecode(path || '/')", 'decodeURIComponent(path)']],
  },
  {
    name: 'query-decoded',
    check: '2-03',
    says: '',
    file: SERVER,
    edits: [['QUERY_STRING: query', 'QUERY_STRING: decodeURIComponent(query)']],
  },
  {
    name: 'query-cut',
    check: '2-03',
    says: '',
    file: SERVER,
    edits: [['QUERY_STRING: query', "QUERY_STRING: request.target.split('?')[1] ?? ''"]],
  },
  {
    name: 'malformed-escape',
    check: '2-03',
    says: '',
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
    says: '',
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
    says: '',
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
    says: '',
    file: SERVER,
    edits: [
      ["/[^ \\t](.*[^ \\t])?/.exec(padded)?.[0] ?? ''", "(line.split(':')[1] ?? padded).trim()"],
    ],
  },
  {
    name: 'lower-cased',
    check: '2-04',
    says: '',
    file: SERVER,
    edits: [['FIELD_LINE.exec(line) ??', 'FIELD_LINE.exec(line.toLowerCase()) ??']],
  },
  {
    name: 'last-one-wins',
    check: '2-04',
    says: '',
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
    says: '',
    file: SERVER,
    edits: [['while (missing > 0) {', 'while (missing > length) {']],
  },
  {
    name: 'as-text',
    check: '2-05',
    says: '',
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
    says: '',
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
    says: '',
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
