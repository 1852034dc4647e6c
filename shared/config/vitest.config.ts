import path from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that keep the processors busy for long. */
const BUSY =
  /checks\.test|chapter\.test|growth|frameworks|other-gateways|cli\.test|mutants|browser|book\/test\/command/;
/** Files that mostly wait for a clock or a signal, for as long. */
const WAITING = /python-app|supervisor|command-line|silence|reloads|adapters\.test|part1\.test/;

// Node.js 20 reads it whenever it starts, which takes longer than all else in a small program; nobody here calls abroad.
delete process.env.NODE_EXTRA_CA_CERTS;

/** Long ones first: begun last, they would be waited for alone. Of these a busy and a waiting one side by side. */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const busy = files.filter(({ moduleId }) => BUSY.test(moduleId));
    const waiting = files.filter(({ moduleId }) => WAITING.test(moduleId));
    const pairs = busy.map((file, index) => [file, waiting[index]]);
    const long = [...pairs.flat(), ...waiting.slice(busy.length)].filter(
      (file) => file !== undefined,
    );
    return [...long, ...files.filter((file) => !long.includes(file))];
  }
}

export default defineConfig({
  root: path.join(import.meta.dirname, '..', '..'),
  test: {
    include: ['part*/test/**/*.test.ts', 'shared/**/*.test.ts'],
    sequence: { sequencer: LongFirst },
    // Most of a test's time is spent waiting for its servers. In CI it may take longer, and nothing should for want of a processor.
    maxWorkers: process.env.CI ? 3 : 4,
    maxConcurrency: process.env.CI ? 3 : 5,
    testTimeout: 30_000, // bounds a hang; nothing is measured against it
    hookTimeout: 30_000,
    reporters: process.env.CI ? ['verbose'] : ['default'],
  },
});
