import { expect, test } from 'vitest';
import { RESOURCES } from '../../../src/api/resources.ts';
import { KubeError } from '../../../src/ports/kube.ts';
import { createWorld } from '../../support/fake-world.ts';
import { adopted, failOver, followed, forbid, foreignSlice } from '../../support/world-acts.ts';

test('slices that cannot be repaired are told in the status', async () => {
  const world = createWorld();
  const replica = world.start();
  await adopted(world);
  forbid(replica, 'endpointslices');
  world.server('c').kill();
  await world.until('told', () => world.condition('Stalled')?.reason === 'Forbidden');
  expect(world.condition('RoutesSynced')?.message).toContain('endpointslices is forbidden');
  replica.kube.fault = () => null;
  await world.until('mended', () => world.condition('RoutesSynced')?.status === 'True');
});

test('a ConfigMap that was refused and then taken is not held against anybody', async () => {
  const configMaps = [1, 2, 3, 4, 5, 6].map((number) => ({ name: `orders-${number}`, data: { URL: 'x' } }));
  const world = createWorld({ edits: { 'spec.routes.configMaps': configMaps } });
  const replica = world.start();
  forbid(replica, 'configmaps');
  await adopted(world);
  await world.until('told', () => world.condition('RoutesSynced')?.reason === 'Forbidden');
  replica.kube.fault = () => null;
  await world.until('written', () => world.condition('RoutesSynced')?.status === 'True', 10_000);
});

test('an API server in trouble is asked once a second at most, and found again as soon as it answers', async () => {
  const world = createWorld();
  const replica = world.start();
  await adopted(world);
  await world.run(10_000);
  replica.kube.fault = () => new KubeError('Unavailable', 'down');
  world.server('c').kill();
  const before = replica.kube.calls.length;
  await world.run(20_000);
  const writes = replica.kube.calls.slice(before).filter(({ verb }) => verb === 'apply');
  expect(writes.length).toBeGreaterThan(5);
  expect(writes.length).toBeLessThanOrEqual(25);
  replica.kube.fault = () => null;
  await world.until('told', () => world.status().up === '2/3', 3000);
});

test.each([
  ['while it leads', false],
  ['when it could not keep the lease either', true],
])('without the API server the standbys of a lost primary are looked at faster, %s', async (_, losesLease) => {
  const world = createWorld();
  const replica = world.start();
  await adopted(world);
  await world.run(5000);
  replica.kube.fault = () => new KubeError('Unavailable', 'down');
  if (losesLease) replica.leadership.lose();
  world.server('a').kill();
  await world.run(3000);
  const before = replica.members.looks.length;
  await world.run(5000);
  const looks = replica.members.looks.slice(before).filter(({ server }) => server === 'b');
  // Each 250 ms instead of each second.
  expect(looks.length).toBeGreaterThanOrEqual(18);
});

test('at rest nothing is written but the numbers, once a minute', async () => {
  const world = createWorld();
  const replica = world.start();
  await adopted(world);
  await world.run(10_000);
  const before = replica.kube.calls.length;
  await world.run(70_000);
  const writes = replica.kube.calls.slice(before).filter(({ verb }) => verb !== 'get' && verb !== 'list');
  expect(writes.length).toBeLessThanOrEqual(2);
});

test('a primary whose host died without a word, and a promotion before anybody noticed, are no split brain', async () => {
  const world = createWorld();
  world.start();
  await adopted(world);
  await world.run(5000);
  world.server('a').cut();
  world.server('b').promote();
  await world.until('followed', () => world.published().readWrite.includes('b'), 30_000);
  expect(world.status().history?.[0]).toMatchObject({ kind: 'Follow', from: 'a', to: 'b' });
});

test('a foreign slice at the read-only Service does not hold the read-write route', async () => {
  const world = createWorld();
  world.start();
  await adopted(world);
  world.cluster.put(RESOURCES.endpointSlice, foreignSlice('orders-ro'));
  await world.until('told', () => world.condition('RoutesSynced')?.reason === 'ForeignEndpoints');
  failOver(world);
  await world.until('followed', () => world.published().primary === 'b');
});

test('a new leader sees a foreign slice before it acts', async () => {
  const world = createWorld();
  const first = world.start();
  await adopted(world);
  const second = world.start({ leading: false });
  await world.run(5000);
  first.crash();
  world.cluster.put(RESOURCES.endpointSlice, foreignSlice('orders-rw'));
  failOver(world);
  await world.run(5000);
  second.leadership.win();
  await world.run(5000);
  expect(world.status().decision?.reason).toBe('ForeignEndpoints');
  expect(world.published().epoch).toBe(1);
  world.cluster.delete(RESOURCES.endpointSlice, { namespace: 'shop', name: 'foreign-orders-rw' });
  await world.until('followed', () => world.published().primary === 'b');
});

test('a name that leads to a server of an older timeline is not followed there, and Rebaseline is the way out', async () => {
  const world = createWorld();
  world.start();
  await adopted(world);
  await followed(world);
  world.server('a').heal();
  await world.run(3000);
  // The address of the deposed primary under the name of the new one.
  world.patchSpec({ members: [{ name: 'b', host: world.server('a').address }] });
  await world.until('held', () => world.status().decision?.reason === 'TimelineWentBack');
  await world.run(3000);
  expect(world.published()).toMatchObject({ readWrite: ['b'], epoch: 2 });
  world.request('meant', { kind: 'Rebaseline' });
  await world.until('routed', () => world.published().readWrite.includes('a'));
});

test('who takes over in the middle of a hold tells its rule, which it knew before it led', async () => {
  const world = createWorld();
  const leader = world.start();
  const follower = world.start({ leading: false });
  await adopted(world);
  world.server('b').promote();
  await world.until('split', () => world.status().decision?.rule === 301);
  expect(follower.decided).toEqual([]);
  leader.leadership.lose();
  follower.leadership.win();
  await world.run(2000);
  expect(new Set(follower.decided)).toEqual(new Set([301]));
});
