/** Part 3: what comes to the gateway from outside, and what stands before it. */
import { arrow, box, cross, figure, line, lines, tape, text } from './draw.ts';
import { SIZE } from './style.ts';

const SMALL = { size: SIZE.small } as const;
const CODE = { mono: true, size: SIZE.smallMono } as const;

/** What stands behind the head; by its Content-Length it is one body. */
const BEHIND = ['0\r\n', '\r\n', 'GET /admin HTTP/1.1\r\n', 'Host: localhost\r\n', '\r\n'];
const LENGTH = Buffer.byteLength(BEHIND.join(''));

export const smuggling = figure(
  'Two parsers, one stream',
  `One stream of bytes with both Content-Length: ${LENGTH} and Transfer-Encoding: chunked. A front server that goes by ` +
    'Content-Length sees one POST. A back server that goes by chunked ends the POST at the zero chunk and takes the ' +
    'remaining bytes for a second request, GET /admin, that the front server never saw. Our gateway goes by neither: it ' +
    'answers 400 and closes the connection.',
  910,
  () => {
    const end = { bytes: '\r\n', role: 'faint' } as const;
    const head = [
      [{ bytes: 'POST / HTTP/1.1' }, end],
      [{ bytes: 'Host: localhost' }, end],
      [{ bytes: `Content-Length: ${LENGTH}`, role: 'client', tint: 'client' } as const, end],
      [{ bytes: 'Transfer-Encoding: chunked', role: 'server', tint: 'server' } as const, end],
      [end],
    ];
    const behind = (y: number, paint: (i: number) => 'client' | 'server' | 'alarm' | 'quiet') =>
      BEHIND.map((bytes, i) => {
        const tint = paint(i);
        return tape(40, y + i * 32, [{ bytes, tint, ...(tint === 'quiet' ? {} : { role: tint }) }])
          .svg;
      });
    const [front, back] = [286, 532];
    return [
      text(24, 42, 'One head says the length of its body twice:', { bold: true }),
      ...head.map((cells, i) => tape(40, 80 + i * 32, cells).svg),
      line(
        [
          [24, 236],
          [616, 236],
        ],
        { dashed: true },
      ),
      text(24, front - 14, `A front server believes Content-Length: ${LENGTH}`, {
        bold: true,
        role: 'client',
      }),
      ...behind(front + 24, () => 'client'),
      lines(330, front + 76, [`all ${LENGTH} bytes are`, 'the body of the POST'], {
        role: 'client',
      }),
      line(
        [
          [24, front + 190],
          [616, front + 190],
        ],
        { dashed: true },
      ),
      text(24, back - 22, 'A back server believes chunked', { bold: true, role: 'server' }),
      ...behind(back + 16, (i) => (i < 2 ? 'server' : 'alarm')),
      lines(330, back + 20, ['the last chunk: here', 'the POST is over'], { role: 'server' }),
      lines(330, back + 92, ['a second request,', 'which the front', 'has never seen'], {
        role: 'alarm',
      }),
      line(
        [
          [24, back + 182],
          [616, back + 182],
        ],
        { dashed: true },
      ),
      text(24, back + 224, 'Our gateway believes neither', { bold: true, role: 'app' }),
      box(24, back + 244, 592, 84, '400 Bad Request: both\nTransfer-Encoding and Content-Length', {
        tint: 'app',
        line: 'app',
        role: 'app',
        mono: true,
      }),
      text(24, back + 356, 'and the connection ends: what is behind is no request.', {
        role: 'faint',
      }),
    ];
  },
);

export const door = figure(
  'One door, many gateways',
  'nginx as one door in front of several gateways. Clients connect to nginx, over TLS where there is any; it sets ' +
    'X-Forwarded-For and X-Forwarded-Proto itself and passes requests on over kept connections. A gateway that does not ' +
    'answer is left alone for two seconds; a GET that failed there is asked at the next one, a POST that was sent is not.',
  660,
  () => {
    const gateways = [
      { x: 24, label: 'gateway\n:8881' },
      { x: 228, label: 'gateway\n:8882' },
      { x: 432, label: 'as many\nas you like' },
    ];
    return [
      ...[24, 228, 432].flatMap((x) => [
        box(x, 24, 184, 50, 'client', { tint: 'client', line: 'client', role: 'client' }),
        arrow(
          [
            [x + 92, 74],
            [x === 228 ? 320 : x < 228 ? 190 : 450, 138],
          ],
          { role: 'client' },
        ),
      ]),
      box(24, 140, 592, 206, '', { tint: 'server', line: 'server' }),
      text(320, 176, 'nginx :8880', { bold: true, role: 'server', anchor: 'middle' }),
      text(320, 206, 'one door; TLS, where there is any, ends here', {
        ...SMALL,
        anchor: 'middle',
      }),
      text(48, 256, "X-Forwarded-For: the client's address", { ...CODE, role: 'server' }),
      text(48, 284, 'X-Forwarded-Proto: http or https', { ...CODE, role: 'server' }),
      text(48, 320, 'set here, whatever the client has said', { ...SMALL, role: 'ink' }),
      arrow(
        [
          [116, 346],
          [116, 426],
        ],
        { role: 'server', weight: 3 },
      ),
      arrow(
        [
          [320, 346],
          [320, 400],
        ],
        { role: 'alarm', weight: 3 },
      ),
      arrow(
        [
          [524, 346],
          [524, 426],
        ],
        { role: 'server', weight: 3, dashed: true },
      ),
      cross(320, 414),
      text(128, 386, 'kept open', { ...SMALL, role: 'server' }),
      ...gateways.map(({ x, label }, i) =>
        box(x, 428, 184, 84, label, {
          line: i === 1 ? 'alarm' : 'app',
          role: i === 1 ? 'alarm' : 'app',
          ...(i === 2 ? { dashed: true } : { tint: i === 1 ? 'alarm' : 'app' }),
        }),
      ),
      text(320, 540, 'no answer', { ...SMALL, role: 'alarm', anchor: 'middle' }),
      lines(
        24,
        584,
        [
          'A GET is asked at the next one, and this one is left alone',
          'for two seconds. A POST that was sent is not asked again:',
          'it may have been carried out, and only its answer lost.',
        ],
        SMALL,
      ),
    ];
  },
);
