import path from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that play, or wait, for a minute: begun last, they would be waited for alone. */
const LONG = /chapter|checks|python-app|command-line|frameworks|silence|supervisor|reloads/;

// Node.js 20 reads it whenever it starts, which takes longer than all else in a small program; nobody here calls abroad.
delete process.env.NODE_EXTRA_CA_CERTS;

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isShort = ({ moduleId }: TestSpecification) => (LONG.test(moduleId) ? 0 : 1);
    return files.toSorted((a, b) => isShort(a) - isShort(b));
  }
}

export default defineConfig({
  root: path.join(import.meta.dirname, '..', '..'),
  test: {
    include: ['part*/test/**/*.test.ts', 'shared/**/*.test.ts'],
    sequence: { sequencer: LongFirst },
    maxWorkers: 4, // most of a test's time is spent waiting for its servers
    testTimeout: 30_000, // bounds a hang; nothing is measured against it
    hookTimeout: 30_000,
    reporters: process.env.CI ? ['verbose'] : ['default'],
  },
});
