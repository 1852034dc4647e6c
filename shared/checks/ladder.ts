/** All checks, in the order a reader meets them. Exercises come behind the ladder of their part and are not needed to pass it. */
import type { Check, Part } from './check.ts';
import { EXERCISES1 } from './exercises-1.ts';
import { EXERCISES2 } from './exercises-2.ts';
import { EXERCISES3 } from './exercises-3.ts';
import { PART1 } from './part1.ts';
import { PART2 } from './part2.ts';
import { PART3 } from './part3.ts';

export const LADDER: readonly Check[] = [
  ...PART1,
  ...EXERCISES1,
  ...PART2,
  ...EXERCISES2,
  ...PART3,
  ...EXERCISES3,
];

export const isExercise = ({ id }: Check): boolean => id.includes('x');

export function stepsOf(part: Part): readonly Check[] {
  return LADDER.filter((check) => check.part === part && !isExercise(check));
}

export function exercisesOf(part: Part): readonly Check[] {
  return LADDER.filter((check) => check.part === part && isExercise(check));
}

/** What a part leaves open, which the next one answers. */
export const QUESTIONS: Record<Part, string> = {
  part1:
    'Part 2 asks: how does your server run applications it has never seen, written for Express, Koa, Fastify or Hono, without a line changed in any of them?',
  part2: 'Part 3 asks: how does your server serve more than one client at a time?',
  part3:
    'There is no next part: you have built a web server, from the handshake to the last child process. What will you run on it?',
};
