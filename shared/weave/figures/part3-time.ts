/** Part 3: time lines of processes, and of one thread. */
import { arrow, type BoxStyle, box, figure, line, lines, text } from './draw.ts';
import { type Role, SIZE } from './style.ts';

const SMALL = { size: SIZE.small } as const;
const CODE = { mono: true, size: SIZE.smallMono } as const;

/** Children that run for a while and end, one below the other, under their parent's time line. */
function children(top: number, deaths: readonly number[], reaped: number): string[] {
  return deaths.flatMap((death, i) => {
    const y = top + i * 62;
    return [
      text(24, y + 28, `child ${i + 1}`, SMALL),
      box(110, y, death - 110, 42, 'runs', { tint: 'app', line: 'app', role: 'app', ...SMALL }),
      box(death, y, reaped - death, 42, 'zombie', {
        tint: 'alarm',
        line: 'alarm',
        role: 'alarm',
        ...SMALL,
      }),
      text(reaped + 12, y + 28, 'gone', { ...SMALL, role: 'faint' }),
    ];
  });
}

export const zombies = figure(
  'Dead, and not asked about: zombies',
  "A time line. Three children end one after another while the parent's event loop is blocked; from its end on each is " +
    'a zombie, an entry in the process table that keeps the exit status. When the loop turns, libuv calls waitpid() for ' +
    'each child, and all three are gone.',
  500,
  () => {
    const reaped = 510;
    return [
      text(24, 64, 'parent', SMALL),
      box(110, 36, reaped - 110, 42, 'the event loop is blocked', {
        tint: 'quiet',
        line: 'faint',
        ...SMALL,
      }),
      box(reaped, 36, 106, 42, 'it turns', {
        tint: 'server',
        line: 'server',
        role: 'server',
        ...SMALL,
      }),
      ...[200, 270, 340].map((x, i) =>
        arrow(
          [
            [x, 130 + i * 62],
            [x, 80],
          ],
          { role: 'alarm' },
        ),
      ),
      ...children(130, [200, 270, 340], reaped),
      text(352, 110, 'SIGCHLD', { ...SMALL, role: 'alarm' }),
      line(
        [
          [reaped, 78],
          [reaped, 314],
        ],
        { role: 'server', weight: 3 },
      ),
      text(616, 344, 'waitpid() for each child', { ...SMALL, role: 'server', anchor: 'end' }),
      arrow([
        [24, 372],
        [616, 372],
      ]),
      text(616, 396, 'time', { ...SMALL, role: 'faint', anchor: 'end' }),
      lines(
        24,
        424,
        [
          'A zombie has no memory and no descriptors any more.',
          'It is an entry in a table: its number, and how it ended.',
          'It stays until its parent has asked.',
        ],
        SMALL,
      ),
    ];
  },
);

export const signals = figure(
  'Three deaths, one signal',
  'Three children end while the server is stopped by SIGSTOP. A pending SIGCHLD is one bit, so SIGCONT delivers one ' +
    "signal for three deaths. Who counts signals counts one; libuv asks about every child, and there are three 'exit' events.",
  560,
  () => {
    const resumed = 400;
    const deaths = [190, 250, 310];
    return [
      text(24, 64, 'parent', SMALL),
      box(110, 36, 40, 42, '', { tint: 'server', line: 'server' }),
      box(150, 36, resumed - 150, 42, 'stopped', { tint: 'quiet', line: 'faint', ...SMALL }),
      box(resumed, 36, 216, 42, 'goes on', {
        tint: 'server',
        line: 'server',
        role: 'server',
        ...SMALL,
      }),
      text(150, 28, 'SIGSTOP', { ...SMALL, role: 'faint', anchor: 'middle' }),
      text(resumed, 28, 'SIGCONT', { ...SMALL, role: 'faint', anchor: 'middle' }),
      text(24, 128, 'SIGCHLD', SMALL),
      text(24, 150, 'pending', SMALL),
      ...[110, ...deaths, resumed].map((x, i, all) => {
        const set = i > 0 && i < 4;
        const style = set ? ({ tint: 'kernel', role: 'kernel' } as const) : {};
        return box(x, 112, (all[i + 1] ?? 616) - x, 42, set ? '1' : '0', {
          line: 'kernel',
          ...style,
        });
      }),
      ...deaths.map((x, i) =>
        arrow(
          [
            [x, 196 + i * 62],
            [x, 156],
          ],
          { role: 'alarm' },
        ),
      ),
      ...children(196, deaths, resumed + 30),
      arrow(
        [
          [resumed, 112],
          [resumed, 80],
        ],
        { role: 'kernel', weight: 4 },
      ),
      text(resumed + 12, 102, 'one signal', { ...SMALL, role: 'kernel' }),
      box(24, 400, 284, 74, 'counting signals:\n1 child has ended', {
        tint: 'alarm',
        line: 'alarm',
        role: 'alarm',
      }),
      box(332, 400, 284, 74, "counting 'exit' events:\n3 children have ended", {
        tint: 'app',
        line: 'app',
        role: 'app',
      }),
      lines(
        24,
        510,
        [
          'libuv takes the signal for what it is, a reason to ask,',
          'and asks about every child it has.',
        ],
        { ...SMALL, role: 'faint' },
      ),
    ];
  },
);

export const eventLoop = figure(
  'One thread, three clients',
  'Three time lines of one thread and three clients. With await in the accept loop, the turn of client B begins when A ' +
    'is done, and that of C when B is done. Without that await all three wait side by side and are done in the time of ' +
    "one. But when A's handler computes instead of waiting, B and C stand still until it has finished.",
  880,
  () => {
    const [start, unit, tick] = [64, 170, 12];
    const panel = (top: number, heading: string, code: string, rows: string[][], role: Role) => [
      text(24, top, heading, { bold: true, role }),
      text(24, top + 28, code, { ...CODE, role: 'faint' }),
      ...rows.flatMap((row, i) => [
        text(24, top + 74 + i * 50, 'ABC'[i] ?? '', { bold: true }),
        ...row,
      ]),
      arrow([
        [start, top + 200],
        [616, top + 200],
      ]),
    ];
    const bar = (top: number, i: number, x: number, w: number, label: string, style: BoxStyle) =>
      box(start + x, top + 48 + i * 50, w, 38, label, { ...SMALL, ...style });
    const THREAD = { tint: 'server', line: 'server', role: 'server' } as const;
    const turn = (top: number, i: number, from: number, label: string) =>
      bar(top, i, from * unit, unit, label, THREAD);
    const waits = (top: number, i: number, units: number) =>
      bar(top, i, 0, units * unit, 'waits', { tint: 'quiet', line: 'faint', dashed: true });
    /** A moment of the thread, a timer, and a moment again; one thread has such moments one after the other. */
    const served = (top: number, i: number, x: number) => [
      bar(top, i, x, tick, '', THREAD),
      bar(top, i, x + tick, unit - tick, 'delay', { tint: 'app', line: 'app', role: 'app' }),
      bar(top, i, x + unit, tick, '', THREAD),
    ];
    const [a, b, c] = [44, 316, 588];
    return [
      ...panel(
        a,
        'One after the other',
        '3b: await handleRequest(socket, …)',
        [
          [turn(a, 0, 0, "A's turn")],
          [waits(a, 1, 1), turn(a, 1, 1, "B's turn")],
          [waits(a, 2, 2), turn(a, 2, 2, "C's turn")],
        ],
        'ink',
      ),
      ...panel(
        b,
        'Side by side',
        '3g: handleRequest(socket, …) // no await',
        [served(b, 0, 0), served(b, 1, tick), served(b, 2, 2 * tick)],
        'app',
      ),
      ...panel(
        c,
        'One of them computes',
        'A: compute(…); B, C: await delay(…)',
        [
          [turn(c, 0, 0, 'computes')],
          [waits(c, 1, 1), ...served(c, 1, unit)],
          [waits(c, 2, 1), ...served(c, 2, unit + tick)],
        ],
        'alarm',
      ),
      box(24, 826, 26, 26, '', { tint: 'server', line: 'server' }),
      text(58, 846, 'has the thread', SMALL),
      box(212, 826, 26, 26, '', { tint: 'app', line: 'app' }),
      text(246, 846, 'waits for a timer', SMALL),
      box(420, 826, 26, 26, '', { tint: 'quiet', line: 'faint', dashed: true }),
      text(454, 846, 'waits for us', SMALL),
    ];
  },
);
