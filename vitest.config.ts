import { defineConfig } from 'vitest/config';
import { LongestFirst } from './packages/testing/src/longestFirst.ts';

const sources = ['packages/*/src', 'apps/*/src', 'scripts', 'prisma', 'e2e'];
const named = (ending: string) => sources.map((dir) => `${dir}/**/*.${ending}.{ts,tsx}`);

export default defineConfig({
  test: {
    // Native modules and child processes are real in these tests: processes keep files apart better than threads.
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    // What is waited for comes at once where the machine is free; here it is shared. This ends what hangs, and measures nothing.
    expect: { poll: { timeout: 60_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          // Property tests take seconds on a machine that is busy with something else.
          testTimeout: 30_000,
          include: named('test'),
          exclude: [...named('integration.test'), '**/node_modules/**'],
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: named('integration.test'),
          globalSetup: ['packages/testing/src/globalSetup.ts'],
          // Ends what hangs. Real sandboxes, databases and compilers take minutes beside other tests.
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
