/** What the API server may do to the operator: go away, or know another version of our resource. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { crdFiles } from '../../hack/generate/crds.ts';
import { repository } from '../../hack/generate/generated-file.ts';
import { connect } from '../support/api.ts';
import { installCrds } from '../support/crds.ts';
import {
  behind,
  clusterIpOf,
  conditionOf,
  dataOf,
  eventually,
  serverReached,
  statusOf,
  throughout,
  untilBehind,
  untilCondition,
  untilReady,
  untilServed,
} from '../support/operator-views.ts';
import { control, ordersOf, SHORT_LEASE } from '../support/operator-world.ts';
import { stagedGroup } from '../support/staged-group.ts';

/** Issue 3 asks for half a minute without an API server. */
const OUTAGE_MS = 30_000;
const healthSchema = z.object({ status: z.string(), db_primary: z.string(), up: z.string() });
const { group, stage } = stagedGroup('api', ['frankfurt', 'virginia']);

beforeEach(async () => {
  await installCrds(stage.api);
});

afterEach(async () => {
  await control().startApiServer();
});

afterAll(async () => {
  const api = await connect();
  await installCrds(api);
  await api.close();
});

const address = (name: string) => group.member(name).address;

describe('a resource definition of another version', () => {
  const crd = z.looseObject({
    apiVersion: z.string(),
    kind: z.string(),
    metadata: z.looseObject({ name: z.string() }),
    spec: z.looseObject({
      versions: z.array(z.looseObject({ schema: z.looseObject({ openAPIV3Schema: z.unknown() }) })),
    }),
  });

  /** Changes the schema of DatabaseFailover at the API server; put right again after the file. */
  async function changeSchema(change: (schema: unknown) => void): Promise<void> {
    const [file] = crdFiles();
    const object = crd.parse(parse(await readFile(join(repository, file?.path ?? ''), 'utf8')));
    for (const version of object.spec.versions) change(version.schema.openAPIV3Schema);
    const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${object.metadata.name}`;
    const { json } = await stage.api.raw('GET', path);
    const { metadata } = z.looseObject({ metadata: z.looseObject({ resourceVersion: z.string() }) }).parse(json);
    const reply = await stage.api.raw('PUT', path, {
      ...object,
      metadata: { ...object.metadata, resourceVersion: metadata.resourceVersion },
    });
    expect(reply.code).toBe(200);
  }

  function at(schema: unknown, ...path: readonly string[]): object {
    const found = path.reduce<unknown>(
      (inner, name) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, name) : undefined),
      schema,
    );
    if (typeof found !== 'object' || found === null) throw new Error(`no ${path.join('.')} in the schema`);
    return found;
  }

  test('an older one that prunes fields leaves the operator to its defaults', async () => {
    await changeSchema((schema) => {
      const spec = at(schema, 'properties', 'spec');
      for (const field of ['detection', 'retry', 'failover', 'deletionPolicy', 'paused'])
        Reflect.deleteProperty(at(spec, 'properties'), field);
      Reflect.deleteProperty(spec, 'x-kubernetes-validations');
      Reflect.deleteProperty(at(schema, 'properties', 'status', 'properties'), 'numbersAt');
    });
    const orders = ordersOf(group);
    const object = { ...orders, metadata: { ...orders.metadata, namespace: stage.namespace } };
    // The API server serves the changed schema a moment later.
    await eventually(async () => {
      const reply = await stage.api.create(object, { dryRun: true });
      expect(reply.accepted && reply.object.spec).not.toHaveProperty('detection');
    });
    expect(await stage.api.create(object)).toMatchObject({ accepted: true });
    await stage.start();
    await untilReady(stage);
    await untilServed(stage, 'orders-rw', address('frankfurt'));
    // Ready does not wait for standbys.
    await eventually(async () => expect(await statusOf(stage)).toMatchObject({ epoch: 1, up: '2/2' }));
  });

  test('an attempt of a newer one that cannot be read holds every act and stays as it is', async () => {
    await changeSchema((schema) => {
      const step = at(schema, 'properties', 'status', 'properties', 'attempt', 'properties', 'step');
      Reflect.set(step, 'enum', ['Confirming', 'Draining', 'LastLook', 'Routing', 'Promoting']);
    });
    await stage.apply(ordersOf(group));
    const operator = await stage.start();
    await untilReady(stage);
    const attempt = {
      epoch: 2,
      kind: 'Follow',
      to: 'virginia',
      step: 'Promoting',
      startedAt: '2026-11-01T00:00:00Z',
      retries: 0,
    };
    await eventually(() => stage.patch(ordersOf(group), { status: { attempt } }, '/status'));
    const { message } = await untilCondition(stage, 'Stalled', { status: 'True', reason: 'RecordUnreadable' });
    expect(message).toMatch(/status\.attempt\.step: .*nothing is done.*remove status\.attempt/);
    await untilCondition(stage, 'Ready', { status: 'False', reason: 'RecordUnreadable' });
    // Not even a foreign edit is repaired: whoever runs the attempt may want it so.
    await stage.patch(
      { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: 'orders-rw-ipv4' } },
      { endpoints: [] },
    );
    await throughout(1_500, async () => {
      expect(await behind(stage, 'orders-rw')).toEqual([]);
      const object = await stage.read('DatabaseFailover', 'orders');
      expect(object).toMatchObject({ status: { attempt } });
    });
    await operator.stop();
    await stage.start();
    await throughout(1_000, async () => expect(await behind(stage, 'orders-rw')).toEqual([]));
    await stage.patch(ordersOf(group), { status: { attempt: null } }, '/status');
    await untilReady(stage);
    await untilBehind(stage, 'orders-rw', [address('frankfurt')]);
    expect(await conditionOf(stage, 'Stalled')).toBeUndefined();
  });
});

describe('without the API server for half a minute', () => {
  test('probing and /health go on, routes stay (I9), and a promotion meanwhile is followed afterwards', async () => {
    const configMaps = [{ name: 'orders-db', data: { PRIMARY: '{{primary}}' } }];
    await stage.apply(ordersOf(group, { 'spec.routes.configMaps': configMaps }));
    const operator = await stage.start({ leaseTimes: SHORT_LEASE });
    await untilReady(stage);
    // Ready does not wait for readers; who does not lead any more knows them by the status.
    await eventually(async () =>
      expect(await statusOf(stage)).toMatchObject({ up: '2/2', members: [{}, { name: 'virginia', readSet: true }] }),
    );
    const target = await clusterIpOf(stage, 'orders-rw');
    await untilServed(stage, 'orders-rw', address('frankfurt'));
    const health = async () => {
      const { code, body } = await operator.get(`/health/${stage.namespace}/orders`);
      return { code, ...healthSchema.parse(JSON.parse(body)) };
    };

    const stoppedAtMs = performance.now();
    await control().stopApiServer();
    await throughout(5_000, async () => {
      expect(await health()).toMatchObject({ code: 200, status: 'ok', up: '2/2' });
      expect(await serverReached(target)).toBe(address('frankfurt'));
    });
    expect(operator.leading()).toBe(false);
    await group.member('frankfurt').stop();
    await eventually(async () => expect(await health()).toMatchObject({ code: 503, db_primary: 'disconnected' }));
    await group.member('virginia').promote();
    await throughout(OUTAGE_MS - (performance.now() - stoppedAtMs), async () => {
      await expect(serverReached(target)).rejects.toThrow();
    });
    await control().startApiServer();

    await untilBehind(stage, 'orders-rw', [address('virginia')]);
    await untilReady(stage);
    // kube-proxy on its own may need two minutes more: its client's reflector waits up to 60 s (client-go v0.37.2,
    // tools/cache/reflector.go, defaultBackoffMax and Jitter), asks to go on where it was, is told 410 by the restarted
    // API server, and waits once more before it lists. Started anew, it lists at once.
    await control().setMinSyncPeriod('0s');
    await eventually(async () => expect(await serverReached(target)).toBe(address('virginia')));
    // The record follows the slices, and until then Ready is that of before the outage.
    await eventually(async () =>
      expect(await statusOf(stage)).toMatchObject({
        epoch: 2,
        primary: 'virginia',
        history: [{ epoch: 2, kind: 'Follow' }, { epoch: 1 }],
      }),
    );
    expect(await dataOf(stage, 'ConfigMap', 'orders-db')).toEqual({ PRIMARY: 'virginia' });
    expect((await health()).code).toBe(200);
  }, 120_000);
});
