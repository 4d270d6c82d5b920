/** What others do to the objects that the operator publishes, and to those beside them. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { ApiObject } from '../support/api.ts';
import {
  behind,
  dataOf,
  eventually,
  slicesOf,
  statusOf,
  throughout,
  untilBehind,
  untilCondition,
  untilEvents,
  untilReady,
  untilServed,
} from '../support/operator-views.ts';
import { ordersOf } from '../support/operator-world.ts';
import { stagedGroup } from '../support/staged-group.ts';

const { group, stage } = stagedGroup('routes', ['frankfurt', 'virginia']);
let primary: string;
let standby: string;

beforeAll(async () => {
  primary = group.member('frankfurt').address;
  standby = group.member('virginia').address;
});

const SLICE = 'orders-rw-ipv4';
const slice = (name = SLICE): ApiObject => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name },
});
const CONFIG_MAPS = [{ name: 'orders-db', data: { HOST: '{{readWrite.host}}', EPOCH: '{{epoch}}' } }];

async function published(edits = {}): Promise<void> {
  await stage.apply(ordersOf(group, { 'spec.routes.configMaps': CONFIG_MAPS, ...edits }));
  await stage.start();
  await untilReady(stage);
}

/** A reader that joins or a family that answers is published after Ready, which repairs an edit without counting it. */
const untilPublicationRests = () =>
  eventually(async () => {
    for (const [service, name] of [
      ['orders-rw', 'frankfurt'],
      ['orders-ro', 'virginia'],
    ] as const) {
      const { address, address6 } = group.member(name);
      expect(await behind(stage, service, 'IPv4')).toEqual([address]);
      expect(await behind(stage, service, 'IPv6')).toEqual([address6]);
    }
  });

/** As `kubectl edit` does; the API server notes the field manager by the user agent where none is given. */
const edit = (object: ApiObject, patch: unknown) => stage.patch(object, patch);

function leadingTo(address: string) {
  return { endpoints: [{ addresses: [address], conditions: { ready: true } }] };
}

describe('an edit of a slice of ours', () => {
  test('is repaired within two seconds', async () => {
    await published();
    await untilServed(stage, 'orders-rw', primary);
    const editedAtMs = performance.now();
    await edit(slice(), leadingTo(standby));
    await untilBehind(stage, 'orders-rw', [primary]);
    expect(performance.now() - editedAtMs).toBeLessThan(2_000);
    expect(await untilCondition(stage, 'RoutesSynced', { status: 'True' })).toMatchObject({ reason: 'Published' });
  });

  test('five times in a minute is told as contention, with the other’s name, and repaired with pauses', async () => {
    await published();
    await untilPublicationRests();
    for (let round = 0; round < 5; round += 1) {
      await edit(slice(), leadingTo(standby));
      await untilBehind(stage, 'orders-rw', [primary]);
    }
    const { message } = await untilCondition(stage, 'RoutesSynced', { status: 'False', reason: 'Contended' });
    expect(message).toMatch(/unknown|node|undici|test/);
    expect(message).toContain(`EndpointSlice ${SLICE}`);
    await edit(slice(), leadingTo(standby));
    await throughout(1_500, async () => expect(await behind(stage, 'orders-rw')).toEqual([standby]));
    await untilCondition(stage, 'Stalled', { status: 'True', reason: 'Contended' });
  });
});

describe('an object of ours that was deleted', () => {
  test.each([
    ['EndpointSlice', SLICE],
    ['Service', 'orders-rw'],
    ['ConfigMap', 'orders-db'],
  ])('is made again: %s', async (kind, name) => {
    await published();
    const before = await stage.read(kind, name);
    await stage.remove(kind, name);
    await eventually(async () => {
      const now = await stage.read(kind, name);
      expect(now?.metadata.uid).toBeDefined();
      expect(now?.metadata.uid).not.toBe(before?.metadata.uid);
    });
    await untilServed(stage, 'orders-rw', primary);
    // It comes into being empty.
    await eventually(async () => expect(await dataOf(stage, 'ConfigMap', 'orders-db')).toMatchObject({ EPOCH: '1' }));
  });
});

describe('a slice of somebody else that names our Service', () => {
  const foreign: ApiObject = {
    ...slice('manual-orders'),
    metadata: {
      name: 'manual-orders',
      labels: {
        'kubernetes.io/service-name': 'orders-rw',
        'endpointslice.kubernetes.io/managed-by': 'somebody.example.com',
      },
    },
    addressType: 'IPv4',
    ports: [{ name: 'postgresql', port: 5432 }],
  };

  test('is told with its manager, untouched, and its end is recovery', async () => {
    await published();
    const made = await stage.apply({ ...foreign, ...leadingTo(standby) });
    const synced = await untilCondition(stage, 'RoutesSynced', { status: 'False', reason: 'ForeignEndpoints' });
    expect(synced.message).toMatch(/EndpointSlice manual-orders, managed by somebody.example.com.*delete it/);
    await untilCondition(stage, 'Ready', { status: 'False', reason: 'ForeignEndpoints' });
    await eventually(async () =>
      expect((await statusOf(stage)).decision).toMatchObject({ rule: 110, action: 'Hold', reason: 'ForeignEndpoints' }),
    );
    const kept = await stage.read('EndpointSlice', 'manual-orders');
    expect(kept?.metadata.resourceVersion).toBe(made.metadata.resourceVersion);
    await stage.remove('EndpointSlice', 'manual-orders');
    await untilReady(stage);
    await untilEvents(stage, 'ForeignEndpoints');
  });

  test('keeps the route from being filled as long as it leads elsewhere (I1)', async () => {
    await stage.apply({ ...foreign, ...leadingTo(standby) });
    await stage.apply(ordersOf(group));
    await stage.start();
    await untilCondition(stage, 'RoutesSynced', { status: 'False', reason: 'ForeignEndpoints' });
    await throughout(500, async () => expect(await behind(stage, 'orders-rw')).toEqual([standby]));
    await stage.remove('EndpointSlice', 'manual-orders');
    await untilBehind(stage, 'orders-rw', [primary]);
    await untilReady(stage);
  });
});

describe('a higher epoch on published objects', () => {
  test('is never overwritten (I10), and the remedy is named', async () => {
    await published();
    const [before] = await slicesOf(stage, 'orders-rw');
    await edit(slice(), { metadata: { annotations: { 'dbfailover.dev/epoch': '9' } } });
    const { message } = await untilCondition(stage, 'RoutesSynced', { status: 'False', reason: 'HigherEpoch' });
    expect(message).toContain(`EndpointSlice ${SLICE} was published at epoch 9`);
    expect(message).toContain('Rebaseline');
    await edit(slice(), leadingTo(standby));
    await throughout(1_000, async () => expect(await behind(stage, 'orders-rw')).toEqual([standby]));
    expect(before?.metadata.annotations['dbfailover.dev/epoch']).toBe('1');
  });
});
