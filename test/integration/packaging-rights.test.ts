/** What deploy/ lets the operator, and people, do: asked of the API server's own authorizer. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GROUP, RESOURCES } from '../../src/api/resources.ts';
import { KubeError } from '../../src/ports/kube.ts';
import { type ApiObject, connect, type TestApi } from '../support/api.ts';
import { freshNamespace, installCrds } from '../support/crds.ts';
import { realKubeClient } from '../support/kube-clients.ts';
import { kustomized } from '../support/kubectl.ts';
import { isAllowed, type OperatorAccess, operatorAccess, type Right } from '../support/operator-role.ts';

const EVERY_VERB = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'] as const;
const LEASE_NAME = 'database-failover-operator';

/** Verbs that src/kube and src/controller send, and no other. */
const NEEDED: readonly (readonly [group: string, resource: string, verbs: readonly string[]])[] = [
  [GROUP, 'databasefailovers', ['get', 'list', 'watch']],
  [GROUP, 'databasefailovers/status', ['patch']],
  [GROUP, 'failoverrequests', ['get', 'list', 'watch', 'delete']],
  [GROUP, 'failoverrequests/status', ['patch']],
  ['', 'services', ['get', 'list', 'watch', 'create', 'patch', 'delete']],
  ['', 'configmaps', ['get', 'list', 'watch', 'create', 'patch', 'delete']],
  ['', 'secrets', ['get', 'create', 'patch', 'delete']],
  ['discovery.k8s.io', 'endpointslices', ['list', 'watch', 'create', 'patch', 'delete']],
  ['events.k8s.io', 'events', ['create', 'patch']],
  ['coordination.k8s.io', 'leases', ['create', 'get', 'update']],
  ['', 'pods', []],
  ['', 'endpoints', []],
  ['apps', 'deployments', []],
  ['rbac.authorization.k8s.io', 'roles', []],
];

let api: TestApi;
let own: string;
let other: string;
let access: OperatorAccess;

beforeAll(async () => {
  api = await connect();
  await installCrds(api);
  own = await freshNamespace(api, 'rights');
  other = await freshNamespace(api, 'rights-other');
  access = await operatorAccess(api, own);
}, 60_000);

afterAll(async () => {
  await api.close();
});

function right(group: string, path: string, verb: string): Right {
  const [resource = '', subresource = ''] = path.split('/');
  const name = resource === 'leases' && verb !== 'create' ? { name: LEASE_NAME } : {};
  return { verb, group, resource, subresource, ...name };
}

describe('the operator', () => {
  test.each(NEEDED)('may do with %s %s in its namespace: %j, and nothing else', async (group, resource, verbs) => {
    const allowed: string[] = [];
    for (const verb of EVERY_VERB) {
      if (await isAllowed(api, access.user, own, right(group, resource, verb))) allowed.push(verb);
    }
    expect(allowed.sort()).toEqual([...verbs].sort());
  });

  test.each(NEEDED)('may do nothing with %s %s in another namespace', async (group, resource) => {
    for (const verb of EVERY_VERB) {
      expect(await isAllowed(api, access.user, other, right(group, resource, verb))).toBe(false);
    }
  });

  test("may not touch another component's Lease", async () => {
    const foreign = { ...right('coordination.k8s.io', 'leases', 'update'), name: 'kube-scheduler' };
    expect(await isAllowed(api, access.user, own, foreign)).toBe(false);
  });

  test('is refused a list of Secrets by the API server itself and may read one by name', async () => {
    const { client } = realKubeClient(access.kubeconfig);
    const options = { signal: AbortSignal.timeout(10_000) };
    try {
      const listed = client.list(RESOURCES.secret, own, {}, options);
      await expect(listed).rejects.toSatisfy((error) => error instanceof KubeError && error.code === 'Forbidden');
      expect(await client.get(RESOURCES.secret, { namespace: own, name: 'none' }, options)).toBeNull();
    } finally {
      await client.close(0);
    }
  });
});

describe('people', () => {
  /** Rights of one ClusterRole, tried by binding it to a user of that name in a namespace. */
  async function bound(role: string): Promise<string> {
    const object = (await kustomized('deploy')).find(
      ({ kind, metadata }) => kind === 'ClusterRole' && metadata.name === `database-failover-operator-${role}`,
    );
    if (object === undefined) throw new Error(`deploy has no ClusterRole ${role}`);
    await accepted(object);
    const user = `${own}-${role}`;
    await accepted({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: user, namespace: own },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: object.metadata.name },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
    });
    return user;
  }

  async function accepted(object: ApiObject): Promise<void> {
    const reply = await api.apply(object);
    if (!reply.accepted) throw new Error(reply.refusal.message);
  }

  async function verbsOf(user: string, resource: string): Promise<string[]> {
    const allowed: string[] = [];
    for (const verb of EVERY_VERB)
      if (await isAllowed(api, user, own, { verb, group: GROUP, resource })) allowed.push(verb);
    return allowed;
  }

  test.each<[string, Readonly<Record<string, readonly string[]>>]>([
    ['viewer', { databasefailovers: ['get', 'list', 'watch'], failoverrequests: ['get', 'list', 'watch'] }],
    [
      'editor',
      {
        databasefailovers: ['create', 'update', 'patch', 'delete', 'deletecollection'],
        failoverrequests: ['create', 'update', 'patch', 'delete', 'deletecollection'],
      },
    ],
    [
      'requester',
      { databasefailovers: ['get', 'list', 'watch'], failoverrequests: ['get', 'list', 'watch', 'create'] },
    ],
  ])('bound as %s may do what the role is for', async (role, rights) => {
    const user = await bound(role);
    for (const [resource, verbs] of Object.entries(rights)) {
      await expect.poll(() => verbsOf(user, resource), { timeout: 10_000 }).toEqual(verbs);
    }
  });

  test.each(['view', 'edit', 'admin'])('with %s in a namespace see the resources there', async (role) => {
    await bound('viewer');
    await expect
      .poll(
        async () => {
          const { json } = await api.raw('GET', `/apis/rbac.authorization.k8s.io/v1/clusterroles/${role}`);
          return JSON.stringify(json);
        },
        { timeout: 20_000 },
      )
      .toContain('databasefailovers');
  });
});
