/**
 * The client that makes the servers of part 3 sweat: many connections at once, and a word on what each of them
 * saw. In go how many and in what manner; out comes a table with a row per connection, a picture of its waiting,
 * and how it ended. Asked for 20 connections it opens 20.
 *
 *   npm run part3 -- client3 --clients 5 --reverse
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const HELP = `Usage: npm run part3 -- client3 [options]

  --clients N      how many clients (default: 5)
  --conns N        connections of each (default: 1)
  --hold S         seconds of silence between connecting and asking (default: 0)
  --reverse        all connect, then the last one speaks first
  --timeout S      seconds until a connection that has not ended is given up (default: 60)
  --host ADDRESS   (default: 127.0.0.1)
  --port N         (default: PORT, else 8888)
  --json           the same as JSON

Ctrl-C gives up what is still open, and shows the table.`;

/** What one connection saw. Times are milliseconds since the start; without one, it never happened. */
interface Sight {
  client: number;
  connected?: number;
  firstByte?: number;
  ended: number;
  ending: 'complete' | 'cut' | 'left open' | 'closed, no answer' | 'reset' | 'refused' | 'given up';
  /** The process that answered, if it said so. */
  process?: number;
}

const REQUEST = 'GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n';
const start = performance.now();
const options = readOptions();
const sights = await openAll();
console.log(options.json ? JSON.stringify(sights) : toTable(sights));
process.exit(sights.every(({ ending }) => ending === 'refused') ? 1 : 0);

/** Opens all connections, has them speak in the order wanted, and resolves when each has ended. */
async function openAll(): Promise<Sight[]> {
  const { host, port, clients, conns, hold, reverse } = options;
  const sockets = Array.from({ length: clients * conns }, () => connect({ host, port }));
  const endings = sockets.map((socket, index) => watch(socket, Math.floor(index / conns) + 1));
  const connected = sockets.map((socket) => once(socket, 'connect').catch(() => {})); // watch() saw why
  process.once('SIGINT', () => {
    for (const socket of sockets) socket.destroy();
  });
  if (reverse) await Promise.all(connected);
  const speakers = reverse ? sockets.toReversed() : sockets;
  if (hold > 0) await Promise.race([delay(hold * 1000), Promise.all(endings)]);
  for (const socket of speakers) socket.write(REQUEST);
  return Promise.all(endings);
}

/** Notes what happens to a connection, until nothing more will. */
async function watch(socket: Socket, client: number): Promise<Sight> {
  const sight: Sight = { client, ended: 0, ending: 'given up' };
  const now = () => Math.round(performance.now() - start);
  let answer = '';
  let hasEnded = false;
  socket.once('connect', () => (sight.connected = now()));
  socket.once('end', () => (hasEnded = true));
  socket.on('data', (bytes) => {
    sight.firstByte ??= now();
    answer += bytes.toString('latin1');
  });
  let failure: string | undefined;
  socket.once('error', ({ code }: NodeJS.ErrnoException) => (failure = code));
  const timer = setTimeout(() => socket.destroy(), options.timeout * 1000);
  await new Promise((resolve) => socket.once('close', resolve));
  clearTimeout(timer);

  const [head = '', body = ''] = answer.split('\r\n\r\n');
  const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? body.length);
  const isWhole = answer.includes('\r\n\r\n') && body.length >= length;
  sight.ended = now();
  if (failure) sight.ending = failure === 'ECONNREFUSED' ? 'refused' : 'reset';
  else if (hasEnded) sight.ending = isWhole ? 'complete' : answer ? 'cut' : 'closed, no answer';
  else if (isWhole) sight.ending = 'left open';
  const pid = /process (\d+)/.exec(body)?.[1];
  return pid ? { ...sight, process: Number(pid) } : sight;
}

/** A row per connection, all pictures to one scale: . connecting, - connected and waiting, = being answered. */
function toTable(sights: readonly Sight[]): string {
  const width = 32;
  const scale = width / Math.max(1, ...sights.map(({ ended }) => ended));
  const rows = sights.map(({ client, connected, firstByte, ended, ending, process }) => {
    const [a = 0, b = 0, c = 0] = [connected ?? ended, firstByte ?? ended, ended].map((time) =>
      Math.round(time * scale),
    );
    const picture = '.'.repeat(a) + '-'.repeat(b - a) + '='.repeat(c - b);
    const figures = [client, connected ?? '-', firstByte ?? '-', ended];
    const cells = figures.map((figure) => `${figure}`.padStart(10)).join('');
    return `${cells}  ${picture.padEnd(width)}  ${ending}${process ? `, process ${process}` : ''}`;
  });
  const endings = [...new Set(sights.map(({ ending }) => ending))];
  const count = (wanted: string) => sights.filter(({ ending }) => ending === wanted).length;
  const titles = ['client', 'connected', 'answered', 'ended'];
  return [
    `${titles.map((title) => title.padStart(10)).join('')}  in ms; . connecting  - waiting  = being answered`,
    ...rows,
    endings.map((ending) => `${count(ending)} ${ending}`).join(', '),
  ].join('\n');
}

function readOptions() {
  try {
    const text = { type: 'string' } as const;
    const flag = { type: 'boolean', default: false } as const;
    const { values } = parseArgs({
      options: {
        ...{ host: text, port: text, clients: text, conns: text, hold: text, timeout: text },
        ...{ reverse: flag, json: flag, help: flag },
      },
    });
    if (values.help) {
      console.log(HELP);
      process.exit();
    }
    const number = (name: 'clients' | 'conns' | 'hold' | 'timeout' | 'port', fallback: number) => {
      const given = Number(values[name] ?? fallback);
      if (given >= 0 && (name !== 'port' || given < 65536)) return given;
      throw new Error(`--${name} takes a number, not '${values[name]}'`);
    };
    return {
      host: values.host ?? '127.0.0.1',
      port: number('port', Number(process.env.PORT || 8888)),
      clients: number('clients', 5),
      conns: number('conns', 1),
      hold: number('hold', 0),
      timeout: number('timeout', 60),
      reverse: values.reverse,
      json: values.json,
    };
  } catch (error) {
    console.error(`${(error as Error).message.replaceAll('\n', ' ')} (--help lists the options)`);
    process.exit(1);
  }
}
