/** The operator's own rights, as `deploy/` grants them, for tests that run it under exactly those. */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { expect, vi } from 'vitest';
import { z } from 'zod';
import { readWorld } from '../../hack/world/world-description.ts';
import type { ApiObject, TestApi } from './api.ts';
import { kustomized } from './kubectl.ts';

/** In `deploy/`. */
const NAMESPACE = 'database-failover';
const ACCOUNT = 'database-failover-operator';
const GRANTS = ['ServiceAccount', 'Role', 'RoleBinding'];
const TOKEN_SECONDS = 3600;

const tokenSchema = z.object({ status: z.object({ token: z.string() }) });
const reviewSchema = z.object({ status: z.object({ allowed: z.boolean() }) });

export interface OperatorAccess {
  /** Names the API server and holds a token of the ServiceAccount; readable by its owner only, gone with the world. */
  readonly kubeconfig: string;
  readonly user: string;
}

/** What a right is about; `group` empty for core. */
export interface Right {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly name?: string;
}

/**
 * Makes the ServiceAccount, Roles and RoleBindings of `deploy/` in `namespace`, which must exist, and resolves once they
 * are in force. The operator then needs `--namespaces` and `--lease-namespace` of that name.
 */
export async function operatorAccess(api: TestApi, namespace: string): Promise<OperatorAccess> {
  for (const object of await grantsIn(namespace)) {
    const reply = await api.apply(object);
    if (!reply.accepted) throw new Error(`${object.kind} ${object.metadata.name}: ${reply.refusal.message}`);
  }
  const user = `system:serviceaccount:${namespace}:${ACCOUNT}`;
  await vi.waitFor(
    async () => {
      expect(await isAllowed(api, user, namespace, { verb: 'patch', group: '', resource: 'services' })).toBe(true);
      expect(await isAllowed(api, user, namespace, LEASE)).toBe(true);
    },
    { timeout: 10_000, interval: 50 },
  );
  return { kubeconfig: await writeKubeconfig(namespace, await tokenOf(api, namespace)), user };
}

const LEASE: Right = { verb: 'create', group: 'coordination.k8s.io', resource: 'leases' };

/** Asks the API server's own authorizer. */
export async function isAllowed(
  api: TestApi,
  user: string,
  namespace: string,
  { verb, group, resource, subresource = '', name = '' }: Right,
): Promise<boolean> {
  const { json } = await api.raw('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: { user, resourceAttributes: { namespace, verb, group, resource, subresource, name } },
  });
  return reviewSchema.parse(json).status.allowed;
}

/** The same for every namespace, and a second of work on a busy machine. */
let rendered: ReturnType<typeof kustomized> | null = null;

async function grantsIn(namespace: string): Promise<readonly ApiObject[]> {
  rendered ??= kustomized('deploy');
  const objects = (await rendered).filter(({ kind }) => GRANTS.includes(kind));
  return objects.map(({ subjects, ...object }) => ({
    ...object,
    metadata: { ...object.metadata, namespace },
    ...(subjects === undefined ? {} : { subjects: movedTo(namespace, subjects) }),
  }));
}

function movedTo(namespace: string, subjects: unknown): unknown {
  const parsed = z.array(z.looseObject({ namespace: z.literal(NAMESPACE) })).parse(subjects);
  return parsed.map((subject) => ({ ...subject, namespace }));
}

async function tokenOf(api: TestApi, namespace: string): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${ACCOUNT}/token`;
  const { json } = await api.raw('POST', path, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: TOKEN_SECONDS },
  });
  return tokenSchema.parse(json).status.token;
}

async function writeKubeconfig(namespace: string, token: string): Promise<string> {
  const world = readWorld();
  const admin = new KubeConfig();
  admin.loadFromFile(world.kubeconfig);
  const cluster = admin.getCurrentCluster();
  const file = join(await mkdtemp(join(world.runDir, 'operator-')), 'kubeconfig');
  const text = JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'operator',
    clusters: [
      {
        name: 'world',
        cluster: { server: cluster?.server, 'certificate-authority-data': cluster?.caData },
      },
    ],
    users: [{ name: 'operator', user: { token } }],
    contexts: [{ name: 'operator', context: { cluster: 'world', user: 'operator', namespace } }],
  });
  await writeFile(file, text, { mode: 0o600 });
  return file;
}
