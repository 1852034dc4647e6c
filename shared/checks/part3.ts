import type { Check } from './check.ts';

export const PART3: readonly Check[] = [];
