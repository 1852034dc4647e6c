import type { Lesson } from '../../shared/checks/check.ts';
import {
  ask,
  CONTRACT,
  environOf,
  expectStatus,
  request,
} from '../../shared/checks/run/contract.ts';
import type { Failure } from '../../shared/checks/run/failure.ts';
import { PythonTrial } from '../../shared/checks/run/python-trial.ts';
import { quote } from '../../shared/checks/run/response.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

/** All of them are well-formed. */
const FIELD_LINES = [
  'hOsT:  localhost:80 \t',
  'X-Time:12:34:56',
  'X-Mixed-Case: MiXeD',
  'content-type: text/x',
  'Content-Length: 0',
];

/** What each request here has, beside the fields that it is about. */
const SENT_ALWAYS = ['HTTP_HOST', 'HTTP_CONNECTION'];

export const check: Lesson = {
  title: "Fields become CGI's variables",
  goal: 'The names are from 1993: upper case, underscores, and two without HTTP_ in front.',
  hints: [
    'A client may write content-type or Content-Type: how does an application find it?',
    'CGI: RFC 3875 §4.1.18 for HTTP_*, §4.1.2 and §4.1.3 for CONTENT_LENGTH and CONTENT_TYPE.',
    'Cut at the first colon, trim; "HTTP_" + name.toUpperCase().replaceAll("-", "_"), but CONTENT_TYPE and CONTENT_LENGTH as they are; a name that comes twice: before + ", " + value.',
  ],
  anchor: 'headers',
  lenient: [
    'a space behind the comma of joined values, or none',
    'for a gateway in Python: how two Cookie lines are joined, and names with an underscore',
  ],
  byHand: 'printf $REQUEST | nc 127.0.0.1 $PORT',
  solution: '2c',
  seconds: 5,
  run: checkFields,
  mistakes: [
    {
      name: 'HTTP_CONTENT_TYPE',
      says: 'CONTENT_TYPE: expected "text/x", got none',
      edits: [
        [
          `if (variable === 'CONTENT_TYPE' || variable === 'CONTENT_LENGTH') environ[variable] = value;
      else environ`,
          'environ',
        ],
      ],
    },
    {
      name: 'invents-fields',
      says: 'HTTP_X_SERVER: expected none, for its client has sent no such field, got "mine"',
      edits: [
        [
          "if (variable === 'CONTENT_TYPE' ||",
          "environ.HTTP_X_SERVER = 'mine';\n      if (variable === 'CONTENT_TYPE' ||",
        ],
      ],
    },
    {
      name: 'untrimmed',
      says: 'HTTP_HOST: expected "localhost:80", got "  localhost:80 \\t"',
      edits: [
        ["headers.get('content-length') ?? '0'", "headers.get('content-length')?.trim() ?? '0'"],
        ["/[^ \\t](.*[^ \\t])?/.exec(padded)?.[0] ?? ''", 'padded'],
        ['if (!HOST.test(host)', 'if (!HOST.test(host.trim())'],
      ],
    },
    {
      name: 'cut-at-colon',
      says: 'HTTP_HOST: expected "localhost:80", got "localhost"',
      edits: [
        ["/[^ \\t](.*[^ \\t])?/.exec(padded)?.[0] ?? ''", "(line.split(':')[1] ?? padded).trim()"],
      ],
    },
    {
      name: 'lower-cased',
      says: 'HTTP_X_MIXED_CASE: expected "MiXeD", got "mixed"',
      edits: [['FIELD_LINE.exec(line) ??', 'FIELD_LINE.exec(line.toLowerCase()) ??']],
    },
    {
      name: 'last-one-wins',
      says: 'HTTP_X_TWO: expected "a, b", got "b"',
      edits: [
        ['before === undefined ? value : before + separator + value', 'value'],
        ["const separator = key === 'cookie' ? '; ' : ', ';", ''],
        ['const before = headers.get(key);', ''],
      ],
    },
    {
      name: 'first-dash-only',
      says: 'HTTP_X_MIXED_CASE: expected "MiXeD", got none; there is HTTP_X_MIXED-CASE',
      isNamed: false,
      edits: [[".replaceAll('-', '_')", ".replace('-', '_')"]],
    },
    {
      name: 'refuses-the-good',
      says: 'A request with the header "X-Time:12:34:56": expected 200, got 400 Bad Request',
      edits: [
        ['FIELD_LINE.exec(line) ??', '/^([^:]+): (.*)$/.exec(line) ??'],
        ['  FIELD_LINE,\n', ''],
      ],
    },
    {
      name: 'empty-is-missing',
      says: 'HTTP_X_EMPTY: expected "", got none',
      edits: [
        [
          "      if (name.includes('_') || name === 'proxy') continue;",
          "      if (name.includes('_') || name === 'proxy' || !value) continue;",
        ],
      ],
    },
    {
      name: 'head-as-utf8',
      says: 'HTTP_X_NAME: expected "J\\xf6rg", got "J\ufffdrg"',
      edits: [
        ["bytes.toString('latin1', 0, headEnd)", "bytes.toString('utf8', 0, headEnd)"],
        ['FIELD_LINE.exec(line) ??', '/^([\\w-]+):(.*)$/.exec(line) ??'],
      ],
    },
    {
      name: 'underscore-poses-as-dash',
      says: 'HTTP_X_REAL_IP: expected none, got "127.0.0.1"',
      edits: [["name.includes('_') || name === 'proxy'", "name === 'proxy'"]],
    },
    {
      name: 'httpoxy',
      says: 'HTTP_PROXY: expected none, got "http://evil"',
      edits: [["name.includes('_') || name === 'proxy'", "name.includes('_')"]],
    },
    {
      name: 'cookies-by-comma',
      says: 'HTTP_COOKIE: expected "a=1; b=2", got "a=1, b=2"',
      edits: [["key === 'cookie' ? '; ' : ', '", "', '"]],
    },
    {
      name: 'shared-environ',
      says: 'app.left: expected none, got "here"',
      edits: [
        [
          '    const environ: wsgi.Environ = {\n',
          '    const environ: wsgi.Environ = Object.assign(ENVIRON, {\n',
        ],
        ["      'wsgi.run_once': false,\n    };", "      'wsgi.run_once': false,\n    });"],
        [
          'export class WSGIServer {',
          'const ENVIRON = {} as wsgi.Environ;\n\nexport class WSGIServer {',
        ],
      ],
    },
  ],
};

async function checkFields(trial: Trial): Promise<void> {
  const server = await trial.start({ app: CONTRACT });
  const line = 'POST /environ HTTP/1.1';
  const seen = await environOf(trial, server, line, ...FIELD_LINES).catch(
    async (error: Failure) => {
      for (const field of FIELD_LINES) {
        const answer = await ask(trial, server, request(line, field));
        const what = `A request with the header ${quote(field)}`;
        expectStatus(answer, 200, what, server, 'refuses-the-good');
      }
      throw error;
    },
  );
  seen.expect('HTTP_HOST', 'localhost:80', {
    '  localhost:80 \t': 'untrimmed',
    ' localhost:80 \t': 'untrimmed',
    localhost: 'cut-at-colon',
    '  localhost': 'cut-at-colon',
  });
  seen.expect('HTTP_X_TIME', '12:34:56', { 12: 'cut-at-colon' });
  seen.expect('HTTP_X_MIXED_CASE', 'MiXeD', { mixed: 'lower-cased', MIXED: 'lower-cased' });
  const twin = seen.environ.HTTP_CONTENT_TYPE === 'text/x' ? 'HTTP_CONTENT_TYPE' : '';
  seen.expect('CONTENT_TYPE', 'text/x', twin ? { none: twin } : {});
  seen.expect('CONTENT_LENGTH', '0');
  for (const key of ['HTTP_CONTENT_TYPE', 'HTTP_CONTENT_LENGTH']) {
    seen.expect(key, undefined, { 'text/x': 'HTTP_CONTENT_TYPE', 0: 'HTTP_CONTENT_TYPE' });
  }
  const twice = ['GET /environ HTTP/1.1', 'X-Two: a', 'x-two:b'] as const;
  const both = await environOf(trial, server, ...twice);
  if (both.environ.HTTP_X_TWO !== 'a,b')
    both.expect('HTTP_X_TWO', 'a, b', { a: 'first-one-wins', b: 'last-one-wins' });
  await expectValues(trial, server);
}

/** Values at the edges, and names that pose as others. */
async function expectValues(trial: Trial, server: ServerProcess): Promise<void> {
  const fields = ['X-Empty:', 'X-Blank: \t ', 'X-Gap: a \t b', 'X-Name: J\xf6rg'];
  const seen = await environOf(trial, server, 'GET /environ HTTP/1.1', ...fields);
  await ask(trial, server, request('GET /leaves HTTP/1.1'));
  const next = await environOf(trial, server, 'GET /environ HTTP/1.1');
  next.expect('app.left', undefined, { here: 'shared-environ' });
  next.expect('HTTP_X_GAP', undefined, { 'a \t b': 'shared-environ' });
  for (const [key, value] of Object.entries(next.environ)) {
    if (!key.startsWith('HTTP_') || SENT_ALWAYS.includes(key)) continue;
    const message = `${key}: expected none, for its client has sent no such field, got ${quote(String(value))}`;
    throw next.wrong(key, message, 'invents-fields');
  }
  seen.expect('HTTP_X_EMPTY', '', { none: 'empty-is-missing' });
  seen.expect('HTTP_X_BLANK', '', { none: 'empty-is-missing' });
  seen.expect('HTTP_X_GAP', 'a \t b');
  seen.expect('HTTP_X_NAME', 'J\xf6rg', { 'J\ufffdrg': 'head-as-utf8' });
  if (trial instanceof PythonTrial) return; // its servers have their own ways with these
  const strange = ['X_Real_IP: 127.0.0.1', 'Proxy: http://evil', 'Cookie: a=1', 'Cookie: b=2'];
  const safe = await environOf(trial, server, 'GET /environ HTTP/1.1', ...strange);
  safe.expect('HTTP_X_REAL_IP', undefined, { '127.0.0.1': 'underscore-poses-as-dash' });
  safe.expect('HTTP_PROXY', undefined, { 'http://evil': 'httpoxy' });
  safe.expect('HTTP_COOKIE', 'a=1; b=2', {
    'a=1, b=2': 'cookies-by-comma',
    'a=1,b=2': 'cookies-by-comma',
  });
}
