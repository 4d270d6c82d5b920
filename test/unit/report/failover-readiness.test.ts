import { expect, test } from 'vitest';
import type { PromotionProof } from '../../../src/api/promotion-proof.ts';
import type { Status } from '../../../src/api/status.ts';
import type { ReportInput } from '../../../src/report/input.ts';
import { buildStatus } from '../../../src/report/status.ts';
import { conditionOf, NOW, observing, reportInput } from '../../support/report-input.ts';
import { settings } from '../../support/views.ts';

const none = (over: Partial<Extract<PromotionProof, { kind: 'None' }>> = {}): PromotionProof => ({
  kind: 'None',
  why: 'the monitor role lacks REPLICATION there, and it does not stream',
  remedies: ['run ALTER ROLE … REPLICATION for the monitor role', 'let it stream from a'],
  settled: true,
  ...over,
});
const proofs = (...list: [string, PromotionProof][]): Partial<ReportInput> => ({ promotionProofs: new Map(list) });
const readiness = (over: Partial<ReportInput>) => conditionOf(buildStatus(reportInput(over)), 'FailoverReady');
const word = (over: Partial<ReportInput>): string => `${readiness(over)?.status}/${readiness(over)?.reason}`;
const unprovable = (): Status => buildStatus(reportInput(proofs(['b', none()])));

test('a promotion that could not be proven is said beforehand, with each member and the remedies', () => {
  const over = proofs(['b', none()], ['c', none({ why: 'its WAL receiver is hidden', remedies: ['run GRANT'] })]);
  expect(readiness(over)).toMatchObject({ status: 'False', reason: 'PromotionUnprovable' });
  expect(readiness(over)?.message).toBe(
    'a promotion of b and c could not be proven to continue the group’s history, so the routes would not follow it; ' +
      'b: the monitor role lacks REPLICATION there, and it does not stream; c: its WAL receiver is hidden; ' +
      'run ALTER ROLE … REPLICATION for the monitor role, or let it stream from a, or run GRANT; ' +
      'failing that, a FailoverRequest of kind ForceRoute is needed when it happens',
  );
});

test.each<[string, Partial<ReportInput>, string]>([
  [
    'is True when each standby has a proof',
    proofs(['b', { kind: 'History' }], ['c', { kind: 'Streaming' }]),
    'True/FollowsOthers',
  ],
  [
    'is not known for a new resource while nothing has been seen for long',
    proofs(['b', none({ settled: false })]),
    'Unknown/PromotionUnprovable',
  ],
  [
    'stays True while a standby restarts',
    { ...proofs(['b', none({ settled: false })]), previous: buildStatus(reportInput()) },
    'True/FollowsOthers',
  ],
  [
    'stays False after a restart of the operator, while the standby has no proof yet',
    { ...proofs(['b', none({ settled: false })]), previous: unprovable() },
    'False/PromotionUnprovable',
  ],
  ['stays False before the first look', { decision: observing, previous: unprovable() }, 'False/PromotionUnprovable'],
  [
    'stays True before the first look',
    { ...proofs(['b', none()]), decision: observing, previous: buildStatus(reportInput()) },
    'True/FollowsOthers',
  ],
  [
    'stays False while a standby has just been asked and was not heard of',
    { previous: unprovable(), ...proofs(['b', { kind: 'Unheard', settled: false }]) },
    'False/PromotionUnprovable',
  ],
  [
    'does not stay False for a standby that cannot be heard of',
    { previous: unprovable(), ...proofs(['b', { kind: 'Unheard', settled: true }], ['c', { kind: 'History' }]) },
    'True/FollowsOthers',
  ],
  [
    'stays True while a standby has not been heard of',
    { previous: buildStatus(reportInput()), ...proofs(['b', { kind: 'Unheard', settled: false }]) },
    'True/FollowsOthers',
  ],
  [
    'is True again with the first proof',
    { ...proofs(['b', { kind: 'Streaming' }]), previous: unprovable() },
    'True/FollowsOthers',
  ],
  [
    'says nothing of it while paused',
    { ...proofs(['b', none()]), settings: settings(['a', 'b'], { paused: true }) },
    'False/Paused',
  ],
])('FailoverReady %s', (_, over, expected) => {
  expect(word(over)).toBe(expected);
});

test('of whom nothing is known is named', () => {
  const over = proofs(['b', { kind: 'Unheard', settled: true }], ['c', { kind: 'Streaming' }]);
  expect(readiness(over)?.message).toContain('whether a promotion of b could be proven is not known');
});

test('what stands keeps its message and its time', () => {
  const previous = unprovable();
  const later = { ...proofs(['b', none({ settled: false })]), previous, nowMs: NOW + 60_000 };
  expect(readiness(later)).toEqual(conditionOf(previous, 'FailoverReady'));
});

test.each(['Automatic', 'Manual'] as const)(
  'mode %s tells both what it cannot do and what it could not follow',
  (mode) => {
    const over = { ...proofs(['b', none()]), settings: settings(['a', 'b'], { mode }) };
    expect(word(over)).toBe('False/PromotionNotAvailable');
    expect(readiness(over)?.message).toMatch(/promoting is not available yet.*a promotion of b could not be proven/);
  },
);
