/** The conditions of the status are metrics too, so that they can call somebody: also where no rule is asked. */
import { expect, test } from 'vitest';
import { RESOURCES } from '../../../src/api/resources.ts';
import { createWorld, ORDERS, type Replica } from '../../support/fake-world.ts';
import { adopted } from '../../support/world-acts.ts';

const measured = (replica: Replica, type: string, key = 'shop/orders') =>
  replica.measured.get(key)?.find((condition) => condition.type === type)?.status;

test('the primary of a paused group that dies is told', async () => {
  const world = createWorld();
  const replica = world.start();
  await adopted(world);
  world.patchSpec({ paused: true });
  await world.until('paused', () => world.status().decision?.reason === 'Paused');
  expect(measured(replica, 'PrimaryHealthy')).toBe('True');
  world.server('a').kill();
  await world.until('told', () => measured(replica, 'PrimaryHealthy') === 'False');
  expect(world.status().decision?.rule).toBe(305);
});

test('who takes over tells conditions that it finds as they were and does not write again', async () => {
  const world = createWorld();
  const first = world.start();
  await adopted(world);
  await world.run(5000);
  const second = world.start({ leading: false });
  await world.run(5000);
  expect(second.measured.size).toBe(0);
  first.leadership.lose();
  second.leadership.win();
  await world.until('told', () => measured(second, 'Ready') === 'True', 1000);
});

test('an attempt on record that cannot be read is told', async () => {
  const world = createWorld();
  const replica = world.start();
  await adopted(world);
  replica.crash();
  const status = { ...world.status(), attempt: { epoch: 2, kind: 'FromTheFuture' } };
  world.cluster.overwrite(RESOURCES.databaseFailover, ORDERS, { status });
  const next = world.start();
  await world.until('told', () => measured(next, 'Stalled') === 'True');
});

test('a spec that became invalid is told, and no more when it is mended', async () => {
  const world = createWorld();
  const replica = world.start();
  await adopted(world);
  world.patchSpec({ mode: 'Sometimes' });
  await world.run(1000);
  expect(measured(replica, 'Stalled')).toBe('True');
  world.patchSpec({ mode: 'Follow' });
  await world.until('mended', () => measured(replica, 'Stalled') === undefined);
  expect(measured(replica, 'Ready')).toBe('True');
});

test('a resource that never was valid is told by each replica, until it is mended or gone', async () => {
  const world = createWorld({ edits: { 'spec.mode': 'Sometimes' } });
  const replicas = [world.start(), world.start({ leading: false })];
  await world.run(1000);
  expect(replicas.map((replica) => measured(replica, 'Stalled'))).toEqual(['True', 'True']);
  world.patchSpec({ mode: 'Follow' });
  await world.run(100);
  expect(replicas.map((replica) => measured(replica, 'Stalled'))).toEqual([undefined, undefined]);
  world.patchSpec({ mode: 'Sometimes' });
  world.cluster.delete(RESOURCES.databaseFailover, ORDERS);
  await world.run(100);
  expect(replicas.map((replica) => replica.measured.size)).toEqual([0, 0]);
});
