/** Services and addresses as people have them: their own, unusable ones, other names, two families. */
import { describe, expect, test } from 'vitest';
import type { ApiObject } from '../support/api.ts';
import {
  behind,
  clusterIpOf,
  dataOf,
  eventually,
  serverReached,
  slicesOf,
  throughout,
  untilBehind,
  untilCondition,
  untilReady,
  untilServed,
} from '../support/operator-views.ts';
import { control, ordersOf, PATIENT } from '../support/operator-world.ts';
import { stagedGroup } from '../support/staged-group.ts';

const { group, stage } = stagedGroup('services', ['frankfurt', 'virginia']);

const service = (name: string, spec: object): ApiObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec,
});
const PORTS = [{ name: 'pg', port: 6432, protocol: 'TCP' }];

test('a selector-less Service that a person made is used unchanged, at its own port', async () => {
  const made = await stage.apply(service('orders-rw', { ports: PORTS }));
  const configMaps = [{ name: 'orders-db', data: { PORT: '{{readWrite.port}}' } }];
  await stage.apply(ordersOf(group, { ...PATIENT, 'spec.routes.configMaps': configMaps }));
  await stage.start();
  await untilReady(stage);
  await untilServed(stage, 'orders-rw', group.member('frankfurt').address);
  expect(await stage.read('Service', 'orders-rw')).toEqual(made);
  expect(await dataOf(stage, 'ConfigMap', 'orders-db')).toEqual({ PORT: '6432' });
  expect((await slicesOf(stage, 'orders-rw'))[0]?.ports).toMatchObject([{ name: 'pg', port: 5432 }]);
});

test.each([
  ['a selector', { ports: PORTS, selector: { app: 'postgres' } }, /has a selector/],
  ['no cluster IP', { ports: PORTS, clusterIP: 'None' }, /is headless/],
  ['an external name', { ports: PORTS, type: 'ExternalName', externalName: 'db.example.com' }, /is an ExternalName/],
])('a Service with %s is refused, and used once it is out of the way', async (_, spec, message) => {
  const made = await stage.apply(service('orders-rw', spec));
  await stage.apply(ordersOf(group, PATIENT));
  await stage.start();
  const synced = await untilCondition(stage, 'RoutesSynced', { status: 'False', reason: 'ServiceNotUsable' });
  expect(synced.message).toMatch(message);
  expect(synced.message).toContain('choose another Service in spec.routes');
  await untilCondition(stage, 'Stalled', { status: 'True', reason: 'ServiceNotUsable' });
  expect((await stage.read('Service', 'orders-rw'))?.spec).toEqual(made.spec);
  expect((await slicesOf(stage, 'orders-rw')).filter(({ metadata }) => metadata.name === 'orders-rw-ipv4')).toEqual([]);
  await stage.remove('Service', 'orders-rw');
  await untilReady(stage);
  await untilServed(stage, 'orders-rw', group.member('frankfurt').address);
});

test('a ConfigMap of somebody else stays untouched until it is handed over (I12)', async () => {
  const theirs: ApiObject = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'orders-db' },
    data: { HOST: 'old.example.com', OTHER: 'kept' },
  };
  const made = await stage.apply(theirs);
  const configMaps = [{ name: 'orders-db', data: { HOST: '{{readWrite.service}}' } }];
  await stage.apply(ordersOf(group, { ...PATIENT, 'spec.routes.configMaps': configMaps }));
  await stage.start();
  const { message } = await untilCondition(stage, 'RoutesSynced', { status: 'False', reason: 'ObjectNotOurs' });
  expect(message).toContain('ConfigMap orders-db exists and is not ours (managed by test)');
  const [, labels = ''] = /kubectl label configmap orders-db (.*) --overwrite/.exec(message) ?? [];
  await untilServed(stage, 'orders-rw', group.member('frankfurt').address);
  expect(await stage.read('ConfigMap', 'orders-db')).toEqual(made);
  await stage.patch(made, {
    metadata: { labels: Object.fromEntries(labels.split(' ').map((pair) => pair.split('='))) },
  });
  await untilReady(stage);
  expect(await dataOf(stage, 'ConfigMap', 'orders-db')).toEqual({ HOST: 'orders-rw', OTHER: 'kept' });
});

test('a renamed Service is made, and the old one goes with its slices', async () => {
  await stage.apply(ordersOf(group, PATIENT));
  await stage.start();
  await untilReady(stage);
  await stage.apply(ordersOf(group, { ...PATIENT, 'spec.routes.readWrite.service': 'shop-rw' }));
  await untilServed(stage, 'shop-rw', group.member('frankfurt').address);
  await eventually(async () => expect(await stage.read('Service', 'orders-rw')).toBeNull());
  await eventually(async () => expect(await slicesOf(stage, 'orders-rw')).toEqual([]));
  await untilReady(stage);
});

test('both families stand in slices and are reached through both cluster IPs', async () => {
  const { address, address6 } = group.member('frankfurt');
  await stage.apply(ordersOf(group, PATIENT));
  await stage.start();
  await untilReady(stage);
  // A family counts once it has answered a fresh look.
  await eventually(async () => {
    expect(await behind(stage, 'orders-rw', 'IPv4')).toEqual([address]);
    expect(await behind(stage, 'orders-rw', 'IPv6')).toEqual([address6]);
  });
  await untilServed(stage, 'orders-rw', address, 'IPv4');
  await untilServed(stage, 'orders-rw', address6, 'IPv6');
});

describe('a route that differs from where the operator looks', () => {
  test('is resolved and published', async () => {
    const { replicationAddress } = group.member('frankfurt');
    await control().setName('apps.services.test', { kind: 'Records', a: [replicationAddress], ttl: 1 });
    await stage.apply(ordersOf(group, { ...PATIENT, 'spec.members.0.route': { host: 'apps.services.test' } }));
    await stage.start();
    await untilBehind(stage, 'orders-rw', [replicationAddress]);
    await eventually(async () =>
      expect(await serverReached(await clusterIpOf(stage, 'orders-rw'))).toBe(replicationAddress),
    );
  });

  test('may not lead into a denied range, and the message names it', async () => {
    await stage.apply(ordersOf(group, { ...PATIENT, 'spec.members.0.route': { host: '169.254.169.254' } }));
    await stage.start();
    const { message } = await untilCondition(stage, 'RoutesSynced', { status: 'False', reason: 'AddressMissing' });
    expect(message).toContain('no address of member frankfurt is known');
    expect(message).toMatch(/route\.host 169\.254\.169\.254 .*--denied-cidrs/);
    await throughout(500, async () => expect(await behind(stage, 'orders-rw')).toEqual([]));
  });
});
