/** Part 1: how a connection begins and ends. */
import { box, cross, figure, line, lines, message, text } from './draw.ts';
import { SIZE } from './style.ts';

const SMALL = { size: SIZE.small } as const;
const CALL = { mono: true, size: SIZE.smallMono } as const;

export const socketLife = figure(
  'The life of a connection',
  'The life of a connection as a time line. The server listens; a client connects, and the two kernels shake hands ' +
    'with SYN, SYN+ACK and ACK; the server accepts and gets a socket for this one caller. The client writes a request, ' +
    'the server reads it and writes an answer, then ends: its FIN tells the client that nothing more will come, the ' +
    'client answers with its own FIN, and the connection is closed.',
  850,
  () => {
    const [left, right] = [190, 450];
    const client = (y: number, call: string) =>
      text(left - 14, y + 6, call, { ...CALL, role: 'client', anchor: 'end' });
    const server = (y: number, call: string) =>
      text(right + 14, y + 6, call, { ...CALL, role: 'server' });
    const note = (y: number, words: string) =>
      text(right + 14, y + 30, words, { ...SMALL, role: 'faint' });
    const toServer = (y: number, label: string, role: 'client' | 'kernel' = 'client') =>
      message([left + 3, y - 8], [right - 3, y + 8], label, { role });
    const toClient = (y: number, label: string, role: 'server' | 'kernel' = 'server') =>
      message([right - 3, y - 8], [left + 3, y + 8], label, { role });
    return [
      box(left - 70, 20, 140, 40, 'client', {
        tint: 'client',
        line: 'client',
        role: 'client',
        bold: true,
      }),
      box(right - 70, 20, 140, 40, 'server', {
        tint: 'server',
        line: 'server',
        role: 'server',
        bold: true,
      }),
      line(
        [
          [left, 60],
          [left, 828],
        ],
        { role: 'client' },
      ),
      line(
        [
          [right, 60],
          [right, 828],
        ],
        { role: 'server' },
      ),
      server(96, 'listen()'),
      note(96, 'the door is open'),
      box(left - 6, 148, right - left + 12, 160, '', { tint: 'kernel' }),
      client(184, 'connect()'),
      toServer(192, 'SYN', 'kernel'),
      toClient(236, 'SYN + ACK', 'kernel'),
      toServer(280, 'ACK', 'kernel'),
      lines(right + 14, 216, ['two kernels do', 'this: no program', 'has to look'], {
        ...SMALL,
        role: 'kernel',
      }),
      client(280, 'connected'),
      server(350, 'accept()'),
      note(350, 'a new socket'),
      text(right + 14, 402, 'for this caller', { ...SMALL, role: 'faint' }),
      client(440, 'write()'),
      toServer(448, 'GET /hello HTTP/1.1 …'),
      server(456, 'read()'),
      server(522, 'write()'),
      toClient(530, 'HTTP/1.1 200 OK …'),
      client(538, 'read()'),
      server(604, 'end()'),
      note(604, 'no more from us'),
      toClient(612, 'FIN'),
      client(620, 'read():'),
      text(left - 14, 650, 'the end', { ...SMALL, role: 'client', anchor: 'end' }),
      client(704, 'close()'),
      toServer(712, 'FIN'),
      server(720, 'read():'),
      text(right + 14, 750, 'the end', { ...SMALL, role: 'server' }),
      text(320, 780, 'both have said FIN:', { ...SMALL, anchor: 'middle' }),
      text(320, 803, 'the connection is closed', { ...SMALL, anchor: 'middle' }),
    ];
  },
);

export const goodbye = figure(
  'Three ways to say goodbye',
  'Three ways to end a connection. end() sends FIN behind the last byte, the server reads on until the FIN of the ' +
    'client, and all is delivered. destroy() right behind write() throws away what the kernel had not taken yet: the ' +
    'client sees the end too early. Closing with bytes unread sends RST, which can destroy an answer that had arrived.',
  980,
  () => {
    const [left, right] = [120, 400];
    const stage = (top: number, height: number, heading: string, role: 'app' | 'alarm') => [
      text(24, top, heading, { bold: true, role }),
      text(left, top + 34, 'client', { ...SMALL, role: 'client', anchor: 'middle' }),
      text(right, top + 34, 'server', { ...SMALL, role: 'server', anchor: 'middle' }),
      line(
        [
          [left, top + 44],
          [left, top + height],
        ],
        { role: 'client' },
      ),
      line(
        [
          [right, top + 44],
          [right, top + height],
        ],
        { role: 'server' },
      ),
    ];
    const aside = (y: number, words: string[], role: 'faint' | 'app' | 'alarm' = 'faint') =>
      lines(right + 16, y, words, { ...SMALL, role });
    const toClient = (y: number, words: string, role: 'server' | 'alarm' = 'server') =>
      message([right - 3, y - 7], [left + 3, y + 7], words, { role });
    const toServer = (y: number, words: string) =>
      message([left + 3, y - 7], [right - 3, y + 7], words, { role: 'client' });
    const [a, b, c] = [44, 396, 672];
    return [
      ...stage(a, 300, 'end(), and read on', 'app'),
      toClient(a + 86, 'the last bytes'),
      toClient(a + 134, 'FIN'),
      aside(a + 92, ['end(): half closed.', 'No more from us,', 'but we still read']),
      toServer(a + 196, 'whatever it still says'),
      aside(a + 202, ['read, and forgotten']),
      toServer(a + 256, 'FIN'),
      aside(a + 252, ['closed. webserver1', 'waits 2 s at most']),
      ...stage(b, 226, 'destroy() right behind write()', 'alarm'),
      toClient(b + 86, 'what the kernel took'),
      toClient(b + 150, 'FIN', 'alarm'),
      aside(b + 84, ['the rest was still', 'in Node: it is', 'thrown away'], 'alarm'),
      text(left + 16, b + 204, 'an end, but too early', { ...SMALL, role: 'alarm' }),
      ...stage(c, 284, 'close with bytes unread', 'alarm'),
      toServer(c + 86, 'more than the server reads'),
      aside(c + 92, ['stays in the kernel']),
      toClient(c + 146, 'the whole answer'),
      toClient(c + 204, 'RST', 'alarm'),
      aside(c + 196, ['close(): the kernel', 'says RST, not FIN'], 'alarm'),
      text(left + 16, c + 252, 'ECONNRESET: what it had', { ...SMALL, role: 'alarm' }),
      text(left + 16, c + 275, 'not read yet may be lost', { ...SMALL, role: 'alarm' }),
      cross(left, c + 250),
    ];
  },
);
