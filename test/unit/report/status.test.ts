import { expect, test } from 'vitest';
import { statusSchema } from '../../../src/api/status.ts';
import { buildStatus } from '../../../src/report/status.ts';
import { healthy, historyEntry, hold, NOW, observing, reportInput } from '../../support/report-input.ts';
import { dead, lsn, primary, settings, standby, unasked } from '../../support/views.ts';

const attached = (over: Partial<{ applicationName: string; clientAddress: string; syncState: string }>) => ({
  applicationName: 'walreceiver',
  clientAddress: '192.0.2.9',
  state: 'streaming',
  syncState: 'async',
  sentLsn: null,
  replayLsn: null,
  ...over,
});

test('a status is what the schema of the resource allows', () => {
  const views = [primary('a'), standby('b', { lagMs: 1500, lagBytes: 4096 }), dead('c', { reason: 'x'.repeat(5000) })];
  const status = buildStatus(
    reportInput({
      views,
      decision: hold('PrimaryHealthy', 'y'.repeat(5000)),
      problems: [{ reason: 'SpecInvalid', message: 'z'.repeat(9000) }],
      history: Array.from({ length: 12 }, (_, index) => historyEntry({ epoch: 20 - index })),
    }),
  );
  const parsed = statusSchema.safeParse(JSON.parse(JSON.stringify(status)));
  expect(parsed.error?.issues ?? []).toEqual([]);
  expect(status.history?.map((entry) => entry.epoch)).toEqual([20, 19, 18, 17, 16, 15, 14, 13, 12, 11]);
});

test('the summary columns tell who answers and how far the readers are behind', () => {
  const views = [primary('a'), standby('b', { lagMs: 1_500 }), standby('c', { lagMs: 2_400 }), dead('d')];
  const status = buildStatus(reportInput({ views }));
  expect(status).toMatchObject({ up: '3/4', lag: '2s', primary: 'a', epoch: 7 });
  expect(
    buildStatus(reportInput({ views, published: { epoch: 7, primary: 'a', readers: ['a'] } })).lag,
  ).toBeUndefined();
});

test('an emptied route is shown by the absence of a primary, not by the last one', () => {
  const previous = buildStatus(reportInput());
  const published = { epoch: 8, primary: null, readers: [] };
  expect(buildStatus(reportInput({ previous, published, decision: hold('NoPrimary') })).primary).toBeUndefined();
});

test('a member row says role, verdict, position, lag and what its receiver does', () => {
  const views = [primary('a'), standby('b', { lagMs: 1_234, lagBytes: 512, lsn: lsn(0x3000148), witness: 'Alive' })];
  expect(buildStatus(reportInput({ views })).members?.[1]).toEqual({
    name: 'b',
    role: 'Standby',
    verdict: 'Up',
    reason: 'answers',
    address: '192.0.2.1',
    timeline: 1,
    lsn: '0/3000148',
    lagBytes: 512,
    lagSeconds: '1.2',
    walReceiverTimeout: '5s',
    witness: 'Alive',
    readSet: true,
  });
});

test.each([
  ['the standby of that name', [attached({ applicationName: 'b', syncState: 'sync' }), attached({})], 'sync'],
  ['the only standby at its address', [attached({ clientAddress: '192.0.2.1', syncState: 'quorum' })], 'quorum'],
  [
    'nobody when two share its address',
    [attached({ clientAddress: '192.0.2.1' }), attached({ clientAddress: '192.0.2.1', syncState: 'sync' })],
    undefined,
  ],
])('the sync state is that of %s', (_, standbys, expected) => {
  const views = [primary('a', {}, { standbys }), standby('b')];
  expect(buildStatus(reportInput({ views })).members?.[1]?.syncState).toBe(expected);
});

test.each([
  ['deposed', { views: [primary('a'), primary('b')], quarantined: new Map([['b', 6]]) }, /deposed at epoch 6/],
  ['not answering', { views: [primary('a'), dead('b', { reason: 'refused' })] }, /^refused$/],
  ['fit', { views: [primary('a'), standby('b')] }, /^$/],
])('a member that is %s says why it could not become the primary, or nothing', (_, over, expected) => {
  expect(buildStatus(reportInput(over)).members?.[1]?.notEligible ?? '').toMatch(expected);
});

test('promotable: false is a reason only where the operator would promote', () => {
  const views = [primary('a'), standby('b')];
  const notPromotable = (mode: 'Follow' | 'Manual') => {
    const group = settings(['a', 'b'], { mode });
    const members = group.members.map((member) => ({ ...member, promotable: false }));
    return buildStatus(reportInput({ views, settings: { ...group, members } })).members?.[1]?.notEligible;
  };
  expect(notPromotable('Manual')).toBe('promotable is false in the spec');
  expect(notPromotable('Follow')).toBeUndefined();
});

test('rights that are missing are named with what they cost', () => {
  const rights = { monitor: false, replication: false };
  expect(buildStatus(reportInput({ views: [primary('a', {}, { rights })] })).members?.[0]?.missingRights).toEqual([
    'pg_monitor: replication details are hidden',
    'replication: timeline history is unreadable',
  ]);
});

test('a quarantine is kept, and ended, whether or not the member was looked at', () => {
  const views = [primary('a'), unasked('b')];
  const quarantined = buildStatus(reportInput({ views, quarantined: new Map([['b', 7]]), decision: observing }));
  expect(quarantined.members?.[1]?.quarantinedAtEpoch).toBe(7);
  const ended = buildStatus(reportInput({ views, previous: quarantined, decision: observing }));
  expect(ended.members?.[1]).not.toHaveProperty('quarantinedAtEpoch');
});

test('a member that was not looked at yet keeps what was known of it', () => {
  const previous = buildStatus(reportInput());
  const views = [primary('a'), unasked('b'), unasked('new')];
  const rows = buildStatus(reportInput({ previous, views, decision: observing })).members;
  expect(rows?.[1]).toEqual(previous.members?.[1]);
  expect(rows?.[2]).toEqual({ name: 'new', role: 'Unknown', verdict: 'Unknown' });
});

test('the decision’s since moves with its rule or reason and not with its message', () => {
  const at = (decision: typeof healthy, previous: ReturnType<typeof buildStatus>, nowMs: number) =>
    buildStatus(reportInput({ decision, previous, nowMs }));
  const first = buildStatus(reportInput());
  const reworded = at({ ...healthy, message: 'a answers' }, first, NOW + 1_000);
  const other = at(hold('PrimaryDown', 'a is dead', 360), reworded, NOW + 2_000);
  expect([first, reworded, other].map((status) => status.decision?.since)).toEqual([
    '2026-03-01T12:00:00.250Z',
    '2026-03-01T12:00:00.250Z',
    '2026-03-01T12:00:02.250Z',
  ]);
  expect(reworded.decision?.message).toBe('a answers');
});

test('the action of a decision is one word', () => {
  const begin = { ...healthy, action: { kind: 'Begin', attempt: 'Follow', to: 'b' } } as const;
  expect(buildStatus(reportInput({ decision: begin })).decision?.action).toBe('Follow');
  expect(buildStatus(reportInput({ decision: { ...healthy, action: { kind: 'EmptyBoth' } } })).decision?.action).toBe(
    'EmptyBoth',
  );
});
