import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { groupAddress } from '../../hack/world/addresses.ts';
import { blackhole, healAll, rejectWithReset } from '../../hack/world/cuts.ts';
import { type DnsServer, startDnsServer } from '../../hack/world/dns-server.ts';
import { DEFAULT_HBA } from '../../hack/world/postgres-files.ts';
import { type PostgresGroup, type PostgresMember, startPostgresGroup } from '../../hack/world/postgres-group.ts';
import { readWorld } from '../../hack/world/world-description.ts';
import { createMonitor, type Observer, observe } from '../support/member-looks.ts';

const NAME = 'db.names.test';
/** pg_hba.conf is in force a moment after the reload, and a session is gone a moment after its client. */
const WAIT = { timeout: 10_000 };

describe('a member by its name', () => {
  let dns: DnsServer;
  let group: PostgresGroup;
  let primary: PostgresMember;
  let standby: PostgresMember;
  const observers: Observer[] = [];
  const observing = (): Observer => {
    const observer = observe(primary, { host: NAME }, [`${dns.address}:${dns.port}`]);
    observers.push(observer);
    return observer;
  };
  const names = (a: readonly string[], aaaa: readonly string[] = []): void =>
    dns.set(NAME, { kind: 'Records', a, aaaa, ttl: 1 });
  const answeredBy = (evidence: { answered: readonly { address: string }[] }) =>
    evidence.answered.map(({ address }) => address);

  beforeAll(async () => {
    group = await startPostgresGroup(readWorld(), { name: 'names', members: 2 });
    primary = group.member('m1');
    standby = group.member('m2');
    await createMonitor(primary);
    await vi.waitFor(async () => {
      const [row] = await standby.sql("SELECT count(*)::int AS n FROM pg_roles WHERE rolname = 'monitor'");
      expect(row?.n).toBe(1);
    }, WAIT);
    dns = await startDnsServer(groupAddress(group.number, 100));
  });

  afterAll(async () => {
    await dns?.close();
    await group?.discard();
  });

  afterEach(async () => {
    for (const { port } of observers.splice(0)) port.close();
    await healAll();
  });

  test('in both families is asked in both and known by both addresses', async () => {
    names([primary.address], [primary.address6]);
    const watching = observing();
    const evidence = await watching.look('Fresh');
    expect(evidence).toMatchObject({ outcome: { kind: 'Answered' }, address: primary.address, addressFresh: true });
    expect(answeredBy(evidence)).toEqual([primary.address, primary.address6]);
    expect(answeredBy(await watching.look('Standing'))).toEqual([primary.address, primary.address6]);
  });

  test('whose IPv4 is blackholed is known by its IPv6 address, without waiting for the deadline', async () => {
    names([primary.address], [primary.address6]);
    const watching = observing();
    await watching.look('Fresh');
    await blackhole(primary.address);
    const evidence = await watching.look('Fresh', 5_000);
    expect(evidence).toMatchObject({ outcome: { kind: 'Answered' }, address: primary.address6 });
    expect(answeredBy(evidence)).toEqual([primary.address6]);
    expect(evidence.endedAtMs - evidence.startedAtMs).toBeLessThan(3_000);
    const next = await watching.look('Fresh', 5_000);
    expect(next.endedAtMs - next.startedAtMs).toBeLessThan(1_000);
  });

  test('keeps a proven address at which the server lives and has no connection for us', async () => {
    names([primary.address], [primary.address6]);
    const watching = observing();
    await watching.look('Fresh');
    await primary.reconfigure({ hba: ['host all monitor 0.0.0.0/0 reject', 'host all all all scram-sha-256'] });
    await vi.waitFor(async () => {
      const evidence = await watching.look('Fresh');
      expect(evidence).toMatchObject({ outcome: { kind: 'Answered' }, address: primary.address6 });
      expect(answeredBy(evidence)).toEqual([primary.address, primary.address6]);
    }, WAIT);
    await primary.reconfigure({ hba: DEFAULT_HBA });
    await vi.waitFor(
      async () => expect(await watching.look('Fresh')).toMatchObject({ address: primary.address }),
      WAIT,
    );
  });

  test('is answered in the family that pg_hba.conf lets in, although the other says no much sooner', async () => {
    const far = groupAddress(group.number, 201);
    const proxy = await startSlowProxy(far, primary.address);
    names([far], [primary.address6]);
    await primary.reconfigure({ hba: ['host all monitor ::/0 reject', 'host all all all scram-sha-256'] });
    try {
      await vi.waitFor(async () => {
        const six = observe(primary, { host: primary.address6 });
        observers.push(six);
        expect(await six.outcome('Fresh')).toEqual({ kind: 'Rejected', sqlState: '28000' });
      }, WAIT);
      expect(await observing().look('Fresh')).toMatchObject({ outcome: { kind: 'Answered' }, address: far });
    } finally {
      await primary.reconfigure({ hba: DEFAULT_HBA });
      proxy.close();
    }
  });

  test('with one family refused and the other, proven before, silent is silent: it may still live there', async () => {
    names([primary.address], [primary.address6]);
    const watching = observing();
    await watching.look('Fresh');
    await rejectWithReset(primary.address);
    await blackhole(primary.address6);
    expect(await watching.outcome('Fresh', 500)).toEqual({ kind: 'NoAnswer', why: 'Timeout', layer: 'tcp' });
  });

  test('with a family that never answered is refused as soon as the other says so', async () => {
    names([primary.address], [primary.address6]);
    await rejectWithReset(primary.address);
    await blackhole(primary.address6);
    const evidence = await observing().look('Fresh', 5_000);
    expect(evidence.outcome).toEqual({ kind: 'NoAnswer', why: 'Refused', layer: 'tcp' });
    expect(evidence.endedAtMs - evidence.startedAtMs).toBeLessThan(1_000);
  });

  test('with families that lead to two servers is known by one of them only', async () => {
    names([primary.address], [standby.address6]);
    const evidence = await observing().look('Fresh');
    expect(evidence).toMatchObject({ outcome: { kind: 'Answered', facts: { inRecovery: false } } });
    expect(answeredBy(evidence)).toEqual([primary.address]);
  });

  test('with several records is tried at each until one answers', async () => {
    names([groupAddress(group.number, 200), primary.address]);
    await blackhole(groupAddress(group.number, 200));
    const evidence = await observing().look('Fresh', 3_000);
    expect(evidence).toMatchObject({ outcome: { kind: 'Answered' }, address: primary.address });
    expect(evidence.endedAtMs - evidence.startedAtMs).toBeLessThan(1_000);
  });

  test('that flips to another server is looked at there, and the old session goes', async () => {
    dns.set('blue.names.test', { kind: 'Records', a: [primary.address], ttl: 300 });
    dns.set('green.names.test', { kind: 'Records', a: [standby.address], ttl: 300 });
    dns.set(NAME, { kind: 'Records', cname: 'blue.names.test', ttl: 1 });
    const watching = observing();
    expect(await watching.facts('Fresh')).toMatchObject({ inRecovery: false });
    dns.set(NAME, { kind: 'Records', cname: 'green.names.test', ttl: 1 });
    await vi.waitFor(
      async () => {
        const evidence = await watching.look('Standing');
        expect(evidence.sessionLost).toBeNull();
        expect(evidence).toMatchObject({ probe: 'Fresh', outcome: { kind: 'Answered', facts: { inRecovery: true } } });
        expect(answeredBy(evidence)).toEqual([standby.address]);
      },
      { timeout: 5_000, interval: 20 },
    );
    await vi.waitFor(async () => {
      const [row] = await primary.sql("SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = 'monitor'");
      expect(row?.n).toBe(0);
    }, WAIT);
  });

  test('that DNS no longer knows is looked at where it was, and the evidence says that the address is old', async () => {
    names([primary.address]);
    const watching = observing();
    await watching.look('Fresh');
    dns.forget(NAME);
    await vi.waitFor(
      async () => {
        expect(await watching.look('Standing')).toMatchObject({
          probe: 'Standing',
          outcome: { kind: 'Answered' },
          address: primary.address,
          addressFresh: false,
        });
      },
      { timeout: 5_000, interval: 20 },
    );
  });
});

/** Each way takes so long, as to another continent. */
const FAR_MS = 40;

async function startSlowProxy(address: string, target: string): Promise<{ close(): void }> {
  const sockets = new Set<Socket>();
  const slowly = (from: Socket, to: Socket): void => {
    let last: Promise<unknown> = Promise.resolve();
    from.on('data', (chunk) => {
      const arrived = sleep(FAR_MS);
      last = last.then(() => arrived).then(() => to.write(chunk));
    });
  };
  const server = createServer((client) => {
    const upstream = connect(5432, target);
    slowly(client, upstream);
    slowly(upstream, client);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {}); // whoever ends first ends both
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
  });
  server.listen(5432, address);
  await once(server, 'listening');
  return {
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
