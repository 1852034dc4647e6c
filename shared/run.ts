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
} else if ((args.includes('--help') || args.includes('-h')) && named?.can.length !== 0) {
  console.log(named ? helpFor(named) : help(last));
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
  const width = Math.max(...stages.map(({ file }) => file.length)) + 2;
  const idWidth = Math.max(...stages.map(({ id }) => id.length)) + 2;
  const lines = [
    `Usage: npm run ${part} -- [STAGE] ${isGateway ? '[module:callable] ' : ''}[options]`,
    '',
    `Stages (without one: ${last.id})`,
    ...stages.map(
      ({ id, file, summary }) => `  ${id.padEnd(idWidth)}${file.padEnd(width)}${summary}`,
    ),
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
    ...optionLines(last),
    '',
    'STAGE --help tells the options of another stage. Ctrl-C stops it.',
  );
  return lines.join('\n');
}

function helpFor(stage: Stage): string {
  const app = stage.can.includes('gateway') ? 'module:callable ' : '';
  const usage = `Usage: npm run ${part} -- ${stage.id} ${app}[options]`;
  return [usage, '', `${stage.file}: ${stage.summary}`, '', ...optionLines(stage)].join('\n');
}

function optionLines(stage: Stage): string[] {
  const options = [
    ['--port N', 'port to listen on (default: PORT, else 8888; 0: any that is free)'],
    ['--host ADDRESS', 'address to listen on (default: 127.0.0.1, this machine only)'],
    ...(stage.options ?? []),
    ['--help', 'this text'],
  ] as const;
  const width = Math.max(...options.map(([option]) => option.length)) + 2;
  return ['Options', ...options.map(([option, meaning]) => `  ${option.padEnd(width)}${meaning}`)];
}
