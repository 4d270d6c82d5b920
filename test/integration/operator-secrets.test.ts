/** The operator's own logins and certificates: missing, wrong, rotated, mended by editing the cluster's objects alone. */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type CertificateAuthority, createAuthority } from '../../hack/world/certificates.ts';
import {
  behind,
  conditionOf,
  eventually,
  statusOf,
  throughout,
  untilBehind,
  untilCondition,
  untilEvents,
  untilReady,
} from '../support/operator-views.ts';
import { MONITOR, MONITOR_SECRET, ordersOf } from '../support/operator-world.ts';
import { stagedGroup } from '../support/staged-group.ts';

const DAY_MS = 86_400_000;
let authority: CertificateAuthority;
const { group, stage } = stagedGroup('secrets', ['frankfurt', 'virginia']);

beforeAll(async () => {
  authority = await createAuthority('trusted');
});

afterEach(async () => {
  await group.member('frankfurt').sql(`ALTER ROLE ${MONITOR.username} PASSWORD '${MONITOR.password}'`);
});

/** A server that refuses us lives: it must never count as dead, whatever else happens. */
async function nobodyDead(): Promise<void> {
  expect(((await statusOf(stage)).members ?? []).filter(({ dead }) => dead === true)).toEqual([]);
}

const endSessions = () =>
  group
    .member('frankfurt')
    .sql('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', [MONITOR.username]);

test('a missing Secret is named, and taken up when it is made', async () => {
  await stage.remove('Secret', MONITOR_SECRET);
  await stage.apply(ordersOf(group));
  await stage.start();
  const ready = await untilCondition(stage, 'Ready', { status: 'False', reason: 'CredentialsMissing' });
  expect(ready.message).toContain(`Secret ${MONITOR_SECRET} (credentials.monitor.secretRef) does not exist`);
  await untilCondition(stage, 'Stalled', { status: 'True', reason: 'CredentialsMissing' });
  await nobodyDead();
  await stage.secret(MONITOR_SECRET, MONITOR);
  await untilReady(stage);
  await untilEvents(stage, 'CredentialsMissing');
});

test('a Secret without its keys is named, and taken up when they are there', async () => {
  await stage.remove('Secret', MONITOR_SECRET);
  await stage.secret(MONITOR_SECRET, { user: 'wrong-key' });
  await stage.apply(ordersOf(group));
  await stage.start();
  const { message } = await untilCondition(stage, 'Ready', { status: 'False', reason: 'CredentialsMalformed' });
  expect(message).toBe(`Secret ${MONITOR_SECRET} has no key username`);
  await stage.secret(MONITOR_SECRET, MONITOR);
  await untilReady(stage);
});

test('a wrong password at the start is told with its SQLSTATE, and editing the Secret mends it', async () => {
  await stage.secret(MONITOR_SECRET, { ...MONITOR, password: 'mistyped' });
  await stage.apply(ordersOf(group));
  await stage.start();
  await untilCondition(stage, 'Degraded', { status: 'True', reason: 'CredentialsInvalid' });
  // One member after the other is known to refuse the login.
  await eventually(async () => {
    const message = (await conditionOf(stage, 'Degraded'))?.message;
    expect(message).toMatch(/frankfurt: .*28P01/);
    expect(message).not.toContain('mistyped');
  });
  await throughout(1_000, nobodyDead);
  await stage.secret(MONITOR_SECRET, MONITOR);
  const mendedAtMs = performance.now();
  await untilReady(stage);
  expect(performance.now() - mendedAtMs).toBeLessThan(10_000);
});

test('a password that changes under a running operator leaves the routes alone, and the new one is taken up', async () => {
  await stage.apply(ordersOf(group));
  await stage.start();
  await untilReady(stage);
  await group.member('frankfurt').sql(`ALTER ROLE ${MONITOR.username} PASSWORD 'rotated'`);
  await endSessions();
  await untilCondition(stage, 'Degraded', { status: 'True', reason: 'CredentialsInvalid' });
  await throughout(2_000, async () => {
    await nobodyDead();
    expect(await behind(stage, 'orders-rw')).toEqual([group.member('frankfurt').address]);
  });
  await untilCondition(stage, 'PrimaryHealthy', { status: 'Unknown', reason: 'PrimaryMisconfigured' });
  await stage.secret(MONITOR_SECRET, { ...MONITOR, password: 'rotated' });
  await untilReady(stage);
  expect((await statusOf(stage)).epoch).toBe(1);
});

describe('certificates', () => {
  const verifying = { mode: 'VerifyFull', caRef: { kind: 'ConfigMap', name: 'rds-ca', key: 'ca.pem' } };
  const trust = (...pems: readonly string[]) =>
    stage.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'rds-ca' },
      data: { 'ca.pem': pems.join('\n') },
    });
  const serve = async (by: CertificateAuthority, validity = {}): Promise<void> => {
    for (const member of group.members)
      await member.reconfigure({ tls: await by.issueServer([member.host], validity) });
  };
  /** One member after the other is known to fail. */
  const untilTlsFailed = (message: RegExp) =>
    untilCondition(stage, 'Degraded', { status: 'True', reason: 'TlsFailed', message: expect.stringMatching(message) });

  test('a wrong authority fails closed, is told, and editing the ConfigMap mends it', async () => {
    const stranger = await createAuthority('stranger');
    await serve(authority);
    await trust(stranger.cert);
    await stage.apply(ordersOf(group, { 'spec.tls': verifying }));
    await stage.start();
    await untilTlsFailed(/frankfurt: .*(authority|issuer|certificate)/);
    await throughout(500, nobodyDead);
    expect(await behind(stage, 'orders-rw')).toEqual([]);
    await trust(authority.cert);
    await untilReady(stage);
  });

  test('an expired certificate is told, and a new one is enough', async () => {
    await serve(authority, { notAfter: new Date(Date.now() - DAY_MS) });
    await trust(authority.cert);
    await stage.apply(ordersOf(group, { 'spec.tls': verifying }));
    await stage.start();
    await untilTlsFailed(/frankfurt: .*outside its validity/);
    await nobodyDead();
    await serve(authority);
    await untilReady(stage);
  });

  test('an authority is rotated without a restart and without a false verdict', async () => {
    const next = await createAuthority('next');
    await serve(authority);
    await trust(authority.cert);
    await stage.apply(ordersOf(group, { 'spec.tls': verifying }));
    await stage.start();
    await untilReady(stage);
    const ready = (await statusOf(stage)).conditions?.find(({ type }) => type === 'Ready');
    await trust(authority.cert, next.cert);
    await serve(next);
    await endSessions();
    await throughout(3_000, async () => {
      await nobodyDead();
      expect(await behind(stage, 'orders-rw')).toEqual([group.member('frankfurt').address]);
    });
    await trust(next.cert);
    await untilReady(stage);
    await untilBehind(stage, 'orders-rw', [group.member('frankfurt').address]);
    const { epoch, conditions } = await statusOf(stage);
    expect(epoch).toBe(1);
    expect(conditions?.find(({ type }) => type === 'Ready')?.status).toBe(ready?.status);
  });

  test('a missing ConfigMap or one without certificates is named', async () => {
    await stage.apply(ordersOf(group, { 'spec.tls': verifying }));
    await stage.start();
    const missing = await untilCondition(stage, 'Ready', { status: 'False', reason: 'CredentialsMissing' });
    expect(missing.message).toContain('ConfigMap rds-ca (tls.caRef) does not exist');
    await trust('no certificate');
    const malformed = await untilCondition(stage, 'Ready', { status: 'False', reason: 'CredentialsMalformed' });
    expect(malformed.message).toContain('no PEM certificates under key ca.pem');
    await serve(authority);
    await trust(authority.cert);
    await eventually(() => untilReady(stage));
  });
});
