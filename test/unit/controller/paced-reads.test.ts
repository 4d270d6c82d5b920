/** Who changes things all the time must not make the operator read all the time. */
import { expect, test } from 'vitest';
import { RESOURCES } from '../../../src/api/resources.ts';
import { createWorld, NAMESPACE, ORDERS, type Replica, type World } from '../../support/fake-world.ts';
import { adopted } from '../../support/world-acts.ts';

const KEY = { namespace: NAMESPACE, name: 'orders-rw' };
const SLICE = { namespace: NAMESPACE, name: 'orders-rw-ipv4' };
const PORTS = [{ name: 'pg', port: 6432, protocol: 'TCP' }];
const service = () => ({ apiVersion: 'v1', kind: 'Service', metadata: KEY, spec: { ports: PORTS } });

/** Changes the user's own Service so often, 50 ms apart, and returns how often everything was read meanwhile. */
async function readsDuring(world: World, replica: Replica, changes: number): Promise<number> {
  const before = replica.kube.calls.length;
  for (let number = 1; number <= changes; number += 1) {
    const metadata = { ...KEY, annotations: { 'example.com/turn': String(number) } };
    world.cluster.put(RESOURCES.service, { ...service(), metadata });
    await world.run(50);
  }
  const lists = ({ verb, plural }: Replica['kube']['calls'][number]) => verb === 'list' && plural === 'configmaps';
  return replica.kube.calls.slice(before).filter(lists).length;
}

test('a Service of a person that changes all the time is read once a second', async () => {
  const world = createWorld();
  world.cluster.put(RESOURCES.service, service());
  const replica = world.start();
  await adopted(world);
  await world.run(5000);
  const reads = await readsDuring(world, replica, 200);
  expect(reads).toBeGreaterThanOrEqual(8);
  expect(reads).toBeLessThanOrEqual(11);
});

test('so it is while the record is lost and what is published must stay', async () => {
  const world = createWorld();
  world.cluster.put(RESOURCES.service, service());
  const first = world.start();
  await adopted(world);
  first.crash();
  world.server('a').kill();
  world.cluster.overwrite(RESOURCES.databaseFailover, ORDERS, { status: undefined });
  const replica = world.start();
  await world.until('held', () => world.status().decision?.rule === 204);
  await world.run(5000);
  const reads = await readsDuring(world, replica, 200);
  expect(reads).toBeGreaterThanOrEqual(8);
  expect(reads).toBeLessThanOrEqual(11);
});

test('a foreign edit in the middle of that is repaired within two seconds', async () => {
  const world = createWorld({ edits: { 'spec.detection': { interval: '10s', timeout: '3s' } } });
  world.cluster.put(RESOURCES.service, service());
  const replica = world.start();
  await adopted(world);
  await world.run(5000);
  await readsDuring(world, replica, 3);
  world.cluster.overwrite(RESOURCES.endpointSlice, SLICE, { endpoints: [] });
  await world.until('repaired', () => world.published().readWrite[0] === 'a', 1500);
});

test('news that nobody can act on is kept in a few words', async () => {
  const world = createWorld();
  world.cluster.put(RESOURCES.service, service());
  const replica = world.start();
  await adopted(world);
  replica.crash();
  const status = { ...world.status(), attempt: { epoch: 2, kind: 'FromTheFuture' } };
  world.cluster.overwrite(RESOURCES.databaseFailover, ORDERS, { status });
  const next = world.start();
  await world.until('told', () => world.condition('Stalled')?.reason === 'RecordUnreadable');
  await readsDuring(world, next, 200);
  expect(next.controller.groups()[0]?.touched.length).toBeLessThanOrEqual(32);
  const { attempt: _attempt, ...mended } = status;
  world.cluster.overwrite(RESOURCES.endpointSlice, SLICE, { endpoints: [] });
  world.cluster.overwrite(RESOURCES.databaseFailover, ORDERS, { status: mended });
  await world.until('repaired', () => world.published().readWrite[0] === 'a');
});

test('what went with its resource is not made again, though its end was told first', async () => {
  const world = createWorld();
  world.start();
  await adopted(world);
  await world.run(2000);
  world.cluster.holdWatches();
  world.cluster.delete(RESOURCES.databaseFailover, ORDERS);
  world.cluster.delete(RESOURCES.service, { namespace: NAMESPACE, name: 'orders-rw' });
  await world.run(301_000); // past the resync, when all is read again though nothing was told
  expect(world.cluster.read(RESOURCES.service, { namespace: NAMESPACE, name: 'orders-rw' })).toBeNull();
});
