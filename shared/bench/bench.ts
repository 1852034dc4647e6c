/**
 * Side by side: `npm run bench` holds the gateway against what Node.js can do, against node:http and against what people
 * deploy. Quote the ratios and not the figures: those are of this machine, at this hour.
 */
import { mkdirSync } from 'node:fs';
import os from 'node:os';
import { parseArgs } from 'node:util';
import { measureGateway, measureHosting } from './gateway.ts';
import { generatorFor, type Panel, type Settings } from './load.ts';
import { measureMemory } from './memory.ts';
import { measureNginx } from './nginx.ts';
import { measurePython, PYTHON_APPS } from './python.ts';
import { measureRooms } from './rooms.ts';
import { measureTails } from './tails.ts';
import { measureTransfer } from './transfer.ts';
import { measureWorkers } from './workers.ts';

const TABLES: Record<string, (settings: Settings) => Promise<void>> = {
  rooms: measureRooms,
  gateway: measureGateway,
  hosting: measureHosting,
  memory: measureMemory,
  transfer: measureTransfer,
  tails: measureTails,
  workers: measureWorkers,
  nginx: measureNginx,
  python: measurePython,
};

/** What the chart shows. */
const DRAWN = ['gateway', 'python'];

const USAGE = `Usage: npm run bench -- [TABLE ...] [options]

Tables (without one: all of them, in about six minutes, with flaskapp alone for Python)
  rooms      where a request's time goes in our own code: nanoseconds in each room, without sockets
  gateway    requests per second: ours, bare node:net, node:http, Fastify; and pipelined
  hosting    Express, Koa, Fastify and Hono on our gateway, and on node:http
  memory     what an idle connection costs
  transfer   1 GiB up and down: how fast, and how much of it the server holds
  tails      p50 and p99 of busy clients, alone and among many that trickle
  workers    ours in one process and in two: little to do, much to compute, many clients that idle
  nginx      ours alone, and one and two of them behind nginx
  python     apps in Python: ours, part 2, gunicorn, waitress, uWSGI; and two processes, in both of our ways

Options (each table has defaults of its own)
  --rounds N        measured rounds for each server: 5 for gateway, 9 for rooms, else 3
  --seconds S       length of a round: 1, for rooms 0.1
  --warm-up S       before the first round, for each server: 3 for gateway and python, 1 for memory and
                    transfer, 0.3 for rooms, else 2
  --connections N   clients at a time: 64, but 50 for tails and idle workers, python 8, memory 10000
  --apps a,b        for python, of ${PYTHON_APPS.join(',')}
  --svg FOLDER      draw ${DRAWN.join(' and ')}: bench-light.svg and bench-dark.svg
  --help            this text

All servers of a table stand ready at once and take turns, round after round. Each ratio is the median of those of
the rounds, with the least and the greatest; only answers that are 200 count. "req/CPU s" is by the processor time
of all processes of a server, which is steadier than the clock where others work, too.
wrk generates the load where it is installed, in whole seconds; otherwise undici, which takes much of the machine
for itself.`;

try {
  await main();
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}

async function main(): Promise<void> {
  const text = { type: 'string' } as const;
  const { values, positionals } = parseArgs({
    options: {
      ...{ rounds: text, seconds: text, 'warm-up': text, connections: text, apps: text },
      svg: text,
      help: { type: 'boolean', short: 'h' },
    },
    allowPositionals: true,
  });
  if (values.help) return console.log(USAGE);
  const unknown = positionals.find((name) => !Object.hasOwn(TABLES, name));
  if (unknown)
    throw new Error(`No table '${unknown}'; there are ${Object.keys(TABLES).join(', ')}`);

  const names = positionals.length > 0 ? positionals : Object.keys(TABLES);
  if (values.svg !== undefined) {
    if (!names.some((name) => DRAWN.includes(name)))
      throw new Error(`--svg draws ${DRAWN.join(' and ')}: name one of them`);
    mkdirSync(values.svg, { recursive: true }); // now, and not when all is measured
  }

  const panels: Panel[] = [];
  const settings: Settings = {
    rounds: figure('rounds', values.rounds, 1),
    seconds: figure('seconds', values.seconds, 0.1),
    warmUp: figure('warm-up', values['warm-up'], 0),
    connections: figure('connections', values.connections, 1),
    apps: values.apps?.split(',') ?? (positionals.length === 0 ? ['flaskapp'] : PYTHON_APPS),
    draw: (panel) => panels.push(panel),
  };
  const stranger = settings.apps?.find((app) => !PYTHON_APPS.includes(app));
  if (stranger) throw new Error(`No app '${stranger}'; there are ${PYTHON_APPS.join(', ')}`);

  const [{ model = 'unknown processor' } = {}] = os.cpus();
  const machine = `${os.type()}, ${os.cpus().length} x ${model}, Node ${process.version}, load by ${generatorFor(settings.seconds ?? 1)}`;
  console.log(machine);
  for (const name of names) {
    await TABLES[name]?.(settings).catch((error: Error) => {
      console.error(`\n${name}: ${error.message}`); // the other tables have nothing to do with it
      process.exitCode = 1;
    });
  }
  if (values.svg !== undefined && panels.length > 0) {
    const { writeChart } = await import('./chart.ts'); // a large library, for those who want it
    console.log(`\nDrawn: ${writeChart(values.svg, panels, machine).join(', ')}`);
  }
}

function figure(option: string, value: string | undefined, least: number): number | undefined {
  if (value === undefined) return undefined;
  const isWhole = least === 1;
  if (!(Number(value) >= least) || (isWhole && !Number.isInteger(Number(value)))) {
    throw new Error(
      `--${option} takes a ${isWhole ? 'whole ' : ''}number from ${least}, not '${value}'`,
    );
  }
  return Number(value);
}
