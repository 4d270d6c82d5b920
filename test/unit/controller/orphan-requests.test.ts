/** Requests whose resource is not there, or not any more. */
import { expect, test } from 'vitest';
import { RESOURCES } from '../../../src/api/resources.ts';
import { KubeError } from '../../../src/ports/kube.ts';
import { createWorld, NAMESPACE, ORDERS, type World } from '../../support/fake-world.ts';
import { adopted } from '../../support/world-acts.ts';

const AGAIN = { namespace: NAMESPACE, name: 'again' };
const exists = (world: World): boolean => world.cluster.read(RESOURCES.failoverRequest, AGAIN) !== null;

test('a pending request whose resource is deleted for good is told so', async () => {
  const world = createWorld();
  world.start();
  await adopted(world);
  world.request('again', { kind: 'ForceRoute', to: 'a', at: '2026-03-01T13:00:00Z' });
  await world.run(1000);
  world.cluster.delete(RESOURCES.databaseFailover, ORDERS);
  await world.run(15_000);
  expect(world.requestStatus('again')?.reason).toBe('ResourceNotFound');
});

test('a request for a resource that does not exist is refused by whoever leads by then', async () => {
  const world = createWorld();
  const first = world.start();
  const second = world.start({ leading: false });
  await adopted(world);
  world.cluster.delete(RESOURCES.databaseFailover, ORDERS);
  world.request('again', { kind: 'ForceRoute', to: 'a' });
  await world.run(5000);
  first.crash();
  await world.run(10_000);
  second.leadership.win();
  await world.run(15_000);
  expect(world.requestStatus('again')?.reason).toBe('ResourceNotFound');
});

/** With a request in it that has finished, and whose resource is gone. */
async function orphaned(world: World): Promise<void> {
  await adopted(world);
  world.request('again', { kind: 'ForceRoute', to: 'a', ttlAfterFinished: '10m' });
  await world.until('finished', () => world.requestStatus('again')?.finishedAt !== undefined);
  world.cluster.delete(RESOURCES.databaseFailover, ORDERS);
}

test('a finished request is deleted when its time to live is over, also when its resource went before', async () => {
  const world = createWorld();
  world.start();
  await orphaned(world);
  await world.run(590_000);
  expect(exists(world)).toBe(true);
  await world.run(12_000);
  expect(exists(world)).toBe(false);
});

test('so is one that was refused because its resource never existed', async () => {
  const world = createWorld();
  world.start();
  world.request('again', { databaseFailover: 'nothing', kind: 'ForceRoute', to: 'a', ttlAfterFinished: '1m' });
  await world.run(15_000);
  expect(world.requestStatus('again')?.reason).toBe('ResourceNotFound');
  await world.run(60_000);
  expect(exists(world)).toBe(false);
});

test('so is one that a process finds when it starts, once it leads, and although the first try fails', async () => {
  const world = createWorld();
  const first = world.start();
  await orphaned(world);
  first.crash();
  await world.run(700_000);
  const second = world.start({ leading: false });
  await world.run(30_000);
  expect(exists(world)).toBe(true);
  let tries = 0;
  second.kube.fault = ({ verb }) => {
    if (verb !== 'delete') return null;
    tries += 1;
    return tries === 1 ? new KubeError('Unavailable', 'down') : null;
  };
  second.leadership.win();
  await world.run(25_000);
  expect(exists(world)).toBe(false);
  expect(second.logged.filter(({ message }) => message === 'request could not be deleted')).toHaveLength(1);
});

test('a request that lives longer than a timer can is not deleted early', async () => {
  const world = createWorld();
  const replica = world.start();
  world.request('again', { databaseFailover: 'nothing', kind: 'ForceRoute', to: 'a', ttlAfterFinished: '1440h' });
  const pauses: number[] = [];
  const { after } = world.clock;
  world.clock.after = (ms, callback) => {
    pauses.push(ms);
    return after.call(world.clock, ms, callback);
  };
  await world.run(15_000);
  expect(world.requestStatus('again')?.finishedAt).toBeDefined();
  expect(Math.max(...pauses)).toBeLessThan(2 ** 31);
  expect(replica.kube.calls.filter(({ verb }) => verb === 'delete')).toEqual([]);
});

test('a request that went while no watch told so is not refused again and again', async () => {
  const world = createWorld();
  const replica = world.start();
  world.request('again', { databaseFailover: 'nothing', kind: 'ForceRoute', to: 'a' });
  await world.run(1000);
  world.cluster.holdWatches();
  world.cluster.delete(RESOURCES.failoverRequest, AGAIN);
  await world.run(60_000);
  expect(
    replica.kube.calls.filter(({ plural, verb }) => plural === 'failoverrequests' && verb === 'apply'),
  ).toHaveLength(1);
  expect(replica.logged.filter(({ message }) => message.startsWith('request could not'))).toEqual([]);
});
