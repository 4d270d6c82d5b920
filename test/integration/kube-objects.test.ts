import { execFile } from 'node:child_process';
import diagnostics from 'node:diagnostics_channel';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { readWorld } from '../../hack/world/world-description.ts';
import { RESOURCES } from '../../src/api/resources.ts';
import type { CallOptions, KubeObject, ObjectMeta } from '../../src/ports/kube.ts';
import { connect, type TestApi } from '../support/api.ts';
import { freshNamespace, installCrds } from '../support/crds.ts';
import { realKubeClient } from '../support/kube-clients.ts';
import { aDatabaseFailover } from '../support/resources.ts';

const run = promisify(execFile);
const { kubeconfig } = readWorld();
const { client, observer } = realKubeClient(kubeconfig);
const options: CallOptions = { signal: new AbortController().signal };
let api: TestApi;
let namespace: string;

beforeAll(async () => {
  api = await connect();
  await installCrds(api);
  namespace = await freshNamespace(api, 'kube-objects');
});

afterAll(async () => {
  await client.close(0);
  await api.close();
});

function configMap(name: string, data: Record<string, string>, metadata: ObjectMeta = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, ...metadata }, data };
}

const apply = (object: KubeObject, force = true): Promise<KubeObject> =>
  client.apply(RESOURCES.configMap, object, { ...options, force });
const preconditionOf = ({ metadata: { uid = '', resourceVersion = '' } }: KubeObject): ObjectMeta => ({
  uid,
  resourceVersion,
});

describe('apply', () => {
  test('creates, then writes again over exactly the object that was read', async () => {
    const created = await apply(configMap('routes', { a: '1' }));
    const changed = await apply(configMap('routes', { a: '2' }, preconditionOf(created)));
    expect(changed).toMatchObject({ data: { a: '2' }, metadata: { uid: created.metadata.uid } });
    const managers = changed.metadata.managedFields?.map(({ manager, operation }) => [manager, operation]);
    expect(managers).toEqual([['databasefailover', 'Apply']]);
  });

  test('is a Conflict after somebody else wrote', async () => {
    const created = await apply(configMap('contended', { a: '1' }));
    await client.mergePatch(RESOURCES.configMap, { namespace, name: 'contended' }, { data: { b: 'theirs' } }, options);
    const late = apply(configMap('contended', { a: '2' }, preconditionOf(created)));
    await expect(late).rejects.toMatchObject({ code: 'Conflict', status: 409 });
  });

  test('is a Conflict with an object that was deleted and made again', async () => {
    const first = await apply(configMap('reborn', { a: '1' }));
    await client.delete(RESOURCES.configMap, { namespace, name: 'reborn' }, {}, options);
    const gone = apply(configMap('reborn', { a: '2' }, preconditionOf(first)));
    await expect(gone).rejects.toMatchObject({ code: 'Conflict' });
    await apply(configMap('reborn', { a: 'new' }));
    const late = apply(configMap('reborn', { a: '2' }, preconditionOf(first)));
    await expect(late).rejects.toMatchObject({ code: 'Conflict' });
    expect(await client.get(RESOURCES.configMap, { namespace, name: 'reborn' }, options)).toMatchObject({
      data: { a: 'new' },
    });
  });

  test('without precondition does not take a field from somebody else, though asked to force', async () => {
    await api.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'foreign', namespace },
      data: { a: 'theirs' },
    });
    await expect(apply(configMap('foreign', { a: 'ours' }))).rejects.toMatchObject({
      code: 'Conflict',
      message: expect.stringContaining('conflict with "test"'),
    });
  });

  test('with precondition takes what is in it and leaves every other field alone', async () => {
    await api.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'shared', namespace },
      data: { a: '1', b: '2' },
    });
    const read = await client.get(RESOURCES.configMap, { namespace, name: 'shared' }, options);
    if (read === null) throw new Error('the shared ConfigMap is not there');
    expect(await apply(configMap('shared', { a: 'ours' }, preconditionOf(read)))).toMatchObject({
      data: { a: 'ours', b: '2' },
    });
  });

  test('of a status needs no precondition, and obeys one', async () => {
    const named = aDatabaseFailover({ 'metadata.name': 'with-status', 'metadata.namespace': namespace });
    expect((await api.create(named)).accepted).toBe(true);
    const status = (epoch: number, metadata: ObjectMeta = {}): Promise<KubeObject> =>
      client.apply(
        RESOURCES.databaseFailover,
        {
          apiVersion: named.apiVersion,
          kind: named.kind,
          metadata: { name: 'with-status', namespace, ...metadata },
          status: { epoch },
        },
        { ...options, force: true, subresource: 'status' },
      );
    const first = await status(1);
    expect(await status(2)).toMatchObject({ status: { epoch: 2 } });
    await expect(status(3, preconditionOf(first))).rejects.toMatchObject({ code: 'Conflict' });
  });

  test('of something wrong is Invalid, with the words of the API server', async () => {
    await expect(apply(configMap('Not_A_Name', {}))).rejects.toMatchObject({
      code: 'Invalid',
      message: expect.stringContaining('RFC 1123'),
    });
  });

  test('of a wrong Secret is Invalid without its content', async () => {
    const secret: KubeObject = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'wrong', namespace },
      stringData: { 'not a key': 'hunter2' },
    };
    const error = await client
      .apply(RESOURCES.secret, secret, { ...options, force: false })
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'Invalid' });
    expect(String(error)).not.toContain('hunter2');
  });
});

describe('reads', () => {
  test('a kind that is not served is told from an object that is not there', async () => {
    const nowhere = { group: 'nowhere.example', version: 'v1', plural: 'things', kind: 'Thing' };
    expect(await client.get(RESOURCES.service, { namespace, name: 'absent' }, options)).toBeNull();
    const answer = client.get(nowhere, { namespace, name: 'absent' }, options);
    await expect(answer).rejects.toMatchObject({
      code: 'NotFound',
      message: expect.stringContaining('is the CRD installed?'),
    });
  });

  test('more than a page of objects come complete, with kind and apiVersion', async () => {
    const place = await freshNamespace(api, 'kube-pages');
    const names = Array.from({ length: 510 }, (_, index) => `item-${index}`);
    const make = (name: string) =>
      apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: place } }, false);
    // A few at a time: the deadline of a call also runs while it waits for a connection.
    for (let from = 0; from < names.length; from += 30) await Promise.all(names.slice(from, from + 30).map(make));
    const listed = await client.list(RESOURCES.configMap, place, { labels: 'absent!=x' }, options);
    const found = new Set(listed.map((object) => object.metadata.name));
    expect(names.filter((name) => !found.has(name))).toEqual([]);
    expect(listed[0]).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
  });

  test('twenty GETs use at most two connections', async () => {
    const opened: unknown[] = [];
    const count = (message: unknown): void => void opened.push(message);
    const { client: fresh } = realKubeClient(kubeconfig);
    diagnostics.subscribe('undici:client:connected', count);
    for (let call = 0; call < 20; call += 1)
      await fresh.get(RESOURCES.service, { namespace: 'default', name: 'kubernetes' }, options);
    diagnostics.unsubscribe('undici:client:connected', count);
    await fresh.close(0);
    expect(opened.length).toBeGreaterThan(0);
    expect(opened.length).toBeLessThanOrEqual(2);
  });
});

describe('delete', () => {
  const key = (name: string): { namespace: string; name: string } => ({ namespace, name });

  test('removes the object that was meant and no other', async () => {
    const first = await apply(configMap('to-delete', { a: '1' }));
    const { uid = '' } = first.metadata;
    const gone = '00000000-0000-0000-0000-000000000000';
    expect(await client.delete(RESOURCES.configMap, key('to-delete'), { uid: gone }, options)).toBe(false);
    await apply(configMap('to-delete', { a: '2' }, preconditionOf(first)));
    const late = client.delete(RESOURCES.configMap, key('to-delete'), preconditionOf(first), options);
    await expect(late).rejects.toMatchObject({ code: 'Conflict' });
    expect(await client.delete(RESOURCES.configMap, key('to-delete'), { uid }, options)).toBe(true);
    expect(await client.delete(RESOURCES.configMap, key('to-delete'), { uid }, options)).toBe(false);
  });
});

test('events show in kubectl describe, repeated ones as a series', async () => {
  const stored = await api.create(aDatabaseFailover({ 'metadata.name': 'described', 'metadata.namespace': namespace }));
  if (!stored.accepted) throw new Error(stored.refusal.message);
  const regarding = await client.get(RESOURCES.databaseFailover, { namespace, name: 'described' }, options);
  if (regarding === null) throw new Error('the resource is not there');
  const note = `frankfurt refuses connections ${'€'.repeat(1_000)}`;
  for (let count = 0; count < 3; count += 1) {
    client.event({ regarding, type: 'Warning', reason: 'PrimaryDown', action: 'Observe', note });
  }
  client.event({ regarding, type: 'Normal', reason: 'PrimaryHealthy', action: 'Observe', note: 'frankfurt answers' });
  await vi.waitFor(
    async () => {
      const { stdout } = await run('kubectl', ['describe', 'dbf', 'described', '-n', namespace], { timeout: 20_000 });
      expect(stdout).toMatch(/Warning +PrimaryDown +\S+ \(x3 over \S+\) +\S+ +frankfurt refuses connections €/);
      expect(stdout).toMatch(/Normal +PrimaryHealthy .*frankfurt answers/);
    },
    { timeout: 20_000, interval: 300 },
  );
  expect(observer.lost).toEqual([]);
});
