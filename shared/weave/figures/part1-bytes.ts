/** Part 1: the bytes of a request, and of a response. */
import { arrow, box, brace, type Cell, figure, line, tape, text } from './draw.ts';
import { SIZE } from './style.ts';

const SMALL = { size: SIZE.small } as const;
export const requestAnatomy = figure(
  'The bytes of a request',
  'The bytes of a request: a request line of method, target and version, then field lines of name, colon and value, ' +
    'each ending in CR LF, then a blank line that ends the head. A body would ' +
    'begin behind it; this head announces none.',
  404,
  () => {
    const y = 86;
    const row = (i: number) => y + 44 + i * 44;
    const name: Partial<Cell> = { role: 'server' };
    const field = (i: number, key: string, value: string) =>
      tape(24, row(i), [{ bytes: key, ...name }, { bytes: ':' }, { bytes: ` ${value}` }, end], 20)
        .svg;
    const end: Cell = { bytes: '\r\n', tint: 'quiet' };
    return [
      label(54, 40, 'method', 'client'),
      label(134, 40, 'target', 'kernel'),
      label(226, 40, 'version', 'app'),
      line(
        [
          [42, 48],
          [42, 64],
        ],
        { role: 'client' },
      ),
      line(
        [
          [108, 48],
          [108, 64],
        ],
        { role: 'kernel' },
      ),
      line(
        [
          [204, 48],
          [204, 64],
        ],
        { role: 'app' },
      ),
      tape(
        24,
        y,
        [
          { bytes: 'GET', role: 'client', tint: 'client' },
          { bytes: ' ' },
          { bytes: '/hello', role: 'kernel', tint: 'kernel' },
          { bytes: ' ' },
          { bytes: 'HTTP/1.1', role: 'app', tint: 'app' },
          end,
        ],
        20,
      ).svg,
      field(0, 'Host', 'localhost:8888'),
      field(1, 'User-Agent', 'curl/7.88.1'),
      field(2, 'Accept', '*/*'),
      tape(24, row(3), [end], 20).svg,
      brace(364, y - 22, y + 10),
      text(390, y + 2, 'request line'),
      brace(364, row(0) - 20, row(2) + 10),
      text(390, row(1) - 10, 'field lines'),
      text(390, row(1) + 16, 'name', { ...SMALL, role: 'server' }),
      text(440, row(1) + 16, ': value', SMALL),
      brace(364, row(3) - 22, row(3) + 10),
      text(390, row(3), 'a blank line:'),
      text(390, row(3) + 26, 'the head is over'),
      line(
        [
          [24, row(4) + 2],
          [616, row(4) + 2],
        ],
        { dashed: true },
      ),
      text(24, row(4) + 36, 'A body would begin here. This head announces none.', {
        role: 'faint',
      }),
      text(24, row(4) + 68, '\\r\\n', { mono: true, role: 'faint' }),
      text(84, row(4) + 68, 'is CR LF: two bytes, 13 and 10, end a line.', { role: 'faint' }),
    ];
  },
);

function label(x: number, y: number, words: string, role: 'client' | 'kernel' | 'app'): string {
  return text(x, y, words, { size: SIZE.small, role, anchor: 'middle' });
}

/** The page of webserver1, and what the head says of it. */
const PAGE = 'Hello, World! (Hallo, schöne Welt! 👋)\n';

export const responseAnatomy = figure(
  'The bytes of a response',
  "The bytes of webserver1's answer: a status line of version, status code and reason, three field lines, a blank " +
    `line, and the body. Content-Length is ${Buffer.byteLength(PAGE)} because it counts bytes: the ö is two of them and ` +
    `the waving hand is four. JavaScript's string length would have said ${PAGE.length}.`,
  470,
  () => {
    const y = 86;
    const row = (i: number) => y + 40 + i * 40;
    const end: Cell = { bytes: '\r\n', tint: 'quiet' };
    const field = (i: number, key: string, value: string) =>
      tape(24, row(i), [
        { bytes: key, role: 'server' },
        { bytes: ':' },
        { bytes: ` ${value}` },
        end,
      ]).svg;
    const body = row(4) + 12;
    return [
      label(67, 40, 'version', 'app'),
      label(160, 40, 'code', 'client'),
      label(228, 40, 'reason', 'kernel'),
      line(
        [
          [67, 48],
          [67, 64],
        ],
        { role: 'app' },
      ),
      line(
        [
          [137, 48],
          [137, 64],
        ],
        { role: 'client' },
      ),
      line(
        [
          [175, 48],
          [175, 64],
        ],
        { role: 'kernel' },
      ),
      tape(24, y, [
        { bytes: 'HTTP/1.1', role: 'app', tint: 'app' },
        { bytes: ' ' },
        { bytes: '200', role: 'client', tint: 'client' },
        { bytes: ' ' },
        { bytes: 'OK', role: 'kernel', tint: 'kernel' },
        end,
      ]).svg,
      field(0, 'Content-Type', 'text/html; charset=utf-8'),
      field(1, 'Content-Length', String(Buffer.byteLength(PAGE))),
      field(2, 'Connection', 'close'),
      tape(24, row(3), [end]).svg,
      brace(484, y - 22, y + 10),
      text(508, y + 2, 'status line'),
      brace(484, row(0) - 20, row(2) + 10),
      text(508, row(1) + 2, 'field lines'),
      brace(484, row(3) - 22, row(3) + 10),
      text(508, row(3), 'blank line'),
      tape(24, body, [
        { bytes: 'Hello, World! (Hallo, sch' },
        { bytes: 'ö', tint: 'app', role: 'app' },
        { bytes: 'ne Welt! ' },
        { bytes: '👋', tint: 'server', role: 'server' },
        { bytes: ')' },
        { bytes: '\n', tint: 'quiet', role: 'faint' },
      ]).svg,
      brace(484, body - 22, body + 10),
      text(508, body, 'the body'),
      arrow(
        [
          [299, body + 10],
          [299, body + 30],
          [140, body + 30],
          [140, body + 48],
        ],
        { role: 'app' },
      ),
      arrow(
        [
          [418, body + 10],
          [418, body + 48],
        ],
        { role: 'server' },
      ),
      box(80, body + 50, 120, 36, 'c3 b6', { tint: 'app', mono: true, role: 'app' }),
      box(313, body + 50, 200, 36, 'f0 9f 91 8b', { tint: 'server', mono: true, role: 'server' }),
      text(140, body + 110, 'length 1, 2 bytes', { ...SMALL, anchor: 'middle' }),
      text(413, body + 110, 'length 2, 4 bytes', { ...SMALL, anchor: 'middle' }),
      text(
        320,
        body + 148,
        `As a string its length is ${PAGE.length}; in bytes it is ${Buffer.byteLength(PAGE)}.`,
        {
          anchor: 'middle',
        },
      ),
    ];
  },
);
