/** Metrics and /health tell where the routes lead, not where they should. */
import { expect, test } from 'vitest';
import { PRIMARY_ANNOTATION, RESOURCES } from '../../../src/api/resources.ts';
import type { KubeObject } from '../../../src/ports/kube.ts';
import { createWorld, NAMESPACE } from '../../support/fake-world.ts';
import { adopted, followed, foreignSlice } from '../../support/world-acts.ts';

const KEY = { namespace: NAMESPACE, name: 'orders-rw' };
const PORTS = [{ name: 'pg', port: 6432, protocol: 'TCP' }];

test('a route that is published leads there, for each replica', async () => {
  const world = createWorld();
  const replicas = [world.start(), world.start({ leading: false })];
  await adopted(world);
  await world.run(2000);
  const expected = { epoch: 1, primary: 'a', readers: ['b', 'c'] };
  expect(replicas.map((replica) => replica.told())).toEqual([expected, expected]);
  await followed(world);
  await world.run(2000);
  expect(replicas.map((replica) => replica.told())).toMatchObject([{ primary: 'b' }, { primary: 'b' }]);
});

test('a Service that cannot be used leads nowhere, for each replica, until it can be', async () => {
  const world = createWorld();
  world.cluster.put(RESOURCES.service, {
    ...{ apiVersion: 'v1', kind: 'Service', metadata: KEY },
    spec: { ports: PORTS, selector: { app: 'postgres' } },
  });
  const replicas = [world.start(), world.start({ leading: false })];
  await world.until('refused', () => world.condition('RoutesSynced')?.reason === 'ServiceNotUsable');
  await world.run(5000);
  expect(replicas.map((replica) => replica.told()?.primary)).toEqual([null, null]);
  world.cluster.overwrite(RESOURCES.service, KEY, { spec: { ports: PORTS } });
  await adopted(world);
  await world.run(2000);
  expect(replicas.map((replica) => replica.told()?.primary)).toEqual(['a', 'a']);
});

test('a slice that a foreign one keeps empty leads nowhere, whatever member it names', async () => {
  const world = createWorld();
  const replica = world.start();
  await adopted(world);
  for (const slice of world.cluster.list(RESOURCES.endpointSlice, NAMESPACE, undefined)) {
    const { name = '' } = slice.metadata;
    if (name.startsWith('orders-rw')) world.cluster.delete(RESOURCES.endpointSlice, { ...KEY, name });
  }
  world.cluster.put(RESOURCES.endpointSlice, foreignSlice('orders-rw'));
  await world.until('blocked', () => world.condition('RoutesSynced')?.reason === 'ForeignEndpoints');
  await world.run(2000);
  const slice = world.cluster.read(RESOURCES.endpointSlice, { ...KEY, name: 'orders-rw-ipv4' });
  expect(slice).toMatchObject({ endpoints: [], metadata: { annotations: { [PRIMARY_ANNOTATION]: 'a' } } });
  expect(replica.told()?.primary).toBeNull();
  expect(world.status().primary).toBe('a');
});

test('a late event of the resource, in the rest after other news, makes nobody say that nothing is published', async () => {
  const world = createWorld();
  world.cluster.put(RESOURCES.service, { apiVersion: 'v1', kind: 'Service', metadata: KEY, spec: { ports: PORTS } });
  const early: KubeObject[] = [];
  const stop = world.cluster.watch({
    resource: RESOURCES.databaseFailover,
    namespace: NAMESPACE,
    labels: undefined,
    listener: (event) => void (event.type === 'Changed' && early.push(event.object)),
  });
  const replica = world.start();
  await adopted(world);
  await world.run(5000);
  stop();
  const late = early.find(({ status }) => typeof status === 'object' && status !== null && 'attempt' in status);
  if (late === undefined) throw new Error('no status with the attempt was told');
  const told = { epoch: 1, primary: 'a', readers: ['b', 'c'] };
  expect(replica.told()).toEqual(told);
  const metadata = { ...KEY, annotations: { 'example.com/turn': '1' } };
  world.cluster.put(RESOURCES.service, { apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: PORTS } });
  await world.run(100);
  const reads = replica.kube.calls.length;
  world.cluster.retell(RESOURCES.databaseFailover, late);
  for (let ms = 0; ms < 2000; ms += 20) {
    await world.run(20);
    expect(replica.told()).toEqual(told);
    expect(world.condition('Ready')).toMatchObject({ status: 'True' });
    expect(world.status().members?.map(({ readSet }) => readSet)).toEqual([false, true, true]);
  }
  expect(replica.kube.calls.length).toBeGreaterThan(reads);
});
