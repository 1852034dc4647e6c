import type { Check } from './check.ts';

export const EXERCISES1: readonly Check[] = [];
