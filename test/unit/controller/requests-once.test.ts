import { expect, test } from 'vitest';
import { RESOURCES } from '../../../src/api/resources.ts';
import { KubeError } from '../../../src/ports/kube.ts';
import { createWorld, NAMESPACE, ORDERS } from '../../support/fake-world.ts';
import { adopted, failOver, forbid } from '../../support/world-acts.ts';

const AGAIN = { namespace: NAMESPACE, name: 'again' };

test('a request whose report is lost is carried out once, and finished by the record', async () => {
  const world = createWorld();
  const replica = world.start();
  await adopted(world);
  let failures = 0;
  replica.kube.fault = ({ verb, plural }) => {
    if (verb !== 'apply' || plural !== 'failoverrequests' || failures > 0) return null;
    failures += 1;
    return new KubeError('Unavailable', 'no answer');
  };
  world.request('again', { kind: 'Rebaseline' });
  await world.run(15_000);
  expect(world.status().history?.map(({ kind }) => kind)).toEqual(['Rebaseline', 'Adopt']);
  expect(world.requestStatus('again')).toMatchObject({ reason: 'Completed', epoch: 2 });
});

test('a request whose report meets a conflict is reported again', async () => {
  const world = createWorld();
  const replica = world.start();
  await adopted(world);
  let conflicts = 0;
  replica.kube.fault = ({ verb, plural }) => {
    if (verb !== 'apply' || plural !== 'failoverrequests' || conflicts === 2) return null;
    conflicts += 1;
    return new KubeError('Conflict', 'the object has been modified', 409);
  };
  world.request('again', { kind: 'Rebaseline' });
  await world.until('finished', () => world.requestStatus('again')?.finishedAt !== undefined, 30_000);
  expect(conflicts).toBe(2);
});

test('a request whose leader dies before it reports is carried out once', async () => {
  const world = createWorld();
  const first = world.start();
  await adopted(world);
  first.kube.fault = ({ verb, plural }) =>
    plural === 'failoverrequests' && verb === 'apply' ? new KubeError('Unavailable', 'no answer') : null;
  world.request('again', { kind: 'Rebaseline' });
  await world.until('begun', () => world.status().attempt !== undefined || world.status().epoch === 2);
  first.crash();
  world.start();
  await world.until('finished', () => world.requestStatus('again')?.finishedAt !== undefined);
  await world.run(5000);
  expect(world.status().history?.map(({ kind }) => kind)).toEqual(['Rebaseline', 'Adopt']);
});

test('a request of the same name that is made later is another order', async () => {
  const world = createWorld();
  world.start();
  await adopted(world);
  world.request('again', { kind: 'Rebaseline' });
  await world.until('finished', () => world.requestStatus('again')?.finishedAt !== undefined);
  world.cluster.delete(RESOURCES.failoverRequest, AGAIN);
  world.request('again', { kind: 'Rebaseline' });
  await world.until('finished again', () => world.requestStatus('again')?.epoch === 3);
  expect(world.status().history).toHaveLength(3);
});

test('an event that is late, or a list from a lagging cache, does not begin a request again', async () => {
  const world = createWorld();
  world.start();
  await adopted(world);
  world.request('again', { kind: 'Rebaseline' });
  const first = world.cluster.read(RESOURCES.failoverRequest, AGAIN);
  await world.until('finished', () => world.requestStatus('again')?.finishedAt !== undefined);
  if (first !== null) world.cluster.retell(RESOURCES.failoverRequest, first);
  await world.run(10_000);
  expect(world.status().history).toHaveLength(2);
});

test('a request that waited says that its attempt has begun, while it goes on', async () => {
  const world = createWorld();
  const replica = world.start();
  await adopted(world);
  world.server('b').promote(1);
  world.request('again', { kind: 'ForceRoute', to: 'b', at: '2026-03-01T12:00:10Z' });
  await world.until('scheduled', () => world.requestStatus('again')?.reason === 'Scheduled');
  forbid(replica, 'endpointslices');
  await world.until('begun', () => world.requestStatus('again')?.epoch === 2);
  expect(world.status().attempt).toMatchObject({ epoch: 2, kind: 'ForceRoute' });
  expect(world.requestStatus('again')).toMatchObject({
    reason: 'Accepted',
    message: 'attempt of epoch 2 has begun',
    conditions: [{ type: 'Accepted', status: 'True', reason: 'Accepted' }],
  });
});

test('a request that was deleted while no watch told so is not carried out', async () => {
  const world = createWorld();
  world.start();
  await adopted(world);
  world.request('again', { kind: 'ForceRoute', to: 'b', at: '2026-03-01T12:00:10Z' });
  await world.until('scheduled', () => world.requestStatus('again')?.reason === 'Scheduled');
  world.server('a').cut();
  world.server('b').promote(1);
  world.cluster.holdWatches();
  world.cluster.delete(RESOURCES.failoverRequest, AGAIN);
  await world.run(20_000);
  expect(world.published()).toMatchObject({ readWrite: ['a'], epoch: 1 });
});

test('a request that can be neither reported nor deleted does not keep the group from following', async () => {
  const world = createWorld();
  const replica = world.start();
  await adopted(world);
  forbid(replica, 'failoverrequests', ['apply', 'delete']);
  world.request('again', { kind: 'Switchover', to: 'b' });
  await world.run(2000);
  const before = replica.kube.calls.length;
  failOver(world);
  await world.until('followed', () => world.published().primary === 'b');
  await world.run(20_000);
  const tries = replica.kube.calls.slice(before).filter(({ plural }) => plural === 'failoverrequests');
  expect(tries.length).toBeLessThanOrEqual(6);
});

test('a pending request outlives its resource when that is made anew', async () => {
  const world = createWorld();
  world.start();
  await adopted(world);
  world.request('again', { kind: 'ForceRoute', to: 'a', at: '2026-03-01T12:00:30Z' });
  await world.run(1000);
  const old = world.cluster.read(RESOURCES.databaseFailover, ORDERS);
  world.cluster.delete(RESOURCES.databaseFailover, ORDERS);
  if (old !== null) world.cluster.put(RESOURCES.databaseFailover, { ...old, status: undefined, metadata: ORDERS });
  await world.until('finished', () => world.requestStatus('again')?.finishedAt !== undefined, 60_000);
  expect(world.requestStatus('again')?.reason).toBe('AlreadyRouted');
});
