/** Part 3: what the kernel keeps for a server and its processes. */
import { arrow, box, cross, figure, line, lines, text } from './draw.ts';
import { type Role, SIZE } from './style.ts';

const SMALL = { size: SIZE.small } as const;
const CODE = { mono: true, size: SIZE.smallMono } as const;

export const acceptQueue = figure(
  'The accept queue',
  'Where a connection waits before the server has seen it. A SYN makes it half open; the ACK completes the handshake ' +
    'and puts it in the accept queue, which in Linux holds backlog + 1; accept() takes it out. A SYN that finds the ' +
    'accept queue full is dropped, and the client tries again after about a second.',
  690,
  () => [
    box(24, 24, 270, 56, 'clients: connect()', { tint: 'client', line: 'client', role: 'client' }),
    box(24, 130, 592, 390, '', { tint: 'kernel', line: 'kernel' }),
    text(600, 502, 'the kernel', { bold: true, role: 'kernel', anchor: 'end' }),
    arrow(
      [
        [70, 80],
        [70, 170],
      ],
      { role: 'client' },
    ),
    text(82, 112, 'SYN', { ...SMALL, role: 'client' }),
    arrow(
      [
        [180, 172],
        [180, 82],
      ],
      { role: 'kernel' },
    ),
    text(192, 112, 'SYN + ACK', { ...SMALL, role: 'kernel' }),
    box(44, 172, 230, 44, 'half open', { line: 'kernel', role: 'kernel' }),
    arrow(
      [
        [159, 216],
        [159, 310],
      ],
      { role: 'client' },
    ),
    text(172, 270, 'ACK: connected', { ...SMALL, role: 'client' }),
    box(44, 312, 110, 62, 'B', { tint: 'client', line: 'client', role: 'client', bold: true }),
    box(164, 312, 110, 62, 'C', { tint: 'client', line: 'client', role: 'client', bold: true }),
    lines(290, 338, ['the accept queue. In Linux it', 'holds backlog + 1: here 2'], SMALL),
    lines(44, 404, ['B and C may send already:', 'the kernel keeps it for them.'], {
      ...SMALL,
      role: 'kernel',
    }),
    arrow(
      [
        [99, 442],
        [99, 572],
      ],
      { role: 'server' },
    ),
    text(112, 480, 'accept(): one is taken out', { ...SMALL, role: 'server' }),
    box(24, 574, 330, 92, 'the server (--backlog 1)\nis busy with A', {
      tint: 'server',
      line: 'server',
      role: 'server',
    }),
    box(440, 24, 140, 56, 'client D', { tint: 'client', line: 'client', role: 'client' }),
    arrow(
      [
        [510, 80],
        [510, 172],
      ],
      { role: 'alarm' },
    ),
    text(498, 112, 'SYN', { ...SMALL, role: 'alarm', anchor: 'end' }),
    cross(510, 186),
    lines(
      390,
      222,
      ['the queue is full:', 'the SYN is dropped.', 'D sends it again', 'after about 1 s'],
      { ...SMALL, role: 'alarm' },
    ),
  ],
);

export const forkAndDescriptors = figure(
  'Two processes, one socket',
  'Two processes, each with a descriptor that leads to the same socket in the kernel, which counts two references. When ' +
    'the child closes its copy the count falls to one and no FIN is sent: the client waits. FIN is sent when the last ' +
    'copy is closed, or at once by shutdown(), which is what end() does, whoever else holds a copy.',
  770,
  () => {
    const process = (x: number, name: string) => [
      box(x, 24, 250, 112, '', { tint: 'server', line: 'server' }),
      text(x + 125, 56, name, { bold: true, role: 'server', anchor: 'middle' }),
      box(x + 45, 76, 160, 44, 'descriptor', { line: 'server', ...SMALL }),
      arrow(
        [
          [x + 125, 120],
          [x < 200 ? 260 : 380, 196],
        ],
        { role: 'kernel' },
      ),
    ];
    const count = (y: number, held: number) =>
      box(292, y + 3, 56, 46, `${held}`, {
        ...(held > 0 ? { tint: 'kernel' as const } : { dashed: true }),
        line: 'kernel',
        role: 'kernel',
        bold: true,
      });
    const row = (
      y: number,
      who: string,
      call: string,
      held: number,
      effect: string,
      role: Role,
    ) => [
      text(24, y + 20, who, SMALL),
      text(24, y + 45, call, { ...CODE, bold: true }),
      count(y, held),
      arrow(
        [
          [382, y + 26],
          [430, y + 26],
        ],
        { role, dashed: role === 'alarm' },
      ),
      text(442, y + 32, effect, { role }),
    ];
    return [
      ...process(24, 'the parent'),
      ...process(366, 'the child'),
      text(320, 62, 'sent', { ...SMALL, role: 'faint', anchor: 'middle' }),
      arrow(
        [
          [276, 90],
          [364, 90],
        ],
        { dashed: true },
      ),
      box(150, 198, 340, 70, 'one socket, 2 references', {
        tint: 'kernel',
        line: 'kernel',
        role: 'kernel',
      }),
      line(
        [
          [24, 300],
          [616, 300],
        ],
        { dashed: true },
      ),
      text(24, 336, 'somebody calls', { ...SMALL, role: 'faint' }),
      text(320, 336, 'left', { ...SMALL, role: 'faint', anchor: 'middle' }),
      text(442, 336, 'the client gets', { ...SMALL, role: 'faint' }),
      text(24, 378, 'close(): the last one out says FIN', { bold: true }),
      ...row(396, 'the child', 'destroy()', 1, 'nothing: it waits', 'alarm'),
      ...row(470, 'then the parent', 'destroy()', 0, 'FIN', 'app'),
      line(
        [
          [24, 552],
          [616, 552],
        ],
        { dashed: true },
      ),
      text(24, 592, 'shutdown(): FIN at once', { bold: true }),
      ...row(610, 'the child', 'end()', 2, 'FIN', 'app'),
      lines(
        24,
        702,
        [
          'shutdown() speaks for the socket, close() gives back a',
          'descriptor. Both are needed: a FIN does not free the copy',
          'that the parent has kept.',
        ],
        { ...SMALL, role: 'faint' },
      ),
    ];
  },
);
