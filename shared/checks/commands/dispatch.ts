/** From a command and what it is about to what does it: parts and checks are found here, and what is unknown is told. */
import { type Check, PARTS, type Part } from '../check.ts';
import { exercisesOf, LADDER } from '../ladder.ts';
import { check } from './check.ts';
import { hint } from './hint.ts';
import { learn } from './learn.ts';
import { UsageError } from './output.ts';
import { readProgress } from './progress.ts';
import { lastPart, stepsFromFirstFile } from './reader.ts';
import { solution } from './solution.ts';

/** Runs one of check, learn, hint and solution on a part, or on the check of an id or a name; its exit status. */
export async function dispatch(
  command: string,
  what: string = lastPart(),
  flags: Readonly<Record<string, boolean>>,
): Promise<number> {
  const part = PARTS.find((name) => name === what);
  if (command === 'learn') return learn(part ?? lastPart());
  if (command === 'check') return check(part ?? toCheck(what), flags);
  const one = part ? firstOpen(part) : toCheck(what);
  return command === 'hint' ? hint(one) : solution(one, Boolean(flags.peek));
}

function toCheck(text: string): Check {
  const found = LADDER.find(({ id, name }) => id === text || name === text);
  if (found) return found;
  const near = LADDER.filter(({ id }) => id[0] === text[0]).map(({ id }) => id);
  const known = near.length > 0 ? near.join(', ') : `${PARTS.join(', ')}, and checks like 1-03`;
  throw new UsageError(`There is no check '${text}'; there are ${known}`);
}

function firstOpen(part: Part): Check {
  const { passed } = readProgress(part);
  const all = [...stepsFromFirstFile(part), ...exercisesOf(part)];
  const open = all.find(({ id }) => !passed.includes(id)) ?? all.at(-1);
  if (!open) throw new UsageError(`There are no checks in ${part} yet`);
  return open;
}
