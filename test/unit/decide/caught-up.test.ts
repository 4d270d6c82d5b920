import { describe, expect, test } from 'vitest';
import type { MemberFacts } from '../../../src/api/evidence.ts';
import { boundedLagMs, type CaughtUp, nobodyCaughtUp, rememberCaughtUp } from '../../../src/decide/caught-up.ts';
import { observe } from '../../../src/decide/track.ts';
import { newTrack, type Track } from '../../../src/decide/track-state.ts';
import { viewMembers } from '../../../src/decide/views.ts';
import { answered, detection, evidence } from '../../support/looks.ts';
import { lsn, memberSettings, settings } from '../../support/views.ts';

function answeredAt(name: string, startedAtMs: number, facts: Partial<MemberFacts>): Track {
  return observe(
    newTrack(memberSettings(name), 0),
    evidence({
      member: name,
      startedAtMs,
      endedAtMs: startedAtMs,
      sessionAlive: true,
      outcome: answered({ startedAt: name, ...facts }),
    }),
    detection,
  );
}

/** The primary `a` at a position, the standby `b` having replayed up to another. */
const seen = (atMs: number, end: number, replayed: number, over: Partial<MemberFacts> = {}) =>
  new Map([
    ['a', answeredAt('a', atMs, { currentLsn: lsn(end) })],
    [
      'b',
      answeredAt('b', atMs + 1, {
        inRecovery: true,
        currentLsn: null,
        replayLsn: lsn(replayed),
        replayAgeMs: 3_600_000,
        ...over,
      }),
    ],
  ]);

describe('a standby', () => {
  test('has caught up at the look at the primary whose position it reached, and that is kept when it falls behind', () => {
    const reached = rememberCaughtUp(nobodyCaughtUp, seen(1000, 500, 500), 'a');
    expect([...reached.atMs]).toEqual([['b', 1000]]);
    expect([...rememberCaughtUp(reached, seen(2000, 600, 500), 'a').atMs]).toEqual([['b', 1000]]);
    expect([...rememberCaughtUp(reached, seen(2000, 600, 600), 'a').atMs]).toEqual([['b', 2000]]);
  });

  test('has not while it is on an older timeline, however far its own goes', () => {
    const tracks = new Map([
      ...seen(1000, 500, 900),
      ['a', answeredAt('a', 1000, { currentLsn: lsn(500), timeline: 2 })] as const,
    ]);
    expect([...rememberCaughtUp(nobodyCaughtUp, tracks, 'a').atMs]).toEqual([]);
  });

  test.each<[string, ReadonlyMap<string, Track>, string | null]>([
    ['another primary', seen(1000, 500, 0), 'b'],
    ['no primary', seen(1000, 500, 0), null],
    ['a standby that was taken out', new Map([...seen(1000, 500, 0)].slice(0, 1)), 'a'],
  ])('is forgotten with %s', (_, tracks, primary) => {
    const reached: CaughtUp = { primary: 'a', atMs: new Map([['b', 900]]) };
    expect([...rememberCaughtUp(reached, tracks, primary).atMs]).toEqual([]);
  });
});

test('on an idle primary a record that is no commit does not make a standby hours behind', () => {
  const tracks = seen(60_000, 600, 500);
  const context = { nowMs: 60_002, primary: 'a', primaryLsn: null, systemIdentifier: null };
  const lag = (caughtUpAtMs: ReadonlyMap<string, number>) =>
    viewMembers(tracks, settings(['a', 'b']), { ...context, caughtUpAtMs })[1]?.lagMs;
  expect(lag(new Map())).toBe(3_600_000);
  expect(lag(new Map([['b', 59_002]]))).toBe(1000);
});

test.each([
  [null, 0, 10, null],
  [500, undefined, 1000, 500],
  [500, 200, 1000, 500],
  [5000, 200, 1000, 800],
  [5000, 1200, 1000, 0],
])('an age of %j, caught up at %j, is at %j ms a lag of %j', (age, caughtUpAtMs, nowMs, lag) => {
  expect(boundedLagMs(age, caughtUpAtMs, nowMs)).toBe(lag);
});
