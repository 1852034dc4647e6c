/**
 * Side by side: `npm run bench` holds the gateway against what Node.js can do, against node:http and against what people
 * deploy. Quote the ratios and not the figures: those are of this machine, at this hour.
 */
import os from 'node:os';
import { parseArgs } from 'node:util';
import { measureGateway, measureHosting } from './gateway.ts';
import { generatorFor, type Settings } from './load.ts';
import { measureMemory } from './memory.ts';
import { measurePython, PYTHON_APPS } from './python.ts';
import { measureTails } from './tails.ts';
import { measureTransfer } from './transfer.ts';

const TABLES: Record<string, (settings: Settings) => Promise<void>> = {
  gateway: measureGateway,
  hosting: measureHosting,
  memory: measureMemory,
  transfer: measureTransfer,
  tails: measureTails,
  python: measurePython,
};

const USAGE = `Usage: npm run bench -- [TABLE ...] [options]

Tables (without one: all of them, in about four minutes, with flaskapp alone for Python)
  gateway    requests per second: ours, bare node:net, node:http, Fastify; and pipelined
  hosting    Express, Koa, Fastify and Hono on our gateway, and on node:http
  memory     what an idle connection costs
  transfer   1 GiB up and down: how fast, and how much of it the server holds
  tails      p50 and p99 of busy clients, alone and among many that trickle
  python     apps in Python: ours, part 2, gunicorn, waitress, uWSGI

Options (each table has defaults of its own)
  --rounds N        measured rounds for each server: 5 for gateway, else 3
  --seconds S       length of a round: 1
  --warm-up S       before the first round, for each server: 3 for gateway and python, 2 for hosting and tails, else 1
  --connections N   clients at a time: gateway and hosting 64, tails 50, python 8, memory 10000
  --apps a,b        for python, of ${PYTHON_APPS.join(',')}
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
      help: { type: 'boolean', short: 'h' },
    },
    allowPositionals: true,
  });
  if (values.help) return console.log(USAGE);
  const unknown = positionals.find((name) => !Object.hasOwn(TABLES, name));
  if (unknown)
    throw new Error(`No table '${unknown}'; there are ${Object.keys(TABLES).join(', ')}`);

  const settings: Settings = {
    rounds: figure('rounds', values.rounds, 1),
    seconds: figure('seconds', values.seconds, 0.1),
    warmUp: figure('warm-up', values['warm-up'], 0),
    connections: figure('connections', values.connections, 1),
    apps: values.apps?.split(',') ?? (positionals.length === 0 ? ['flaskapp'] : PYTHON_APPS),
  };
  const stranger = settings.apps?.find((app) => !PYTHON_APPS.includes(app));
  if (stranger) throw new Error(`No app '${stranger}'; there are ${PYTHON_APPS.join(', ')}`);

  const [{ model = 'unknown processor' } = {}] = os.cpus();
  console.log(
    `${os.type()}, ${os.cpus().length} x ${model}, Node ${process.version}, load by ${generatorFor(settings.seconds ?? 1)}`,
  );
  for (const name of positionals.length > 0 ? positionals : Object.keys(TABLES)) {
    await TABLES[name]?.(settings).catch((error: Error) => {
      console.error(`\n${name}: ${error.message}`); // the other tables have nothing to do with it
      process.exitCode = 1;
    });
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
