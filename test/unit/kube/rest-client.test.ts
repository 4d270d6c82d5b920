import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RESOURCES } from '../../../src/api/resources.ts';
import { KubeClient } from '../../../src/kube/kube-client.ts';
import type { CallOptions, KubeObject } from '../../../src/ports/kube.ts';
import { FakeApiServer } from '../../support/fake-api-server.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { RecordingObserver } from '../../support/recording-observer.ts';

const KEY = { namespace: 'shop', name: 'orders' };
const CONFIG_MAPS = '/api/v1/namespaces/shop/configmaps';
const options: CallOptions = { signal: new AbortController().signal };

let server: FakeApiServer;
let client: KubeClient;

beforeEach(async () => {
  server = await FakeApiServer.start();
  client = new KubeClient({
    load: () => server.kubeConfig(),
    clock: new FakeClock(),
    random: Math.random,
    observer: new RecordingObserver(),
    userAgent: 'tester/1.0',
    instance: 'tester',
  });
});

afterEach(async () => {
  await client.close(0);
  await server.close();
});

const configMap = (metadata: Record<string, string> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { ...KEY, ...metadata },
  data: { key: 'value' },
});

describe('get', () => {
  test('returns every field, known or not, and fills in kind and apiVersion', async () => {
    server.put(CONFIG_MAPS, 'orders', { brandNewField: { deep: [1] } });
    expect(await client.get(RESOURCES.configMap, KEY, options)).toMatchObject({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      brandNewField: { deep: [1] },
    });
  });

  test('returns null for an object that is not there', async () => {
    expect(await client.get(RESOURCES.configMap, KEY, options)).toBeNull();
  });

  test('rejects when the kind itself is not there', async () => {
    server.fail('get', { kind: 'Text', status: 404, text: '404 page not found' });
    const answer = client.get(RESOURCES.databaseFailover, KEY, options);
    await expect(answer).rejects.toMatchObject({
      code: 'NotFound',
      message: expect.stringContaining('is the CRD installed?'),
    });
  });

  test('cannot be led elsewhere by a name', async () => {
    await client.get(RESOURCES.secret, { namespace: 'shop', name: '../../kube-system/secrets/x?y' }, options);
    expect(server.requests[0]?.path).toBe('/api/v1/namespaces/shop/secrets/..%2F..%2Fkube-system%2Fsecrets%2Fx%3Fy');
  });

  test.each(['', '.', '..'])('refuses the name %j, which is a path', async (name) => {
    const answer = client.get(RESOURCES.secret, { namespace: 'shop', name }, options);
    await expect(answer).rejects.toMatchObject({ code: 'Invalid' });
    expect(server.requests).toEqual([]);
  });
});

describe('apply', () => {
  test.each([
    ['forces with uid and resourceVersion', { uid: 'u', resourceVersion: '5' }, true, 'true'],
    ['never forces without them: it may only create', {}, true, 'false'],
    ['never forces with half of them', { resourceVersion: '5' }, true, 'false'],
    ['does not force when not asked to', { uid: 'u', resourceVersion: '5' }, false, 'false'],
  ])('%s', async (_, metadata, force, sent) => {
    server.answer('patch', 200, configMap({ resourceVersion: '6' }));
    const stored = await client.apply(RESOURCES.configMap, configMap(metadata), { ...options, force });
    expect(stored.metadata.resourceVersion).toBe('6');
    const [request] = server.requests;
    expect(request?.method).toBe('PATCH');
    expect(request?.path).toBe(`${CONFIG_MAPS}/orders`);
    expect(Object.fromEntries(request?.query ?? [])).toEqual({ fieldManager: 'databasefailover', force: sent });
    expect(request?.headers['content-type']).toBe('application/apply-patch+yaml');
    expect(JSON.parse(request?.body ?? '')).toEqual(configMap(metadata));
  });

  test('of a status goes to the subresource and may force by itself, because it cannot create', async () => {
    server.answer('patch', 200, configMap());
    await client.apply(RESOURCES.configMap, configMap(), { ...options, force: true, subresource: 'status' });
    const [request] = server.requests;
    expect([request?.path, request?.query.get('force')]).toEqual([`${CONFIG_MAPS}/orders/status`, 'true']);
  });

  test('rejects with Conflict, and of an object without a name before anything is sent', async () => {
    server.answer('patch', 409, { kind: 'Status', code: 409, reason: 'Conflict', message: 'conflict with "kubectl"' });
    const conflict = client.apply(RESOURCES.configMap, configMap(), { ...options, force: true });
    await expect(conflict).rejects.toMatchObject({ code: 'Conflict', message: 'conflict with "kubectl"' });
    const nameless = { ...configMap(), metadata: {} };
    await expect(client.apply(RESOURCES.configMap, nameless, { ...options, force: true })).rejects.toMatchObject({
      code: 'Invalid',
    });
    expect(server.requests).toHaveLength(1);
  });
});

test('a merge patch is sent as such', async () => {
  server.answer('patch', 200, configMap());
  await client.mergePatch(RESOURCES.configMap, KEY, { data: { key: null } }, { ...options, subresource: 'status' });
  const [request] = server.requests;
  expect(request?.path).toBe(`${CONFIG_MAPS}/orders/status`);
  expect(request?.headers['content-type']).toBe('application/merge-patch+json');
  expect(request?.body).toBe('{"data":{"key":null}}');
});

describe('delete', () => {
  const remove = (preconditions: { uid?: string; resourceVersion?: string }): Promise<boolean> =>
    client.delete(RESOURCES.configMap, KEY, preconditions, options);
  const conflict = { kind: 'Status', code: 409, reason: 'Conflict', message: 'precondition failed' };

  test('says true and sends the preconditions', async () => {
    server.answer('delete', 200, { kind: 'Status', status: 'Success' });
    expect(await remove({ uid: 'uid-orders' })).toBe(true);
    expect(JSON.parse(server.requests[0]?.body ?? '')).toMatchObject({ preconditions: { uid: 'uid-orders' } });
  });

  test('says false when nothing is there', async () => {
    expect(await remove({})).toBe(false);
  });

  test('says false when another object has the name', async () => {
    server.put(CONFIG_MAPS, 'orders');
    server.answer('delete', 409, conflict);
    expect(await remove({ uid: 'uid-of-its-predecessor' })).toBe(false);
  });

  test('rejects when the object changed', async () => {
    server.put(CONFIG_MAPS, 'orders');
    server.answer('delete', 409, conflict);
    await expect(remove({ uid: 'uid-orders', resourceVersion: '1' })).rejects.toMatchObject({ code: 'Conflict' });
  });
});

test('a list asks by label, over one or all namespaces', async () => {
  await client.list(RESOURCES.endpointSlice, 'shop', { labels: 'kubernetes.io/service-name=orders-rw' }, options);
  await client.list(RESOURCES.configMap, null, {}, options);
  const [first, second] = server.requests;
  expect(first?.path).toBe('/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices');
  expect(first?.query.get('labelSelector')).toBe('kubernetes.io/service-name=orders-rw');
  expect([second?.path, second?.query.get('labelSelector')]).toEqual(['/api/v1/configmaps', null]);
});
