import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatBytes, parseSize } from '../../../src/api/size.ts';

test.each([
  ['0', 0],
  [0, 0],
  [16_777_216, 16_777_216],
  ['16Mi', 16_777_216],
  ['1Ki', 1024],
  ['3Gi', 3 * 2 ** 30],
  ['1024Ti', 2 ** 50],
])('%j is %d bytes', (value, bytes) => {
  expect(parseSize(value)).toBe(bytes);
});

test.each(['', '16MB', '16M', '-1', '01', '1.5Gi', '0Ki', ' 1', -1, 0.5, 2 ** 60, '9999999999999Ti'])(
  '%j is no size',
  (value) => {
    expect(parseSize(value)).toBeNull();
  },
);

test('a suffix is the same as writing the bytes out', () => {
  const factors = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 };
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1024 }),
      fc.constantFrom<keyof typeof factors>('Ki', 'Mi', 'Gi', 'Ti'),
      (amount, suffix) => {
        expect(parseSize(`${amount}${suffix}`)).toBe(parseSize(`${amount * factors[suffix]}`));
      },
    ),
  );
});

test.each([
  [0, '0 B'],
  [512, '512 B'],
  [1536, '1.5 KiB'],
  [16_777_216, '16 MiB'],
  [5 * 2 ** 50, '5120 TiB'],
])('%d bytes are shown as %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});
