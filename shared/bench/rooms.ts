/**
 * Where our own code spends its time: nanoseconds for a request in each room of the gateway, without sockets and
 * without load. What the rooms are, part 3 knows: part3/test/rooms.ts makes them, and is loaded by its path.
 */
import path from 'node:path';
import { Progress } from '../harness/progress.ts';
import { ROOT } from '../harness/server-process.ts';
import type { Settings } from './load.ts';
import { median, printTable, ratio, show } from './table.ts';

/** Does what is to be done for all requests of the packet, once; a promise if it has to wait. */
type Room = () => Promise<void> | undefined | void;
const ROOMS = ['parser', 'environ', 'exchange', 'writer', 'whole'] as const;
type Name = (typeof ROOMS)[number];

/** How many requests are in a packet, and its rooms. */
type Rooms = { readonly requests: number } & Readonly<Record<Name, Room>>;
export type MakeRooms = (packet: Buffer) => Promise<Rooms>;

const CURL =
  'GET /hello HTTP/1.1\r\nHost: localhost:8888\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n';
const BROWSER = [
  'GET /hello?from=browser HTTP/1.1',
  'Host: localhost:8888',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:139.0) Gecko/20100101 Firefox/139.0',
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'Accept-Language: en-US,en;q=0.5',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Connection: keep-alive',
  'Cookie: session=0123456789abcdef0123456789abcdef; theme=dark',
  'Upgrade-Insecure-Requests: 1',
  'Sec-Fetch-Dest: document',
  'Sec-Fetch-Mode: navigate',
  'Sec-Fetch-Site: none',
  'Priority: u=0, i\r\n\r\n',
].join('\r\n');
const POST = `POST /upload HTTP/1.1\r\nHost: localhost:8888\r\nContent-Length: 100\r\n\r\n${'x'.repeat(100)}`;

const PACKETS: Record<string, string> = {
  "curl's GET": CURL,
  "a browser's GET, with 12 field lines": BROWSER,
  'a POST of 100 bytes, which the application reads': POST,
  '8 GETs of curl in one packet': CURL.repeat(8),
};

/** Seconds of processor time that a room has before it is the turn of the next one: within a round, too, they share. */
const SLICE = 0.01;
/** Calls between two looks at the clock. */
const BATCH = 64;

export async function measureRooms(settings: Settings): Promise<void> {
  const { rounds = 9, seconds = 0.1, warmUp = 0.3 } = settings;
  const file = path.join(ROOT, 'part3', 'test', 'rooms.ts');
  const { makeRooms } = (await import(file)) as { makeRooms: MakeRooms };
  const packets = [];
  for (const [title, packet] of Object.entries(PACKETS)) {
    const rooms = await makeRooms(Buffer.from(packet));
    packets.push({ title, rooms, figures: new Map(ROOMS.map((name) => [name, [] as number[]])) });
    await runRound(rooms, warmUp);
  }
  const progress = new Progress(rounds * packets.length);
  for (let round = 0; round < rounds; round++) {
    for (const { title, rooms, figures } of packets) {
      const measured = await progress.during(title, () => runRound(rooms, seconds));
      for (const [name, ns] of measured) figures.get(name)?.push(ns);
    }
  }
  for (const { title, figures } of packets) {
    const of = (name: Name) => figures.get(name) ?? [];
    const whole = of('whole');
    const rows: [string, number[]][] = [
      ['parser', of('parser')],
      ['environ', of('environ')],
      ['exchange and application (measured with the writer)', minus(of('exchange'), of('writer'))],
      ['response writer', of('writer')],
      [
        'connection and outbox (what is left)',
        minus(whole, of('parser'), of('environ'), of('exchange')),
      ],
      ['the whole', whole],
    ];
    printTable(`rooms: ${title} (${rounds} x ${seconds} s of processor time for each)`, [
      ['', 'ns for a request', 'of the whole (spread)'],
      ...rows.map(([name, ns]) => [name, show(median(ns)), ns === whole ? '' : ratio(ns, whole)]),
    ]);
  }
}

/** Each room has so many seconds, slice by slice. Nanoseconds for a request come out. */
async function runRound(rooms: Rooms, seconds: number): Promise<[Name, number][]> {
  const totals = ROOMS.map((name) => ({ name, used: 0, calls: 0 }));
  for (let slice = 0; slice < seconds / SLICE; slice++) {
    for (const total of totals) {
      const { used, calls } = await runSlice(rooms[total.name]);
      total.used += used;
      total.calls += calls;
    }
  }
  return totals.map(({ name, used, calls }) => [name, (used * 1000) / calls / rooms.requests]);
}

/** Microseconds of the processor, as others work here, too; and calls made in that time. */
async function runSlice(room: Room): Promise<{ used: number; calls: number }> {
  const start = process.cpuUsage();
  let [used, calls] = [0, 0];
  while (used < SLICE * 1e6) {
    for (let i = 0; i < BATCH; i++) {
      const waiting = room();
      if (waiting) await waiting;
    }
    calls += BATCH;
    const { user, system } = process.cpuUsage(start);
    used = user + system;
  }
  return { used, calls };
}

/** Round by round. */
function minus(from: readonly number[], ...others: (readonly number[])[]): number[] {
  return from.map((figure, i) => others.reduce((rest, other) => rest - (other[i] ?? 0), figure));
}
