import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { connect } from 'node:net';
import dnsPacket from 'dns-packet';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type DnsServer, startDnsServer } from '../../../hack/world/dns-server.ts';

let server: DnsServer;
let resolver: Resolver;

/** Gives silence so much time; an answer comes when it comes. */
function asking(timeout: number): Resolver {
  const asker = new Resolver({ timeout, tries: 1 });
  asker.setServers([`127.0.0.1:${server.port}`]);
  return asker;
}

beforeEach(async () => {
  server = await startDnsServer('127.0.0.1');
  resolver = asking(5_000);
});
afterEach(() => server.close());

test('answers addresses of both families with their time to live', async () => {
  server.set('db.test', { kind: 'Records', a: ['10.0.0.1', '10.0.0.2'], aaaa: ['fd00::1'], ttl: 7 });
  expect(await resolver.resolve4('DB.test', { ttl: true })).toEqual([
    { address: '10.0.0.1', ttl: 7 },
    { address: '10.0.0.2', ttl: 7 },
  ]);
  expect(await resolver.resolve6('db.test')).toEqual(['fd00::1']);
  expect(server.queries('db.test')).toBe(2);
});

test('follows an alias to the records of the other name', async () => {
  server.set('rw.test', { kind: 'Records', cname: 'a.test' });
  server.set('a.test', { kind: 'Records', a: ['10.0.0.1'] });
  server.set('b.test', { kind: 'Records', a: ['10.0.0.2'] });
  expect(await resolver.resolve4('rw.test')).toEqual(['10.0.0.1']);
  server.set('rw.test', { kind: 'Records', cname: 'b.test' });
  expect(await resolver.resolve4('rw.test')).toEqual(['10.0.0.2']);
});

test('ends a circle of aliases', async () => {
  server.set('x.test', { kind: 'Records', cname: 'x.test' });
  expect(await resolver.resolve4('x.test')).toEqual([]);
});

test.each([
  ['NXDOMAIN', 'ENOTFOUND'],
  ['SERVFAIL', 'ESERVFAIL'],
  ['Silent', 'ETIMEOUT'],
] as const)('plays %s', async (kind, code) => {
  server.set('db.test', { kind });
  const asker = kind === 'Silent' ? asking(200) : resolver;
  await expect(asker.resolve4('db.test')).rejects.toMatchObject({ code });
});

test('knows no name that was not set or was forgotten', async () => {
  await expect(resolver.resolve4('db.test')).rejects.toMatchObject({ code: 'ENOTFOUND' });
  server.set('db.test', { kind: 'Records', a: ['10.0.0.1'] });
  server.forget('db.test');
  await expect(resolver.resolve4('db.test')).rejects.toMatchObject({ code: 'ENOTFOUND' });
});

test('one script can stand for all names, until it is taken back', async () => {
  server.set('db.test', { kind: 'Records', a: ['10.0.0.1'] });
  server.setAll({ kind: 'SERVFAIL' });
  await expect(resolver.resolve4('db.test')).rejects.toMatchObject({ code: 'ESERVFAIL' });
  server.setAll(null);
  expect(await resolver.resolve4('db.test')).toEqual(['10.0.0.1']);
});

test('answers late when told to', async () => {
  server.set('db.test', { kind: 'Records', a: ['10.0.0.1'], delayMs: 100 });
  const askedAt = performance.now();
  await resolver.resolve4('db.test');
  expect(performance.now() - askedAt).toBeGreaterThanOrEqual(95);
});

test('answers over TCP too, and ignores what is no question', async () => {
  server.set('db.test', { kind: 'Records', a: ['10.0.0.1'] });
  const nonsense = connect(server.port, '127.0.0.1');
  nonsense.write(Buffer.from([0, 3, 1, 2, 3]));
  const socket = connect(server.port, '127.0.0.1');
  socket.write(dnsPacket.streamEncode({ type: 'query', id: 9, questions: [{ type: 'A', name: 'db.test' }] }));
  const [answer] = await once(socket, 'data');
  expect(dnsPacket.streamDecode(answer).answers).toMatchObject([{ name: 'db.test', data: '10.0.0.1' }]);
  nonsense.destroy();
});
