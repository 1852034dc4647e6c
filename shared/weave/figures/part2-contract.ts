/** Part 2: why there is a contract, and what it saves. */
import { arrow, box, figure, line, lines, text } from './draw.ts';
import { SIZE } from './style.ts';

const SMALL = { size: SIZE.small } as const;
const CODE = { mono: true, size: SIZE.smallMono } as const;

export const mismatch = figure(
  'Servers and frameworks that do not fit',
  'Three servers and three frameworks. node:http calls (req, res) as Express wants it, Deno.serve hands over a Request ' +
    'as Hono wants it, gunicorn passes environ and start_response as Flask wants it: three pairs fit. The other six ' +
    'would each need a piece of glue of their own.',
  530,
  () => {
    const columns = [24, 228, 432].map((x) => ({ x, middle: x + 92 }));
    const conventions = ['(req, res)', 'Request →\nResponse', '(environ,\nstart_response)'];
    const row = (y: number, names: string[], role: 'server' | 'app') =>
      columns.map(({ x, middle }, i) =>
        [
          box(x, y, 184, 104, '', { tint: role, line: role }),
          text(middle, y + 30, names[i] ?? '', { bold: true, role, anchor: 'middle' }),
          lines(middle, y + 60, (conventions[i] ?? '').split('\n'), { ...CODE, anchor: 'middle' }),
        ].join('\n'),
      );
    const pairs = columns.flatMap((from, i) =>
      columns.map((to, j) =>
        i === j
          ? line(
              [
                [from.middle, 158],
                [to.middle, 322],
              ],
              { role: 'app', weight: 4 },
            )
          : line(
              [
                [from.middle, 158],
                [to.middle, 322],
              ],
              { role: 'alarm', dashed: true },
            ),
      ),
    );
    return [
      text(24, 38, 'Servers, and how they call an application', { role: 'server', ...SMALL }),
      ...row(54, ['node:http', 'Deno.serve', 'gunicorn'], 'server'),
      ...pairs,
      ...row(322, ['Express', 'Hono', 'Flask'], 'app'),
      text(24, 450, 'Frameworks, and how they want to be called', { role: 'app', ...SMALL }),
      line(
        [
          [24, 488],
          [74, 488],
        ],
        { role: 'app', weight: 4 },
      ),
      text(84, 494, '3 pairs fit'),
      line(
        [
          [240, 488],
          [290, 488],
        ],
        { role: 'alarm', dashed: true },
      ),
      text(300, 494, '6 need glue, each its own'),
    ];
  },
);

export const contract = figure(
  'One contract between them',
  'Three servers above, four applications below, and one contract between them: application(environ, startResponse) ' +
    'returns the body. Each side is made to fit the contract and not the other side, so 3 + 4 pieces make 12 pairs.',
  560,
  () => {
    const servers = ['webserver2', 'webserver3', 'yours'];
    const apps = ['wsgiapp', 'Express', 'Hono', 'Flask'];
    return [
      text(24, 38, 'Servers', { role: 'server', ...SMALL }),
      ...servers.flatMap((name, i) => {
        const x = 24 + i * 204;
        return [
          box(x, 52, 184, 60, name, { tint: 'server', line: 'server', role: 'server', bold: true }),
          arrow(
            [
              [x + 92, 112],
              [x + 92, 174],
            ],
            { role: 'server' },
          ),
        ];
      }),
      box(24, 176, 592, 104, '', { tint: 'kernel', line: 'kernel' }),
      text(320, 218, 'application(environ, startResponse)', {
        mono: true,
        size: 21,
        role: 'kernel',
        anchor: 'middle',
      }),
      text(320, 256, 'returns the body, piece by piece', { role: 'kernel', anchor: 'middle' }),
      ...apps.flatMap((name, i) => {
        const x = 24 + i * 152;
        const isNative = i === 0;
        return [
          arrow(
            [
              [x + 68, 280],
              [x + 68, isNative ? 424 : 340],
            ],
            { role: 'app' },
          ),
          isNative ? '' : box(x, 342, 136, 54, 'adapter', { line: 'app', ...SMALL, role: 'app' }),
          isNative
            ? ''
            : arrow(
                [
                  [x + 68, 396],
                  [x + 68, 424],
                ],
                { role: 'app' },
              ),
          box(x, 426, 136, 60, name, { tint: 'app', line: 'app', role: 'app', bold: true }),
        ];
      }),
      text(616, 38, 'none knows an application', { ...SMALL, role: 'faint', anchor: 'end' }),
      text(24, 514, 'Applications', { role: 'app', ...SMALL }),
      text(616, 514, 'none knows a server', { ...SMALL, role: 'faint', anchor: 'end' }),
      text(320, 544, '3 + 4 pieces, 12 pairs', { anchor: 'middle', bold: true }),
    ];
  },
);
