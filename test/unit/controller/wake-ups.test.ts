/** What happens in the cluster is acted on when it happens, not when somebody looks again. */
import { expect, test } from 'vitest';
import { RESOURCES } from '../../../src/api/resources.ts';
import { createWorld, NAMESPACE } from '../../support/fake-world.ts';
import { adopted } from '../../support/world-acts.ts';

const KEY = { namespace: NAMESPACE, name: 'orders-rw' };
const PORTS = [{ name: 'pg', port: 6432, protocol: 'TCP' }];
const service = (spec: object) => ({ apiVersion: 'v1', kind: 'Service', metadata: KEY, spec });
/** Well before the next try that comes by itself. */
const SOON_MS = 300;

test.each([
  ['is deleted', (world: ReturnType<typeof createWorld>) => void world.cluster.delete(RESOURCES.service, KEY)],
  [
    'loses its selector',
    (world: ReturnType<typeof createWorld>) =>
      void world.cluster.overwrite(RESOURCES.service, KEY, { spec: { ports: PORTS } }),
  ],
])('a Service of somebody else that stood in our way and %s is used at once', async (_, mend) => {
  const world = createWorld();
  world.cluster.put(RESOURCES.service, service({ ports: PORTS, selector: { app: 'postgres' } }));
  world.start();
  await world.until('refused', () => world.condition('RoutesSynced')?.reason === 'ServiceNotUsable');
  // Between the tries that come by themselves, after 3.5 and 7.5 s.
  await world.run(5000);
  mend(world);
  await world.until('published', () => world.published().readWrite[0] === 'a', SOON_MS);
});

test('a selector that a person gives to their own Service is told at once', async () => {
  const world = createWorld();
  world.cluster.put(RESOURCES.service, service({ ports: PORTS }));
  world.start();
  await adopted(world);
  await world.run(5000);
  world.cluster.overwrite(RESOURCES.service, KEY, { spec: { ports: PORTS, selector: { app: 'postgres' } } });
  await world.until('told', () => world.condition('RoutesSynced')?.reason === 'ServiceNotUsable', SOON_MS);
});

test('Services that no resource names are nobody’s business', async () => {
  const world = createWorld();
  const replica = world.start();
  await adopted(world);
  await world.run(10_000);
  const before = replica.kube.calls.length;
  for (let number = 1; number <= 20; number += 1) {
    const metadata = { namespace: NAMESPACE, name: `shop-${number}` };
    world.cluster.put(RESOURCES.service, { ...service({ ports: PORTS }), metadata });
    await world.run(100);
  }
  expect(replica.kube.calls.slice(before)).toEqual([]);
});
