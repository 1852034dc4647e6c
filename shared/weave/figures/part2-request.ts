/** Part 2: a request's way to the application, and the answer's way back. */
import { arrow, badge, box, cross, figure, line, lines, tape, text } from './draw.ts';
import { type Role, SIZE, type Tint } from './style.ts';

const SMALL = { size: SIZE.small } as const;
const CODE = { mono: true, size: SIZE.smallMono } as const;

export const environ = figure(
  'A request taken apart into environ',
  'A POST request taken apart into environ. The method becomes REQUEST_METHOD, the path percent-decoded PATH_INFO, the ' +
    'query QUERY_STRING as it was sent, the version SERVER_PROTOCOL; Host becomes HTTP_HOST, but Content-Type and ' +
    'Content-Length become CONTENT_TYPE and CONTENT_LENGTH without HTTP_; the body is read from wsgi.input. The socket ' +
    'supplies SERVER_NAME, SERVER_PORT, REMOTE_ADDR and REMOTE_PORT.',
  960,
  () => {
    type Part = Exclude<Role, 'ink' | 'faint'> & Tint;
    const parts: Part[] = ['client', 'server', 'app', 'kernel', 'alarm', 'server', 'app', 'client'];
    const part = (n: number): Part => parts[n - 1] ?? 'client';
    const mark = (n: number, x: number, y: number) => badge(x, y, `${n}`, part(n));
    const cell = (n: number, bytes: string) => ({ bytes, role: part(n), tint: part(n) });
    const end = { bytes: '\r\n' };
    const field = (n: number, y: number, bytes: string) => {
      const { svg, end: at } = tape(24, y, [cell(n, bytes), end]);
      return `${svg}\n${mark(n, at + 26, y - 6)}`;
    };
    const entry = (numbers: number[], i: number, key: string, value: string) => {
      const y = 372 + i * 46;
      return [
        ...numbers.map((n, at) => mark(n, 40 + at * 32, y - 6)),
        text(106, y, key, { ...CODE, bold: true }),
        value ? text(312, y, value, CODE) : '',
      ].join('\n');
    };
    return [
      mark(1, 45, 38),
      mark(2, 132, 38),
      mark(3, 238, 38),
      mark(4, 326, 38),
      tape(24, 80, [
        cell(1, 'POST'),
        { bytes: ' ' },
        cell(2, '/caf%C3%A9'),
        { bytes: '?' },
        cell(3, 'q=a%20b'),
        { bytes: ' ' },
        cell(4, 'HTTP/1.1'),
        end,
      ]).svg,
      field(5, 118, 'Host: localhost:8888'),
      field(6, 156, 'Content-Type: text/plain'),
      field(7, 194, 'Content-Length: 5'),
      tape(24, 232, [end]).svg,
      tape(24, 270, [cell(8, 'hello')]).svg,
      mark(8, 104, 264),
      arrow(
        [
          [320, 286],
          [320, 330],
        ],
        { weight: 4 },
      ),
      text(340, 314, 'getEnviron()', { ...CODE, role: 'faint' }),
      entry([1], 0, 'REQUEST_METHOD', "'POST'"),
      entry([2], 1, 'PATH_INFO', "'/caf\\xc3\\xa9'"),
      text(484, 418, 'decoded', { ...SMALL, role: 'faint' }),
      entry([3], 2, 'QUERY_STRING', "'q=a%20b'"),
      text(484, 464, 'as it was sent', { ...SMALL, role: 'faint' }),
      entry([2, 3], 3, 'REQUEST_URI', "'/caf%C3%A9?q=a%20b'"),
      entry([4], 4, 'SERVER_PROTOCOL', "'HTTP/1.1'"),
      entry([5], 5, 'HTTP_HOST', "'localhost:8888'"),
      entry([6], 6, 'CONTENT_TYPE', "'text/plain'"),
      text(484, 648, 'no HTTP_', { ...SMALL, role: 'faint' }),
      entry([7], 7, 'CONTENT_LENGTH', "'5'"),
      text(484, 694, 'no HTTP_', { ...SMALL, role: 'faint' }),
      entry([8], 8, 'wsgi.input', ''),
      text(312, 740, 'hello, when it is read', SMALL),
      line(
        [
          [24, 770],
          [616, 770],
        ],
        { dashed: true },
      ),
      text(24, 804, 'From the socket:', { ...SMALL, role: 'faint' }),
      text(24, 834, 'SERVER_NAME SERVER_PORT REMOTE_ADDR REMOTE_PORT', CODE),
      text(24, 878, 'From the server itself:', { ...SMALL, role: 'faint' }),
      text(24, 908, 'SCRIPT_NAME wsgi.version wsgi.url_scheme', CODE),
      text(24, 936, 'wsgi.errors wsgi.multithread …', CODE),
    ];
  },
);

export const lifeOfARequest = figure(
  'The life of a request in seven steps',
  'Seven steps. The server loads the application, once; then for each request it reads the bytes, parses them, builds ' +
    'environ, and calls the application with environ and startResponse. The application names status and headers and ' +
    'returns the body, and the server sends head and body to the client.',
  800,
  () => {
    const [x, w] = [92, 300];
    const step = (n: number, y: number, what: string, code: string) =>
      [
        box(x, y, w, 78, '', { tint: 'server', line: 'server' }),
        badge(x + 26, y + 39, `${n}`, 'server'),
        text(x + 52, y + 32, what, { bold: true, role: 'server' }),
        text(x + 52, y + 60, code, CODE),
      ].join('\n');
    const down = (y: number) =>
      arrow(
        [
          [x + w / 2, y],
          [x + w / 2, y + 28],
        ],
        { role: 'server' },
      );
    const tops = [24, 152, 260, 368, 476, 690] as const;
    const [load, read, parse, build, call, send] = tops;
    return [
      step(1, load, 'load the application', 'loadApplication()'),
      text(x + w + 24, load + 36, 'once, at the start', { ...SMALL, role: 'faint' }),
      line(
        [
          [24, 127],
          [616, 127],
        ],
        { dashed: true },
      ),
      text(x + w + 24, read + 36, 'to the blank line,', { ...SMALL, role: 'faint' }),
      text(x + w + 24, read + 58, 'and the body', { ...SMALL, role: 'faint' }),
      step(2, read, 'read a request', '#readRequest()'),
      down(read + 79),
      step(3, parse, 'take it apart', 'parseRequest()'),
      down(parse + 79),
      step(4, build, 'build environ', 'getEnviron()'),
      down(build + 79),
      step(5, call, 'call the application', 'application(…)'),
      arrow(
        [
          [x + w, call + 39],
          [510, call + 39],
          [510, call + 88],
        ],
        { role: 'app' },
      ),
      lines(404, call + 8, ['environ,', 'startResponse'], { ...CODE, role: 'app' }),
      box(300, call + 90, 316, 106, '', { tint: 'app', line: 'app' }),
      badge(326, call + 143, '6', 'app'),
      text(352, call + 122, 'answer', { bold: true, role: 'app' }),
      text(352, call + 150, 'startResponse(…)', CODE),
      text(352, call + 178, 'returns the body', SMALL),
      arrow(
        [
          [510, call + 196],
          [510, send + 39],
          [x + w + 2, send + 39],
        ],
        { role: 'app' },
      ),
      step(7, send, 'send head and body', 'finishResponse()'),
      arrow(
        [
          [x, send + 39],
          [56, send + 39],
          [56, read + 39],
          [x - 2, read + 39],
        ],
        { role: 'server' },
      ),
      text(24, send + 66, 'next', { ...SMALL, role: 'server' }),
    ];
  },
);

export const startResponse = figure(
  'When the head leaves, and who wrote it',
  'The application calls startResponse: nothing is sent. It yields an empty chunk: nothing is sent. It yields its first ' +
    "bytes: the head leaves together with them. Of the head, status and Content-Type are the application's; HTTP/1.1, " +
    "Date, Server and Connection are the server's.",
  730,
  () => {
    const act = (y: number, code: string) =>
      box(24, y, 336, 48, code, { tint: 'app', line: 'app', ...CODE, role: 'app' });
    const held = (y: number, words: string) => [
      line(
        [
          [360, y + 24],
          [402, y + 24],
        ],
        { role: 'server', dashed: true },
      ),
      cross(412, y + 24, 'faint'),
      text(432, y + 30, words, SMALL),
    ];
    const ours = (bytes: string) => ({ bytes, tint: 'server', role: 'server' }) as const;
    const theirs = (bytes: string) => ({ bytes, tint: 'app', role: 'app' }) as const;
    const wire = [
      [ours('HTTP/1.1 '), theirs('200 OK'), ours('\r\n')],
      [theirs('Content-Type: text/plain'), ours('\r\n')],
      [ours('Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n')],
      [ours('Server: WSGIServer/2.0\r\n')],
      [ours('Connection: close\r\n')],
      [ours('\r\n')],
      [theirs('Hello')],
    ];
    return [
      text(24, 40, 'The application', { bold: true, role: 'app' }),
      text(616, 40, 'The wire', { bold: true, role: 'server', anchor: 'end' }),
      act(60, "startResponse('200 OK', …)"),
      ...held(60, 'kept: nothing yet'),
      act(134, "yield ''"),
      ...held(134, 'nothing for nothing'),
      act(208, "yield 'Hello'"),
      arrow(
        [
          [360, 232],
          [430, 232],
          [430, 296],
        ],
        { role: 'server', weight: 4 },
      ),
      text(444, 238, 'the head, and', SMALL),
      text(444, 261, 'these bytes', SMALL),
      box(24, 298, 592, 300, '', { line: 'server' }),
      ...wire.map((cells, i) => tape(44, 336 + i * 38, cells).svg),
      box(24, 622, 26, 26, '', { tint: 'app', line: 'app' }),
      text(60, 642, 'what the application said', { role: 'app' }),
      box(340, 622, 26, 26, '', { tint: 'server', line: 'server' }),
      text(376, 642, 'what the server adds', { role: 'server' }),
      lines(
        24,
        682,
        [
          'Had it returned a list, the server would know its length, and',
          'would add Content-Length.',
        ],
        {
          ...SMALL,
          role: 'faint',
        },
      ),
    ];
  },
);
