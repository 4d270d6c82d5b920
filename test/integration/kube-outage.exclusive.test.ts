import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { worldControl } from '../../hack/world/world-control.ts';
import { readWorld } from '../../hack/world/world-description.ts';
import { RESOURCES } from '../../src/api/resources.ts';
import { Elector } from '../../src/kube/lease.ts';
import type { CallOptions, KubeObject, WatchEvent } from '../../src/ports/kube.ts';
import { systemClock } from '../../src/system-clock.ts';
import { connect } from '../support/api.ts';
import { freshNamespace } from '../support/crds.ts';
import { realKubeClient } from '../support/kube-clients.ts';
import { SHORT_LEASE_TIMES } from '../support/short-lease-times.ts';

const world = readWorld();
const control = worldControl(world);
const { client, observer } = realKubeClient(world.kubeconfig, { watchIdleMs: 2_000 });
const options: CallOptions = { signal: new AbortController().signal };
const WAIT = { timeout: 40_000, interval: 20 };
let namespace: string;

beforeAll(async () => {
  const api = await connect();
  namespace = await freshNamespace(api, 'kube-outage');
  await api.close();
});

afterEach(async () => {
  await control.thawApiServer();
  await control.startApiServer();
});

afterAll(async () => {
  await client.close(0);
});

function watched(): { readonly names: Set<string>; readonly stop: () => void } {
  const names = new Set<string>();
  const listener = (event: WatchEvent): void => {
    if (event.type === 'Synced') names.clear();
    for (const object of event.type === 'Synced' ? event.objects : [event.object]) {
      if (event.type === 'Deleted') names.delete(object.metadata.name ?? '');
      else names.add(object.metadata.name ?? '');
    }
  };
  const handle = client.watch(RESOURCES.configMap, namespace, {}, listener);
  return { names, stop: () => handle.stop() };
}

function create(name: string): Promise<KubeObject> {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace } };
  // The first calls after a restart may still be refused.
  return vi.waitFor(() => client.apply(RESOURCES.configMap, object, { ...options, force: false }), WAIT);
}

const shows = (names: Set<string>, name: string): Promise<void> =>
  vi.waitFor(() => expect([...names]).toContain(name), WAIT);

test('a watch goes on after the API server was killed and started again', async () => {
  const { names, stop } = watched();
  await create('before');
  await shows(names, 'before');
  await control.stopApiServer();
  await vi.waitFor(() => expect(observer.interruptions.length).toBeGreaterThanOrEqual(2), WAIT);
  await expect(client.get(RESOURCES.configMap, { namespace, name: 'before' }, options)).rejects.toMatchObject({
    code: 'Unavailable',
    message: expect.stringContaining('ECONNREFUSED'),
  });
  await control.startApiServer();
  await create('after');
  await shows(names, 'after');
  await client.delete(RESOURCES.configMap, { namespace, name: 'before' }, {}, options);
  await vi.waitFor(() => expect([...names]).not.toContain('before'), WAIT);
  stop();
});

test('a watch goes on after the API server was silent', async () => {
  const { names, stop } = watched();
  await create('loud');
  await shows(names, 'loud');
  const known = observer.interruptions.length;
  await control.freezeApiServer();
  // `Failed` when the freeze met it between two streams: then the next request is the one without an answer.
  const noticed = () => observer.interruptions.slice(known).some(({ why }) => why === 'Silent' || why === 'Failed');
  await vi.waitFor(() => expect(noticed()).toBe(true), WAIT);
  const call = client.get(RESOURCES.configMap, { namespace, name: 'loud' }, { ...options, deadlineMs: 500 });
  await expect(call).rejects.toMatchObject({
    code: 'Unavailable',
    message: expect.stringContaining('no answer within 500 ms'),
  });
  await control.thawApiServer();
  await create('heard-again');
  await shows(names, 'heard-again');
  stop();
});

test('a leader stops leading while the API server is silent, and leads again', async () => {
  const changes: { readonly leading: boolean; readonly atMs: number }[] = [];
  const elector = new Elector({
    store: client.leaseStore({ namespace, name: 'election' }),
    clock: systemClock,
    random: Math.random,
    observer,
    identity: 'alone',
    times: SHORT_LEASE_TIMES,
    workStopped: () => Promise.resolve(),
    onWorkStuck: () => {},
  });
  elector.onChange((leading) => changes.push({ leading, atMs: performance.now() }));
  elector.start();
  await vi.waitFor(() => expect(elector.isLeader()).toBe(true), WAIT);
  const signal = elector.termSignal();
  const frozenAtMs = performance.now();
  await control.freezeApiServer();
  await vi.waitFor(() => expect(signal?.aborted).toBe(true), WAIT);
  const lost = changes.at(-1);
  expect(lost?.leading).toBe(false);
  expect((lost?.atMs ?? 0) - frozenAtMs).toBeLessThan(SHORT_LEASE_TIMES.leaseDurationMs);
  await control.thawApiServer();
  await vi.waitFor(() => expect(elector.isLeader()).toBe(true), WAIT);
  expect(await elector.release()).toBe(true);
});
