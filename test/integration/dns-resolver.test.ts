import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type DnsServer, startDnsServer } from '../../hack/world/dns-server.ts';
import { createResolver } from '../../src/dns/resolver.ts';
import type { Resolver } from '../../src/ports/resolver.ts';
import { systemClock } from '../../src/system-clock.ts';

const never = new AbortController().signal;
let dns: DnsServer;
let resolver: Resolver;
let name: string;
let names = 0;

beforeAll(async () => {
  dns = await startDnsServer('127.0.0.1');
});

afterAll(() => dns.close());

afterEach(() => dns.setAll(null));

function fresh(): void {
  names += 1;
  name = `db${names}.example.test`;
  resolver = createResolver({ clock: systemClock, servers: [`127.0.0.1:${dns.port}`], deniedCidrs: [] });
}

const resolve = (host = name) => resolver.resolve(host, never);
const addresses = async () => (await resolve()).addresses.map(({ address }) => address);

describe('names over the wire', () => {
  test('both families are asked and answered', async () => {
    fresh();
    dns.set(name, { kind: 'Records', a: ['192.0.2.1'], aaaa: ['2001:db8::1'], ttl: 30 });
    expect(await resolve()).toEqual({
      addresses: [
        { family: 'IPv4', address: '192.0.2.1' },
        { family: 'IPv6', address: '2001:db8::1' },
      ],
      fresh: true,
      problem: null,
      denied: [],
    });
    expect(dns.queries(name)).toBe(2);
    await resolve();
    expect(dns.queries(name)).toBe(2);
  });

  test('a name without IPv6 is complete', async () => {
    fresh();
    dns.set(name, { kind: 'Records', a: ['192.0.2.1'], ttl: 30 });
    expect(await resolve()).toMatchObject({ addresses: [{ address: '192.0.2.1' }], fresh: true, problem: null });
  });

  test('a flip is seen as soon as the TTL is over: nothing beneath remembers longer', async () => {
    fresh();
    dns.set(name, { kind: 'Records', a: ['192.0.2.1'], ttl: 1 });
    expect(await addresses()).toEqual(['192.0.2.1']);
    dns.set(name, { kind: 'Records', a: ['192.0.2.2'], ttl: 1 });
    expect(await addresses()).toEqual(['192.0.2.1']);
    const startedAtMs = performance.now();
    await vi.waitFor(async () => expect(await addresses()).toEqual(['192.0.2.2']), { timeout: 3_000, interval: 10 });
    expect(performance.now() - startedAtMs).toBeLessThan(1_500);
  });

  test('a CNAME that flips is followed by its own TTL, though its target may be remembered for minutes', async () => {
    fresh();
    const [blue, green] = [`blue.${name}`, `green.${name}`];
    dns.set(blue, { kind: 'Records', a: ['192.0.2.10'], ttl: 300 });
    dns.set(green, { kind: 'Records', a: ['192.0.2.20'], ttl: 300 });
    dns.set(name, { kind: 'Records', cname: blue, ttl: 1 });
    expect(await addresses()).toEqual(['192.0.2.10']);
    dns.set(name, { kind: 'Records', cname: green, ttl: 1 });
    await vi.waitFor(async () => expect(await addresses()).toEqual(['192.0.2.20']), { timeout: 3_000, interval: 10 });
  });

  test.each([
    ['NXDOMAIN', { kind: 'NXDOMAIN' }, 'NXDOMAIN'],
    ['SERVFAIL', { kind: 'SERVFAIL' }, 'SERVFAIL'],
    ['silence', { kind: 'Silent' }, 'Timeout'],
  ] as const)('%s leaves the last good addresses, and the recovery is seen', async (_, script, problem) => {
    fresh();
    dns.set(name, { kind: 'Records', a: ['192.0.2.1'], ttl: 1 });
    await resolve();
    dns.set(name, script);
    const kept = { addresses: [{ address: '192.0.2.1' }], fresh: false, problem };
    await vi.waitFor(async () => expect(await resolve()).toMatchObject(kept), { timeout: 3_000, interval: 20 });
    const startedAtMs = performance.now();
    expect(await resolve()).toMatchObject(kept);
    expect(performance.now() - startedAtMs).toBeLessThan(500);
    dns.set(name, { kind: 'Records', a: ['192.0.2.2'], ttl: 1 });
    const recovered = { addresses: [{ address: '192.0.2.2' }], fresh: true, problem: null };
    await vi.waitFor(async () => expect(await resolve()).toMatchObject(recovered), { timeout: 8_000, interval: 20 });
  });

  test('an unknown name says so, and silence ends', async () => {
    fresh();
    expect(await resolve()).toMatchObject({ addresses: [], problem: 'NXDOMAIN' });
    dns.set('silent.test', { kind: 'Silent' });
    const startedAtMs = performance.now();
    expect(await resolve('silent.test')).toMatchObject({ addresses: [], problem: 'Timeout' });
    expect(performance.now() - startedAtMs).toBeLessThan(3_500);
  });

  test('no search list and no hosts file: `localhost` and short names are asked as they are', async () => {
    fresh();
    dns.set('localhost', { kind: 'Records', a: ['192.0.2.99'], ttl: 1 });
    dns.set('db', { kind: 'Records', a: ['192.0.2.98'], ttl: 1 });
    expect(await resolve('db')).toMatchObject({ addresses: [{ address: '192.0.2.98' }] });
    expect(JSON.stringify((await resolve('localhost')).addresses)).not.toContain('127.0.0.1');
  });

  test('a DNS server that is not there is told', async () => {
    fresh();
    const gone = await startDnsServer('127.0.0.1');
    await gone.close();
    resolver = createResolver({ clock: systemClock, servers: [`127.0.0.1:${gone.port}`], deniedCidrs: [] });
    expect(await resolve()).toMatchObject({ addresses: [], fresh: false, problem: 'ServerUnreachable' });
  });

  test('a malformed server is refused at once', () => {
    expect(() => createResolver({ clock: systemClock, servers: ['not an address'], deniedCidrs: [] })).toThrow();
  });
});
