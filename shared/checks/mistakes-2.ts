/** Known mistakes of part 2. */
import type { Mistake } from './mistake.ts';
import { ANSWER_MISTAKES } from './mistakes-2-answers.ts';
import { MORE_MISTAKES } from './mistakes-2-more.ts';
import { REFUSAL_MISTAKES } from './mistakes-2-refusals.ts';
import { REQUEST_MISTAKES } from './mistakes-2-requests.ts';

export const MISTAKES2: readonly Mistake[] = [
  ...REQUEST_MISTAKES,
  ...ANSWER_MISTAKES,
  ...REFUSAL_MISTAKES,
  ...MORE_MISTAKES,
];
