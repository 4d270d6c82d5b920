/** What stays and what goes when a resource is deleted, at any moment. */
import { beforeEach, describe, expect, test } from 'vitest';
import {
  behind,
  eventually,
  slicesOf,
  statusOf,
  throughout,
  untilBehind,
  untilReady,
  untilServed,
} from '../support/operator-views.ts';
import { ordersOf, PATIENT, type RunningOperator } from '../support/operator-world.ts';
import { stagedGroup } from '../support/staged-group.ts';

const CONFIG_MAPS = [{ name: 'orders-db', data: { HOST: '{{readWrite.host}}' } }];
const { group, stage } = stagedGroup('deletion', ['frankfurt', 'virginia']);
let operator: RunningOperator;

beforeEach(async () => {
  operator = await stage.start();
});

const address = (name: string) => group.member(name).address;

const PUBLISHED = [
  ['Service', 'orders-rw'],
  ['Service', 'orders-ro'],
  ['EndpointSlice', 'orders-rw-ipv4'],
  ['ConfigMap', 'orders-db'],
  ['Secret', 'orders-dsn'],
] as const;
/** The collector looks for new kinds, such as ours, every 30 s. */
const GARBAGE_MS = 45_000;
const SECRETS = [{ name: 'orders-dsn', readWriteCredentialsRef: { name: 'writer' } }];

async function published(deletionPolicy: 'Retain' | 'Delete'): Promise<void> {
  await stage.secret('writer', { username: 'app', password: 'app-password' });
  const routes = { 'spec.routes.configMaps': CONFIG_MAPS, 'spec.routes.secrets': SECRETS };
  await stage.apply(ordersOf(group, { ...PATIENT, 'spec.deletionPolicy': deletionPolicy, ...routes }));
  await untilReady(stage);
}

const metadataOf = async (kind: string, name: string) => (await stage.read(kind, name))?.metadata;

describe('deleting the resource', () => {
  test('with Retain leaves everything, and who makes it anew finds it at a higher epoch', async () => {
    await published('Retain');
    // A family that answers later is published after Ready.
    await eventually(async () =>
      expect(await behind(stage, 'orders-rw', 'IPv6')).toEqual([group.member('frankfurt').address6]),
    );
    await untilBehind(stage, 'orders-rw', [address('frankfurt')]);
    const before = await slicesOf(stage, 'orders-rw');
    await stage.remove('DatabaseFailover', 'orders');
    await eventually(async () => expect((await operator.get(`/health/${stage.namespace}/orders`)).code).toBe(404));
    await throughout(1_000, async () => {
      for (const [kind, name] of PUBLISHED) expect(await metadataOf(kind, name)).toBeDefined();
    });
    expect(await slicesOf(stage, 'orders-rw')).toEqual(before);
    await untilServed(stage, 'orders-rw', address('frankfurt'));
    await published('Retain');
    await eventually(async () => expect((await statusOf(stage)).epoch).toBe(2));
  });

  test('with Delete lets the garbage collector take all of ours, and nothing else', async () => {
    await stage.apply({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'orders-ro' },
      spec: { ports: [{ name: 'pg', port: 5432 }] },
    });
    await published('Delete');
    const ours = PUBLISHED.filter(([, name]) => name !== 'orders-ro');
    for (const [kind, name] of ours) {
      expect((await metadataOf(kind, name))?.ownerReferences).toMatchObject([{ kind: 'DatabaseFailover' }]);
    }
    await stage.remove('DatabaseFailover', 'orders');
    for (const [kind, name] of ours) {
      await eventually(async () => expect(await metadataOf(kind, name)).toBeUndefined(), GARBAGE_MS);
    }
    expect(await metadataOf('Service', 'orders-ro')).toBeDefined();
    expect(await metadataOf('Secret', 'writer')).toBeDefined();
    await throughout(500, async () => expect(await metadataOf('Service', 'orders-rw')).toBeUndefined());
  });

  test('changed from Delete to Retain, everything stays', async () => {
    await published('Delete');
    await published('Retain');
    for (const [kind, name] of PUBLISHED) {
      await eventually(async () => expect((await metadataOf(kind, name))?.ownerReferences).toBeUndefined());
    }
    await stage.remove('DatabaseFailover', 'orders');
    await throughout(1_500, async () => {
      for (const [kind, name] of PUBLISHED) expect(await metadataOf(kind, name)).toBeDefined();
    });
  });

  test('in the foreground, while others hold it, nothing is made again', async () => {
    await published('Delete');
    await stage.patch(ordersOf(group), { metadata: { finalizers: ['example.com/backup'] } });
    await stage.remove('DatabaseFailover', 'orders');
    await eventually(async () => expect((await operator.get(`/health/${stage.namespace}/orders`)).code).toBe(404));
    await stage.remove('ConfigMap', 'orders-db');
    await throughout(500, async () => expect(await metadataOf('ConfigMap', 'orders-db')).toBeUndefined());
    await stage.patch(ordersOf(group), { metadata: { finalizers: null } });
    await eventually(async () => expect(await metadataOf('Service', 'orders-rw')).toBeUndefined(), GARBAGE_MS);
  });

  test.each([0, 30, 100, 300, 700])('%i ms after it was made leaves no trace in the operator', async (afterMs) => {
    await stage.apply(ordersOf(group));
    const made = performance.now();
    await eventually(() => expect(performance.now() - made).toBeGreaterThanOrEqual(afterMs));
    await stage.remove('DatabaseFailover', 'orders');
    await eventually(async () => expect((await operator.get(`/health/${stage.namespace}/orders`)).code).toBe(404));
    expect(operator.lines.filter(({ level }) => level === 'error')).toEqual([]);
    await stage.apply(ordersOf(group));
    await untilReady(stage);
    await untilBehind(stage, 'orders-rw', [address('frankfurt')]);
  });
});
