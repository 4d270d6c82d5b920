import { describe, expect, test } from 'vitest';
import { hasDrifted } from '../../../hack/generate/generated-file.ts';
import { metricsFile } from '../../../hack/generate/metrics.ts';
import type { Evidence } from '../../../src/api/evidence.ts';
import type { Condition } from '../../../src/api/status.ts';
import type { MemberView } from '../../../src/api/verdict.ts';
import { metricDefinitions } from '../../../src/telemetry/metric-definitions.ts';
import { createMetrics, type MetricSources } from '../../../src/telemetry/metrics.ts';
import { hold } from '../../support/report-input.ts';
import { dead, primary, settings, standby } from '../../support/views.ts';

const orders = { namespace: 'shop', name: 'orders' };
const billing = { namespace: 'shop', name: 'billing' };
const published = { epoch: 7, primary: 'a', readers: ['b'] };

function build(over: Partial<MetricSources> = {}) {
  const time = { ms: 10_000 };
  const metrics = createMetrics({
    version: '1.2.3',
    monotonicMs: () => time.ms,
    watches: () => [],
    leaseRemainingMs: () => 0,
    ...over,
  });
  const judge = (views: readonly MemberView[], key = orders) =>
    metrics.telemetry.judged(key, settings(views.map((view) => view.name)), views, published);
  /** Our series, without the comments. */
  const series = async () =>
    (await metrics.text()).split('\n').filter((line) => line.startsWith('dbfailover_') && !line.includes('_bucket'));
  return { metrics, time, judge, series };
}

function evidence(member: string, timings: Evidence['timings']): Evidence {
  return {
    member,
    probe: 'Fresh',
    sequence: 1,
    startedAtMs: 0,
    endedAtMs: 1,
    outcome: { kind: 'Accepting' },
    timings,
    address: '192.0.2.1',
    addressFresh: true,
    answered: [],
    sessionLost: null,
    sessionAlive: true,
  };
}

/** Calls everything that the port offers. */
function useAll({ metrics, judge }: ReturnType<typeof build>, key = orders): void {
  const { telemetry } = metrics;
  judge([primary('a'), standby('b', { lagMs: 1_500, lagBytes: 4096 }), dead('c')], key);
  telemetry.looked(key, evidence('b', { tcp: 2, sql: 30 }));
  telemetry.decided(key, hold('PrimaryHealthy'));
  telemetry.routeCompared(key, 7, 2, true);
  telemetry.retried(key, 'publish');
  telemetry.reconciled(key, 12, true);
  telemetry.statusWritten(key);
  telemetry.reported(key, [condition('Ready', 'True')]);
}

const condition = (type: string, status: Condition['status']): Condition => ({
  ...{ type, status, reason: 'Any', message: '' },
  ...{ observedGeneration: 1, lastTransitionTime: '2026-03-01T12:00:00Z' },
});

test('members show role, verdict, lag and whether they are read', async () => {
  const { judge, series } = build();
  judge([primary('a'), standby('b', { lagMs: 1_500, lagBytes: 4096 }), dead('c', { facts: null })]);
  const of = (member: string) => `namespace="shop",name="orders",member="${member}"`;
  expect(await series()).toEqual(
    expect.arrayContaining([
      `dbfailover_member_role{${of('a')},role="Primary"} 1`,
      `dbfailover_member_role{${of('b')},role="Standby"} 1`,
      `dbfailover_member_role{${of('c')},role="Unknown"} 1`,
      `dbfailover_member_verdict{${of('c')},verdict="Refused"} 1`,
      `dbfailover_member_dead{${of('c')}} 1`,
      `dbfailover_member_dead{${of('a')}} 0`,
      `dbfailover_member_lag_bytes{${of('b')}} 4096`,
      `dbfailover_member_lag_seconds{${of('b')}} 1.5`,
      `dbfailover_member_in_read_set{${of('b')}} 1`,
      `dbfailover_member_in_read_set{${of('a')}} 0`,
      'dbfailover_route_primary{namespace="shop",name="orders"} 1',
    ]),
  );
});

test('a role, a verdict or a lag that is no more has no series', async () => {
  const { judge, series } = build();
  judge([primary('a'), standby('b', { lagMs: 1_500 })]);
  judge([dead('a'), primary('b', { lagMs: null, lagBytes: null })]);
  const text = (await series()).join('\n');
  expect(text).not.toContain('member="a",verdict="Up"');
  expect(text).toContain('member="a",verdict="Refused"');
  expect(text).not.toContain('member="b",role="Standby"');
  expect(text).not.toContain('dbfailover_member_lag_seconds{namespace="shop",name="orders",member="b"');
});

test('a member that left the spec loses its series, and a late look does not bring them back', async () => {
  const world = build();
  useAll(world);
  world.judge([primary('a'), standby('b')]);
  world.metrics.telemetry.looked(orders, evidence('c', { tcp: 1 }));
  const text = (await world.series()).join('\n');
  expect(text).not.toContain('member="c"');
  expect(text).toContain('member="b"');
});

test('all series of a resource go with it, and those of another stay', async () => {
  const world = build();
  useAll(world, orders);
  useAll(world, billing);
  const before = await world.metrics.text();
  world.metrics.telemetry.forget(orders);
  const after = await world.metrics.text();
  expect(before).toContain('name="orders"');
  expect(after).not.toContain('name="orders"');
  const ofBilling = (text: string) => text.split('\n').filter((line) => line.includes('name="billing"'));
  expect(ofBilling(after)).toEqual(ofBilling(before));
  expect(after).toContain('dbfailover_resources 1');
});

test('a condition is 1 or 0, and nothing while it is unknown or not there', async () => {
  const { metrics, series } = build();
  const report = async (...conditions: readonly Condition[]) => {
    metrics.telemetry.reported(orders, conditions);
    return (await series()).filter((line) => line.startsWith('dbfailover_condition'));
  };
  const of = (type: string) => `dbfailover_condition{namespace="shop",name="orders",type="${type}"}`;
  const first = await report(
    condition('Ready', 'False'),
    condition('PrimaryHealthy', 'Unknown'),
    condition('Stalled', 'True'),
  );
  expect(first).toEqual([`${of('Ready')} 0`, `${of('Stalled')} 1`]);
  expect(await report(condition('Ready', 'True'), condition('PrimaryHealthy', 'True'))).toEqual([
    `${of('Ready')} 1`,
    `${of('PrimaryHealthy')} 1`,
  ]);
});

test('a resource that is only reported, because it cannot be read, is not counted as observed', async () => {
  const { metrics, judge, series } = build();
  judge([primary('a')]);
  metrics.telemetry.reported(billing, [condition('Stalled', 'True')]);
  expect(await series()).toContain('dbfailover_resources 1');
});

test('a decision is counted when the rule changes', async () => {
  const { metrics, series } = build();
  for (const rule of [343, 343, 360, 360, 343]) metrics.telemetry.decided(orders, hold('Any', 'any', rule));
  expect(await series()).toEqual(
    expect.arrayContaining([
      'dbfailover_decisions_total{namespace="shop",name="orders",rule="343"} 2',
      'dbfailover_decisions_total{namespace="shop",name="orders",rule="360"} 1',
      'dbfailover_decision_rule{namespace="shop",name="orders"} 343',
    ]),
  );
});

test('the age of the published route grows from its last confirmation', async () => {
  const { metrics, time, series } = build();
  metrics.telemetry.routeCompared(orders, 7, 3, true);
  time.ms += 4_500;
  expect(await series()).toContain('dbfailover_route_published_age_seconds{namespace="shop",name="orders"} 4.5');
  metrics.telemetry.routeCompared(orders, 7, 0, true);
  const text = await series();
  expect(text).toContain('dbfailover_route_published_age_seconds{namespace="shop",name="orders"} 0');
  expect(text).toContain('dbfailover_route_writes_total{namespace="shop",name="orders"} 3');
});

test('the age of the published route goes on while something of it is refused, from the first try on', async () => {
  const { metrics, time, series } = build();
  const age = 'dbfailover_route_published_age_seconds{namespace="shop",name="orders"}';
  for (const expected of [0, 5, 10]) {
    metrics.telemetry.routeCompared(orders, 7, 1, false);
    expect(await series()).toContain(`${age} ${expected}`);
    time.ms += 5_000;
  }
  metrics.telemetry.routeCompared(orders, 7, 1, true);
  expect(await series()).toContain(`${age} 0`);
});

test('probe times are told apart by layer, in seconds', async () => {
  const { metrics, judge, series } = build();
  judge([primary('a')]);
  metrics.telemetry.looked(orders, evidence('a', { tcp: 2, sql: 30 }));
  metrics.telemetry.looked(orders, evidence('a', { sql: 50 }));
  const of = (layer: string) => `namespace="shop",name="orders",member="a",layer="${layer}"`;
  expect(await series()).toEqual(
    expect.arrayContaining([
      `dbfailover_probe_seconds_count{${of('sql')}} 2`,
      `dbfailover_probe_seconds_sum{${of('sql')}} 0.08`,
      `dbfailover_probe_seconds_sum{${of('tcp')}} 0.002`,
    ]),
  );
});

test('lease, watches and requests are read at the scrape', async () => {
  const health = { synced: true, lastEventAtMs: 7_000, restarts: 2 };
  let remainingMs = 12_500;
  const { metrics, series } = build({
    leaseRemainingMs: () => remainingMs,
    watches: () => [
      { namespace: null, kind: 'DatabaseFailover', health },
      { namespace: 'shop', kind: 'Service', health: { synced: false, lastEventAtMs: null, restarts: 0 } },
    ],
  });
  metrics.leaseTransition();
  metrics.kubeRequest('PATCH', 200);
  metrics.kubeRequest('PATCH', 200);
  metrics.kubeRequest('GET', null);
  const first = await series();
  expect(await series()).toEqual(first);
  expect(first).toEqual(
    expect.arrayContaining([
      'dbfailover_build_info{version="1.2.3"} 1',
      'dbfailover_lease_held 1',
      'dbfailover_lease_remaining_seconds 12.5',
      'dbfailover_lease_transitions_total 1',
      'dbfailover_watch_age_seconds{namespace="",kind="DatabaseFailover"} 3',
      'dbfailover_watch_synced{namespace="shop",kind="Service"} 0',
      'dbfailover_watch_restarts_total{namespace="",kind="DatabaseFailover"} 2',
      'dbfailover_kube_requests_total{method="PATCH",code="200"} 2',
      'dbfailover_kube_requests_total{method="GET",code="none"} 1',
    ]),
  );
  remainingMs = 0;
  expect(await series()).toContain('dbfailover_lease_held 0');
});

describe('the definitions', () => {
  test('are exactly what is registered, with Node’s own metrics beside them', async () => {
    const text = await build().metrics.text();
    const ours = [...text.matchAll(/^# TYPE (dbfailover_\w+) (\w+)$/gm)].map(([, name, kind]) => `${name} ${kind}`);
    const defined = Object.entries(metricDefinitions).map(([name, { kind }]) => `${name} ${kind}`);
    expect(ours.sort()).toEqual(defined.sort());
    expect(text).toContain('nodejs_eventloop_lag_seconds');
  });

  test('use bounded labels only', () => {
    const labels = new Set(Object.values(metricDefinitions).flatMap((definition) => definition.labels));
    expect([...labels].sort()).toEqual([
      'code',
      'kind',
      'layer',
      'member',
      'method',
      'name',
      'namespace',
      'role',
      'rule',
      'type',
      'verdict',
      'version',
    ]);
  });

  test('name counters _total, and say their unit', () => {
    for (const [name, { kind }] of Object.entries(metricDefinitions)) {
      expect(name.endsWith('_total'), name).toBe(kind === 'counter');
      if (kind === 'histogram') expect(name).toMatch(/_seconds$/);
    }
  });

  test('are what docs/metrics.md shows', async () => {
    expect(await hasDrifted(metricsFile())).toBe(false);
  });
});
