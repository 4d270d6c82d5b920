import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytesBetween, formatLsn, type Lsn, maxLsn, parseLsn } from '../../../src/api/lsn.ts';

/** A position that the test knows to be well-formed. */
function lsn(text: string): Lsn {
  const parsed = parseLsn(text);
  if (parsed === null) throw new Error(`not an LSN: ${text}`);
  return parsed;
}

test('reads and writes PostgreSQL’s own text', () => {
  expect(lsn('16/B374D848')).toBe(0x16_b374d848n);
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (position) => {
      const text = `${(position >> 32n).toString(16).toUpperCase()}/${(position & 0xffffffffn).toString(16).toUpperCase()}`;
      expect(formatLsn(lsn(text))).toBe(text);
    }),
  );
});

test.each(['', '0', '0/', '/0', '0/123456789', 'G/0', '0/0 '])('%j is no position', (text) => {
  expect(parseLsn(text)).toBeNull();
});

test('counts the bytes from the one behind to the one ahead, across the 32-bit halves', () => {
  expect(bytesBetween(lsn('0/FFFFFFFF'), lsn('1/0'))).toBe(1);
  expect(bytesBetween(lsn('1/0'), lsn('0/FFFFFFFF'))).toBe(0);
});

test('finds the furthest of those that are known', () => {
  expect(maxLsn(null, lsn('0/2'), lsn('1/1'), lsn('0/FFFFFFFF'))).toBe(lsn('1/1'));
  expect(maxLsn(null, null)).toBeNull();
  expect(maxLsn()).toBeNull();
});
