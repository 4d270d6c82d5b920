import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Status } from '../../../src/api/status.ts';
import type { ReportInput } from '../../../src/report/input.ts';
import { buildStatus } from '../../../src/report/status.ts';
import { worthWriting } from '../../../src/report/status-change.ts';
import { hold, NOW, reportInput } from '../../support/report-input.ts';
import { dead, lsn, primary, standby } from '../../support/views.ts';

const first = buildStatus(reportInput());
const later = (over: Partial<ReportInput>, afterMs = 1_000): [Status, number] => {
  const nowMs = NOW + afterMs;
  return [buildStatus(reportInput({ previous: first, nowMs, monotonicMs: 100_000 + afterMs, ...over })), nowMs];
};
const stored = (status: Status): Status => JSON.parse(JSON.stringify(status));

test('a status equal to what the API server holds is never written, whatever the order of its fields', () => {
  const reordered = Object.fromEntries(Object.entries(stored(first)).reverse());
  expect(worthWriting({ observedGeneration: 3, ...reordered }, first, NOW + 3_600_000)).toBe(false);
});

test('numbers are written when a minute has passed, not before', () => {
  const [soon, soonMs] = later({}, 59_999);
  const [due, dueMs] = later({}, 60_000);
  expect(worthWriting(stored(first), soon, soonMs)).toBe(false);
  expect(worthWriting(stored(first), due, dueMs)).toBe(true);
});

test('a wall clock that was set back does not silence the status', () => {
  const [next, nowMs] = later({}, -3_600_000);
  expect(worthWriting(first, next, nowMs)).toBe(true);
});

describe('within a minute', () => {
  const baseline = { primary: 'a', systemIdentifier: '1', timeline: 1, lsn: '0/1388', at: '2026-03-01T12:00:00.000Z' };
  test.each<[string, Partial<ReportInput>, boolean]>([
    [
      'positions and lag alone are not written',
      { views: [primary('a', { lsn: lsn(9_000) }), standby('b', { lagMs: 90, lagBytes: 77 }), standby('c')] },
      false,
    ],
    ['a verdict is', { views: [primary('a'), standby('b'), dead('c')] }, true],
    ['a changed decision is', { decision: hold('Paused') }, true],
    ['a reader that left is', { published: { epoch: 7, primary: 'a', readers: ['b'] } }, true],
    ['an epoch is', { published: { epoch: 8, primary: 'a', readers: ['b', 'c'] } }, true],
    ['a quarantine is', { quarantined: new Map([['c', 7]]) }, true],
    ['a generation is', { generation: 4 }, true],
    ['a first baseline is', { baseline }, true],
    [
      'a decision that counts in its message is not',
      { decision: { ...(reportInput().decision ?? hold('x')), message: 'a is the primary and answers' } },
      false,
    ],
  ])('%s', (_, over, expected) => {
    const [next, nowMs] = later(over);
    expect(worthWriting(stored(first), next, nowMs)).toBe(expected);
  });

  test('a baseline that only moved on is not written', () => {
    const before = buildStatus(reportInput({ baseline }));
    const moved = { ...baseline, lsn: '0/9999', at: '2026-03-01T12:00:01.000Z' };
    const [next, nowMs] = later({ previous: before, baseline: moved });
    expect(worthWriting(before, next, nowMs)).toBe(false);
    const [promoted] = later({ previous: before, baseline: { ...moved, timeline: 2 } });
    expect(worthWriting(before, promoted, nowMs)).toBe(true);
  });

  test('a retry is written, the clocks’ jitter in its time is not', () => {
    const attempt = {
      epoch: 8,
      kind: 'Follow',
      to: 'b',
      step: 'Draining',
      startedAt: '2026-03-01T12:00:00.000Z',
      retries: 1,
      nextRetryAt: '2026-03-01T12:00:02.000Z',
    } as const;
    const before = buildStatus(reportInput({ attempt }));
    const worth = (over: object) => {
      const [next, nowMs] = later({ previous: before, attempt: { ...attempt, ...over } });
      return worthWriting(before, next, nowMs);
    };
    expect(worth({ nextRetryAt: '2026-03-01T12:00:02.001Z' })).toBe(false);
    expect(worth({ retries: 2, nextRetryAt: '2026-03-01T12:00:04.000Z' })).toBe(true);
  });

  test.each([
    ['b is 48s behind (limit 15s)', 'b is 1m3s behind (limit 15s)', false],
    ['no answer, 4 looks in a row since 12s', 'no answer, 5 looks in a row since 13.5s', false],
    ['16 MiB behind at 0/3000148', '17.5 MiB behind at 16/B374D848', false],
    ['gone since 2026-03-01T12:00:00Z', 'gone since 2026-03-01T12:00:01Z', false],
    ['db-2 refuses', 'db-3 refuses', true],
    ['refused by 10.77.0.11', 'refused by 10.77.0.12', true],
    ['SQLSTATE 57P01', 'SQLSTATE 57P03', true],
  ])('"%s" against "%s": worth a write is %s by the words alone', (before, after, expected) => {
    const of = (reason: string): Status => ({
      ...first,
      members: [{ name: 'b', role: 'Standby', verdict: 'Silent', reason }],
    });
    expect(worthWriting(of(before), of(after), NOW + 1_000)).toBe(expected);
  });
});

test('however numbers move, an unchanged group is written at most once a minute', () => {
  const step = fc.record({
    afterMs: fc.integer({ min: 1, max: 20_000 }),
    lag: fc.integer({ min: 0, max: 9_000 }),
    at: fc.nat(1_000_000),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
      let written = first;
      let nowMs = NOW;
      const writes: number[] = [NOW];
      for (const { afterMs, lag, at } of steps) {
        nowMs += afterMs;
        const views = [primary('a', { lsn: lsn(at) }), standby('b', { lagMs: lag, lagBytes: lag }), standby('c')];
        const next = buildStatus(reportInput({ previous: written, views, nowMs }));
        if (!worthWriting(written, next, nowMs)) continue;
        written = next;
        writes.push(nowMs);
      }
      for (let index = 1; index < writes.length; index += 1) {
        expect((writes[index] ?? 0) - (writes[index - 1] ?? 0)).toBeGreaterThanOrEqual(60_000);
      }
    }),
  );
});
