import { describe, expect, test } from 'vitest';
import { groupHealth, type HealthInput, overallHealth } from '../../../src/report/health.ts';
import { healthy, readSettings } from '../../support/report-input.ts';
import { dead, primary, settings, standby, unasked } from '../../support/views.ts';

function health(over: Partial<HealthInput> = {}) {
  const views = over.views ?? [primary('a'), standby('b')];
  return groupHealth({
    namespace: 'shop',
    name: 'orders',
    settings: settings(
      views.map((view) => view.name),
      { read: readSettings },
    ),
    views,
    published: { epoch: 7, primary: 'a', readers: ['b'] },
    decision: healthy,
    splitBrain: false,
    ...over,
  });
}

test('a healthy group answers 200 with all that a person wants to know', () => {
  expect(health()).toEqual({
    code: 200,
    body: {
      status: 'ok',
      db_primary: 'connected',
      db_replica: 'connected',
      name: 'orders',
      namespace: 'shop',
      primary: 'a',
      epoch: 7,
      up: '2/2',
      decision: { rule: 343, reason: 'PrimaryHealthy', message: 'a is the primary and answers' },
    },
  });
});

describe('each part', () => {
  const nobody = { epoch: 7, primary: 'a', readers: [] };
  test.each<[string, Partial<HealthInput>, number, string, string, string]>([
    ['a dead primary is down', { views: [dead('a'), standby('b')] }, 503, 'down', 'disconnected', 'connected'],
    [
      'a primary in doubt is down',
      { views: [dead('a', { dead: false }), standby('b')] },
      503,
      'down',
      'disconnected',
      'connected',
    ],
    [
      'an empty read-write route is down',
      { published: { ...nobody, primary: null } },
      503,
      'down',
      'disconnected',
      'disconnected',
    ],
    ['nothing published yet is down', { published: null }, 503, 'down', 'disconnected', 'disconnected'],
    [
      'before the first look it is down',
      { views: [unasked('a'), unasked('b')] },
      503,
      'down',
      'disconnected',
      'disconnected',
    ],
    ['no standby in the read set degrades', { published: nobody }, 200, 'degraded', 'connected', 'disconnected'],
    [
      'the primary as reader is no replica',
      { published: { ...nobody, readers: ['a'] } },
      200,
      'degraded',
      'connected',
      'disconnected',
    ],
    [
      'one lost standby of two degrades',
      { views: [primary('a'), standby('b'), dead('c')] },
      200,
      'degraded',
      'connected',
      'connected',
    ],
    ['a split brain degrades', { splitBrain: true }, 200, 'degraded', 'connected', 'connected'],
    [
      'without readOnly there is no replica to miss',
      { settings: settings(['a', 'b']) },
      200,
      'ok',
      'connected',
      'not_configured',
    ],
    ['one member has no replica to miss', { views: [primary('a')] }, 200, 'ok', 'connected', 'not_configured'],
  ])('%s', (_, over, code, status, primaryWord, replicaWord) => {
    const answer = health(over);
    expect([answer.code, answer.body.status, answer.body.db_primary, answer.body.db_replica]).toEqual([
      code,
      status,
      primaryWord,
      replicaWord,
    ]);
  });
});

describe('all resources together', () => {
  const ok = health().body;
  const single = health({ views: [primary('a')] }).body;
  const degraded = health({ published: { epoch: 7, primary: 'a', readers: [] } }).body;
  const down = health({ views: [dead('a'), standby('b')] }).body;

  test.each([
    ['none', [], 200, 'ok', 'not_configured', 'not_configured'],
    ['one without a replica', [single], 200, 'ok', 'connected', 'not_configured'],
    ['a sound and a degraded one', [ok, degraded], 200, 'degraded', 'connected', 'disconnected'],
    ['one that is down among sound ones', [ok, down, single], 503, 'down', 'disconnected', 'connected'],
  ])('%s: the worst counts', (_, groups, code, status, primaryWord, replicaWord) => {
    const answer = overallHealth(groups);
    expect(answer.code).toBe(code);
    expect(answer.body).toMatchObject({
      status,
      db_primary: primaryWord,
      db_replica: replicaWord,
      resources: groups.length,
    });
  });

  test('names those that are not ok, and a bounded number of them', () => {
    const { body } = overallHealth([ok, ...Array.from({ length: 150 }, () => degraded)]);
    expect(body.resources).toBe(151);
    expect(body.troubled).toHaveLength(100);
    expect(body.troubled[0]).toEqual({
      namespace: 'shop',
      name: 'orders',
      status: 'degraded',
      db_primary: 'connected',
      db_replica: 'disconnected',
    });
  });
});
