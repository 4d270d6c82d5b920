import { expect, test } from 'vitest';
import { RESOURCES } from '../../../src/api/resources.ts';
import { KubeError, type KubeObject } from '../../../src/ports/kube.ts';
import type { KubeCall } from '../../support/fake-kube.ts';
import { createWorld, NAMESPACE, ORDERS } from '../../support/fake-world.ts';
import { adopted, atFirst, failOver, followed, isIntent } from '../../support/world-acts.ts';

test('a pause that no watch has shown yet is obeyed: the resource is read before an intent is written', async () => {
  const world = createWorld();
  world.start();
  await adopted(world);
  world.cluster.holdWatches();
  world.patchSpec({ paused: true });
  failOver(world);
  await world.run(10_000);
  expect(world.published()).toMatchObject({ readWrite: ['a'], epoch: 1 });
  expect(world.status().decision?.reason).toBe('Paused');
});

test('a pause between that read and the intent makes the intent void', async () => {
  const world = createWorld();
  const replica = world.start();
  await adopted(world);
  const happened = atFirst(replica, isIntent, () => world.patchSpec({ paused: true }));
  failOver(world);
  await world.run(10_000);
  expect(happened()).toBe(true);
  expect(world.published()).toMatchObject({ readWrite: ['a'], epoch: 1 });
  expect(world.status().history).toHaveLength(1);
});

test('an intent is not lost when its answer is', async () => {
  const world = createWorld();
  const replica = world.start();
  await adopted(world);
  let isLost = false;
  replica.kube.fault = (call) => {
    if (isLost || !isIntent(call)) return null;
    isLost = true;
    return 'LoseAnswer';
  };
  await followed(world);
  expect(isLost).toBe(true);
  expect(world.status()).toMatchObject({ primary: 'b', epoch: 2 });
});

test('a leader does not overwrite the record of another whose event it saw in the middle of a pass', async () => {
  const world = createWorld();
  const replica = world.start();
  await adopted(world);
  const startedAt = '2026-03-01T12:00:00Z';
  const attempt = { epoch: 7, kind: 'Follow', from: 'a', to: 'b', step: 'Draining', startedAt, retries: 0 };
  const { promise: shown, resolve: show } = Promise.withResolvers<void>();
  const apply = replica.kube.apply.bind(replica.kube);
  let isHeld = false;
  replica.kube.apply = async (resource, object, options) => {
    if (resource.plural === 'endpointslices' && !isHeld) {
      isHeld = true;
      await shown;
    }
    return apply(resource, object, options);
  };
  world.server('c').kill();
  await world.until('the read set is being written', () => isHeld);
  const before = world.cluster.changes.length;
  const status = { ...world.status(), epoch: 7, attempt };
  world.cluster.overwrite(RESOURCES.databaseFailover, ORDERS, { status });
  await world.run(10);
  show();
  await world.run(5000);
  const written = world.cluster.changes
    .slice(before)
    .filter(({ key }) => key.startsWith('databasefailovers/'))
    .map(({ object }) => JSON.stringify(object?.status));
  const holds = (text: string) => text.includes('"attempt":{"epoch":7') || text.includes('"history":[{"epoch":7');
  expect(written.filter((text) => !holds(text))).toEqual([]);
  expect(world.status().history?.[0]).toMatchObject({ epoch: 7, to: 'b', outcome: 'Aborted' });
});

test('a resource that was made anew under the same name is not written with the record of the old one', async () => {
  const world = createWorld();
  world.start();
  await adopted(world);
  world.cluster.holdWatches();
  const old = world.cluster.read(RESOURCES.databaseFailover, ORDERS);
  world.cluster.delete(RESOURCES.databaseFailover, ORDERS);
  world.cluster.put(RESOURCES.databaseFailover, {
    apiVersion: 'dbfailover.dev/v1alpha1',
    kind: 'DatabaseFailover',
    metadata: ORDERS,
    spec: old?.spec,
  });
  failOver(world);
  await world.run(10_000);
  expect(world.status().epoch).toBeUndefined();
  expect(world.published().epoch).toBe(1);
});

test('a write of a former leader that arrives late changes nothing', async () => {
  const configMaps = [{ name: 'orders-db', data: { URL: 'postgres://{{readWrite.host}}/orders' } }];
  const world = createWorld({ edits: { 'spec.routes.configMaps': configMaps } });
  const first = world.start();
  await adopted(world);
  const late = first.kube.calls.flatMap(({ verb, subresource, plural, sent }) => {
    const resource = [RESOURCES.service, RESOURCES.endpointSlice, RESOURCES.configMap].find(
      (one) => one.plural === plural,
    );
    return resource === undefined || subresource !== null || !isObject(sent) ? [] : [{ verb, resource, sent }];
  });
  first.crash();
  // Made anew by the second leader, so that the first one's writes are creations again.
  for (const name of ['orders-rw-ipv4', 'orders-ro-ipv4']) {
    world.cluster.delete(RESOURCES.endpointSlice, { namespace: NAMESPACE, name });
  }
  world.cluster.delete(RESOURCES.configMap, { namespace: NAMESPACE, name: 'orders-db' });
  world.start();
  await followed(world);
  await world.run(1000);
  const published = world.published();
  const changes = world.cluster.changes.length;
  for (const { verb, resource, sent } of late) {
    try {
      if (verb === 'create') world.cluster.create(resource, sent);
      else world.cluster.apply(resource, sent, null);
    } catch (error) {
      expect(error).toBeInstanceOf(KubeError);
    }
  }
  expect(late.length).toBeGreaterThan(5);
  expect(world.published()).toEqual(published);
  expect(world.cluster.changes.slice(changes)).toEqual([]);
});

function isObject(sent: KubeCall['sent']): sent is KubeObject {
  return sent !== null && 'apiVersion' in sent;
}
