/** Part 3: how the gateway is built: its processes and its rooms. */
import { arrow, box, figure, line, text } from './draw.ts';
import { SIZE } from './style.ts';

const SMALL = { size: SIZE.small } as const;
const CODE = { mono: true, size: SIZE.smallMono } as const;

export const preFork = figure(
  'Workers that share a port',
  'Two ways in which workers share a port. Round-robin: the primary accepts every connection and deals them out to the ' +
    "workers in turn. SCHED_NONE: the workers hold the listening socket themselves and take connections from the kernel's " +
    'queue; the primary touches none. In both it replaces a worker that dies.',
  920,
  () => {
    const workers = [24, 178, 332, 486].map((x) => ({ x, middle: x + 65 }));
    const queue = (y: number) =>
      box(150, y, 340, 54, "the kernel's accept queue", {
        tint: 'kernel',
        line: 'kernel',
        role: 'kernel',
      });
    const staff = (y: number) =>
      workers.map(({ x }, i) =>
        box(x, y, 130, 56, `worker ${i + 1}`, { tint: 'server', line: 'server', role: 'server' }),
      );
    const primary = (x: number, y: number, w: number) =>
      box(x, y, w, 56, 'primary', { tint: 'app', line: 'app', role: 'app', bold: true });
    return [
      text(24, 44, 'Dealt out in turn: SCHED_RR', { bold: true }),
      queue(68),
      arrow(
        [
          [320, 122],
          [320, 184],
        ],
        { role: 'app' },
      ),
      text(334, 160, 'accept()', { ...CODE, role: 'app' }),
      primary(240, 186, 160),
      ...workers.flatMap(({ middle }, i) => [
        arrow(
          [
            [260 + i * 40, 242],
            [middle, 328],
          ],
          { role: 'app' },
        ),
        text(middle + (i < 2 ? -30 : 18), 314, `${i + 1}.`, { ...SMALL, role: 'app' }),
      ]),
      ...staff(330),
      text(24, 416, 'Every connection goes through the primary.', { ...SMALL, role: 'faint' }),
      line(
        [
          [24, 448],
          [616, 448],
        ],
        { dashed: true },
      ),
      text(24, 496, 'Who wakes first takes it: SCHED_NONE', { bold: true }),
      queue(520),
      ...workers.map(({ middle }, i) =>
        arrow(
          [
            [200 + i * 80, 574],
            [middle, 660],
          ],
          { role: 'server' },
        ),
      ),
      text(320, 634, 'accept()', { ...CODE, role: 'server', anchor: 'middle' }),
      ...staff(662),
      ...workers.map(({ middle }) =>
        arrow(
          [
            [320, 766],
            [middle, 722],
          ],
          { role: 'app', dashed: true },
        ),
      ),
      primary(240, 768, 160),
      text(24, 866, 'Here the primary opens the port, and touches no connection.', {
        ...SMALL,
        role: 'faint',
      }),
      text(24, 890, 'In both it starts the workers, and replaces the dead.', {
        ...SMALL,
        role: 'faint',
      }),
    ];
  },
);

export const rooms = figure(
  "The gateway's three rooms",
  "The gateway's three rooms, and the data's way through them in the shape of a U. Down one side: bytes come into " +
    'server/, RequestParser in http/ makes a request of them, gateway/ makes environ of that, and the application gets ' +
    'it. Up the other side: startResponse and the body go through gateway/, ResponseWriter in http/ makes bytes of them, ' +
    'and server/ sends them. Imports point from server/ to gateway/ to http/ and never back.',
  790,
  () => {
    const [left, right, middle] = [104, 446, 275];
    const room = (y: number, name: string, what: string) => [
      box(24, y, 502, 140, '', { tint: 'quiet', line: 'faint' }),
      text(middle, y + 28, name, { ...CODE, bold: true, anchor: 'middle' }),
      text(middle, y + 52, what, { ...SMALL, role: 'faint', anchor: 'middle' }),
    ];
    const part = (x: number, y: number, label: string) =>
      box(x, y, 205, 54, label, { tint: 'server', line: 'server', role: 'server', ...CODE });
    const [server, http, gateway, app] = [76, 252, 428, 626];
    const down = (from: number, to: number) =>
      arrow(
        [
          [left, from],
          [left, to],
        ],
        { role: 'client', weight: 3 },
      );
    const up = (from: number, to: number) =>
      arrow(
        [
          [right, from],
          [right, to],
        ],
        { role: 'app', weight: 3 },
      );
    return [
      text(left, 40, 'bytes in', { role: 'client', anchor: 'middle' }),
      text(right, 40, 'bytes out', { role: 'app', anchor: 'middle' }),
      ...room(server, 'server/', 'sockets, clocks, processes'),
      box(44, server + 68, 462, 54, 'Connection', {
        tint: 'server',
        line: 'server',
        role: 'server',
        ...CODE,
      }),
      ...room(http, 'http/', 'bytes and messages'),
      part(44, http + 68, 'RequestParser'),
      part(301, http + 68, 'ResponseWriter'),
      ...room(gateway, 'gateway/', 'messages and application'),
      part(44, gateway + 68, 'toEnviron'),
      part(301, gateway + 68, 'startResponse'),
      box(44, app, 462, 60, 'application', { tint: 'app', line: 'app', role: 'app', bold: true }),
      down(50, server + 66),
      down(server + 122, http + 66),
      down(http + 122, gateway + 66),
      down(gateway + 122, app - 2),
      up(app, gateway + 124),
      up(gateway + 68, http + 124),
      up(http + 68, server + 124),
      up(server + 68, 52),
      text(left + 12, app - 22, 'environ', { ...SMALL, role: 'client' }),
      text(right - 12, app - 22, 'status, headers, body', { ...SMALL, role: 'app', anchor: 'end' }),
      arrow(
        [
          [526, server + 90],
          [586, server + 90],
          [586, gateway + 90],
          [528, gateway + 90],
        ],
        { dashed: true },
      ),
      arrow(
        [
          [526, server + 60],
          [556, server + 60],
          [556, http + 46],
          [528, http + 46],
        ],
        { dashed: true },
      ),
      arrow(
        [
          [526, gateway + 50],
          [556, gateway + 50],
          [556, http + 90],
          [528, http + 90],
        ],
        { dashed: true },
      ),
      line(
        [
          [24, 724],
          [64, 724],
        ],
        { role: 'client', weight: 3 },
      ),
      line(
        [
          [64, 724],
          [104, 724],
        ],
        { role: 'app', weight: 3 },
      ),
      text(116, 730, "the data's way", SMALL),
      arrow(
        [
          [300, 724],
          [380, 724],
        ],
        { dashed: true },
      ),
      text(392, 730, 'imports', SMALL),
      text(24, 772, 'Only Connection sees both ends of the wire.', { ...SMALL, role: 'faint' }),
    ];
  },
);
