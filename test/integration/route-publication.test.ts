/** What the route room plans, carried out against the real API server. */
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { readWorld } from '../../hack/world/world-description.ts';
import { RESOURCES } from '../../src/api/resources.ts';
import { groupSettings } from '../../src/api/settings.ts';
import { createPublisher, type PublishInput } from '../../src/controller/publisher.ts';
import type { KubeObject, Resource } from '../../src/ports/kube.ts';
import { observeSlice } from '../../src/route/observed-objects.ts';
import { planRoutes } from '../../src/route/plan.ts';
import { type ApiObject, connect, type TestApi } from '../support/api.ts';
import { freshNamespace } from '../support/crds.ts';
import { realKubeClient } from '../support/kube-clients.ts';
import { ADDRESSES, aSpec, dual, type InputChanges } from '../support/published-objects.ts';
import { serversBehind } from '../support/servers-behind.ts';

const CLUSTER_DOMAIN = 'cluster.local';
const { client } = realKubeClient(readWorld().kubeconfig);
const publisher = createPublisher(client, CLUSTER_DOMAIN);
const options = { signal: new AbortController().signal };
let api: TestApi;
let namespace: string;

beforeAll(async () => {
  api = await connect();
});

beforeEach(async () => {
  namespace = await freshNamespace(api, 'routes');
});

afterAll(async () => {
  await client.close(0);
  await api.close();
});

function wanted(changes: Pick<InputChanges, 'routes' | 'ports' | 'target' | 'addresses'> = {}): PublishInput {
  const spec = aSpec(changes.routes, changes.ports);
  return {
    owner: { name: 'orders', namespace },
    spec,
    members: groupSettings(spec, null).members,
    addresses: changes.addresses ?? ADDRESSES,
    target: { epoch: 1, primary: 'm1', readers: ['m2', 'm3'], ...changes.target },
  };
}

const publish = (input: PublishInput) => publisher.publish(input, options);
const reasons = (problems: readonly { readonly reason: string }[]) => problems.map(({ reason }) => reason);

async function read(resource: Resource, name: string): Promise<KubeObject> {
  const object = await client.get(resource, { namespace, name }, options);
  if (object === null) throw new Error(`${resource.kind} ${name} is not there`);
  return object;
}

async function behind(service: string): Promise<readonly string[]> {
  const labels = `kubernetes.io/service-name=${service}`;
  return serversBehind(await client.list(RESOURCES.endpointSlice, namespace, { labels }, options), service);
}

const patch = (resource: Resource, name: string, change: Readonly<Record<string, unknown>>) =>
  client.mergePatch(resource, { namespace, name }, change, options);

async function create(object: ApiObject): Promise<void> {
  const reply = await api.create({ ...object, metadata: { ...object.metadata, namespace } });
  if (!reply.accepted) throw new Error(reply.refusal.message);
}

const aService = (name: string, spec: Record<string, unknown>): ApiObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { ports: [{ name: 'pg', port: 6432 }], ...spec },
});

const aSlice = (name: string, service: string, address: string): ApiObject => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: {
    name,
    labels: { 'kubernetes.io/service-name': service, 'endpointslice.kubernetes.io/managed-by': 'somebody' },
  },
  addressType: 'IPv4',
  endpoints: [{ addresses: [address] }],
  ports: [{ name: 'postgresql', port: 5432 }],
});

describe('publishing', () => {
  test('is accepted in both families and changes nothing the second time', async () => {
    const first = await publish(wanted({ ports: [5432, 5432, 5433] }));
    expect(first).toMatchObject({ inSync: true, problems: [] });
    expect(await behind('orders-rw')).toEqual(['10.77.0.11 5432', 'fd77::11 5432']);
    expect(await behind('orders-ro')).toEqual(['10.77.0.12 5432', '10.77.0.13 5433', 'fd77::12 5432', 'fd77::13 5433']);
    const versions = first.snapshot.current.slices.map(({ metadata }) => metadata.resourceVersion);
    const second = await publish(wanted({ ports: [5432, 5432, 5433] }));
    expect(second).toMatchObject({ writes: 0, inSync: true });
    expect(second.snapshot.current.slices.map(({ metadata }) => metadata.resourceVersion).sort()).toEqual(
      versions.sort(),
    );
  });

  test('drains both families and then leads to the new primary', async () => {
    await publish(wanted());
    const next = wanted({ target: { epoch: 2, primary: 'm2', readers: ['m3'] } });
    expect(await publisher.drain(next, options)).toMatchObject({ writes: 2, inSync: true });
    expect(await behind('orders-rw')).toEqual([]);
    expect(await publish(next)).toMatchObject({ inSync: true });
    expect(await behind('orders-rw')).toEqual(['10.77.0.12 5432', 'fd77::12 5432']);
    expect(await publisher.drain(next, options)).toMatchObject({ writes: 2 });
  });

  test('refuses to write below a higher epoch', async () => {
    await publish(wanted({ target: { epoch: 5 } }));
    const stale = wanted({ target: { epoch: 4, primary: 'm2' } });
    expect(await publisher.drain(stale, options)).toMatchObject({ writes: 0, inSync: false });
    const { writes, problems } = await publish(stale);
    expect(writes).toBe(0);
    expect(new Set(reasons(problems))).toEqual(new Set(['HigherEpoch']));
    expect(await behind('orders-rw')).toEqual(['10.77.0.11 5432', 'fd77::11 5432']);
  });

  test('leaves no old slice behind when the ports of the readers change', async () => {
    await publish(wanted({ ports: [5432, 5432, 5433] }));
    const { snapshot, inSync } = await publish(wanted({ ports: [5432, 5433, 5433] }));
    expect(inSync).toBe(true);
    const readOnly = snapshot.current.slices.map(observeSlice).filter(({ service }) => service === 'orders-ro');
    expect(readOnly.map(({ name }) => name).sort()).toEqual(['orders-ro-ipv4', 'orders-ro-ipv6']);
    expect(await behind('orders-ro')).toEqual(['10.77.0.12 5433', '10.77.0.13 5433', 'fd77::12 5433', 'fd77::13 5433']);
  });
});

describe('foreign edits', () => {
  test('between reading and writing are conflicts, and nothing is overwritten', async () => {
    const input = wanted({ addresses: new Map([['m1', dual(11)]]), target: { readers: [] } });
    const { snapshot } = await publish(input);
    await patch(RESOURCES.endpointSlice, 'orders-rw-ipv4', { metadata: { annotations: { theirs: 'x' } } });
    const addresses = new Map([['m1', dual(21)]]);
    const { writes } = planRoutes({ ...input, ...snapshot, addresses, clusterDomain: CLUSTER_DOMAIN });
    const [late] = writes.filter((write) => write.kind === 'Apply' && write.object.metadata.name === 'orders-rw-ipv4');
    if (late?.kind !== 'Apply') throw new Error('no write');
    const outcome = client.apply(late.resource, late.object, { ...options, force: late.force });
    await expect(outcome).rejects.toMatchObject({ code: 'Conflict' });
    expect(await behind('orders-rw')).toContain('10.77.0.11 5432');
  });

  test.each<[string, Record<string, unknown>]>([
    ['endpoints', { endpoints: [{ addresses: ['192.0.2.66'] }, { addresses: ['192.0.2.67'] }] }],
    ['no endpoints', { endpoints: null }],
    ['a port', { ports: [{ name: 'x', port: 1 }] }],
    ['the Service it belongs to', { metadata: { labels: { 'kubernetes.io/service-name': 'other' } } }],
  ])('of %s in a slice are repaired', async (_, change) => {
    await publish(wanted());
    await patch(RESOURCES.endpointSlice, 'orders-rw-ipv4', change);
    expect(await publish(wanted())).toMatchObject({ writes: 1, inSync: true });
    expect(await behind('orders-rw')).toEqual(['10.77.0.11 5432', 'fd77::11 5432']);
    expect(await behind('other')).toEqual([]);
  });

  test('that delete a slice or a Service are repaired', async () => {
    await publish(wanted());
    await client.delete(RESOURCES.endpointSlice, { namespace, name: 'orders-rw-ipv6' }, {}, options);
    await client.delete(RESOURCES.service, { namespace, name: 'orders-ro' }, {}, options);
    expect(await publish(wanted())).toMatchObject({ inSync: true });
    expect(await behind('orders-rw')).toEqual(['10.77.0.11 5432', 'fd77::11 5432']);
    expect((await read(RESOURCES.service, 'orders-ro')).spec).toMatchObject({ ipFamilies: ['IPv4', 'IPv6'] });
  });

  test('of the port of our Service are repaired, and a port that others added stays', async () => {
    await publish(wanted());
    const ports = [
      { name: 'renamed', port: 5432 },
      { name: 'metrics', port: 9187 },
    ];
    await patch(RESOURCES.service, 'orders-rw', { spec: { ports } });
    expect(await publish(wanted())).toMatchObject({ writes: 1, inSync: true });
    const { spec } = await read(RESOURCES.service, 'orders-rw');
    expect(spec).toMatchObject({ ports: expect.arrayContaining([expect.objectContaining({ name: 'postgresql' })]) });
    expect(spec).toMatchObject({ ports: expect.arrayContaining([expect.objectContaining({ name: 'metrics' })]) });
    expect(await publish(wanted())).toMatchObject({ writes: 0 });
  });

  test('that add a slice are found, nothing is added beside it, and it stays as it is', async () => {
    await create(aSlice('intruder', 'orders-rw', '192.0.2.1'));
    const before = await read(RESOURCES.endpointSlice, 'intruder');
    const { problems } = await publish(wanted());
    expect(reasons(problems)).toEqual(['ForeignEndpoints']);
    expect(problems[0]?.message).toContain('EndpointSlice intruder, managed by somebody');
    expect(await behind('orders-rw')).toEqual(['192.0.2.1 5432']);
    expect(await read(RESOURCES.endpointSlice, 'intruder')).toEqual(before);
    await client.delete(RESOURCES.endpointSlice, { namespace, name: 'intruder' }, {}, options);
    expect(await publish(wanted())).toMatchObject({ inSync: true });
    expect(await behind('orders-rw')).toEqual(['10.77.0.11 5432', 'fd77::11 5432']);
  });

  test('that make an Endpoints object are explained by it', async () => {
    await publish(wanted());
    const subsets = [{ addresses: [{ ip: '192.0.2.5' }], ports: [{ name: 'postgresql', port: 5432 }] }];
    // The plural of this kind is no regular one.
    const made = await api.call('POST', `/api/v1/namespaces/${namespace}/endpoints`, {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { name: 'orders-rw' },
      subsets,
    });
    expect(made).toMatchObject({ accepted: true });
    await vi.waitFor(
      async () => {
        const { problems } = await publish(wanted());
        expect(problems[0]?.message).toContain('it mirrors the Endpoints object orders-rw; delete that object');
      },
      { timeout: 20_000, interval: 200 },
    );
  });
});

describe('a Service that a person made', () => {
  test('is used unchanged, by its own port and families', async () => {
    await create(aService('orders-rw', { ipFamilyPolicy: 'SingleStack', ipFamilies: ['IPv6'] }));
    const before = await read(RESOURCES.service, 'orders-rw');
    const configMaps = [
      { name: 'orders-db', data: { URL: 'postgres://{{readWrite.host}}:{{readWrite.port}}/orders' } },
    ];
    expect(await publish(wanted({ routes: { configMaps } }))).toMatchObject({ inSync: true });
    expect(await publish(wanted({ routes: { configMaps }, target: { epoch: 2, primary: 'm2' } }))).toMatchObject({
      inSync: true,
    });
    expect(await read(RESOURCES.service, 'orders-rw')).toEqual(before);
    expect(await behind('orders-rw')).toEqual(['fd77::12 5432']);
    const slice = await read(RESOURCES.endpointSlice, 'orders-rw-ipv6');
    expect(slice.ports).toEqual([{ name: 'pg', port: 5432, protocol: 'TCP' }]);
    const { data } = await read(RESOURCES.configMap, 'orders-db');
    expect(data).toEqual({ URL: `postgres://orders-rw.${namespace}.svc.cluster.local:6432/orders` });
  });

  test.each<[string, Record<string, unknown>]>([
    ['a selector', { selector: { app: 'x' } }],
    ['no cluster IP', { clusterIP: 'None' }],
    ['an external name', { type: 'ExternalName', externalName: 'db.example.com' }],
  ])('with %s is refused and stays as it is', async (_, spec) => {
    await create(aService('orders-rw', spec));
    const before = await read(RESOURCES.service, 'orders-rw');
    const { problems } = await publish(wanted());
    expect(reasons(problems)).toContain('ServiceNotUsable');
    expect((await read(RESOURCES.service, 'orders-rw')).spec).toEqual(before.spec);
    expect(await behind('orders-rw')).toEqual([]);
  });
});

describe('ConfigMaps and Secrets', () => {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const secrets = [{ name: 'orders-dsn', readWriteCredentialsRef: { name: 'writer' } }];
  const withData = (data: Record<string, string>) => ({ routes: { configMaps: [{ name: 'orders-db', data }] } });

  test('lose a key that the spec dropped and keep one that others added', async () => {
    await publish(wanted(withData({ A: '{{name}}', B: 'b' })));
    await patch(RESOURCES.configMap, 'orders-db', { data: { THEIRS: 'x' } });
    expect(await publish(wanted(withData({ A: '{{name}}' })))).toMatchObject({ writes: 1, inSync: true });
    expect((await read(RESOURCES.configMap, 'orders-db')).data).toEqual({ A: 'orders', THEIRS: 'x' });
    expect(await publish(wanted(withData({ A: '{{name}}' })))).toMatchObject({ writes: 0 });
  });

  test('that are not ours stay untouched', async () => {
    await create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'orders-db' }, data: { A: 'theirs' } });
    const before = await read(RESOURCES.configMap, 'orders-db');
    expect(reasons((await publish(wanted(withData({ A: 'ours' })))).problems)).toEqual(['ObjectNotOurs']);
    expect(await read(RESOURCES.configMap, 'orders-db')).toEqual(before);
    await patch(RESOURCES.configMap, 'orders-db', {
      metadata: {
        labels: { 'dbfailover.dev/resource': 'orders', 'app.kubernetes.io/managed-by': 'database-failover-operator' },
      },
    });
    expect(await publish(wanted(withData({ A: 'ours' })))).toMatchObject({ inSync: true });
    expect((await read(RESOURCES.configMap, 'orders-db')).data).toEqual({ A: 'ours' });
  });

  test('hold connection strings, follow the login, and go when the spec drops them', async () => {
    const login = { username: base64('app'), password: base64('a b') };
    await create({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'writer' }, data: login });
    const uri = async () => {
      const { data } = await read(RESOURCES.secret, 'orders-dsn');
      return Object.values(data ?? {}).map((value) => Buffer.from(String(value), 'base64').toString());
    };
    expect(await publish(wanted({ routes: { secrets } }))).toMatchObject({ inSync: true });
    expect(await uri()).toEqual([`postgresql://app:a%20b@orders-rw.${namespace}.svc.cluster.local:5432/orders`]);
    await patch(RESOURCES.secret, 'writer', { data: { password: base64('new') } });
    expect(await publish(wanted({ routes: { secrets } }))).toMatchObject({ writes: 1, inSync: true });
    expect(await uri()).toEqual([`postgresql://app:new@orders-rw.${namespace}.svc.cluster.local:5432/orders`]);
    expect(await publish(wanted())).toMatchObject({ inSync: true });
    expect(await client.get(RESOURCES.secret, { namespace, name: 'orders-dsn' }, options)).toBeNull();
    expect(await read(RESOURCES.secret, 'writer')).toMatchObject({ type: 'Opaque' });
  });

  test('follow a renamed Service, whose predecessor goes', async () => {
    await publish(wanted(withData({ HOST: '{{readWrite.service}}' })));
    const renamed = wanted({
      routes: { ...withData({ HOST: '{{readWrite.service}}' }).routes, readWrite: { service: 'orders-main' } },
    });
    expect(await publish(renamed)).toMatchObject({ inSync: true });
    expect((await read(RESOURCES.configMap, 'orders-db')).data).toEqual({ HOST: 'orders-main' });
    expect(await behind('orders-main')).toEqual(['10.77.0.11 5432', 'fd77::11 5432']);
    expect(await client.get(RESOURCES.service, { namespace, name: 'orders-rw' }, options)).toBeNull();
    expect(await behind('orders-rw')).toEqual([]);
  });
});
