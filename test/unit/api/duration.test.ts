import fc from 'fast-check';
import { expect, test } from 'vitest';
import { durationMs, formatDuration, parseDuration } from '../../../src/api/duration.ts';

test.each([
  ['500ms', 500],
  ['2s', 2000],
  ['1m30s', 90_000],
  ['1.5h', 5_400_000],
  ['1h2m3s4ms', 3_723_004],
  ['0s', 0],
])('%s is %d ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(['', '5', '1 day', '-1s', '1d', '1s ', '.5s', '1us', '100000s', '1s1s1s1s1s'])(
  '%j is no duration',
  (text) => {
    expect(parseDuration(text)).toBeNull();
  },
);

test('a schema that let a bad duration through is a defect and says so', () => {
  expect(() => durationMs('soon')).toThrow('not a duration: "soon"');
});

test('every longest duration stays below what Go holds, 2^63-1 nanoseconds', () => {
  expect(BigInt(Math.ceil(durationMs('99999.999h'.repeat(4)))) * 1_000_000n).toBeLessThan(2n ** 63n - 1n);
});

test.each([
  [0, '0ms'],
  [850, '850ms'],
  [12_300, '12s'],
  [200_000, '3m20s'],
  [3_600_000, '1h'],
  [7_500_000, '2h5m'],
])('%d ms is shown as %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

test('what is shown is a duration again, off by less than its smallest shown unit', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 99_999 * 3_600_000 }), (ms) => {
      const shown = parseDuration(formatDuration(ms)) ?? Number.NaN;
      const unit = ms < 1000 ? 1 : ms < 3_600_000 ? 1000 : 60_000;
      expect(Math.abs(shown - ms)).toBeLessThanOrEqual(unit);
    }),
  );
});
