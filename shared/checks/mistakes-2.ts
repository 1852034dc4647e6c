/** Known mistakes of part 2, in the order of the checks they fail. */
import type { Mistake } from './mistake.ts';
import { ANSWER_MISTAKES } from './mistakes-2-answers.ts';
import { REFUSAL_MISTAKES } from './mistakes-2-refusals.ts';
import { REQUEST_MISTAKES } from './mistakes-2-requests.ts';

export const MISTAKES2: readonly Mistake[] = [
  ...REQUEST_MISTAKES,
  ...ANSWER_MISTAKES,
  ...REFUSAL_MISTAKES,
];
