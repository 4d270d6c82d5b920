import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Evidence, NotAskedReason, ProbeKind, ProbeLayer, ProbeOutcome } from '../../../src/api/evidence.ts';
import { nextProbe } from '../../../src/decide/probe-schedule.ts';
import { elapse, newTrack, observe, type Track } from '../../../src/decide/track.ts';
import { verdictOf } from '../../../src/decide/track-verdict.ts';
import { viewMembers } from '../../../src/decide/views.ts';
import { answered, detection, evidence, rejected } from '../../support/looks.ts';
import { lsn, memberSettings, settings } from '../../support/views.ts';

const layers: readonly ProbeLayer[] = ['resolve', 'tcp', 'tls', 'startup', 'auth', 'sql'];
const ourFaults: readonly NotAskedReason[] = [
  'Unresolvable',
  'DeniedAddress',
  'CredentialsMissing',
  'CredentialsMalformed',
  'Aborted',
  'LocalFault',
];
const reset = fc
  .constantFrom(...layers.slice(1))
  .map((layer): ProbeOutcome => ({ kind: 'NoAnswer', why: 'Reset', layer }));
const answer = fc
  .record({ startedAt: fc.constantFrom('1', '1', '1', '2'), inRecovery: fc.boolean() })
  .map((over) => answered(over));
const tls = fc
  .constantFrom('Expired', 'WrongName', 'UntrustedCa')
  .map((why): ProbeOutcome => ({ kind: 'TlsFailed', why, detail: 'detail' }));
const living = fc.constantFrom('53300', '53200', '28P01', '28000', '3D000', '42501', '08P01', '42704').map(rejected);
const failing = fc
  .record({ why: fc.constantFrom('Refused', 'Timeout', 'NoRoute'), layer: fc.constantFrom(...layers) })
  .map((over): ProbeOutcome => ({ kind: 'NoAnswer', ...over }));
const others: fc.Arbitrary<ProbeOutcome> = fc.oneof(
  fc.constantFrom('57P01', '57P02', '57P03', '57P05', 'XX000').map(rejected),
  fc.constant<ProbeOutcome>({ kind: 'Accepting' }),
  fc.constant<ProbeOutcome>({ kind: 'NotPostgres', detail: 'detail' }),
  fc.constantFrom(...ourFaults).map((why): ProbeOutcome => ({ kind: 'NotAsked', why, detail: 'detail' })),
);
const anything = fc.oneof(answer, failing, living, tls, reset, others);

/** Looks with any kind, gap, length and session state; sequences may repeat or fall. */
const looks = (outcome: fc.Arbitrary<ProbeOutcome>): fc.Arbitrary<readonly Evidence[]> =>
  fc
    .array(
      fc.record({
        outcome,
        probe: fc.constantFrom<ProbeKind>('Standing', 'Fresh', 'Startup'),
        afterMs: fc.integer({ min: 0, max: 40_000 }),
        tookMs: fc.integer({ min: 0, max: 3000 }),
        sessionAlive: fc.boolean(),
        sessionLost: fc.constantFrom(null, null, '57P01', '57P02', 'Reset'),
        addressFresh: fc.boolean(),
      }),
      { maxLength: 60 },
    )
    .map((steps) => {
      let nowMs = 0;
      return steps.map(({ afterMs, tookMs, ...over }, sequence) => {
        const startedAtMs = nowMs + afterMs;
        nowMs = startedAtMs + tookMs;
        return evidence({ ...over, sequence, startedAtMs, endedAtMs: nowMs });
      });
    });

const after = (seen: readonly Evidence[]): Track =>
  seen.reduce((track, look) => observe(track, look, detection), newTrack(memberSettings('a'), 0));
const endOf = (seen: readonly Evidence[]): number => seen.at(-1)?.endedAtMs ?? 0;
const isDead = (seen: readonly Evidence[], waitMs = 0): boolean => {
  const nowMs = endOf(seen) + waitMs;
  return verdictOf(elapse(after(seen), nowMs, detection), nowMs, detection).dead;
};

test('any evidence leads to a verdict, and Up and dead never meet', () => {
  fc.assert(
    fc.property(looks(anything), (seen) => {
      const { verdict, dead, lostAtMs, reason } = verdictOf(after(seen), endOf(seen), detection);
      expect(verdict === 'Up' && dead).toBe(false);
      expect(lostAtMs === null).toBe(verdict === 'Up' || verdict === 'Unknown');
      expect(reason).not.toBe('');
    }),
  );
});

test('nothing but looks that count can make a member dead', () => {
  fc.assert(
    fc.property(looks(fc.oneof(answer, living, tls, reset)), fc.integer({ min: 0, max: 3_600_000 }), (seen, waitMs) => {
      expect(isDead(seen, waitMs)).toBe(false);
    }),
  );
});

test('a member that answered a full look is dead only while it recovers', () => {
  fc.assert(
    fc.property(looks(anything), answer, (seen, outcome) => {
      const nowMs = endOf(seen) + 1;
      const look = evidence({ outcome, sequence: seen.length, startedAtMs: nowMs, endedAtMs: nowMs });
      const wasDead = after(seen).dead !== null;
      expect(isDead([...seen, look]) && !wasDead).toBe(false);
    }),
  );
});

test('a member that goes on answering comes back', () => {
  fc.assert(
    fc.property(looks(anything), (seen) => {
      const startMs = endOf(seen) + 1;
      const back = Array.from({ length: 30 }, (_, index) =>
        evidence({ outcome: answered(), sequence: seen.length + index, startedAtMs: startMs + index }),
      );
      expect(verdictOf(after([...seen, ...back]), endOf(back), detection).verdict).toBe('Up');
    }),
  );
});

test('late evidence changes nothing', () => {
  fc.assert(
    fc.property(looks(anything), fc.nat({ max: 59 }), (seen, which) => {
      const track = after(seen);
      const late = seen[which];
      fc.pre(late !== undefined);
      expect(observe(track, late, detection)).toBe(track);
    }),
  );
});

test('time alone never brings a member back', () => {
  fc.assert(
    fc.property(looks(anything), fc.integer({ min: 0, max: 3_600_000 }), (seen, waitMs) => {
      expect(isDead(seen) && !isDead(seen, waitMs)).toBe(false);
    }),
  );
});

test('the next look is never in the past and never far', () => {
  fc.assert(
    fc.property(
      looks(anything),
      fc.integer({ min: 0, max: 60_000 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      fc.nat({ max: 15 }),
      fc.boolean(),
      (seen, waitMs, chance, index, hurry) => {
        const nowMs = endOf(seen) + waitMs;
        const { atMs } = nextProbe({ ...after(seen), index }, nowMs, detection, () => chance, hurry);
        expect(atMs).toBeGreaterThanOrEqual(nowMs);
        expect(atMs - nowMs).toBeLessThanOrEqual(5000);
      },
    ),
  );
});

test('views of any members are consistent', () => {
  fc.assert(
    fc.property(looks(anything), looks(anything), looks(anything), (a, b, c) => {
      const tracks = new Map(
        [a, b, c].map((seen, index) => [`${index}`, { ...after(seen), member: memberSettings(`${index}`) }]),
      );
      const nowMs = Math.max(endOf(a), endOf(b), endOf(c));
      const context = { nowMs, primary: '0', primaryLsn: lsn(1), systemIdentifier: null };
      for (const view of viewMembers(tracks, settings(['0', '1', '2']), context)) {
        expect(view.writable && view.standby).toBe(false);
        if (view.writable || view.standby) expect([view.verdict, view.dead]).toEqual(['Up', false]);
        if (view.witness !== 'NoVote') expect(view.standby).toBe(true);
      }
    }),
  );
});
