/** The servers that a page may ask for, in the words in which a reader would: they name stages of the table, and nothing else. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { STAGES, type Stage } from '../stages.ts';

/** A stage, or the reader's own program, and what it is given. */
export interface Server {
  readonly stage: Pick<Stage, 'file' | 'can'>;
  readonly app?: string;
  readonly args: readonly string[];
}

/** Where the reader's own work is, as the checks have it. */
const HOME = process.env.CHECK_HOME ?? path.join(import.meta.dirname, '..', '..');
/** What a page may not ask for, whoever wrote it into a chapter: other doors, and files. */
const DOORS = /^--(host|port|unix|tls|access-log|parse)/;
/** The reader's server of each part, and the programs of the ladder, by the names of their stages. */
const OWN: readonly string[] = [
  ...['my part1', 'my part2 wsgiapp:app', 'my part3 wsgiapp:app'],
  ...STAGES.filter(({ id }) => /^3[a-h]$/.test(id)).map(({ id }) => `my part3 ${id}`),
];

/** Each stage that serves, as it is; and the reader's own servers. */
export const PLAIN: readonly string[] = STAGES.filter(serves)
  .map(({ id, part, can }) => {
    const words = [
      ...(id === 'gateway' ? [] : [id]),
      ...(can.includes('gateway') ? ['wsgiapp:app'] : []),
    ];
    return `${part} -- ${words.join(' ')}`;
  })
  .concat(OWN);

/** What the words behind `npm run` mean, or those of OWN; undefined if they name no server of the table. */
export function readServer(words: string): Server | undefined {
  const [part, ...rest] = words.split(' ').filter((word) => word !== '--');
  if (part === 'my') return OWN.includes(words) ? ownServer(...rest) : undefined;
  const stages = STAGES.filter((one) => one.part === part);
  const named = stages.find(({ id }) => id === rest[0]);
  const stage = named ?? stages.at(-1);
  const args = named ? rest.slice(1) : rest;
  if (!stage || !serves(stage) || args.some((word) => DOORS.test(word))) return undefined;
  if (!stage.can.includes('gateway')) return { stage, args };
  const [app, ...others] = args;
  return app && /^[\w./-]+:\w+$/.test(app) ? { stage, app, args: others } : undefined;
}

function serves({ can }: Stage): boolean {
  return can.includes('http') || can.includes('echo');
}

function ownServer(part = '', what = ''): Server | undefined {
  const app = what.includes(':') ? what : undefined;
  const file = path.join(HOME, part, 'my', `${app ? 'server' : what || 'server'}.ts`);
  return existsSync(file) ? { stage: { file, can: [] }, args: [], ...(app && { app }) } : undefined;
}
