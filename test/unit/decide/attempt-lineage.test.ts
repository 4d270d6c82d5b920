import { expect, test } from 'vitest';
import type { MemberFacts } from '../../../src/api/evidence.ts';
import type { Attempt } from '../../../src/api/status.ts';
import { checkAttempt, quarantinedTimelinesAfter } from '../../../src/decide/attempts.ts';
import { dead, lsn, observation, primary, promoted } from '../../support/views.ts';

/** Begun by a predecessor, who saw the proof: `b` was on timeline 2. */
const attempt: Attempt = {
  epoch: 2,
  kind: 'Follow',
  from: 'a',
  to: 'b',
  step: 'Draining',
  startedAt: '2026-03-01T12:00:00.000Z',
  retries: 0,
  timeline: 2,
};

const noRight = { history: null, rights: { monitor: true, replication: false } };

const check = (factsOver: Partial<MemberFacts>) => {
  const seen = observation({ members: [dead('a'), promoted('b', {}, factsOver)], attemptUnderway: true });
  return checkAttempt(attempt, seen, () => seen.members, 0);
};

test.each([
  ['goes on when the history proves it', {}, 'Proceed'],
  ['waits for a history that may be read and was not yet', { history: null }, 'Wait'],
  ['goes on by the record when no history may be read', noRight, 'Proceed'],
  ['waits when the record is about another timeline', { ...noRight, timeline: 3 }, 'Wait'],
  ['aborts when the history shows another branch', { history: [{ timeline: 7, endLsn: lsn(1) }] }, 'Abort'],
] as const)('a resumed follow %s', (_, factsOver, kind) => {
  expect(check(factsOver).kind).toBe(kind);
});

test('remembers on which timeline the newly deposed were, and keeps what it knew of the others', () => {
  const seen = observation({
    members: [primary('a'), promoted('b'), dead('c', { facts: null })],
    quarantined: new Map([['c', 1]]),
    quarantinedTimelines: new Map([['c', 9]]),
  });
  const after = quarantinedTimelinesAfter(
    { ...attempt, kind: 'ForceRoute', to: 'a' },
    seen,
    new Map([
      ['b', 2],
      ['c', 1],
    ]),
  );
  expect([...after]).toEqual([
    ['b', 2],
    ['c', 9],
  ]);
});
