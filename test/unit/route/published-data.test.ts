import { describe, expect, it, test } from 'vitest';
import { EPOCH_ANNOTATION, FIELD_MANAGER, PRIMARY_ANNOTATION } from '../../../src/api/resources.ts';
import type { KubeObject } from '../../../src/ports/kube.ts';
import type { RouteInput } from '../../../src/route/contract.ts';
import { planRoutes } from '../../../src/route/plan.ts';
import { dataObject, type InputChanges, login, NOTHING, routeInput, settled } from '../../support/published-objects.ts';

const PASSWORD = 'p@ss:w/rd';
const WRITER = login('writer', 'app', PASSWORD);
const READER = login('reader', 'ro', 'r%d');
const credentials = new Map<string, KubeObject | null>([
  ['writer', WRITER],
  ['reader', READER],
]);
const writer = { readWriteCredentialsRef: { name: 'writer' } };
const both = { ...writer, readOnlyCredentialsRef: { name: 'reader' } };

type Routes = NonNullable<InputChanges['routes']>;
type SecretInput = NonNullable<Routes['secrets']>[number];

const withData = (data: Record<string, string>, changes: InputChanges = {}) =>
  routeInput({ ...changes, routes: { ...changes.routes, configMaps: [{ name: 'orders-db', data }] } });
const withSecret = (secret: Omit<SecretInput, 'name'>, changes: InputChanges = {}) =>
  routeInput({ credentials, ...changes, routes: { ...changes.routes, secrets: [{ name: 'orders-dsn', ...secret }] } });

const configMap = (input: RouteInput) => settled(input, planRoutes).configMaps[0];
const dataOf = (input: RouteInput) => configMap(input)?.data;
const secretOf = (input: RouteInput) => {
  const data = settled(input, planRoutes).secrets[0]?.data ?? {};
  const decode = (value: unknown) => Buffer.from(String(value), 'base64').toString();
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, decode(value)]));
};

describe('a ConfigMap', () => {
  it('is rendered with every documented variable', () => {
    const data = {
      A: '{{name}} {{namespace}} {{database}} {{uriEncoded.database}} {{epoch}} {{primary}}',
      B: '{{readWrite.service}} {{readWrite.host}} {{readWrite.port}}',
      C: '{{readOnly.service}} {{readOnly.host}} {{readOnly.port}}',
      D: 'postgresql://{{readOnly.hosts}}/x?target_session_attrs=prefer-standby',
      E: '{{#readers}}{{name}} {{host}} {{port}};{{/readers}}',
    };
    expect(dataOf(withData(data, { ports: [5432, 5433, 5434] }))).toEqual({
      A: 'orders shop orders orders 1 m1',
      B: 'orders-rw orders-rw.shop.svc.cluster.local 5432',
      C: 'orders-ro orders-ro.shop.svc.cluster.local 5432',
      D: 'postgresql://m1.example.com:5432,m2.example.com:5433,m3.example.com:5434/x?target_session_attrs=prefer-standby',
      E: 'm2 m2.example.com 5433;m3 m3.example.com 5434;',
    });
  });

  it('has the read-write route for reads where there is no other', () => {
    const data = { HOST: '{{readOnly.host}}', PORT: '{{readOnly.port}}', SERVICE: '{{readOnly.service}}' };
    const readWrite = { service: 'orders-rw', port: 6000 };
    expect(dataOf(withData(data, { routes: { readWrite, readOnly: undefined } }))).toEqual({
      HOST: 'orders-rw.shop.svc.cluster.local',
      PORT: '6000',
      SERVICE: 'orders-rw',
    });
  });

  it('carries epoch and primary as annotations and, unless asked, never in its data', () => {
    const first = withData({ URL: '{{readWrite.host}}' });
    const current = settled(first, planRoutes);
    const target = { epoch: 2, primary: 'm2', readers: [] };
    const after = configMap({ ...first, current, target });
    expect(after?.metadata.annotations).toEqual({ [EPOCH_ANNOTATION]: '2', [PRIMARY_ANNOTATION]: 'm2' });
    expect(after?.data).toEqual(current.configMaps[0]?.data);
  });

  it('keeps its last good content whole while one key is faulty, and says where', () => {
    const current = settled(withData({ A: 'old {{epoch}}', B: 'old' }), planRoutes);
    const faulty = withData({ A: 'new', B: 'line\n  {{nope}}' }, { current, target: { epoch: 2 } });
    const after = settled(faulty, planRoutes);
    expect(after.configMaps).toEqual(current.configMaps);
    expect(planRoutes({ ...faulty, current: after }).problems).toEqual([
      {
        reason: 'TemplateError',
        object: { kind: 'ConfigMap', name: 'orders-db' },
        message: 'ConfigMap orders-db, key B, 2:3: unknown variable nope. The last good content stays.',
      },
    ]);
  });

  it('is not created with a part of its content', () => {
    expect(settled(withData({ A: 'good', B: '{{nope}}' }), planRoutes).configMaps).toEqual([]);
  });

  it('cannot grow beyond what the API server stores', () => {
    const long = '{{#readers}}'.concat('x'.repeat(4000), '{{/readers}}');
    const data = Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`K${index}`, long]));
    const readers = ['m1', 'm2', 'm3'];
    const base = withData(data, { target: { readers } });
    expect(planRoutes(base).problems).toEqual([]);
    const more = ['m4', 'm5'].flatMap((name) => base.members.slice(0, 1).map((member) => ({ ...member, name })));
    const target = { ...base.target, readers: [...readers, 'm4', 'm5'] };
    const { problems } = planRoutes({ ...base, members: [...base.members, ...more], target });
    expect(problems.find(({ reason }) => reason === 'TemplateError')?.message).toContain('more than 1 MiB');
  });

  test.each(['readWrite.password', 'readWrite.uriEncoded.password', 'readOnly.username'])(
    'knows no %s (I13)',
    (variable) => {
      const { problems } = planRoutes(withData({ A: `{{${variable}}}` }, { credentials }));
      expect(problems[0]?.message).toContain(
        `unknown variable ${variable}: ConfigMaps hold no logins; use spec.routes.secrets`,
      );
    },
  );

  it('that is not ours stays untouched, with the remedy', () => {
    const theirs = dataObject('ConfigMap', 'orders-db', { A: 'theirs' });
    const input = withData({ A: 'ours' }, { current: { ...NOTHING, configMaps: [theirs] } });
    const after = settled(input, planRoutes);
    expect(after.configMaps).toEqual([theirs]);
    const { problems } = planRoutes({ ...input, current: after });
    expect(problems).toMatchObject([{ reason: 'ObjectNotOurs', object: { kind: 'ConfigMap', name: 'orders-db' } }]);
    expect(problems[0]?.message).toContain('kubectl label configmap orders-db dbfailover.dev/resource=orders');
  });

  it('of another resource is said to be that resource’s', () => {
    const theirs = dataObject('ConfigMap', 'orders-db', { A: 'theirs' }, 'invoices');
    const { problems } = planRoutes(withData({ A: 'ours' }, { current: { ...NOTHING, configMaps: [theirs] } }));
    expect(problems[0]?.message).toContain('It belongs to DatabaseFailover invoices');
  });

  it('is repaired when a value was edited, and left alone when others added a key', () => {
    const input = withData({ A: 'a' });
    const current = settled(input, planRoutes);
    const withContent = (data: Record<string, string>) => ({
      ...input,
      current: { ...current, configMaps: current.configMaps.map((object) => ({ ...object, data })) },
    });
    expect(planRoutes(withContent({ A: 'edited' })).writes).toHaveLength(1);
    expect(planRoutes(withContent({ A: 'a', THEIRS: 'x' })).writes).toEqual([]);
  });

  it('loses a key that the spec dropped and that is still ours', () => {
    const input = withData({ A: 'a' });
    const current = settled(input, planRoutes);
    const fieldsV1 = { 'f:data': { '.': {}, 'f:A': {}, 'f:B': {} } };
    const managedFields = [{ manager: FIELD_MANAGER, operation: 'Apply', fieldsV1 }];
    const configMaps = current.configMaps.map((object) => ({
      ...object,
      data: { A: 'a', B: 'b' },
      metadata: { ...object.metadata, managedFields },
    }));
    expect(planRoutes({ ...input, current: { ...current, configMaps } }).writes).toHaveLength(1);
  });
});

const HOST = 'orders-rw.shop.svc.cluster.local';
const RO_HOST = 'orders-ro.shop.svc.cluster.local';

describe('a Secret', () => {
  it('holds the asked formats of the read-write login under plain keys', () => {
    expect(secretOf(withSecret({ ...writer, formats: ['uri', 'jdbc-uri', 'pgpass', 'keys'] }))).toEqual({
      uri: `postgresql://app:p%40ss%3Aw%2Frd@${HOST}:5432/orders`,
      'jdbc-uri': `jdbc:postgresql://${HOST}:5432/orders?user=app&password=p%40ss%3Aw%2Frd`,
      pgpass: `${HOST}:5432:orders:app:p@ss\\:w/rd\n`,
      host: HOST,
      port: '5432',
      database: 'orders',
      username: 'app',
      password: PASSWORD,
    });
  });

  it('adds the read-only login under keys of its own without renaming any', () => {
    expect(secretOf(withSecret({ ...both, database: 'x y', formats: ['uri', 'pgpass'] }))).toEqual({
      uri: `postgresql://app:p%40ss%3Aw%2Frd@${HOST}:5432/x%20y`,
      'readonly-uri': `postgresql://ro:r%25d@${RO_HOST}:5432/x%20y`,
      pgpass: `${HOST}:5432:x y:app:p@ss\\:w/rd\n${RO_HOST}:5432:x y:ro:r%d\n`,
    });
  });

  it('gives logins to its own templates, which win over the formats', () => {
    const data = {
      uri: 'mine',
      DSN: 'postgresql://{{readWrite.uriEncoded.username}}:{{readWrite.uriEncoded.password}}@{{readWrite.host}}/{{database}}?sslmode=require',
      RAW: '{{readOnly.username}} {{readOnly.password}}',
    };
    expect(secretOf(withSecret({ ...both, data, formats: ['uri'] }))).toMatchObject({
      uri: 'mine',
      DSN: `postgresql://app:p%40ss%3Aw%2Frd@${HOST}/orders?sslmode=require`,
      RAW: 'ro r%d',
    });
  });

  it('follows a rotated password', () => {
    const input = withSecret(writer);
    const current = settled(input, planRoutes);
    const rotated = new Map([['writer', login('writer', 'app', 'new')]]);
    expect(secretOf({ ...input, current, credentials: rotated })).toEqual({
      uri: `postgresql://app:new@${HOST}:5432/orders`,
    });
  });

  const broken = (data: Record<string, string>) => dataObject('Secret', 'writer', data);
  const base64 = (text: string) => Buffer.from(text).toString('base64');

  test.each<[string, KubeObject | null | undefined, string, string]>([
    ['is missing', null, 'CredentialsMissing', 'Secret writer was not found'],
    ['could not be read', undefined, 'CredentialsMissing', 'Secret writer could not be read'],
    [
      'has no password',
      broken({ username: base64('app') }),
      'CredentialsMalformed',
      'Secret writer has no key password',
    ],
    [
      'has an empty name',
      broken({ username: '', password: base64('x') }),
      'CredentialsMalformed',
      'key username of Secret writer is empty',
    ],
    [
      'ends in a line break',
      broken({ username: base64('app'), password: base64('hush\n') }),
      'CredentialsMalformed',
      'line break',
    ],
    ['is no UTF-8', broken({ username: base64('app'), password: '/////w==' }), 'CredentialsMalformed', 'no UTF-8'],
  ])('keeps its last good content while its login %s', (_, secret, reason, words) => {
    const current = settled(withSecret(writer), planRoutes);
    const now = new Map(secret === undefined ? [] : [['writer', secret]]);
    const input = withSecret(writer, { current, credentials: now, target: { epoch: 2 } });
    const after = settled(input, planRoutes);
    expect(after.secrets).toEqual(current.secrets);
    const { problems } = planRoutes({ ...input, current: after });
    expect(problems).toMatchObject([{ reason, object: { kind: 'Secret', name: 'orders-dsn' } }]);
    expect(problems[0]?.message).toContain(words);
    expect(JSON.stringify(problems)).not.toContain('hush');
  });

  it('does not lend the read-write login to a template that asks for the read-only one', () => {
    const { problems } = planRoutes(withSecret({ ...writer, data: { A: '{{readOnly.password}}' } }));
    expect(problems[0]?.message).toContain('this Secret has no readOnlyCredentialsRef');
  });

  it('appears in no problem, whatever is wrong (I13)', () => {
    const data = { A: '{{nope}} {{readWrite.password}}' };
    const taken = dataObject('Secret', 'orders-dsn', { uri: base64(PASSWORD) });
    const plans = [
      planRoutes(withSecret({ ...both, data })),
      planRoutes(withSecret(both, { current: { ...NOTHING, secrets: [taken] } })),
      planRoutes(withData({ A: '{{readWrite.password}}' }, { credentials })),
    ];
    for (const { problems } of plans) {
      expect(problems).not.toEqual([]);
      expect(JSON.stringify(problems)).not.toMatch(/p@ss|cEBzc|r%d/);
    }
  });
});
