import { rm } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { blackhole, heal, rejectWithReset } from '../../hack/world/cuts.ts';
import { type PostgresGroup, type PostgresMember, startPostgresGroup } from '../../hack/world/postgres-group.ts';
import { signalProcess } from '../../hack/world/process-tree.ts';
import { readWorld } from '../../hack/world/world-description.ts';
import { createMonitor, type Observer, observe } from '../support/member-looks.ts';

const WAIT = { timeout: 10_000 };

describe.each([15, 18] as const)('looks at PostgreSQL %i', (version) => {
  let group: PostgresGroup;
  let primary: PostgresMember;
  const observers: Observer[] = [];
  const observing = (overrides = {}): Observer => {
    const observer = observe(primary, overrides);
    observers.push(observer);
    return observer;
  };
  /** An observer whose standing session is open. */
  const standing = async (): Promise<Observer> => {
    const observer = observing();
    expect(await observer.look('Fresh')).toMatchObject({ outcome: { kind: 'Answered' }, sessionAlive: true });
    return observer;
  };

  beforeAll(async () => {
    const settings = { max_connections: '12', max_wal_senders: '2' };
    group = await startPostgresGroup(readWorld(), { name: `outcomes${version}`, members: 1, version, settings });
    primary = group.member('m1');
    await createMonitor(primary);
  });

  afterAll(() => group?.discard());

  afterEach(async () => {
    for (const { port } of observers.splice(0)) port.close();
    await heal(primary.address);
    if (primary.postmasterPid() === null) await primary.start();
  });

  test('a running server answers each kind of look, with the time of each layer', async () => {
    const watching = observing();
    expect((await watching.look('Startup')).outcome).toEqual({ kind: 'Accepting' });
    const fresh = await watching.look('Fresh');
    expect(Object.keys(fresh.timings)).toEqual(['resolve', 'tcp', 'startup', 'auth', 'sql']);
    expect(fresh.answered).toEqual([{ family: 'IPv4', address: primary.address, atMs: expect.any(Number) }]);
    const next = await watching.look('Standing');
    expect(next).toMatchObject({
      probe: 'Standing',
      outcome: { kind: 'Answered' },
      sessionAlive: true,
      sessionLost: null,
    });
    expect(Object.keys(next.timings)).toEqual(['resolve', 'sql']);
  });

  test('a stopped server refuses, and each kind of look says so', async () => {
    await primary.stop('fast');
    const watching = observing();
    const refused = { kind: 'NoAnswer', why: 'Refused', layer: 'tcp' };
    for (const kind of ['Startup', 'Fresh', 'Standing'] as const) expect(await watching.outcome(kind)).toEqual(refused);
  });

  test('a fast shutdown ends the standing session with 57P01, told between looks', async () => {
    const watching = await standing();
    const lost = vi.fn();
    watching.port.onSessionLost(lost);
    await primary.stop('fast');
    await vi.waitFor(() => expect(lost).toHaveBeenCalledTimes(1), WAIT);
    const next = await watching.look('Standing');
    expect(next).toMatchObject({ probe: 'Fresh', sessionLost: '57P01', sessionAlive: false });
    expect(next.outcome).toEqual({ kind: 'NoAnswer', why: 'Refused', layer: 'tcp' });
    expect((await watching.look('Fresh')).sessionLost).toBeNull();
    await primary.start();
    expect(await watching.look('Fresh')).toMatchObject({ outcome: { kind: 'Answered' }, sessionAlive: true });
  });

  test('a killed server resets the standing session', async () => {
    const watching = await standing();
    const lost = vi.fn();
    watching.port.onSessionLost(lost);
    await primary.kill();
    await vi.waitFor(() => expect(lost).toHaveBeenCalledTimes(1), WAIT);
    expect(await watching.look('Fresh')).toMatchObject({ sessionLost: 'Reset', outcome: { why: 'Refused' } });
  });

  test('a terminated session is lost, while the server is fine', async () => {
    const watching = await standing();
    await primary.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'monitor'");
    await vi.waitFor(async () => {
      const evidence = await watching.look('Startup');
      expect(evidence.sessionLost).toBe('57P01');
      expect(evidence).toMatchObject({ outcome: { kind: 'Accepting' }, sessionAlive: false });
    }, WAIT);
    expect(await watching.look('Standing')).toMatchObject({ probe: 'Fresh', outcome: { kind: 'Answered' } });
  });

  test('in a smart shutdown new sessions hear 57P03 while the standing one answers', async () => {
    const watching = await standing();
    const stopped = primary.stop('smart');
    await vi.waitFor(async () => {
      expect(await watching.outcome('Startup')).toEqual({ kind: 'Rejected', sqlState: '57P03' });
    }, WAIT);
    expect(await watching.look('Fresh')).toMatchObject({
      outcome: { kind: 'Rejected', sqlState: '57P03' },
      sessionAlive: true,
      sessionLost: null,
    });
    expect(await watching.look('Standing')).toMatchObject({ probe: 'Standing', outcome: { kind: 'Answered' } });
    watching.port.close();
    await stopped;
  });

  test('a server in recovery that admits nobody yet says 57P03', async () => {
    await primary.stop('fast');
    await primary.becomeStandbyOf(primary);
    await primary.reconfigure({ settings: { hot_standby: 'off' } });
    // It can never answer SQL, and is killed in the end: its start is expected to fail.
    const failed = expect(primary.start()).rejects.toThrow('ended while starting');
    const watching = observing();
    try {
      await vi.waitFor(
        async () => {
          for (const kind of ['Startup', 'Fresh'] as const) {
            expect(await watching.outcome(kind)).toEqual({ kind: 'Rejected', sqlState: '57P03' });
          }
        },
        { timeout: 10_000, interval: 20 },
      );
    } finally {
      await primary.kill();
      await failed;
    }
    await leaveRecovery(primary);
  });

  test('a blackholed server is silent, on the standing session too', async () => {
    const watching = await standing();
    await blackhole(primary.address);
    expect(await watching.look('Standing', 300)).toMatchObject({
      probe: 'Standing',
      outcome: { kind: 'NoAnswer', why: 'Timeout', layer: 'sql' },
      sessionAlive: false,
      sessionLost: null,
    });
    for (const kind of ['Startup', 'Fresh'] as const) {
      expect(await watching.outcome(kind, 300)).toEqual({ kind: 'NoAnswer', why: 'Timeout', layer: 'tcp' });
    }
    await heal(primary.address);
    expect((await watching.look('Fresh')).outcome.kind).toBe('Answered');
  });

  test('a network that answers for the server with resets ends the session with Reset', async () => {
    const watching = await standing();
    await rejectWithReset(primary.address);
    const evidence = await watching.look('Standing');
    expect(evidence).toMatchObject({ sessionLost: 'Reset', sessionAlive: false });
    // A delayed acknowledgement may have met the cut before the query did; then the look was a fresh one.
    const atQuery = { kind: 'NoAnswer', why: 'Reset', layer: 'sql' };
    const refused = { kind: 'NoAnswer', why: 'Refused', layer: 'tcp' };
    expect(evidence.outcome).toEqual(evidence.probe === 'Standing' ? atQuery : refused);
    expect(await watching.outcome('Fresh')).toEqual(refused);
  });

  test('a frozen server accepts and is silent', async () => {
    const watching = await standing();
    primary.freeze();
    try {
      expect(await watching.outcome('Standing', 300)).toEqual({ kind: 'NoAnswer', why: 'Timeout', layer: 'sql' });
      expect(await watching.outcome('Startup', 300)).toEqual({ kind: 'NoAnswer', why: 'Timeout', layer: 'startup' });
    } finally {
      primary.thaw();
    }
    expect((await watching.look('Fresh')).outcome.kind).toBe('Answered');
  });

  test('a frozen postmaster alone leaves the standing session answering', async () => {
    const watching = await standing();
    const pid = primary.postmasterPid() ?? 0;
    signalProcess(pid, 'SIGSTOP');
    try {
      expect(await watching.outcome('Startup', 300)).toMatchObject({ kind: 'NoAnswer', why: 'Timeout' });
      expect(await watching.look('Standing')).toMatchObject({ outcome: { kind: 'Answered' }, sessionAlive: true });
    } finally {
      signalProcess(pid, 'SIGCONT');
    }
  });

  test('a full server says 53300 to new sessions and answers the standing one', async () => {
    const watching = await standing();
    const holders = Array.from({ length: 12 }, () => observing());
    const outcomes = [];
    for (const holder of holders) outcomes.push(await holder.outcome('Fresh'));
    expect(outcomes.at(-1)).toEqual({ kind: 'Rejected', sqlState: '53300' });
    expect(await watching.look('Fresh')).toMatchObject({
      outcome: { kind: 'Rejected', sqlState: '53300' },
      sessionAlive: true,
    });
    expect((await watching.look('Standing')).outcome.kind).toBe('Answered');
  });

  test.each([
    ['a wrong password', { password: 'wrong' }, '28P01'],
    ['an unknown role', { user: 'nobody_at_all' }, '28P01'],
    ['an unknown database', { database: 'nowhere' }, '3D000'],
    ['a database without the right to connect', { database: 'closed' }, '42501'],
    ['a role that pg_hba.conf rejects', { user: 'rejected' }, '28000'],
  ])('%s is rejected with its code: the server lives', async (_, overrides, sqlState) => {
    await primary.sql('DROP DATABASE IF EXISTS closed');
    await primary.sql('CREATE DATABASE closed');
    await primary.sql('REVOKE CONNECT ON DATABASE closed FROM PUBLIC');
    await primary.reconfigure({ hba: ['host all rejected all reject', 'host all all all scram-sha-256'] });
    await vi.waitFor(async () => {
      expect(await observing(overrides).outcome('Fresh')).toEqual({ kind: 'Rejected', sqlState });
    }, WAIT);
  });

  test('a name that does not resolve is not asked', async () => {
    const servers = [readWorld().dnsServer];
    const nowhere = observe(primary, { host: 'nowhere.test' }, servers);
    observers.push(nowhere);
    expect(await nowhere.look('Fresh')).toMatchObject({
      outcome: { kind: 'NotAsked', why: 'Unresolvable', detail: 'nowhere.test does not resolve: NXDOMAIN' },
      address: null,
    });
  });

  test('closing leaves no session on the server and no socket here', async () => {
    const sockets = () => process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;
    const before = sockets();
    const watching = await standing();
    for (let round = 0; round < 20; round += 1) await watching.look(round % 2 === 0 ? 'Fresh' : 'Startup');
    await vi.waitFor(() => expect(sockets()).toBe(before + 1), WAIT);
    watching.port.close();
    await vi.waitFor(() => expect(sockets()).toBe(before), WAIT);
    await vi.waitFor(
      async () => {
        const [row] = await primary.sql("SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = 'monitor'");
        expect(row?.n).toBe(0);
      },
      { timeout: 20_000, interval: 50 },
    );
  });
});

async function leaveRecovery(member: PostgresMember): Promise<void> {
  await rm(`${member.dataDir}/standby.signal`, { force: true });
  await member.reconfigure({ settings: { hot_standby: '' } });
}
