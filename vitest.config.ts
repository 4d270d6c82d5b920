import { defineConfig } from 'vitest/config';

/** Real servers take seconds to start on a small machine. */
const INTEGRATION_TIMEOUT_MS = 60_000;
const INTEGRATION_HOOK_TIMEOUT_MS = 180_000;

export default defineConfig({
  test: {
    teardownTimeout: INTEGRATION_TIMEOUT_MS,
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'] } },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          globalSetup: 'test/integration/world-setup.ts',
          pool: 'forks',
          maxWorkers: 2,
          testTimeout: INTEGRATION_TIMEOUT_MS,
          hookTimeout: INTEGRATION_HOOK_TIMEOUT_MS,
        },
      },
    ],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text', 'json-summary'],
    },
  },
});
