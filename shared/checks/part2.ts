/** The twelve checks of part 2, in the order a reader meets them. */
import type { Check } from './check.ts';
import { ANSWERS } from './part2-answers.ts';
import { BODIES } from './part2-bodies.ts';
import { FIELDS } from './part2-fields.ts';
import { MATCH } from './part2-match.ts';
import { REFUSE } from './part2-refusals.ts';
import { REQUESTS } from './part2-requests.ts';

export const PART2: readonly Check[] = [
  ...REQUESTS,
  ...FIELDS,
  ...ANSWERS,
  ...BODIES,
  ...REFUSE,
  ...MATCH,
];
