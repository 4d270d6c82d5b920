import { expect, test } from 'vitest';
import { RESOURCES } from '../../../src/api/resources.ts';
import { KubeError } from '../../../src/ports/kube.ts';
import { createWorld, NAMESPACE, ORDERS, type Replica, type World } from '../../support/fake-world.ts';
import { adopted, atFirst, failOver, followed, forbid, isIntent, journeyOf } from '../../support/world-acts.ts';

const configMaps = [{ name: 'orders-db', data: { URL: 'postgres://{{readWrite.host}}/orders' } }];

async function splitBrain(world: World): Promise<void> {
  world.server('b').promote();
  await world.until('split brain', () => world.status().splitBrain !== undefined);
}

test('a ConfigMap that cannot be written neither holds an attempt up nor makes the route flap', async () => {
  const world = createWorld({ edits: { 'spec.routes.configMaps': configMaps } });
  const replica = world.start();
  await adopted(world);
  forbid(replica, 'configmaps');
  const since = world.history().length;
  failOver(world);
  await world.run(15_000);
  expect(journeyOf(world, since)).toEqual(['', 'b']);
  expect(world.status().history?.[0]).toMatchObject({ to: 'b', outcome: 'Completed' });
  expect(world.condition('Stalled')?.message).toContain('ConfigMap orders-db could not be written');
});

test('an attempt whose route was written is never undone, whoever resumes it and whatever the target does', async () => {
  const world = createWorld();
  const first = world.start();
  await adopted(world);
  first.kube.fault = ({ subresource }) =>
    subresource === 'status' && world.published().primary === 'b' ? new KubeError('Unavailable', 'no answer') : null;
  failOver(world);
  await world.until('routed, not recorded', () => world.published().primary === 'b');
  first.crash();
  world.server('b').setReadOnly(true);
  world.server('a').heal();
  const since = world.history().length;
  world.start();
  await world.run(20_000);
  expect(journeyOf(world, since)).toEqual(['']);
  expect(world.status().history?.[0]).toMatchObject({ epoch: 2, to: 'b', outcome: 'Completed' });
  expect(world.status().members?.find(({ name }) => name === 'a')?.quarantinedAtEpoch).toBe(2);
});

test('a successor concludes such an attempt although it never saw the target answer', async () => {
  const world = createWorld();
  const first = world.start();
  await adopted(world);
  first.kube.fault = ({ subresource }) =>
    subresource === 'status' && world.published().primary === 'b' ? new KubeError('Unavailable', 'no answer') : null;
  failOver(world);
  await world.until('routed, not recorded', () => world.published().primary === 'b');
  first.crash();
  world.server('b').kill();
  world.server('a').heal();
  world.start();
  await world.until('concluded', () => world.status().attempt === undefined);
  expect(world.status()).toMatchObject({ primary: 'b', baseline: { primary: 'b', timeline: 2 } });
  await world.run(10_000);
  expect(world.published()).toMatchObject({ readWrite: ['b'], epoch: 2 });
});

test('an adoption is given up when a second writer shows at the last look', async () => {
  const world = createWorld();
  const replica = world.start();
  const happened = atFirst(replica, isIntent, () => world.server('b').promote());
  await world.run(10_000);
  expect(happened()).toBe(true);
  expect(world.published().readWrite).toEqual([]);
  expect(world.status().splitBrain?.members).toEqual(['a', 'b']);
});

test('does not route to a target that did not answer the last look, and gives the old primary back once it is dead', async () => {
  const world = createWorld();
  const replica = world.start();
  await adopted(world);
  await splitBrain(world);
  const since = world.history().length;
  atFirst(replica, isIntent, () => world.server('b').cut());
  world.request('force', { kind: 'ForceRoute', to: 'b' });
  await world.until('ended', () => world.status().history?.[0]?.kind === 'ForceRoute', 30_000);
  expect(journeyOf(world, since)).toEqual(['', 'a']);
  expect(world.requestStatus('force')).toMatchObject({ reason: 'Aborted' });
});

test('goes on within a second or two when a target that was starting answers', async () => {
  const world = createWorld({ edits: { 'spec.detection.startupGrace': '120s' } });
  const replica = world.start();
  await adopted(world);
  atFirst(replica, isIntent, () => {
    world.server('b').endSessions();
    world.server('b').rejects = '57P03';
  });
  failOver(world);
  await world.until('drained', () => world.published().readWrite.length === 0);
  await world.run(22_000);
  world.server('b').restart();
  world.server('b').heal();
  await world.until('routed', () => world.published().readWrite.includes('b'), 2500);
});

/** `b` was promoted and restarts when the route is empty: the attempt waits, and `c` and `d` are read from. */
async function waitingForTarget(): Promise<{ readonly world: World; readonly replica: Replica }> {
  const world = createWorld({ members: ['a', 'b', 'c', 'd'], edits: { 'spec.detection.startupGrace': '120s' } });
  const replica = world.start();
  await adopted(world);
  await world.until('all are read', () => world.published().readOnly.join() === 'b,c,d');
  atFirst(replica, isIntent, () => {
    world.server('b').endSessions();
    world.server('b').rejects = '57P03';
  });
  failOver(world);
  await world.until('drained', () => world.published().readWrite.length === 0);
  return { world, replica };
}

test('who dies while an attempt waits for its target is not read from any more, as long as somebody is left', async () => {
  const { world } = await waitingForTarget();
  const since = world.history().length;
  world.server('c').kill();
  await world.until('c has left', () => !world.published().readOnly.includes('c'));
  world.server('d').kill();
  await world.run(10_000);
  expect(world.status().attempt).toMatchObject({ epoch: 2, to: 'b' });
  expect(
    world
      .status()
      .members?.filter(({ readSet }) => readSet)
      .map(({ name }) => name),
  ).toEqual(['d']);
  world.server('c').heal();
  await world.run(5000);
  expect(world.published()).toMatchObject({ readWrite: [], readOnly: ['d'] });
  expect(journeyOf(world, since)).toEqual([]);
});

test('reads that cannot be written do not hold up an attempt whose target is dead', async () => {
  const { world, replica } = await waitingForTarget();
  let refused = 0;
  replica.kube.fault = ({ verb, name }) => {
    if (verb !== 'apply' || !name.startsWith('orders-ro')) return null;
    refused += 1;
    return new KubeError('Unavailable', 'no answer');
  };
  world.server('c').kill();
  await world.until('refused', () => refused > 0);
  world.server('b').restart();
  world.server('b').heal();
  await world.until('routed', () => world.published().readWrite.includes('b'), 2500);
});

test('a change in the cluster ends the pause between two tries once, not for as long as nothing can be read', async () => {
  const world = createWorld();
  const replica = world.start();
  await adopted(world);
  let refused = 0;
  atFirst(replica, isIntent, () => {
    replica.kube.fault = ({ verb, plural }) => {
      if (plural === 'endpointslices' && verb === 'apply') return new KubeError('Unavailable', 'no answer');
      if (verb !== 'list' || plural !== 'services') return null;
      refused += 1;
      return new KubeError('Forbidden', 'no', 403);
    };
  });
  failOver(world);
  await world.until('refused', () => refused > 0);
  const slice = { namespace: NAMESPACE, name: 'theirs', labels: { 'kubernetes.io/service-name': 'orders-ro' } };
  world.cluster.put(RESOURCES.endpointSlice, { apiVersion: 'v1', kind: 'EndpointSlice', metadata: slice });
  await world.run(2000);
  const before = refused;
  await world.run(30_000);
  expect(refused - before).toBeLessThan(8);
});

test('a step that fails on and on is Stalled, says why and when it is tried again', async () => {
  const world = createWorld();
  const replica = world.start();
  await adopted(world);
  forbid(replica, 'endpointslices');
  failOver(world);
  await world.until('Stalled', () => world.condition('Stalled')?.reason === 'AttemptFailing', 60_000);
  expect(world.condition('Stalled')?.message).toContain('endpointslices is forbidden');
  expect(world.status().attempt).toMatchObject({ epoch: 2, to: 'b', retries: 5 });
  expect(world.status().attempt?.nextRetryAt).toBeDefined();
});

test('with the record lost adopts what is published without an outage, and quarantines the other writer', async () => {
  const world = createWorld();
  const first = world.start();
  await adopted(world);
  await followed(world);
  first.crash();
  world.cluster.overwrite(RESOURCES.databaseFailover, ORDERS, { status: {} });
  world.server('a').heal();
  const since = world.history().length;
  world.start();
  await world.until('adopted anew', () => world.status().history?.[0]?.kind === 'Adopt');
  await world.run(5000);
  expect(world.status()).toMatchObject({ primary: 'b', epoch: 3 });
  expect(world.status().members?.find(({ name }) => name === 'a')?.quarantinedAtEpoch).toBe(3);
  expect(journeyOf(world, since)).toEqual([]);
});

test('ForceRoute with the record lost deposes the member that was published', async () => {
  const world = createWorld();
  const first = world.start();
  await adopted(world);
  first.crash();
  world.cluster.overwrite(RESOURCES.databaseFailover, ORDERS, { status: {} });
  world.server('a').cut();
  world.server('b').promote();
  world.start();
  await world.until('record lost', () => world.status().decision?.reason === 'RecordLost');
  world.request('force', { kind: 'ForceRoute', to: 'b' });
  await world.until('forced', () => world.published().primary === 'b' && world.status().attempt === undefined);
  world.server('a').heal();
  await world.run(10_000);
  expect(world.status()).toMatchObject({ primary: 'b', epoch: 2 });
  expect(world.status().splitBrain).toBeUndefined();
});

test('a status that is wiped in the middle of an attempt costs nothing of the record', async () => {
  const world = createWorld();
  const replica = world.start();
  await adopted(world);
  const happened = atFirst(
    replica,
    ({ plural, sent }) => plural === 'endpointslices' && JSON.stringify(sent).includes('192.0.2.2'),
    () => world.cluster.overwrite(RESOURCES.databaseFailover, ORDERS, { status: {} }),
  );
  await followed(world);
  world.server('a').heal();
  await world.run(10_000);
  expect(happened()).toBe(true);
  expect(world.status()).toMatchObject({ primary: 'b', epoch: 2 });
  expect(world.status().splitBrain).toBeUndefined();
});
