import type { Check } from './check.ts';

export const PART2: readonly Check[] = [];
