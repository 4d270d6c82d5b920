/** Helm as users run it, on the chart of the checkout. */
import { join } from 'node:path';
import { repository } from '../../hack/generate/generated-file.ts';
import { getBinaries } from '../../hack/world/binaries/get-binaries.ts';
import { stderrVoice } from '../../hack/world/binaries/progress.ts';
import type { ApiObject } from './api.ts';
import { objectsOf, output } from './kubectl.ts';

export const CHART = join(repository, 'charts', 'database-failover-operator');

/** Standard output; rejects with what Helm said on standard error. `npm test` has got Helm before the world began. */
export async function helm(...args: readonly string[]): Promise<string> {
  const binaries = await getBinaries(['helm'], stderrVoice);
  return await output(binaries.helm, args);
}

/** `values` as `--set` takes them; the release is named as `deploy/` names its objects. */
export async function templated(...values: readonly string[]): Promise<readonly ApiObject[]> {
  const set = values.flatMap((value) => ['--set', value]);
  return objectsOf(await helm('template', 'database-failover-operator', CHART, '-n', 'database-failover', ...set));
}
