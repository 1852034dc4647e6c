import type { Check } from './check.ts';

export const EXERCISES2: readonly Check[] = [];
