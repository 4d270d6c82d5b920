import { execFile } from 'node:child_process';
import { Resolver } from 'node:dns/promises';
import { connect, createServer, type Server } from 'node:net';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { worldControl } from '../../hack/world/world-control.ts';
import { readWorld } from '../../hack/world/world-description.ts';

const run = promisify(execFile);
const world = readWorld();
const control = worldControl(world);
const NAME = 'world-control';

async function kubectl(...args: readonly string[]): Promise<string> {
  return (await run('kubectl', args, { timeout: 20_000 })).stdout.trim();
}

async function apply(object: unknown): Promise<void> {
  const child = run('kubectl', ['apply', '-f', '-'], { timeout: 20_000 });
  child.child.stdin?.end(JSON.stringify(object));
  await child;
}

/** The first bytes that a TCP client of `host` is told. */
function greeting(host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: 5432 });
    socket.setTimeout(1_000, () => socket.destroy(new Error('silent')));
    socket.once('error', reject);
    socket.once('data', (data: Buffer) => {
      resolve(data.toString());
      socket.destroy();
    });
  });
}

const servers: Server[] = [];

beforeAll(async () => {
  for (const host of ['10.77.127.201', '10.77.127.202', 'fd77::127:201']) {
    const server = createServer((socket) => socket.end(host));
    await new Promise<void>((resolve) => server.listen(5432, host, resolve));
    servers.push(server);
  }
  await kubectl('create', 'namespace', NAME);
});

afterAll(async () => {
  for (const server of servers) server.close();
  await kubectl('delete', 'namespace', NAME, '--wait=false');
});

const slice = (address: string, family: 'IPv4' | 'IPv6'): unknown => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: `db-${family.toLowerCase()}`, namespace: NAME, labels: { 'kubernetes.io/service-name': 'db' } },
  addressType: family,
  ports: [{ name: 'postgres', port: 5432 }],
  endpoints: [{ addresses: [address] }],
});

test('a ClusterIP of either family leads to the address in the slice, and follows it', async () => {
  await apply({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'db', namespace: NAME },
    spec: { ipFamilyPolicy: 'RequireDualStack', ports: [{ name: 'postgres', port: 5432 }] },
  });
  await apply(slice('10.77.127.201', 'IPv4'));
  await apply(slice('fd77::127:201', 'IPv6'));
  const [v4 = '', v6 = ''] = (
    await kubectl('get', 'svc', 'db', '-n', NAME, '-o', 'jsonpath={.spec.clusterIPs[*]}')
  ).split(' ');
  await vi.waitFor(async () => expect(await greeting(v4)).toBe('10.77.127.201'), 5_000);
  await vi.waitFor(async () => expect(await greeting(v6)).toBe('fd77::127:201'), 5_000);
  await apply(slice('10.77.127.202', 'IPv4'));
  await vi.waitFor(async () => expect(await greeting(v4)).toBe('10.77.127.202'), 5_000);
});

test('the DNS server says what it is told to', async () => {
  const asking = (timeout: number): Resolver => {
    const asker = new Resolver({ timeout, tries: 1 });
    asker.setServers([world.dnsServer]);
    return asker;
  };
  // Only silence is cut short: an answer of a busy machine may take a while.
  const resolver = asking(5_000);
  await control.setName('a.control.test', { kind: 'Records', a: ['10.77.9.9'], aaaa: ['fd77::9'], ttl: 3 });
  expect(await resolver.resolve4('a.control.test', { ttl: true })).toEqual([{ address: '10.77.9.9', ttl: 3 }]);
  expect(await resolver.resolve6('a.control.test')).toEqual(['fd77::9']);
  await control.setName('a.control.test', { kind: 'Silent' });
  await expect(asking(300).resolve4('a.control.test')).rejects.toMatchObject({ code: 'ETIMEOUT' });
  await control.forgetName('a.control.test');
  await expect(resolver.resolve4('a.control.test')).rejects.toMatchObject({ code: 'ENOTFOUND' });
});
