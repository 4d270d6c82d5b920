/** kubectl as users run it, and the manifests it renders. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { repository } from '../../hack/generate/generated-file.ts';
import type { ApiObject } from './api.ts';

const run = promisify(execFile);
const DEADLINE_MS = 60_000;
const MAX_OUTPUT_BYTES = 16 * 2 ** 20;

const manifests = z.array(
  z.looseObject({
    apiVersion: z.string(),
    kind: z.string(),
    metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }),
  }),
);

/** Standard output of a program run in the repository; rejects with what it said on standard error. */
export async function output(program: string, args: readonly string[]): Promise<string> {
  const options = { cwd: repository, timeout: DEADLINE_MS, maxBuffer: MAX_OUTPUT_BYTES };
  return (await run(program, [...args], options)).stdout;
}

/** The objects of a kustomization, by its folder in the repository. */
export async function kustomized(folder: string): Promise<readonly ApiObject[]> {
  return objectsOf(await output('kubectl', ['kustomize', folder]));
}

export function objectsOf(yaml: string): readonly ApiObject[] {
  const documents = parseAllDocuments(yaml);
  return manifests.parse(documents.map((document): unknown => document.toJS()).filter((object) => object !== null));
}
