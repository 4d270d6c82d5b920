import { defineConfig } from 'vitest/config';

/** Real servers take seconds to start on a small machine. */
const INTEGRATION_TIMEOUT_MS = 60_000;
const INTEGRATION_HOOK_TIMEOUT_MS = 180_000;

const integration = {
  globalSetup: 'test/integration/world-setup.ts',
  pool: 'forks',
  testTimeout: INTEGRATION_TIMEOUT_MS,
  hookTimeout: INTEGRATION_HOOK_TIMEOUT_MS,
} as const;

export default defineConfig({
  test: {
    teardownTimeout: INTEGRATION_TIMEOUT_MS,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'test/simulation/**/*.test.ts'],
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...integration,
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          exclude: ['test/integration/**/*.exclusive.test.ts'],
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        // One file at a time, after all others: these stop what the others share, such as the API server.
        test: {
          ...integration,
          name: 'exclusive',
          include: ['test/integration/**/*.exclusive.test.ts'],
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text', 'json-summary'],
      thresholds: { lines: 90 },
    },
  },
});
