import { writeFile } from 'node:fs/promises';
import type { Reporter, TestModule } from 'vitest/node';
import { z } from 'zod';

/** Names the file to which the runner's reporter below writes its counts. */
export const COUNTS_VARIABLE = 'DBFO_TEST_COUNTS';

export const countsSchema = z.object({ passed: z.number(), failed: z.number() });

/** Counts tests in silence; vitest's own reporters tell of each file that they write. */
class CountsReporter implements Reporter {
  async onTestRunEnd(modules: readonly TestModule[]): Promise<void> {
    const file = process.env[COUNTS_VARIABLE];
    if (file === undefined) return;
    const counts = { passed: 0, failed: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed' || state === 'failed') counts[state] += 1;
      }
    }
    await writeFile(file, JSON.stringify(counts));
  }
}

/** vitest loads a reporter by its file's default export. */
export default CountsReporter;
