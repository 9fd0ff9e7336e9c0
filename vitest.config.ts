import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.{ts,tsx}'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Native engines and browsers run beside the tests; more workers than cores only makes both slower.
    maxWorkers: 2,
  },
});
