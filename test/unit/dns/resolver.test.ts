import { describe, expect, test } from 'vitest';
import type { Family } from '../../../src/api/evidence.ts';
import type { Answer } from '../../../src/dns/lookup.ts';
import { createResolver } from '../../../src/dns/resolver.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

const found = (ttlMs: number, ...addresses: string[]): Answer => ({ kind: 'Addresses', addresses, ttlMs });
const empty: Answer = { kind: 'Empty' };
const failed = (problem: string): Answer => ({ kind: 'Failed', problem });
const silent = 'silent';
type Script = Answer | typeof silent;

/** A DNS server in the test's hands: what it says from now on, and how often it was asked. */
function scriptedDns(deniedCidrs: readonly string[] = []) {
  const clock = new FakeClock();
  const says: Record<Family, Script> = { IPv4: empty, IPv6: empty };
  const asked: string[] = [];
  const held: (() => void)[] = [];
  const lookup = (host: string, family: Family): Promise<Answer> => {
    asked.push(`${host} ${family}`);
    const answer = says[family];
    if (answer !== silent) return Promise.resolve(answer);
    return new Promise((resolve) => {
      held.push(() => resolve(failed('Timeout')));
    });
  };
  const resolver = createResolver({ clock, servers: [], deniedCidrs, lookup });
  const never = new AbortController().signal;
  return {
    clock,
    says,
    asked,
    resolver,
    endSilence: () => {
      for (const end of held.splice(0)) end();
    },
    resolve: (host = 'db.example.com', signal = never) => resolver.resolve(host, signal),
  };
}

const addressesOf = (resolution: { addresses: readonly { address: string }[] }) =>
  resolution.addresses.map(({ address }) => address);

describe('a name with records', () => {
  test('gives both families, IPv4 first, fresh', async () => {
    const dns = scriptedDns();
    dns.says.IPv4 = found(30_000, '192.0.2.1', '192.0.2.2');
    dns.says.IPv6 = found(30_000, '2001:db8::1');
    expect(await dns.resolve()).toEqual({
      addresses: [
        { family: 'IPv4', address: '192.0.2.1' },
        { family: 'IPv4', address: '192.0.2.2' },
        { family: 'IPv6', address: '2001:db8::1' },
      ],
      fresh: true,
      problem: null,
      denied: [],
    });
  });

  test.each([
    ['the smaller TTL of the two families', 5_000, 300_000, 5_000],
    ['at least a second', 0, 0, 1_000],
    ['at most a minute', 86_400_000, 86_400_000, 60_000],
  ])('is remembered for %s', async (_, ttl4, ttl6, rememberedMs) => {
    const dns = scriptedDns();
    dns.says.IPv4 = found(ttl4, '192.0.2.1');
    dns.says.IPv6 = found(ttl6, '2001:db8::1');
    await dns.resolve();
    dns.says.IPv4 = found(ttl4, '192.0.2.9');
    await dns.clock.advance(rememberedMs - 1);
    expect(addressesOf(await dns.resolve())).toContain('192.0.2.1');
    expect(dns.asked).toHaveLength(2);
    await dns.clock.advance(1);
    expect(addressesOf(await dns.resolve())).toEqual(['192.0.2.9', '2001:db8::1']);
  });

  test('is asked for once by many at the same time, whatever the case and the trailing dot', async () => {
    const dns = scriptedDns();
    dns.says.IPv4 = found(5_000, '192.0.2.1');
    await Promise.all([dns.resolve(), dns.resolve('DB.example.com'), dns.resolve('db.example.com.')]);
    expect(dns.asked).toEqual(['db.example.com IPv4', 'db.example.com IPv6']);
  });

  test('loses a family that became authoritatively empty', async () => {
    const dns = scriptedDns();
    dns.says.IPv4 = found(1_000, '192.0.2.1');
    dns.says.IPv6 = found(1_000, '2001:db8::1');
    await dns.resolve();
    dns.says.IPv6 = empty;
    await dns.clock.advance(1_000);
    expect(await dns.resolve()).toMatchObject({ addresses: [{ address: '192.0.2.1' }], fresh: true });
  });
});

describe('last good', () => {
  test.each([
    ['NXDOMAIN', failed('NXDOMAIN'), 'NXDOMAIN'],
    ['SERVFAIL', failed('SERVFAIL'), 'SERVFAIL'],
    ['no address at all', empty, 'NoAddress'],
    ['silence', silent, 'Timeout'],
  ] as const)('is kept through %s, and the answer says that it is old', async (_, says, problem) => {
    const dns = scriptedDns();
    dns.says.IPv4 = found(1_000, '192.0.2.1');
    await dns.resolve();
    dns.says.IPv4 = says;
    dns.says.IPv6 = says;
    await dns.clock.advance(1_000);
    const asking = dns.resolve();
    await dns.clock.advance(250);
    expect(await asking).toEqual({
      addresses: [{ family: 'IPv4', address: '192.0.2.1' }],
      fresh: false,
      problem,
      denied: [],
    });
  });

  test('costs a look no time once the name is known to fail', async () => {
    const dns = scriptedDns();
    dns.says.IPv4 = found(1_000, '192.0.2.1');
    await dns.resolve();
    dns.says.IPv4 = failed('SERVFAIL');
    await dns.clock.advance(1_000);
    await dns.resolve();
    dns.says.IPv4 = silent;
    await dns.clock.advance(1_000);
    expect(await dns.resolve()).toMatchObject({ addresses: [{ address: '192.0.2.1' }], problem: 'SERVFAIL' });
    expect(dns.clock.pending).toBe(0);
  });

  test('gives way to a new answer within a second of the recovery', async () => {
    const dns = scriptedDns();
    dns.says.IPv4 = found(1_000, '192.0.2.1');
    await dns.resolve();
    dns.says.IPv4 = failed('SERVFAIL');
    await dns.clock.advance(1_000);
    await dns.resolve();
    dns.says.IPv4 = found(1_000, '192.0.2.2');
    await dns.clock.advance(1_000);
    await dns.resolve();
    await settle();
    expect(await dns.resolve()).toMatchObject({ addresses: [{ address: '192.0.2.2' }], fresh: true, problem: null });
  });

  test('of one family stays while the other family is fresh, and the answer is not called fresh', async () => {
    const dns = scriptedDns();
    dns.says.IPv4 = found(1_000, '192.0.2.1');
    dns.says.IPv6 = found(1_000, '2001:db8::1');
    await dns.resolve();
    dns.says.IPv4 = found(1_000, '192.0.2.2');
    dns.says.IPv6 = failed('SERVFAIL');
    await dns.clock.advance(1_000);
    expect(await dns.resolve()).toMatchObject({
      addresses: [{ address: '192.0.2.2' }, { address: '2001:db8::1' }],
      fresh: false,
      problem: 'IPv6 SERVFAIL',
    });
  });

  test('is forgotten when nobody asked for ten minutes', async () => {
    const dns = scriptedDns();
    dns.says.IPv4 = found(1_000, '192.0.2.1');
    await dns.resolve();
    dns.says.IPv4 = failed('NXDOMAIN');
    await dns.clock.advance(10 * 60_000 + 1);
    expect(await dns.resolve()).toMatchObject({ addresses: [], problem: 'NXDOMAIN' });
  });
});

describe('trouble from the start', () => {
  test('an unknown name has no addresses and says why', async () => {
    const dns = scriptedDns();
    dns.says.IPv4 = failed('NXDOMAIN');
    dns.says.IPv6 = failed('NXDOMAIN');
    expect(await dns.resolve()).toEqual({ addresses: [], fresh: false, problem: 'NXDOMAIN', denied: [] });
  });

  test('a family that never answers delays the other by a quarter of a second only', async () => {
    const dns = scriptedDns();
    dns.says.IPv4 = found(5_000, '192.0.2.1');
    dns.says.IPv6 = silent;
    const asking = dns.resolve();
    await dns.clock.advance(250);
    expect(await asking).toMatchObject({ addresses: [{ address: '192.0.2.1' }], fresh: true, problem: null });
  });

  test('an abort ends the wait', async () => {
    const dns = scriptedDns();
    dns.says.IPv4 = silent;
    dns.says.IPv6 = silent;
    const abort = new AbortController();
    const asking = dns.resolve('db.example.com', abort.signal);
    abort.abort();
    expect(await asking).toEqual({ addresses: [], fresh: false, problem: 'Timeout', denied: [] });
  });

  test('a silence that ends later leaves nothing behind', async () => {
    const dns = scriptedDns();
    dns.says.IPv4 = silent;
    dns.says.IPv6 = silent;
    const asking = dns.resolve();
    await settle();
    dns.endSilence();
    expect(await asking).toMatchObject({ addresses: [], problem: 'Timeout' });
    expect(dns.clock.pending).toBe(0);
  });
});

describe('addresses as hosts', () => {
  test.each([
    ['192.0.2.1', [{ family: 'IPv4', address: '192.0.2.1' }]],
    ['2001:DB8:0::1', [{ family: 'IPv6', address: '2001:db8::1' }]],
    ['::ffff:192.0.2.1', [{ family: 'IPv4', address: '192.0.2.1' }]],
  ])('%s is always fresh and never asked of DNS', async (host, addresses) => {
    const dns = scriptedDns();
    expect(await dns.resolve(host)).toEqual({ addresses, fresh: true, problem: null, denied: [] });
    expect(dns.asked).toEqual([]);
  });
});

describe('denied addresses', () => {
  test('are left out and named, the others stay', async () => {
    const dns = scriptedDns(['127.0.0.0/8', '169.254.0.0/16']);
    dns.says.IPv4 = found(5_000, '169.254.169.254', '192.0.2.1');
    dns.says.IPv6 = found(5_000, '::ffff:127.0.0.1', '2001:db8::1');
    expect(await dns.resolve()).toMatchObject({
      addresses: [{ address: '192.0.2.1' }, { address: '2001:db8::1' }],
      denied: ['169.254.169.254', '127.0.0.1'],
    });
  });

  test('hold for a host that is an address itself', async () => {
    const dns = scriptedDns(['127.0.0.0/8']);
    expect(await dns.resolve('127.0.0.1')).toMatchObject({ addresses: [], denied: ['127.0.0.1'] });
  });
});
