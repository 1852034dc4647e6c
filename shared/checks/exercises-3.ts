import type { Check } from './check.ts';

export const EXERCISES3: readonly Check[] = [];
