/** Installs the CRDs of the checkout and waits until the API server serves and explains them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { crdFiles } from '../../hack/generate/crds.ts';
import { repository } from '../../hack/generate/generated-file.ts';
import { GROUP, VERSION } from '../../src/api/resources.ts';
import type { TestApi } from './api.ts';

/** Published a moment after the resources are served; `kubectl explain` reads it. */
const openApi = z.object({ components: z.object({ schemas: z.record(z.string(), z.unknown()) }) });

export async function installCrds(api: TestApi): Promise<void> {
  for (const file of crdFiles()) {
    const reply = await api.apply(parse(await readFile(join(repository, file.path), 'utf8')));
    if (!reply.accepted) throw new Error(`${file.path} was refused: ${reply.refusal.message}`);
  }
  await vi.waitFor(
    async () => {
      for (const plural of ['databasefailovers', 'failoverrequests']) {
        const { code } = await api.raw('GET', `/apis/${GROUP}/${VERSION}/${plural}?limit=1`);
        expect(code).toBe(200);
      }
      const { json } = await api.raw('GET', `/openapi/v3/apis/${GROUP}/${VERSION}`);
      expect(Object.keys(openApi.parse(json).components.schemas).join()).toMatch(/DatabaseFailover.*FailoverRequest/);
    },
    { timeout: 20_000, interval: 100 },
  );
}

/** Creates a namespace that only this run uses; deleting it is left to the end of the world. */
export async function freshNamespace(api: TestApi, prefix: string): Promise<string> {
  const reply = await api.call('POST', '/api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { generateName: `${prefix}-` },
  });
  if (!reply.accepted || reply.object.metadata.name === undefined) throw new Error(`no namespace: ${prefix}`);
  return reply.object.metadata.name;
}
