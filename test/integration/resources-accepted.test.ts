/** What the API server accepts, what it fills in, and how it explains each field. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { crd, crdFiles, kinds, rootSchema } from '../../hack/generate/crds.ts';
import { repository } from '../../hack/generate/generated-file.ts';
import type { StructuralSchema } from '../../hack/generate/structural-schema.ts';
import { parseDatabaseFailover, parseFailoverRequest } from '../../src/api/parse.ts';
import { GROUP, VERSION } from '../../src/api/resources.ts';
import { type ApiObject, connect, type Reply, type TestApi } from '../support/api.ts';
import { freshNamespace, installCrds } from '../support/crds.ts';
import { aDatabaseFailover, type Edits, edited } from '../support/resources.ts';

const run = promisify(execFile);
const KUBECTL_DEADLINE_MS = 20_000;
const examples = join(repository, 'deploy', 'examples');

let api: TestApi;
let namespace: string;

beforeAll(async () => {
  api = await connect();
  await installCrds(api);
  namespace = await freshNamespace(api, 'accepted');
}, 60_000);

afterAll(async () => {
  await api.close();
});

function placed(object: ApiObject): ApiObject {
  return { ...object, metadata: { ...object.metadata, namespace } };
}

function stored(reply: Reply): ApiObject {
  if (!reply.accepted) throw new Error(reply.refusal.message);
  return reply.object;
}

describe('the examples', () => {
  test('cover one member, a pair, three clouds, Patroni and a request', () => {
    expect(readdirSync(examples).sort()).toEqual([
      'azure.yaml',
      'cloud-sql.yaml',
      'force-route.yaml',
      'one-member.yaml',
      'patroni-follow.yaml',
      'rds.yaml',
      'self-hosted-pair.yaml',
    ]);
  });

  test.each(readdirSync(examples))(
    '%s is accepted by the API server, without a warning, and by the parser',
    async (name) => {
      const object = placed(parse(readFileSync(join(examples, name), 'utf8'), { version: '1.1' }));
      const path = `/apis/${object.apiVersion}/namespaces/${namespace}/${object.kind.toLowerCase()}s`;
      // Strict: a field that the CRD does not know is refused and not dropped.
      const reply = await api.call('POST', `${path}?dryRun=All&fieldValidation=Strict`, object);
      const parser = object.kind === 'DatabaseFailover' ? parseDatabaseFailover : parseFailoverRequest;
      expect(parser(stored(reply))).toMatchObject({ ok: true, statusProblems: [] });
    },
  );
});

describe('sensible resources at the edge of the rules are accepted', () => {
  const oneMember = [{ name: 'main', host: 'db.example.com', promotable: false }];
  const sixteen = Array.from({ length: 16 }, (_, index) => ({ name: `m${index}`, host: `10.0.0.${index}` }));
  const job = { template: { metadata: { labels: { a: 'b' } }, spec: { template: { spec: { containers: [] } } } } };

  test.each<[string, Edits]>([
    ['Automatic with one member needs no whenUnfenced', { 'spec.members': oneMember, 'spec.failover': undefined }],
    [
      'Follow needs nothing promotable',
      { 'spec.mode': 'Follow', 'spec.members.0.promotable': false, 'spec.members.1.promotable': false },
    ],
    ['one member that is not promotable', { 'spec.mode': 'Manual', 'spec.members': oneMember }],
    ['sixteen members', { 'spec.members': sixteen }],
    ['one host with two ports', { 'spec.members.1.host': 'orders.fra.example.com', 'spec.members.1.port': 5433 }],
    ['an IPv6 address', { 'spec.members.0.host': 'fd77::11' }],
    ['timeout equal to interval x failureThreshold', { 'spec.detection': { interval: '200ms', timeout: '600ms' } }],
    [
      'durations of several units and with a fraction',
      { 'spec.failover.cooldown': '1h2m3s4ms', 'spec.failover.deadline': '1.5h' },
    ],
    ['maxLoss as a plain number', { 'spec.failover.maxLoss': 16777216, 'spec.failover.preferWithin': '16Mi' }],
    ['the largest size', { 'spec.failover.maxLoss': '1024Ti' }],
    ['leaveLag equal to maxReplayLag', { 'spec.routes.readOnly.leaveLag': '10s' }],
    [
      'a promotion Job and fencing rungs',
      {
        'spec.promotion': { method: 'Job', job },
        'spec.fencing': [
          { method: 'Job', job },
          { method: 'Webhook', webhook: { url: 'https://fence.example.com:8443/stop?x=1' } },
        ],
      },
    ],
    [
      'a ConfigMap and a Secret of one name',
      {
        'spec.routes.configMaps': [{ name: 'app', data: { K: 'v' } }],
        'spec.routes.secrets': [{ name: 'app', readWriteCredentialsRef: { name: 'login' } }],
      },
    ],
  ])('%s', async (_, edits) => {
    const object = aDatabaseFailover(edits);
    expect(stored(await api.create(placed(object), { dryRun: true })).kind).toBe('DatabaseFailover');
    expect(parseDatabaseFailover(object)).toMatchObject({ ok: true });
  });
});

describe('a stored resource', () => {
  test('has every default that the parser would fill in, and observedGeneration -1', async () => {
    const object = stored(await api.create(placed(aDatabaseFailover({ 'metadata.name': 'defaults' }))));
    const parsed = parseDatabaseFailover(aDatabaseFailover());
    if (!parsed.ok) throw new Error('the parser refused it');
    expect(object.spec).toEqual(parsed.spec);
    expect(object.status).toEqual({ observedGeneration: -1 });
  });

  test('keeps a Job template whole', async () => {
    const job = {
      template: { spec: { backoffLimit: 1, template: { spec: { containers: [{ name: 'c', image: 'i' }] } } } },
    };
    const edits = { 'metadata.name': 'job', 'spec.promotion': { method: 'Job', job } };
    const object = stored(await api.create(placed(aDatabaseFailover(edits))));
    expect(object.spec).toMatchObject({ promotion: { job: { ...job, timeout: '5m' } } });
  });

  test('counts generations of the spec only, so that observedGeneration means something', async () => {
    const object = placed(aDatabaseFailover({ 'metadata.name': 'generations' }));
    await api.create(object);
    const patched = stored(await api.mergePatch(object, { status: { epoch: 3, up: '2/2' } }, '/status'));
    expect(patched).toMatchObject({ metadata: { generation: 1 }, status: { epoch: 3, up: '2/2' } });
  });

  test('whose status was wiped is read as new', async () => {
    const object = placed(aDatabaseFailover({ 'metadata.name': 'wiped' }));
    await api.create(object);
    await api.mergePatch(object, { status: { epoch: 3 } }, '/status');
    const wiped = stored(await api.mergePatch(object, { status: null }, '/status'));
    expect(parseDatabaseFailover(wiped)).toMatchObject({ ok: true, status: { observedGeneration: -1 } });
  });
});

describe('a CRD older than the operator', () => {
  test('prunes what it does not know; the parser fills it in and keeps the rules that the CRD lacks', async () => {
    const [kind] = kinds;
    if (kind === undefined) throw new Error('no kind');
    // A kind of its own: the other tests and kubectl's short names must not meet it.
    const names = { kind: 'OlderFailover', plural: 'olderfailovers', singular: 'olderfailover' };
    const old = edited(crd(kind), { 'metadata.name': `${names.plural}.${GROUP}`, 'spec.names': names });
    const schema = 'spec.versions.0.schema.openAPIV3Schema.properties.spec';
    const older = edited(old, {
      [`${schema}.x-kubernetes-validations`]: undefined,
      [`${schema}.properties.retry`]: undefined,
      [`${schema}.properties.promotion`]: undefined,
      [`${schema}.properties.fencing`]: undefined,
      [`${schema}.properties.detection.properties.shutdownGrace`]: undefined,
    });
    stored(await api.apply(parse(stringify(older))));
    const served = `/apis/${GROUP}/${VERSION}/namespaces/${namespace}/${names.plural}`;
    await expect.poll(async () => (await api.raw('GET', served)).code, { timeout: 20_000 }).toBe(200);

    const edits = { kind: names.kind, 'spec.retry': { maxAttempts: 9 }, 'spec.failover': undefined };
    const object = stored(await api.create(placed(aDatabaseFailover(edits))));
    expect(object.spec).not.toHaveProperty('retry');
    const parsed = parseDatabaseFailover(object);
    expect(parsed).toMatchObject({ ok: false, problems: [{ path: 'spec.failover.whenUnfenced' }] });
    const corrected = parseDatabaseFailover(edited(object, { 'spec.failover.whenUnfenced': 'Refuse' }));
    expect(corrected).toMatchObject({
      ok: true,
      spec: { retry: { maxAttempts: 5 }, promotion: { method: 'SQL' }, detection: { shutdownGrace: '30s' } },
    });
  });
});

describe('kubectl', () => {
  /** Paths of objects with fields of their own; `kubectl explain` of each prints its fields with their descriptions. */
  function objects(schema: StructuralSchema, path: string): { path: string; schema: StructuralSchema }[] {
    const inner = schema.items ?? schema.additionalProperties ?? schema;
    return [
      ...(inner.properties === undefined ? [] : [{ path, schema: inner }]),
      ...Object.entries(inner.properties ?? {}).flatMap(([name, property]) => objects(property, `${path}.${name}`)),
    ];
  }

  const described = kinds.flatMap((kind) => objects(rootSchema(kind), kind.plural).slice(1));

  test.each(described)('explains every field of $path', async ({ path, schema }) => {
    const { stdout } = await run('kubectl', ['explain', path], { timeout: KUBECTL_DEADLINE_MS });
    const words = stdout.replaceAll(/\s+/g, ' ');
    expect(words).not.toContain('<no description>');
    expect(words).toContain(schema.description?.replaceAll(/\s+/g, ' '));
    for (const [name, field] of Object.entries(schema.properties ?? {})) {
      expect(words, name).toContain(field.description?.replaceAll(/\s+/g, ' '));
    }
  });

  test('prints the columns of the design', async () => {
    const object = placed(aDatabaseFailover({ 'metadata.name': 'columns' }));
    await api.create(object);
    const condition = {
      type: 'Ready',
      status: 'True',
      reason: 'Routed',
      message: 'ok',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    };
    const status = { up: '2/2', primary: 'frankfurt', epoch: 4, lag: '120ms', conditions: [condition] };
    stored(await api.mergePatch(object, { status }, '/status'));
    const kubectl = async (...args: string[]) => {
      const { stdout } = await run('kubectl', ['get', '-n', namespace, ...args], { timeout: KUBECTL_DEADLINE_MS });
      return stdout.split('\n').map((line) => line.trim().split(/\s{2,}/));
    };
    const [header, row] = await kubectl('dbf', 'columns');
    expect(header).toEqual(['NAME', 'READY', 'PRIMARY', 'UP', 'REASON', 'AGE']);
    expect(row?.slice(0, 5)).toEqual(['columns', 'True', 'frankfurt', '2/2', 'Routed']);
    expect((await kubectl('dbf', 'columns', '-o', 'wide'))[0]?.slice(-2)).toEqual(['EPOCH', 'LAG']);
    expect((await kubectl('databases')).flat().join(' ')).toContain('databasefailover.dbfailover.dev/columns');
  });

  test('applies the generated files as they are', async () => {
    for (const file of crdFiles()) {
      const args = [
        'apply',
        '--server-side',
        '--force-conflicts',
        '--dry-run=server',
        '-f',
        join(repository, file.path),
      ];
      const { stdout } = await run('kubectl', args, { timeout: KUBECTL_DEADLINE_MS });
      expect(stdout).toContain('serverside-applied');
    }
  });
});
