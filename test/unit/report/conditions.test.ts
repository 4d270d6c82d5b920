import { describe, expect, test } from 'vitest';
import { type Verdict, verdicts } from '../../../src/api/verdict.ts';
import type { ReportInput } from '../../../src/report/input.ts';
import { buildInvalidStatus, buildStatus } from '../../../src/report/status.ts';
import {
  conditionOf,
  emptyStatus,
  hold,
  NOW,
  observing,
  readSettings,
  reportInput,
} from '../../support/report-input.ts';
import { dead, primary, settings, standby, unasked } from '../../support/views.ts';

const LASTING = ['Ready', 'PrimaryHealthy', 'ReplicasHealthy', 'RoutesSynced', 'FailoverReady'];
const attempt = {
  epoch: 8,
  kind: 'Follow',
  from: 'a',
  to: 'b',
  step: 'Draining',
  startedAt: '2026-03-01T12:00:00.000Z',
  retries: 0,
} as const;
const splitBrain = { members: ['a', 'b'], since: '2026-03-01T11:59:00Z' };

/** `Type=Status/Reason` of every condition. */
const shown = (over: Partial<ReportInput>): string[] =>
  (buildStatus(reportInput(over)).conditions ?? []).map(({ type, status, reason }) => `${type}=${status}/${reason}`);

test('a healthy group shows the five lasting conditions and no abnormal one', () => {
  expect(shown({})).toEqual([
    'Ready=True/Ready',
    'PrimaryHealthy=True/PrimaryUp',
    'ReplicasHealthy=True/ReplicasUp',
    'RoutesSynced=True/Published',
    'FailoverReady=True/FollowsOthers',
  ]);
});

test('before the first verdict all five are Unknown and the group is being worked on', () => {
  const views = [unasked('a'), unasked('b')];
  expect(shown({ views, decision: observing, published: null })).toEqual([
    ...LASTING.map((type) => `${type}=Unknown/Observing`),
    'Reconciling=True/Observing',
  ]);
  expect(shown({ views, decision: null, published: null })).toContain('Ready=Unknown/Observing');
});

test('a restarted operator leaves the known words standing until it has looked', () => {
  const previous = buildStatus(reportInput());
  const views = [unasked('a'), unasked('b'), unasked('c')];
  const next = buildStatus(reportInput({ previous, views, decision: observing, generation: 4 }));
  expect(next.conditions).toEqual(previous.conditions);
  expect(next.observedGeneration).toBe(3);
  expect(next.up).toBe('3/3');
  expect(next.decision).toEqual(previous.decision);
});

describe('PrimaryHealthy', () => {
  test.each<[string, Partial<ReportInput>, string]>([
    ['is False/PrimaryDown when the primary counts as dead', { views: [dead('a'), standby('b')] }, 'False/PrimaryDown'],
    [
      'is Unknown while a silent primary does not count as dead yet',
      { views: [dead('a', { dead: false, verdict: 'Silent' }), standby('b')] },
      'Unknown/PrimaryInDoubt',
    ],
    ['is False when the primary is in recovery', { views: [standby('a'), standby('b')] }, 'False/PrimaryInRecovery'],
    [
      'is False when the primary is read-only',
      { views: [primary('a', { writable: false }, { readOnly: true }), standby('b')] },
      'False/PrimaryReadOnly',
    ],
    [
      'is False when nothing is routed',
      { published: { epoch: 7, primary: null, readers: [] }, decision: hold('NoPrimary') },
      'False/NoPrimary',
    ],
    ['is False when the routed member left the spec', { views: [standby('b')] }, 'False/RoutedMemberRemoved'],
    [
      'is False while an attempt has drained the route',
      { published: { epoch: 8, primary: null, readers: [] }, attempt },
      'False/RouteMoving',
    ],
    ['is Unknown while the primary was not asked', { views: [unasked('a'), standby('b')] }, 'Unknown/Observing'],
  ])('%s', (_, over, expected) => {
    const condition = conditionOf(buildStatus(reportInput(over)), 'PrimaryHealthy');
    expect(`${condition?.status}/${condition?.reason}`).toBe(expected);
  });

  test.each(verdicts.filter((verdict): verdict is Verdict => verdict !== 'Up'))(
    'is never True under the verdict %s',
    (verdict) => {
      const views = [dead('a', { verdict, dead: false }), standby('b')];
      expect(conditionOf(buildStatus(reportInput({ views })), 'PrimaryHealthy')?.status).not.toBe('True');
    },
  );

  test('doubt does not turn False into Unknown', () => {
    const previous = buildStatus(reportInput({ views: [dead('a'), standby('b')] }));
    const views = [dead('a', { dead: false, verdict: 'Reset' }), standby('b')];
    expect(conditionOf(buildStatus(reportInput({ previous, views })), 'PrimaryHealthy')?.status).toBe('False');
  });

  test('its message says what was seen, since when, and what to do', () => {
    const views = [dead('a', { reason: 'connection refused', lostAtMs: 95_000 }), standby('b')];
    const decision = hold('PrimaryDown', 'a is dead: connection refused; promote a standby, the routes follow');
    expect(conditionOf(buildStatus(reportInput({ views, decision })), 'PrimaryHealthy')?.message).toBe(
      'a is dead: connection refused; promote a standby, the routes follow; since 2026-03-01T11:59:55Z',
    );
  });
});

describe('ReplicasHealthy', () => {
  const streaming = {
    receiver: {
      status: 'streaming',
      senderHost: null,
      senderPort: null,
      slotName: null,
      receivedTimeline: 1,
      latestEndLsn: null,
      lastMessageAgeMs: 10,
    },
  };
  const withReplica = (view = standby('b'), over: Partial<ReportInput> = {}) =>
    conditionOf(buildStatus(reportInput({ views: [primary('a'), view], ...over })), 'ReplicasHealthy');

  test('is True/NoReplicas for one member', () => {
    const views = [primary('a')];
    expect(withReplica(standby('b'), { views, published: { epoch: 1, primary: 'a', readers: ['a'] } })).toMatchObject({
      status: 'True',
      reason: 'NoReplicas',
    });
  });

  test.each<[string, ReturnType<typeof standby>, Partial<ReportInput>, RegExp]>([
    ['a dead standby', dead('b', { reason: 'no route' }), {}, /^b: no route; since /],
    ['a deposed primary', primary('b'), { quarantined: new Map([['b', 7]]) }, /deposed at epoch 7 .* rebuild it/],
    ['a second writable member', primary('b'), {}, /make it a standby of a or remove it/],
    ['lag beyond the limit', standby('b', { lagMs: 48_000 }, streaming), {}, /^b is 48s behind \(limit 15s\); waiting/],
    ['paused replay', standby('b', { lagMs: 48_000 }, { replayPaused: true }), {}, /SELECT pg_wal_replay_resume\(\)/],
    ['a standby that is behind and does not stream', standby('b', { lagMs: 48_000 }), {}, /it does not stream/],
    [
      'lag of a standby whose receiver is hidden',
      standby('b', { lagMs: 48_000 }, { rights: { monitor: false, replication: false } }),
      {},
      /waiting for it to catch up/,
    ],
  ])('is False for %s, and says so', (_, view, over, message) => {
    const condition = withReplica(view, over);
    expect(condition).toMatchObject({ status: 'False', reason: 'ReplicaUnhealthy' });
    expect(condition?.message).toMatch(message);
  });

  test('a standby that does not stream and has replayed everything is healthy', () => {
    expect(withReplica(standby('b', { lagMs: 0 }, { receiver: null }))?.status).toBe('True');
  });

  test('a standby that left the read set counts as behind until it may join again', () => {
    const row = { name: 'b', role: 'Standby', verdict: 'Up', readSet: false } as const;
    const left = { previous: { ...emptyStatus, members: [row] } };
    expect(withReplica(standby('b', { lagMs: 12_000 }, streaming), left)?.status).toBe('False');
    expect(withReplica(standby('b', { lagMs: 12_000 }, streaming))?.status).toBe('True');
    expect(withReplica(standby('b', { lagMs: 9_000 }, streaming), left)?.status).toBe('True');
  });

  test('without a read-only route the defaults of the spec are the limits', () => {
    const unread = { settings: settings(['a', 'b']) };
    expect(withReplica(standby('b', { lagMs: 14_000 }, streaming), unread)?.status).toBe('True');
    expect(withReplica(standby('b', { lagMs: 16_000 }, streaming), unread)?.status).toBe('False');
  });

  test('the old and the new primary are no replicas while an attempt has drained the route', () => {
    const views = [dead('a'), primary('b'), standby('c')];
    const published = { epoch: 8, primary: null, readers: ['c'] };
    expect(withReplica(standby('b'), { views, published, attempt })?.status).toBe('True');
  });

  test('a healthy standby that is not read from is explained', () => {
    const published = { epoch: 7, primary: 'a', readers: [] };
    expect(withReplica(standby('b'), { published, readWhy: { b: 'out: another region' } })?.message).toBe(
      'b in recovery and close enough; b is not read from: another region',
    );
  });
});

describe('RoutesSynced, Stalled and Reconciling', () => {
  test('a problem that needs a person stalls and keeps Ready False', () => {
    const routeProblems = [{ reason: 'ServiceNotUsable', message: 'Service orders-rw has a selector; remove it' }];
    expect(shown({ routeProblems })).toEqual([
      'Ready=False/ServiceNotUsable',
      'PrimaryHealthy=True/PrimaryUp',
      'ReplicasHealthy=True/ReplicasUp',
      'RoutesSynced=False/ServiceNotUsable',
      'FailoverReady=True/FollowsOthers',
      'Stalled=True/ServiceNotUsable',
    ]);
  });

  test('a problem that heals by itself is being worked on', () => {
    const conditions = shown({ routeProblems: [{ reason: 'AddressMissing', message: 'no address of a is known' }] });
    expect(conditions).toContain('RoutesSynced=False/AddressMissing');
    expect(conditions).toContain('Reconciling=True/AddressMissing');
    expect(conditions.join()).not.toContain('Stalled');
  });

  test('an attempt is being worked on', () => {
    expect(shown({ attempt })).toEqual(
      expect.arrayContaining(['RoutesSynced=False/RouteMoving', 'Reconciling=True/Follow']),
    );
  });

  test('nothing published is not known rather than wrong', () => {
    expect(shown({ published: null, decision: hold('NoPrimary') })).toContain('RoutesSynced=Unknown/NotPublished');
  });

  test('missing credentials stall and keep Ready False with the remedy', () => {
    const problems = [{ reason: 'CredentialsMissing', message: 'Secret orders-monitor does not exist' }];
    const status = buildStatus(reportInput({ problems }));
    expect(conditionOf(status, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'CredentialsMissing',
      message: 'Secret orders-monitor does not exist',
    });
    expect(conditionOf(status, 'Stalled')?.reason).toBe('CredentialsMissing');
  });
});

describe('FailoverReady', () => {
  test.each<[string, Partial<ReportInput>, string]>([
    ['Automatic', { settings: settings(['a', 'b'], { mode: 'Automatic' }) }, 'False/PromotionNotAvailable'],
    ['Manual', { settings: settings(['a', 'b'], { mode: 'Manual' }) }, 'False/PromotionNotAvailable'],
    ['Follow', { settings: settings(['a', 'b'], { mode: 'Follow' }) }, 'True/FollowsOthers'],
    ['a paused group', { settings: settings(['a', 'b'], { paused: true }) }, 'False/Paused'],
    ['one member', { settings: settings(['a'], { mode: 'Automatic' }) }, 'True/NoReplicas'],
    ['a split brain', { splitBrain }, 'False/SplitBrain'],
    ['an unproven timeline', { decision: hold('UnprovenTimeline') }, 'False/UnprovenTimeline'],
  ])('of %s', (_, over, expected) => {
    const condition = conditionOf(buildStatus(reportInput(over)), 'FailoverReady');
    expect(`${condition?.status}/${condition?.reason}`).toBe(expected);
  });
});

describe('abnormal conditions', () => {
  test('a split brain is named with its exits, and Ready is False for it', () => {
    const status = buildStatus(reportInput({ splitBrain, views: [primary('a'), primary('b')] }));
    expect(conditionOf(status, 'SplitBrain')?.message).toMatch(/^a and b accept writes .* ForceRoute/);
    expect(conditionOf(status, 'Ready')).toMatchObject({ status: 'False', reason: 'SplitBrain' });
  });

  test.each<[Verdict, string]>([
    ['Misconfigured', 'CredentialsInvalid'],
    ['TlsFailed', 'TlsFailed'],
    ['Unresolvable', 'Unresolvable'],
    ['NotPostgres', 'NotPostgres'],
    ['WrongCluster', 'WrongCluster'],
    ['DuplicateMember', 'DuplicateMember'],
    ['Ambiguous', 'Ambiguous'],
  ])('the verdict %s of a standby degrades with %s and leaves Ready True', (verdict, reason) => {
    const views = [primary('a'), dead('b', { verdict, dead: false })];
    expect(shown({ views })).toEqual(expect.arrayContaining([`Degraded=True/${reason}`, 'Ready=True/Ready']));
  });

  test('a monitor role without pg_monitor degrades and names the grant', () => {
    const views = [primary('a', {}, { rights: { monitor: false, replication: true } }), standby('b')];
    const condition = conditionOf(buildStatus(reportInput({ views })), 'Degraded');
    expect(condition?.reason).toBe('RightsMissing');
    expect(condition?.message).toContain('GRANT pg_monitor');
  });
});

describe('one member', () => {
  test('nothing is red', () => {
    const conditions = shown({
      views: [primary('a')],
      settings: settings(['a'], { read: readSettings, mode: 'Automatic' }),
      published: { epoch: 1, primary: 'a', readers: ['a'] },
    });
    expect(conditions).toEqual([
      'Ready=True/Ready',
      'PrimaryHealthy=True/PrimaryUp',
      'ReplicasHealthy=True/NoReplicas',
      'RoutesSynced=True/Published',
      'FailoverReady=True/NoReplicas',
    ]);
  });
});

describe('times and generations', () => {
  test('lastTransitionTime moves only when the status flips', () => {
    const first = buildStatus(reportInput({ views: [dead('a'), standby('b')], nowMs: NOW }));
    const reworded = buildStatus(
      reportInput({
        previous: first,
        views: [dead('a', { verdict: 'Starting', dead: false }), standby('b')],
        nowMs: NOW + 5_000,
      }),
    );
    const recovered = buildStatus(reportInput({ previous: reworded, nowMs: NOW + 9_000 }));
    const at = [first, reworded, recovered].map((status) => conditionOf(status, 'PrimaryHealthy'));
    expect(at.map((condition) => condition?.reason)).toEqual(['PrimaryDown', 'PrimaryStarting', 'PrimaryUp']);
    expect(at.map((condition) => condition?.lastTransitionTime)).toEqual([
      '2026-03-01T12:00:00Z',
      '2026-03-01T12:00:00Z',
      '2026-03-01T12:00:09Z',
    ]);
  });

  test('every judged condition carries the generation it was judged on', () => {
    const status = buildStatus(reportInput({ generation: 12 }));
    expect(status.observedGeneration).toBe(12);
    expect(new Set(status.conditions?.map((condition) => condition.observedGeneration))).toEqual(new Set([12]));
  });

  test('a spec that cannot be worked with stalls, names each problem and leaves the rest as it was', () => {
    const previous = buildStatus(reportInput());
    const next = buildInvalidStatus({
      generation: 4,
      previous,
      nowMs: NOW,
      problems: [
        { reason: 'SpecInvalid', message: 'spec.detection.timeout must be a duration' },
        { reason: 'SpecInvalid', message: 'spec.members must not be empty' },
      ],
    });
    expect(next).toMatchObject({ observedGeneration: 4, primary: 'a', epoch: 7 });
    expect(conditionOf(next, 'Stalled')?.message).toBe(
      'spec.detection.timeout must be a duration; spec.members must not be empty',
    );
    expect(conditionOf(next, 'Ready')).toMatchObject({ status: 'False', reason: 'SpecInvalid' });
    expect(conditionOf(next, 'RoutesSynced')).toEqual(conditionOf(previous, 'RoutesSynced'));
  });
});
