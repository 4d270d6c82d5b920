import { describe, expect, it, test } from 'vitest';
import { FIELD_MANAGER } from '../../../src/api/resources.ts';
import type { KubeObject } from '../../../src/ports/kube.ts';
import type { CurrentObjects } from '../../../src/route/contract.ts';
import { namesToRead, planRoutes } from '../../../src/route/plan.ts';
import { planService } from '../../../src/route/services.ts';
import { login, NOTHING, OWNER, routeInput, service, settled, slice } from '../../support/published-objects.ts';

const WANTED = { service: 'orders-rw', port: 5432 };
const plan = (...services: KubeObject[]) => planService({ owner: OWNER, current: { ...NOTHING, services } }, WANTED);

describe('a Service', () => {
  it('is created selector-less and dual-stack where there is none', () => {
    const { writes, usable } = plan();
    expect(usable).toBeNull();
    expect(writes).toEqual([
      {
        kind: 'Apply',
        resource: expect.objectContaining({ plural: 'services' }),
        force: false,
        object: {
          apiVersion: 'v1',
          kind: 'Service',
          metadata: {
            name: 'orders-rw',
            namespace: 'shop',
            labels: {
              'dbfailover.dev/resource': 'orders',
              'app.kubernetes.io/managed-by': 'database-failover-operator',
            },
          },
          spec: {
            type: 'ClusterIP',
            ipFamilyPolicy: 'PreferDualStack',
            ports: [{ name: 'postgresql', port: 5432, protocol: 'TCP', targetPort: 5432 }],
          },
        },
      },
    ]);
  });

  const ours = (ports: unknown, more: Record<string, unknown> = {}) =>
    service('orders-rw', { ipFamilyPolicy: 'PreferDualStack', ports, ...more }, 'orders');
  const port = { name: 'postgresql', port: 5432, protocol: 'TCP', targetPort: 5432 };

  it('of ours is left alone when it is as it should be, whatever the server or others added', () => {
    const other = { name: 'metrics', port: 9187, protocol: 'TCP', targetPort: 9187 };
    expect(plan(ours([other, { ...port, nodePort: 30_000 }], { sessionAffinity: 'None' })).writes).toEqual([]);
  });

  test.each([
    ['its port was renamed', ours([{ ...port, name: 'pg' }])],
    ['its port was removed', ours([{ name: 'x', port: 1, protocol: 'TCP' }])],
    ['its type was changed', ours([port], { type: 'NodePort' })],
    ['it lost its families', ours([port], { ipFamilyPolicy: 'SingleStack' })],
  ])('of ours is repaired when %s', (_, current) => {
    const { writes, usable } = plan(current);
    const { uid, resourceVersion } = current.metadata;
    expect(writes).toMatchObject([{ force: true, object: { metadata: { uid, resourceVersion } } }]);
    expect(usable?.port).toEqual({ name: 'postgresql', port: 5432 });
  });

  it('of ours is written again when the spec names another port and the old one is still ours', () => {
    const fieldsV1 = { 'f:spec': { 'f:ports': { 'k:{"port":5431,"protocol":"TCP"}': { '.': {}, 'f:port': {} } } } };
    const current = ours([port, { ...port, name: 'old', port: 5431 }]);
    const managedFields = [{ manager: FIELD_MANAGER, operation: 'Apply', fieldsV1 }];
    expect(plan({ ...current, metadata: { ...current.metadata, managedFields } }).writes).toHaveLength(1);
  });

  test.each([
    [
      'the port that the spec names',
      [
        { name: 'x', port: 1 },
        { name: 'pg', port: 5432 },
      ],
      { name: 'pg', port: 5432 },
    ],
    [
      'its only TCP port',
      [
        { name: 'u', port: 1, protocol: 'UDP' },
        { name: 'pg', port: 6432 },
      ],
      { name: 'pg', port: 6432 },
    ],
    ['an unnamed port', [{ port: 5432 }], { name: '', port: 5432 }],
  ])('made by a person is used unchanged, by %s', (_, ports, expected) => {
    const { writes, problems, usable } = plan(service('orders-rw', { ports }));
    expect({ writes, problems }).toEqual({ writes: [], problems: [] });
    expect(usable?.port).toMatchObject(expected);
  });

  it('made by a person gives its port to templates and slices', () => {
    const mine = service('orders-rw', { ports: [{ name: 'pg', port: 6432 }] });
    const configMaps = [{ name: 'orders-db', data: { PORT: '{{readWrite.port}}' } }];
    const after = settled(
      routeInput({ current: { ...NOTHING, services: [mine] }, routes: { configMaps } }),
      planRoutes,
    );
    expect(after.services.find(({ metadata }) => metadata.name === 'orders-rw')).toBe(mine);
    expect(after.configMaps[0]).toMatchObject({ data: { PORT: '6432' } });
    const readWrite = after.slices.find(({ metadata }) => metadata.name === 'orders-rw-ipv4');
    expect(readWrite?.ports).toEqual([{ name: 'pg', port: 5432, protocol: 'TCP' }]);
  });

  test.each([
    ['has a selector', { selector: { app: 'pg' } }, null, 'it has a selector'],
    ['has a selector although it is ours', { selector: { app: 'pg' } }, 'orders', 'delete it, and it is made anew'],
    ['is headless', { clusterIP: 'None', clusterIPs: ['None'] }, null, 'it is headless'],
    ['is an ExternalName', { type: 'ExternalName', externalName: 'x' }, null, 'it is an ExternalName'],
    ['belongs to another resource', {}, 'invoices', 'it belongs to DatabaseFailover invoices'],
    ['lacks a usable port', { ports: [{ port: 1 }, { port: 2 }] }, null, 'none is TCP 5432'],
    ['has only UDP', { ports: [{ port: 5432, protocol: 'UDP' }] }, null, 'none is TCP 5432'],
  ])('is not usable when it %s', (_, spec, owner, words) => {
    const { writes, problems, usable } = plan(service('orders-rw', { ports: [{ port: 5432 }], ...spec }, owner));
    expect({ writes, usable }).toEqual({ writes: [], usable: null });
    expect(problems).toMatchObject([{ reason: 'ServiceNotUsable', object: { kind: 'Service', name: 'orders-rw' } }]);
    expect(problems[0]?.message).toContain(words);
  });

  it('without ipFamilies has those of its cluster IPs', () => {
    const spec = { ipFamilies: [], clusterIP: 'fd96::9', clusterIPs: ['fd96::9'], ports: [{ port: 5432 }] };
    expect(plan(service('orders-rw', spec)).usable?.families).toEqual(['IPv6']);
  });
});

describe('a foreign slice', () => {
  const stranger = {
    name: 'orders-rw-abc',
    service: 'orders-rw',
    manager: 'somebody',
    endpoints: [{ address: '192.0.2.1' }],
  };

  it('is named with its manager, and nothing is added beside it', () => {
    const current = { ...NOTHING, slices: [slice(stranger)] };
    const after = settled(routeInput({ current }), planRoutes);
    const { problems } = planRoutes(routeInput({ current: after }));
    expect(problems).toMatchObject([
      { reason: 'ForeignEndpoints', object: { kind: 'EndpointSlice', name: 'orders-rw-abc' } },
    ]);
    expect(problems[0]?.message).toContain('managed by somebody');
    const own = after.slices.filter(({ metadata }) => metadata.name?.startsWith('orders-rw-ipv'));
    expect(own.map(({ endpoints }) => endpoints)).toEqual([[], []]);
  });

  it('leaves what already leads to the primary', () => {
    const before = settled(routeInput(), planRoutes);
    const current = { ...before, slices: [...before.slices, slice(stranger)] };
    const plan = planRoutes(routeInput({ current }));
    expect(plan.writes).toEqual([]);
    expect(plan.inSync).toBe(false);
  });

  it('that mirrors an Endpoints object is explained by it', () => {
    const mirror = { ...stranger, manager: 'endpointslicemirroring-controller.k8s.io' };
    const { problems } = planRoutes(routeInput({ current: { ...NOTHING, slices: [slice(mirror)] } }));
    expect(problems[0]?.message).toContain('it mirrors the Endpoints object orders-rw; delete that object');
  });

  it('with the name of one of ours stays untouched', () => {
    const taken = slice({ ...stranger, name: 'orders-ro-ipv4', service: 'unrelated' });
    const before = settled(routeInput(), planRoutes);
    const slices = [...before.slices.filter(({ metadata }) => metadata.name !== 'orders-ro-ipv4'), taken];
    const plan = planRoutes(routeInput({ current: { ...before, slices } }));
    expect(plan.writes).toEqual([]);
    expect(plan.problems).toMatchObject([{ reason: 'ObjectNotOurs', object: { name: 'orders-ro-ipv4' } }]);
  });
});

describe('what the spec drops', () => {
  const configMaps = [{ name: 'orders-db', data: { NAME: '{{name}}' } }];
  const secrets = [{ name: 'orders-dsn', readWriteCredentialsRef: { name: 'writer' } }];
  const credentials = new Map([['writer', login('writer', 'app', 'x')]]);
  const before = settled(routeInput({ credentials, routes: { configMaps, secrets } }), planRoutes);
  const names = (objects: readonly KubeObject[]) => objects.map(({ metadata }) => metadata.name).sort();

  it('goes away, the slices of a renamed Service with it', () => {
    const after = settled(
      routeInput({ current: before, routes: { readWrite: { service: 'orders-main' } } }),
      planRoutes,
    );
    expect(names(after.services)).toEqual(['orders-main', 'orders-ro']);
    expect(names(after.slices)).toEqual(['orders-main-ipv4', 'orders-main-ipv6', 'orders-ro-ipv4', 'orders-ro-ipv6']);
    expect([...after.configMaps, ...after.secrets]).toEqual([]);
  });

  it('stays while its successor cannot be used', () => {
    const blocked = service('orders-main', { selector: { app: 'x' }, ports: [{ port: 5432 }] });
    const current = { ...before, services: [...before.services, blocked] };
    const after = settled(routeInput({ current, routes: { readWrite: { service: 'orders-main' } } }), planRoutes);
    expect(names(after.services)).toEqual(['orders-main', 'orders-ro', 'orders-rw']);
    expect(names(after.slices)).toEqual(names(before.slices));
  });

  it('is found again although Secrets are never listed', () => {
    const { owner, spec } = routeInput({ routes: { configMaps } });
    expect(namesToRead({ owner, spec, slices: before.slices })).toEqual({
      services: ['orders-rw', 'orders-ro'],
      configMaps: ['orders-db'],
      secrets: ['orders-dsn'],
      credentials: [],
    });
    expect(namesToRead({ owner, spec: routeInput({ routes: { secrets } }).spec, slices: [] })).toMatchObject({
      secrets: ['orders-dsn'],
      credentials: ['writer'],
    });
    const after = settled(routeInput({ current: before, routes: { configMaps } }), planRoutes);
    expect(namesToRead({ owner, spec, slices: after.slices }).secrets).toEqual([]);
  });
});

describe('objects that go with the resource', () => {
  const cascading = { ...OWNER, cascadeFrom: 'uid-of-orders' };
  const configMaps = [{ name: 'orders-db', data: { A: 'b' } }];
  const reference = { apiVersion: 'dbfailover.dev/v1alpha1', kind: 'DatabaseFailover', name: 'orders' };
  const references = (current: CurrentObjects) =>
    [...current.services, ...current.slices, ...current.configMaps].map(({ metadata }) => metadata.ownerReferences);

  it('carry a reference to it, and none when they are to stay', () => {
    const going = settled(routeInput({ owner: cascading, routes: { configMaps } }), planRoutes);
    expect(references(going)).toEqual(Array(7).fill([{ ...reference, uid: 'uid-of-orders' }]));
    const staying = settled(routeInput({ routes: { configMaps } }), planRoutes);
    expect(references(staying)).toEqual(Array(7).fill(undefined));
  });

  it('are told apart from those of the resource that had the name before', () => {
    const before = settled(routeInput({ owner: { ...cascading, cascadeFrom: 'uid-before' } }), planRoutes);
    const { writes } = planRoutes(routeInput({ owner: cascading, current: before }));
    expect(writes).toHaveLength(6);
  });

  it('may belong to others as well', () => {
    const before = settled(routeInput({ owner: cascading }), planRoutes);
    const shared = before.services.map((object) => ({
      ...object,
      metadata: {
        ...object.metadata,
        ownerReferences: [...(object.metadata.ownerReferences ?? []), { ...reference, name: 'x', uid: 'other' }],
      },
    }));
    expect(planRoutes(routeInput({ owner: cascading, current: { ...before, services: shared } })).writes).toEqual([]);
  });
});
