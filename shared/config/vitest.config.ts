import path from 'node:path';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: path.join(import.meta.dirname, '..', '..'),
  test: {
    include: ['part*/test/**/*.test.ts', 'shared/**/*.test.ts'],
    maxWorkers: 3, // most of a test's time is spent waiting for its servers
    testTimeout: 30_000, // bounds a hang; nothing is measured against it
    hookTimeout: 30_000,
    reporters: process.env.CI ? ['verbose'] : ['default'],
  },
});
