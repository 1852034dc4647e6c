import type { Lesson } from '../../shared/checks/check.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import {
  ask,
  expectService,
  get,
  quote,
  REACTION,
  wrong,
} from '../../shared/checks/run/first-answer.ts';
import { rest } from '../../shared/checks/run/rest.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';
import { ON_ERROR } from './lines.ts';

const MEBIBYTE = 1024 * 1024;
const RUDE = 'expected it to serve the next one';

export const check: Lesson = {
  title: 'No client can end it, fill it, or write on its terminal',
  goal: "An 'error' that nobody listens to ends the process",
  hints: [
    'Somebody pulls the plug: whose error is that, and who hears of it? Another sends a head without an end, a third one what a terminal obeys.',
    "A socket is an EventEmitter: 'error' without a listener is thrown. That is so for every socket, also after end().",
    "First thing for each connection: socket.on('error', () => socket.destroy()) - close(2) when recv(2) or send(2) fails with ECONNRESET or EPIPE. And expect that no request ever comes, or no end of one: beyond some 16 KiB answer 431. What you print, print with \\x1b for a byte that is no letter.",
  ],
  anchor: 'rude-clients',
  lenient: [
    'what it prints about them',
    'what it answers to half a request',
    'how long a head may be, if a mebibyte is too much; and with which 4xx, or a hang-up, it is refused',
    'clients that say nothing for hours: see the chapter',
  ],
  byHand: "printf 'GET /half' | nc -w 1 127.0.0.1 $PORT; curl -i 127.0.0.1:$PORT",
  solution: '1c',
  seconds: 5,
  run: tough,
  mistakes: [
    {
      name: 'no-error-listener',
      says: `A client that connects and resets the connection ends your program: Error: read ECONNRESET; ${RUDE}`,
      edits: [[ON_ERROR, '']],
    },
    {
      name: 'trusts-the-request-line',
      says: `A client that connects and leaves ends your program: TypeError: Cannot read properties of null (reading '1'); ${RUDE}`,
      edits: [
        [
          ON_ERROR,
          `${ON_ERROR}\n  socket.on('end', () => /GET (.*) HTTP/.exec(head.toString())[1]);`,
        ],
      ],
      isNamed: false,
    },
    {
      name: 'leaves-with-its-client',
      says: `A client that leaves in the middle of its request ends your program; ${RUDE}`,
      edits: [
        [
          ON_ERROR,
          `${ON_ERROR}\n  socket.on('close', () => { if (head.length > 0 && !head.includes('\\r\\n\\r\\n')) process.exit(1); });`,
        ],
      ],
      isNamed: false,
    },
    {
      name: 'one-bad-client-blocks-all',
      says: 'After a client that connects and resets the connection, the next one is not served: Nothing came for 1 s: expected the status line, "HTTP/1.1 200 OK"',
      edits: [[ON_ERROR, "socket.on('error', () => server.removeAllListeners('connection'));"]],
      isNamed: false,
    },
    {
      name: 'endless-head',
      says: 'A client sent a mebibyte and no end of its head, and your program still collects: expected 431, or a hang-up',
      edits: [['const MAX_HEAD_BYTES = 16 * 1024;', 'const MAX_HEAD_BYTES = Infinity;']],
    },
    {
      name: 'terminal-obeys',
      says: 'A client sent "X-Escape: \\u001b]0;gotcha\\u0007", and your program printed the byte ESC or BEL itself: expected text for it, the four characters \\x1b, for a terminal obeys',
      edits: [
        [
          'return line.replace(/[^ -~]/g, (c) =>',
          'return line.replace(/[^ -~\\x1b\\x07]/g, (c) =>',
        ],
      ],
    },
    {
      name: 'no-error-listener',
      says: `A client that connects and resets the connection ends your program: Error: read ECONNRESET; ${RUDE}`,
      edits: [
        [
          "socket.on('error', () => socket.destroy());",
          "socket.on('error', (error) => { throw error; });",
        ],
      ],
    },
  ],
};

async function tough(trial: Trial): Promise<void> {
  const server = await trial.start();
  const half = 'GET /half HTTP/1.1\r\nHost: loc';
  for (const [words, isReset, who] of [
    ['', false, 'connects and leaves'],
    ['', true, 'connects and resets the connection'],
    [half, false, 'leaves in the middle of its request'],
    [half, true, 'resets the connection in the middle of its request'],
    [get(), true, 'asks and resets the connection before the answer'],
  ] as const) {
    const client = await trial.connect(server);
    const byHand = isReset ? resetByHand(words) : undefined;
    if (words) await client.send(words);
    if (words !== get()) await rest(trial, server); // by now it knows this client
    if (isReset) await client.reset();
    else client.leave();
    await expectService(trial, server, `that ${who}`, byHand);
  }
  await expectLimit(trial, server);
  await expectSafeTerminal(trial, server);
}

/** No common tool sends a RST when it is told to. */
function resetByHand(words: string): string {
  const reset = 's.resetAndDestroy()';
  const said = JSON.stringify(words).replaceAll('"', "'");
  const then = words ? `s.write(${said}, () => ${reset})` : reset;
  const script = `const s = require('net').connect($PORT, '127.0.0.1', () => ${then})`;
  return `node -e "${script}"; curl -i 127.0.0.1:$PORT`;
}

/** A head that never ends is kept until it does: some limit there must be. */
async function expectLimit(trial: Trial, server: ServerProcess): Promise<void> {
  const client = await trial.connect(server);
  const talk = client.send(`GET /${'x'.repeat(MEBIBYTE)}`).catch(() => {});
  await client.settle(REACTION, () => client.size > 0 || client.ending !== 'open');
  client.leave();
  await talk;
  if (client.size === 0 && client.ending === 'open') {
    const message = `A client sent a mebibyte and no end of its head, and your program still collects: expected 431, or a hang-up`;
    throw new Failure(message, {
      cause: 'timed out',
      mistake: 'endless-head',
      byHand: "(head -c 1048576 /dev/zero | tr '\\0' x; sleep 2) | nc 127.0.0.1 $PORT | head -1",
    });
  }
  if (client.size > 0 && !/^HTTP\/1\.[01] 4\d\d /.test(client.received.toString('latin1'))) {
    const message = `A client sent a mebibyte and no end of its head: expected 431, got ${quote(client.received, 30)}`;
    throw wrong(message, client.received, 9);
  }
  await expectService(trial, server, 'that sends a mebibyte and no end of its head');
}

/** A terminal obeys what is printed on it: ESC and what follows can rename its window, or clear it. */
async function expectSafeTerminal(trial: Trial, server: ServerProcess): Promise<void> {
  const line = 'X-Escape: \x1b]0;gotcha\x07';
  await ask(trial, server, get('/escape', line)).catch(() => {}); // it may be refused
  await ask(trial, server);
  const at = Math.max(server.stdout.indexOf('\x1b]0;gotcha'), server.stdout.indexOf('gotcha\x07'));
  if (at === -1) return;
  const message = `A client sent ${quote(line)}, and your program printed the byte ESC or BEL itself: expected text for it, the four characters \\x1b, for a terminal obeys`;
  throw new Failure(message, {
    cause: 'wrong',
    received: Buffer.from(server.stdout),
    at: Buffer.byteLength(server.stdout.slice(0, at)),
    isPrinted: true,
    mistake: 'terminal-obeys',
    byHand:
      "printf 'GET / HTTP/1.1\\r\\nX-Escape: \\033]0;gotcha\\007\\r\\n\\r\\n' | nc 127.0.0.1 $PORT",
  });
}
