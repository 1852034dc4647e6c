/** Part 3: what belongs to one request, while several are under way. */
import { box, figure, text } from './draw.ts';
import { SIZE } from './style.ts';

const SMALL = { size: SIZE.small } as const;
const CODE = { mono: true, size: SIZE.smallMono } as const;

/** Made anew for each request, in this order. */
const OWN = ['ResponseWriter', 'RequestBody', 'InputStream', 'environ', 'Exchange'];

export const underWay = figure(
  'What belongs to one request',
  'Two requests under way in one process, on two connections. Each connection has a parser, which lives as long as the ' +
    'connection. Each request has an environ, an InputStream, a RequestBody, an Exchange and a ResponseWriter of its own, ' +
    'which end with its answer. Both share the application and the table of names.',
  700,
  () => {
    const server = { tint: 'server', line: 'server', role: 'server', ...CODE } as const;
    const connection = (x: number) => [
      box(x, 84, 268, 460, '', { tint: 'quiet', line: 'faint' }),
      text(x + 134, 114, 'Connection', { ...CODE, bold: true, anchor: 'middle' }),
      box(x + 24, 132, 220, 48, 'RequestParser', server),
      box(x + 12, 200, 244, 330, '', { line: 'client', dashed: true }),
      text(x + 134, 228, 'one request', { ...SMALL, role: 'client', anchor: 'middle' }),
      ...OWN.map((name, i) => box(x + 24, 244 + i * 56, 220, 46, name, server)),
    ];
    const shared = { tint: 'app', line: 'app', role: 'app' } as const;
    return [
      text(24, 44, 'One process, two clients', { bold: true }),
      text(24, 70, 'What is in a dashed frame ends with its answer.', { ...SMALL, role: 'faint' }),
      ...connection(36),
      ...connection(336),
      text(24, 586, 'Shared by all requests, and the same for all of them:', {
        ...SMALL,
        role: 'faint',
      }),
      box(36, 604, 268, 60, 'the application', shared),
      box(336, 604, 268, 60, 'the table of names', shared),
    ];
  },
);
