/** ConfigMaps and Secrets as applications consume them. */
import { beforeAll, expect, test } from 'vitest';
import {
  clusterIpOf,
  dataOf,
  eventually,
  serverReachedBy,
  untilCondition,
  untilReady,
  untilServed,
} from '../support/operator-views.ts';
import { MONITOR, ordersOf } from '../support/operator-world.ts';
import { stagedGroup } from '../support/staged-group.ts';

const WRITER = { username: 'orders_app', password: 'p@ss:w/rd?&#%' };
const READER = { username: 'orders reader', password: 're\\ad:er' };

const { group, stage } = stagedGroup('data', ['frankfurt', 'virginia']);

beforeAll(async () => {
  for (const { username, password } of [WRITER, READER])
    await group.member('frankfurt').sql(`CREATE ROLE "${username}" LOGIN PASSWORD '${password}'`);
});

async function secretPublished(): Promise<void> {
  await stage.secret('writer', WRITER);
  await stage.secret('reader', READER);
  const secret = {
    name: 'orders-dsn',
    readWriteCredentialsRef: { name: 'writer' },
    readOnlyCredentialsRef: { name: 'reader' },
    formats: ['uri', 'jdbc-uri', 'pgpass', 'keys'],
    data: { DSN: 'host={{readWrite.host}} user={{readWrite.username}}' },
  };
  await stage.apply(ordersOf(group, { 'spec.routes.secrets': [secret] }));
}

/** There is no cluster DNS here: the cluster IP stands for the Service's name. */
async function throughClusterIp(uri: string, service: string): Promise<string> {
  const { host } = await clusterIpOf(stage, service);
  return uri.replace(`${service}.${stage.namespace}.svc.cluster.local`, host);
}

test('a Secret holds every format, and a client connects with its URIs', async () => {
  await secretPublished();
  await stage.start();
  await untilReady(stage);
  const host = `orders-rw.${stage.namespace}.svc.cluster.local`;
  const readers = `orders-ro.${stage.namespace}.svc.cluster.local`;
  const data = await dataOf(stage, 'Secret', 'orders-dsn');
  expect(data).toMatchObject({
    uri: `postgresql://orders_app:p%40ss%3Aw%2Frd%3F%26%23%25@${host}:5432/postgres`,
    'readonly-uri': `postgresql://orders%20reader:re%5Cad%3Aer@${readers}:5432/postgres`,
    'jdbc-uri': `jdbc:postgresql://${host}:5432/postgres?user=orders_app&password=p%40ss%3Aw%2Frd%3F%26%23%25`,
    pgpass: `${host}:5432:postgres:orders_app:p@ss\\:w/rd?&#%\n${readers}:5432:postgres:orders reader:re\\\\ad\\:er\n`,
    host,
    port: '5432',
    username: 'orders_app',
    'readonly-password': READER.password,
    DSN: `host=${host} user=orders_app`,
  });
  await untilServed(stage, 'orders-rw', group.member('frankfurt').address);
  await untilServed(stage, 'orders-ro', group.member('virginia').address);
  const { uri = '', 'readonly-uri': readOnlyUri = '' } = data;
  expect(await serverReachedBy(await throughClusterIp(uri, 'orders-rw'))).toBe(group.member('frankfurt').address);
  expect(await serverReachedBy(await throughClusterIp(readOnlyUri, 'orders-ro'))).toBe(
    group.member('virginia').address,
  );
  expect(JSON.stringify(data)).not.toContain(MONITOR.password);
});

test('a changed login of the application is taken up', async () => {
  await secretPublished();
  await stage.start({ resyncMs: 1_000 });
  await untilReady(stage);
  await stage.secret('writer', { ...WRITER, password: 'rotated' });
  await eventually(async () =>
    expect(await dataOf(stage, 'Secret', 'orders-dsn')).toMatchObject({ password: 'rotated' }),
  );
  await untilReady(stage);
});

test('a missing or malformed login keeps the last good Secret and says which key is wrong', async () => {
  await secretPublished();
  await stage.start({ resyncMs: 1_000 });
  await untilReady(stage);
  const good = await stage.read('Secret', 'orders-dsn');
  await stage.patch(
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'writer' } },
    { data: { password: Buffer.from('two\nlines').toString('base64') } },
  );
  const malformed = await untilCondition(stage, 'RoutesSynced', { status: 'False', reason: 'CredentialsMalformed' });
  expect(malformed.message).toContain('key password of Secret writer');
  expect(malformed.message).not.toContain('two');
  await stage.remove('Secret', 'writer');
  const missing = await untilCondition(stage, 'RoutesSynced', { status: 'False', reason: 'CredentialsMissing' });
  expect(missing.message).toMatch(/Secret writer was not found.*last good content stays/);
  expect(await stage.read('Secret', 'orders-dsn')).toEqual(good);
  await stage.secret('writer', WRITER);
  await untilReady(stage);
});

test('a template error names key and position and keeps the last good content', async () => {
  const configMap = (template: string) =>
    ordersOf(group, { 'spec.routes.configMaps': [{ name: 'orders-db', data: { A: 'fixed', URL: template } }] });
  await stage.apply(configMap('{{readWrite.host}}'));
  await stage.start();
  await untilReady(stage);
  const good = await dataOf(stage, 'ConfigMap', 'orders-db');
  await stage.apply(configMap('postgres://\n  {{readWrite.hots}}'));
  const { message } = await untilCondition(stage, 'RoutesSynced', { status: 'False', reason: 'TemplateError' });
  expect(message).toContain('ConfigMap orders-db, key URL, 2:3: unknown variable readWrite.hots');
  expect(await dataOf(stage, 'ConfigMap', 'orders-db')).toEqual(good);
  await untilServed(stage, 'orders-rw', group.member('frankfurt').address);
  await stage.apply(configMap('{{readWrite.port}}'));
  await untilReady(stage);
  expect(await dataOf(stage, 'ConfigMap', 'orders-db')).toMatchObject({ URL: '5432' });
});
