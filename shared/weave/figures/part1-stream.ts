/** Part 1: how the bytes of a request come. */
import { type Cell, figure, line, lines, tape, text } from './draw.ts';
import { SIZE } from './style.ts';

const SMALL = { size: SIZE.small } as const;

const SENT = 'GET /hello HTTP/1.1\r\nHost: x\r\n\r\n';
/** Where the network cut it. */
const CUTS = [8, 31] as const;

export const stream = figure(
  'A stream, not messages',
  "One request head sent, three 'data' events received, cut in the middle of a word and in the middle of the blank " +
    'line. None of the three pieces holds CR LF CR LF; only the bytes collected so far have it, at index ' +
    `${SENT.indexOf('\r\n\r\n')}, once the last piece has come.`,
  584,
  () => {
    const pieces = [SENT.slice(0, CUTS[0]), SENT.slice(...CUTS), SENT.slice(CUTS[1])];
    const [first = '', second = '', third = ''] = pieces;
    const cells: Cell[] = [
      { bytes: first, tint: 'client', role: 'client' },
      { bytes: second, tint: 'app', role: 'app' },
      { bytes: third, tint: 'server', role: 'server' },
    ];
    const rows = cells.map((cell, i) => {
      const y = 210 + i * 118;
      const soFar = pieces.slice(0, i + 1).join('');
      const at = soFar.indexOf('\r\n\r\n');
      return [
        text(24, y - 34, `'data' ${i + 1}:  ${cell.bytes.length} byte${i < 2 ? 's' : ''}`, {
          ...SMALL,
          role: 'faint',
        }),
        tape(24, y, cells.slice(0, i + 1)).svg,
        i === 0
          ? ''
          : line(
              [
                [24, y + 12],
                [tape(24, y, cells.slice(0, i)).end - 3, y + 12],
              ],
              { weight: 3 },
            ),
        text(24, y + 42, `indexOf = ${at}`, { mono: true, role: at < 0 ? 'faint' : 'app' }),
        text(
          200,
          y + 42,
          at < 0 ? 'no blank line yet: go on reading' : 'the head is whole: answer',
          {
            ...SMALL,
            role: at < 0 ? 'faint' : 'app',
          },
        ),
      ].join('\n');
    });
    return [
      text(24, 46, `The client wrote ${SENT.length} bytes, in one go:`),
      tape(24, 84, [{ bytes: SENT, tint: 'quiet' }]).svg,
      text(24, 130, 'The server reads three pieces, and collects:'),
      ...rows,
      lines(
        24,
        530,
        ['The underlined bytes had come before. No single piece', 'holds \\r\\n\\r\\n.'],
        {
          role: 'faint',
          ...SMALL,
        },
      ),
    ];
  },
);
