/** A stand-in. */
import { type Check, Failure, type Trial } from './check.ts';

const common = { part: 'part1', solution: '1c', seconds: 3, lenient: [] } as const;
const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
const byHand = String.raw`printf 'GET / HTTP/1.1\r\nHost: x\r\n\r\n' | nc 127.0.0.1 $PORT`;

async function answer(trial: Trial): Promise<Buffer> {
  const { bytes } = await trial.exchange(await trial.start(), GET);
  return bytes;
}

export const PART1: readonly Check[] = [
  {
    ...common,
    id: '1-01',
    name: 'listens',
    title: 'A client that knocks is heard',
    goal: 'listen opens the door',
    hints: [
      'Who completed the handshake?',
      'net.createServer, listen',
      'createServer((socket) => …).listen(port)',
    ],
    anchor: 'listen',
    byHand,
    async run(trial) {
      if ((await answer(trial)).length === 0)
        throw new Failure('Nothing came back', { received: Buffer.alloc(0) });
    },
  },
  {
    ...common,
    id: '1-02',
    name: 'hello',
    title: 'Your answer is HTTP',
    goal: 'a response is text you could type',
    hints: ['What comes first?', 'socket.end', 'status line, fields, blank line, body'],
    anchor: 'hello',
    byHand,
    async run(trial) {
      const received = await answer(trial);
      if (!received.toString().startsWith('HTTP/1.1 200'))
        throw new Failure('expected a status line, got the body', { received, at: 0 });
    },
  },
  {
    ...common,
    id: '1-03',
    name: 'crlf',
    title: 'A strict client accepts your answer',
    goal: 'lines end in CR LF',
    hints: [
      'Which byte does the caret point at?',
      'RFC 9112, section 2.2',
      "'HTTP/1.1 200 OK\\r\\n\\r\\n'",
    ],
    anchor: 'line-endings',
    byHand,
    async run(trial) {
      const received = await answer(trial);
      const at = received.indexOf('\n');
      if (received[at - 1] !== 13)
        throw new Failure('expected \\r\\n, got \\n', { received, at, mistake: 'lf-only' });
    },
  },
];
