/**
 * The command line behind `npm run part1`, `part2` and `part3`: picks the stage, and becomes it. In go the
 * part's name and what the reader typed; the last stage of the part runs unless an id names another one.
 */
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { exampleApps } from './app-loader.ts';
import { STAGES, type Stage } from './stages.ts';

const [part = '', ...args] = process.argv.slice(2);
const stages = STAGES.filter((stage) => stage.part === part);
const last = stages.at(-1);
const named = stages.find((stage) => stage.id === args[0]);

if (!last) {
  fail(`There is nothing to run in ${part} yet.`);
} else if (args.includes('--help') || args.includes('-h')) {
  console.log(help(last));
} else if (args[0] && !args[0].startsWith('-') && !named && !last.can.includes('gateway')) {
  fail(`No stage '${args[0]}' in ${part}; there are ${stages.map(({ id }) => id).join(', ')}`);
} else {
  const script = path.join(import.meta.dirname, '..', (named ?? last).file);
  process.argv = [process.execPath, script, ...args.slice(named ? 1 : 0)];
  await import(pathToFileURL(script).href);
}

function fail(reason: string): never {
  console.error(reason);
  process.exit(1);
}

function help(last: Stage): string {
  const isGateway = last.can.includes('gateway');
  const lines = [
    `Usage: npm run ${part} -- [STAGE] ${isGateway ? '[module:callable] ' : ''}[options]`,
    '',
    `Stages (without one: ${last.id})`,
    ...stages.map(({ id, file, summary }) => `  ${id}  ${file.padEnd(28)}${summary}`),
    '',
  ];
  if (isGateway) {
    lines.push(
      'Apps, as module:callable (searched as a path, then here, then in shared/apps)',
      ...exampleApps().map((app) => `  ${app}`),
      '',
    );
  }
  lines.push(
    'Options',
    '  --port N          port to listen on (default: PORT, else 8888; 0: any that is free)',
    '  --host ADDRESS    address to listen on (default: 127.0.0.1, this machine only)',
    ...(last.options ?? []).map(([option, meaning]) => `  ${option.padEnd(18)}${meaning}`),
    '  --help            this text',
    '',
    'Ctrl-C stops it.',
  );
  return lines.join('\n');
}
