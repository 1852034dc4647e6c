/**
 * Makes the mutants of a stage: each is the stage with one small thing changed. All of them are in one copy of its part,
 * and an environment variable switches one on. It knows no check.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { quick, ROOT } from '../../harness/server-process.ts';
import type { Subject } from '../run/trial.ts';
import { copyPart } from './copy.ts';

export interface Mutant {
  readonly id: string;
  readonly file: string;
  readonly line: number;
  readonly original: string;
  readonly replacement: string;
}

/** A copy of a stage with all its mutants. `remove` it when done. */
export interface Mutated {
  readonly mutants: readonly Mutant[];
  /** Another one when the stage changes, or what makes mutants of it. */
  readonly digest: string;
  /** Runs the stage as this mutant. */
  subject(mutant: Mutant): Subject;
  /** Runs the stage as it is, and notes in a file the id of each mutant whose place it comes by. */
  noting(file: string): Subject;
  remove(): void;
}

/** A mutant may collect without end, or turn for ever: at so many KiB, or seconds of processor time, it is ended. */
const [MOST_MEMORY, MOST_TIME] = [4 * 1024 * 1024, 10];
const BOUNDED = ['sh', '-c', `ulimit -d ${MOST_MEMORY}; ulimit -t ${MOST_TIME}; exec "$@"`, 'sh'];

/** The instrumented program counts at each mutant's place: we write its id down, once, before anything can end us. */
const NOTE = `
const { appendFileSync } = require('node:fs');
const known = new Set();
const set = (_, id) => {
  if (!known.has(id)) appendFileSync(process.env.NOTE, id + '\\n');
  return known.add(id);
};
globalThis.__stryker__ = { mutantCoverage: { static: new Proxy({}, { set }) } };
`;

export async function mutate(stage: string): Promise<Mutated> {
  const sources = filesOf(stage).map((name) => ({ name, content: textOf(name), mutate: true }));
  const ignorer = {
    shouldIgnore: (place: object) => (isForPeople(place as Place) ? 'for people' : undefined),
  };
  const options = { plugins: null, excludedMutations: [], ignorers: [ignorer] };
  const { Instrumenter } = await import('@stryker-mutator/instrumenter'); // it takes a second: not for a word mistyped
  const { files, mutants } = await new Instrumenter(SILENT).instrument(sources, options);
  const copy = copyPart(stage, '');
  for (const { name, content } of files) writeFileSync(path.join(copy.folder, name), content);
  const program = quick(path.join(copy.folder, stage));
  const note = path.join(copy.folder, 'note.cjs');
  writeFileSync(note, NOTE);
  return {
    mutants: mutants
      .filter(({ status }) => status !== 'Ignored')
      .map(({ id, fileName, location, replacement }) => ({
        id,
        file: fileName,
        line: location.start.line + 1,
        original: cutOut(textOf(fileName), location),
        replacement,
      })),
    digest: digestOf(files.map(({ content }) => content)),
    subject: ({ id }) => withEnv(program, `__STRYKER_ACTIVE_MUTANT__=${id}`),
    noting: (file) => withEnv(program, `NODE_OPTIONS=--require=${note}`, `NOTE=${file}`),
    remove: copy.remove,
  };
}

/** `env` becomes the program. A variable of our own would be one for all that run at the same time. */
function withEnv(program: readonly string[], ...variables: string[]): Subject {
  return { isOurs: true, command: () => [...BOUNDED, 'env', ...variables, ...program] };
}

export function digestOf(texts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(texts)).digest('hex');
}

/** What the instrumenter shows of the program it walks through: a node of Babel's, and those around it. */
interface Place {
  readonly node: Syntax;
  readonly key: string | number | null;
  readonly parentPath: Place | null;
}

interface Syntax {
  readonly type: string;
  readonly name?: string;
  readonly callee?: Syntax;
  readonly object?: Syntax;
  readonly expressions?: readonly Syntax[];
}

/**
 * The rule of what is not mutated: a text that is printed, or is the message of an error, the name of a rule or the detail of a refusal. Where
 * it calls something to fill a gap, it is mutated all the same: that is code.
 */
function isForPeople(place: Place): boolean {
  const { type, expressions = [] } = place.node;
  const isText = type === 'StringLiteral' || type === 'TemplateLiteral';
  if (!isText || expressions.some((each) => each.type === 'CallExpression')) return false;
  let argument = place;
  while (argument.parentPath?.node.type === 'ConditionalExpression') argument = argument.parentPath;
  const { type: verb, callee } = argument.parentPath?.node ?? { type: '' };
  if (verb === 'NewExpression') return /Error$|^ClientLeft$/.test(callee?.name ?? '');
  if (verb !== 'CallExpression') return false;
  const isRule = callee?.name === 'breach' || (callee?.name === 'refuse' && argument.key === 1);
  return isRule || callee?.object?.name === 'console';
}

/** The stage and what it imports of its part. */
function filesOf(stage: string, found = new Set<string>()): string[] {
  found.add(stage);
  const part = stage.split('/')[0];
  for (const [, target = ''] of textOf(stage).matchAll(/ from '(\.[^']+)'/g)) {
    const file = path.join(path.dirname(stage), target);
    if (file.startsWith(`${part}/`) && !found.has(file)) filesOf(file, found);
  }
  return [...found];
}

function textOf(file: string): string {
  return readFileSync(path.join(ROOT, file), 'utf8');
}

interface Range {
  readonly start: { readonly line: number; readonly column: number };
  readonly end: { readonly line: number; readonly column: number };
}

function cutOut(text: string, { start, end }: Range): string {
  const lines = text.split('\n').slice(start.line, end.line + 1);
  const last = lines.length - 1;
  return lines
    .map((line, i) => line.slice(i === 0 ? start.column : 0, i === last ? end.column : line.length))
    .join('\n');
}

const off = () => false;
const nothing = () => {};
const SILENT = {
  ...{ isTraceEnabled: off, isDebugEnabled: off, isInfoEnabled: off },
  ...{ isWarnEnabled: off, isErrorEnabled: off, isFatalEnabled: off },
  ...{ trace: nothing, debug: nothing, info: nothing, warn: nothing },
  ...{ error: nothing, fatal: nothing },
};
