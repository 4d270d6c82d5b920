/** What `kubectl apply -k` and Helm install: that both are the same, and that the API server takes it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { repository } from '../../hack/generate/generated-file.ts';
import { flagsProgram } from '../../src/flags.ts';
import { type ApiObject, connect, type TestApi } from '../support/api.ts';
import { installCrds } from '../support/crds.ts';
import { CHART, helm, templated } from '../support/helm.ts';
import { kustomized, output } from '../support/kubectl.ts';

const NAMESPACE = 'database-failover';
const ONLY_HELM = [
  'app.kubernetes.io/version',
  'app.kubernetes.io/managed-by',
  'helm.sh/chart',
  'helm.sh/resource-policy',
];

let api: TestApi;

beforeAll(async () => {
  api = await connect();
  await installCrds(api);
  for (const object of await kustomized('deploy')) {
    if (object.kind === 'Namespace' || object.kind === 'ServiceAccount') await api.apply(object);
  }
}, 60_000);

afterAll(async () => {
  await api.close();
});

/** By kind, namespace and name, without what only Helm writes and without the Namespace, which Helm makes itself. */
function comparable(objects: readonly ApiObject[]): Record<string, unknown> {
  const strip = (marks: unknown): Record<string, unknown> => {
    const known = z.record(z.string(), z.unknown()).parse(marks ?? {});
    return Object.fromEntries(Object.entries(known).filter(([key]) => !ONLY_HELM.includes(key)));
  };
  return Object.fromEntries(
    objects
      .filter(({ kind }) => kind !== 'Namespace')
      .map(({ metadata: { labels, annotations, ...metadata }, ...object }) => [
        `${object.kind} ${metadata.namespace ?? ''}/${metadata.name}`,
        { ...object, metadata: { ...metadata, labels: strip(labels), annotations: strip(annotations) } },
      ]),
  );
}

function one(objects: readonly ApiObject[], kind: string): ApiObject {
  const found = objects.find((object) => object.kind === kind);
  if (found === undefined) throw new Error(`no ${kind}`);
  return found;
}

const podSchema = z.object({
  spec: z.object({
    template: z.looseObject({
      metadata: z.looseObject({}),
      spec: z.looseObject({
        containers: z.array(z.looseObject({ image: z.string(), env: z.array(z.looseObject({ name: z.string() })) })),
      }),
    }),
  }),
});

function podOf(objects: readonly ApiObject[]) {
  return podSchema.parse(one(objects, 'Deployment')).spec.template;
}

function environmentOf(objects: readonly ApiObject[]): readonly unknown[] {
  return podOf(objects).spec.containers.flatMap(({ env }) => env);
}

describe('kustomize and Helm', () => {
  test('install the same objects by default', async () => {
    const [plain, chart] = [comparable(await kustomized('deploy')), comparable(await templated())];
    expect(Object.keys(chart).sort()).toEqual(Object.keys(plain).sort());
    expect(chart).toEqual(plain);
  });

  test('install the same objects for all namespaces', async () => {
    const plain = comparable(await kustomized('deploy/cluster-wide'));
    expect(comparable(await templated('clusterWide=true'))).toEqual(plain);
    expect(plain).toHaveProperty([`ClusterRole /database-failover-operator`]);
    expect(environmentOf(await templated('clusterWide=true'))).toContainEqual({ name: 'DBFO_NAMESPACES', value: '*' });
  });

  test('grant the same in one more namespace', async () => {
    const chart = await templated('watchNamespaces={database-failover,shop}');
    const inShop = comparable(chart.filter(({ metadata }) => metadata.namespace === 'shop'));
    const plain = (await kustomized('deploy/watched-namespace')).map((object) => ({
      ...object,
      metadata: { ...object.metadata, namespace: 'shop' },
    }));
    expect(inShop).toEqual(comparable(plain));
    expect(environmentOf(chart)).toContainEqual({ name: 'DBFO_NAMESPACES', value: 'database-failover,shop' });
  });

  test('scrape the same and alert on the same', async () => {
    const chart = await templated('prometheusRule.enabled=true,serviceMonitor.enabled=true');
    const monitoring = chart.filter(({ apiVersion }) => apiVersion.startsWith('monitoring.coreos.com/'));
    expect(comparable(monitoring)).toEqual(comparable(await kustomized('deploy/monitoring')));
    expect(monitoring.map(({ kind }) => kind).sort()).toEqual(['PrometheusRule', 'ServiceMonitor']);
    // What it scrapes is the port and the Service that deploy has.
    const { selector, endpoints } = z
      .object({
        selector: z.unknown(),
        endpoints: z.array(z.looseObject({ port: z.string(), honorLabels: z.boolean() })),
      })
      .parse(one(monitoring, 'ServiceMonitor').spec);
    const service = one(await kustomized('deploy'), 'Service');
    expect(selector).toEqual({ matchLabels: service.metadata.labels });
    expect(service.spec).toMatchObject({ ports: [{ name: endpoints[0]?.port }] });
    expect(endpoints.map(({ honorLabels }) => honorLabels)).toEqual([true]);
  });

  test('keep the CRDs of a release by default', async () => {
    const kept = (await templated()).filter(({ kind }) => kind === 'CustomResourceDefinition');
    expect(kept.map(({ metadata }) => metadata.annotations)).toEqual(
      Array.from({ length: 2 }, () => ({ 'helm.sh/resource-policy': 'keep' })),
    );
    const all = await templated('crds.enabled=false');
    expect(all.filter(({ kind }) => kind === 'CustomResourceDefinition')).toEqual([]);
  });
});

describe('the API server', () => {
  test.each(['deploy', 'deploy/cluster-wide'])('takes kubectl apply -k %s, every object of it', async (folder) => {
    const answer = await output('kubectl', ['apply', '--dry-run=server', '-k', folder]);
    const lines = answer.trim().split('\n');
    expect(lines).toHaveLength((await kustomized(folder)).length);
    expect(lines.filter((line) => !line.endsWith('(server dry run)'))).toEqual([]);
  });

  test.each(['deploy', 'deploy/cluster-wide'])(
    'admits the Pods of %s under the restricted standard',
    async (folder) => {
      const { spec, metadata } = podOf(await kustomized(folder));
      const pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { ...metadata, name: 'operator', namespace: NAMESPACE },
        spec,
      };
      expect(await api.create(pod, { dryRun: true })).toMatchObject({ accepted: true });
      const careless = { ...pod, spec: { ...spec, hostNetwork: true } };
      expect(await api.create(careless, { dryRun: true })).toMatchObject({
        accepted: false,
        refusal: { message: expect.stringContaining('restricted') },
      });
    },
  );

  test('takes a release with everything that needs no foreign CRD, and gives it up again', async () => {
    const release = ['-n', 'helm-release', '--create-namespace'];
    const values = ['--set', 'crds.enabled=false,region=eu-central-1,deniedCidrs={default,10.0.0.0/8}'];
    const notes = await helm('install', 'orders', CHART, ...release, ...values);
    expect(notes).toContain('kubectl rollout status -n helm-release deployment/orders-database-failover-operator');
    expect(notes).toContain('kubectl apply -n helm-release -f my-database.yaml');
    expect(await helm('uninstall', 'orders', '-n', 'helm-release')).toContain('uninstalled');
  });
});

describe('a second release', () => {
  const first = ['-n', 'helm-first', '--create-namespace'];
  const second = ['-n', 'helm-second', '--create-namespace'];
  const install = (where: readonly string[], values: string) =>
    helm('install', 'twice', CHART, ...where, '--set', values);

  test('is refused when it brings what the cluster has one of, and taken without', async () => {
    await install(first, 'crds.enabled=false');
    await expect(install(second, 'userRoles.enabled=false')).rejects.toThrow(
      'CustomResourceDefinition "databasefailovers.dbfailover.dev" in namespace "" exists',
    );
    await expect(install(second, 'crds.enabled=false')).rejects.toThrow(
      'ClusterRole "twice-database-failover-operator-viewer" in namespace "" exists',
    );
    await install(second, 'crds.enabled=false,userRoles.enabled=false');
    for (const [, namespace = ''] of [second, first])
      expect(await helm('uninstall', 'twice', '-n', namespace)).toContain('uninstalled');
  });
});

describe('the chart', () => {
  test('passes helm lint', async () => {
    expect(await helm('lint', '--strict', CHART)).toContain('0 chart(s) failed');
  });

  test.each([
    ['imag.tag=1', "additional properties 'imag' not allowed"],
    ['image.tga=1', "additional properties 'tga' not allowed"],
    ['replicas=two', 'got string, want integer'],
    ['replicas=0', 'got 0, want 1'],
    ['clusterWide=maybe', 'got string, want boolean'],
    ['watchNamespaces=shop', 'got string, want array'],
    ['watchNamespaces={Shop}', "'Shop' does not match pattern"],
    ['logLevel=loud', "value must be one of 'debug', 'info', 'warn', 'error'"],
    ['image.digest=latest', 'does not match pattern'],
    ['clusterWide=true,watchNamespaces={shop}', 'clusterWide and watchNamespaces exclude each other'],
    ['serviceAccount.create=false', 'serviceAccount.name is needed when serviceAccount.create is false'],
  ])('refuses --set %s and says why', async (value, sentence) => {
    await expect(templated(value)).rejects.toThrow(sentence);
  });

  test('describes every value in its schema', () => {
    const schema: unknown = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8'));
    const known = z.object({ properties: z.record(z.string(), z.object({ description: z.string() })) }).parse(schema);
    const values = z.record(z.string(), z.unknown()).parse(parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')));
    expect([...Object.keys(values), 'global'].sort()).toEqual(Object.keys(known.properties).sort());
  });

  test('leaves the user of its Pods to a platform that chooses it', async () => {
    const chosen = ['podSecurityContext.runAsUser=null', 'podSecurityContext.runAsGroup=null'];
    expect(podOf(await templated(...chosen)).spec).toMatchObject({
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(podOf(await templated(...chosen)).spec).not.toHaveProperty('securityContext.runAsUser');
  });

  test('uses an account that somebody else made', async () => {
    const objects = await templated('serviceAccount.create=false', 'serviceAccount.name=ours');
    expect(objects.filter(({ kind }) => kind === 'ServiceAccount')).toEqual([]);
    expect(one(objects, 'RoleBinding').subjects).toEqual([
      { kind: 'ServiceAccount', name: 'ours', namespace: NAMESPACE },
    ]);
    expect(podOf(objects).spec).toMatchObject({ serviceAccountName: 'ours' });
  });

  test('names the Lease that its role is about', async () => {
    const objects = await templated('fullnameOverride=dbfo', 'crds.enabled=false');
    expect(environmentOf(objects)).toContainEqual({ name: 'DBFO_LEASE_NAME', value: 'dbfo' });
    const role = objects.find(({ kind, metadata }) => kind === 'Role' && metadata.name === 'dbfo-lease');
    expect(role?.rules).toContainEqual(expect.objectContaining({ resourceNames: ['dbfo'], verbs: ['get', 'update'] }));
  });

  test('sets only variables that the operator reads', async () => {
    const objects = await templated(
      'clusterWide=true,logLevel=debug,region=eu,deniedCidrs={default},clusterDomain=example.org,fullnameOverride=dbfo',
    );
    const read = flagsProgram('0').options.map(({ envVar }) => envVar);
    const names = podOf(objects).spec.containers.flatMap(({ env }) => env.map(({ name }) => name));
    expect(names).toHaveLength(7);
    expect(names.filter((name) => name !== 'POD_NAMESPACE' && !read.includes(name))).toEqual([]);
  });
});

test('one version is named everywhere', async () => {
  const manifest = z.object({ version: z.string() });
  const { version } = manifest.parse(JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')));
  const chart = parse(readFileSync(join(CHART, 'Chart.yaml'), 'utf8'));
  expect(chart).toMatchObject({ version, appVersion: version });
  for (const objects of [await kustomized('deploy'), await templated()]) {
    expect(podOf(objects).spec.containers[0]?.image).toBe(`database-failover-operator:${version}`);
  }
});
