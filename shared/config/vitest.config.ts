import path from 'node:path';
import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  root: path.join(import.meta.dirname, '..', '..'),
  test: {
    include: ['part*/test/**/*.test.ts', 'shared/**/*.test.ts'],
    // The checks' own proofs run some two hundred wrong servers: by themselves, with npm run test:checks.
    exclude: [...configDefaults.exclude, ...(process.env.CHECKS ? [] : ['shared/checks/**'])],
    maxWorkers: 3, // most of a test's time is spent waiting for its servers
    testTimeout: 30_000, // bounds a hang; nothing is measured against it
    hookTimeout: 30_000,
    reporters: process.env.CI ? ['verbose'] : ['default'],
  },
});
