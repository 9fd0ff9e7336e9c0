import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.{ts,tsx}'],
    globalSetup: 'test/temporary.ts',
    // Twice what the slowest takes where every core is busy with something else.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Native engines and browsers run beside the tests; more workers than cores only makes both slower.
    maxWorkers: 2,
  },
});
