import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createAddressPolicy, normalizeAddress } from '../../../src/dns/address-policy.ts';

describe('denied ranges', () => {
  const policy = createAddressPolicy(['127.0.0.0/8', '169.254.0.0/16', '::1/128', 'fe80::/10', '10.96.0.0/16']);

  test.each([
    ['127.0.0.1', true],
    ['127.255.255.255', true],
    ['169.254.169.254', true],
    ['10.96.0.1', true],
    ['10.97.0.1', false],
    ['::1', true],
    ['0:0:0:0:0:0:0:1', true],
    ['fe80::1', true],
    ['fe80::1%eth0', true],
    ['fd77::11', false],
    ['::ffff:127.0.0.1', true],
    ['::ffff:7f00:1', true],
    ['::ffff:192.0.2.1', false],
    ['64:ff9b::7f00:1', true],
    ['64:ff9b::c000:201', false],
    ['2002:7f00:1::', true],
    ['2002:c000:201::', false],
    ['::127.0.0.1', true],
    ['0.0.0.0', true],
    ['::', true],
    ['::ffff:0.0.0.0', true],
    ['not an address', true],
  ])('%s is denied: %s', (address, denied) => {
    expect(policy.isDenied(address)).toBe(denied);
  });

  test('a range written in its IPv4-mapped form denies the IPv4 addresses', () => {
    expect(createAddressPolicy(['::ffff:10.0.0.0/104']).isDenied('10.1.2.3')).toBe(true);
  });

  test.each(['', '10.0.0.0', '10/8', '10.0.0.0/33', 'fd00::/129', '0x7f.1/8', '10.0.0.0/', 'name/8', '10.0.0.0/-1'])(
    '%j is refused as a range, by name',
    (text) => {
      expect(() => createAddressPolicy([text])).toThrow(JSON.stringify(text));
    },
  );

  test('an empty list denies only the unspecified addresses', () => {
    const open = createAddressPolicy([]);
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
        expect(open.isDenied(address)).toBe(/^(0\.|::$)/.test(normalizeAddress(address)?.address ?? '::'));
      }),
    );
  });

  test('every IPv4 address is denied in all the IPv6 forms that lead to it', () => {
    const all = createAddressPolicy(['0.0.0.0/0']);
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        for (const prefix of ['::ffff:', '64:ff9b::', '::']) expect(all.isDenied(`${prefix}${address}`)).toBe(true);
      }),
    );
  });
});

describe('one spelling per address', () => {
  test.each([
    ['FD77:0:0:0:0:0:0:11', { family: 'IPv6', address: 'fd77::11' }],
    ['::ffff:10.0.0.1', { family: 'IPv4', address: '10.0.0.1' }],
    ['10.0.0.1', { family: 'IPv4', address: '10.0.0.1' }],
    ['127.1', null],
    ['2130706433', null],
    ['0x7f.0.0.1', null],
    ['db.example.com', null],
  ])('%s', (text, expected) => {
    expect(normalizeAddress(text)).toEqual(expected);
  });
});
