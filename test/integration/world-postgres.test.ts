import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { blackhole, heal, rejectWithReset } from '../../hack/world/cuts.ts';
import { type PostgresGroup, type PostgresMember, startPostgresGroup } from '../../hack/world/postgres-group.ts';
import { isAlive } from '../../hack/world/process-tree.ts';
import { readWorld } from '../../hack/world/world-description.ts';

const WAIT = { timeout: 10_000 };

/** What a TCP connection to an address comes to. */
function reach(host: string, port = 5432): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const timer = setTimeout(() => done('silent'), 400);
    const done = (what: string): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(what);
    };
    socket.once('connect', () => done('connected'));
    socket.once('error', (error) => done('code' in error ? String(error.code) : error.message));
  });
}

const timelineOf = async (member: PostgresMember): Promise<unknown> =>
  (await member.sql('SELECT timeline_id AS t FROM pg_control_checkpoint()'))[0]?.t;
const isStandby = async (member: PostgresMember): Promise<unknown> =>
  (await member.sql('SELECT pg_is_in_recovery() AS r'))[0]?.r;

describe.each([15, 18] as const)('a group of PostgreSQL %i', (version) => {
  let group: PostgresGroup;
  beforeAll(async () => {
    group = await startPostgresGroup(readWorld(), { name: `group${version}`, members: ['a', 'b', 'c'], version });
  });
  afterAll(() => group?.discard());

  test('has one primary of that version and standbys that follow it', async () => {
    const [version0] = await group.member('a').sql('SHOW server_version_num');
    expect(Math.floor(Number(version0?.server_version_num) / 10_000)).toBe(version);
    expect(await Promise.all(group.members.map(isStandby))).toEqual([false, true, true]);
    await group.member('a').sql('CREATE TABLE seen AS SELECT 1 AS x');
    await vi.waitFor(async () => expect(await group.member('b').sql('SELECT x FROM seen')).toEqual([{ x: 1 }]), WAIT);
  });

  test('listens on both address families and on the replication address', async () => {
    const { address, address6, replicationAddress } = group.member('a');
    expect(await Promise.all([address, address6, replicationAddress].map((each) => reach(each)))).toEqual([
      'connected',
      'connected',
      'connected',
    ]);
  });

  test('cuts an address off in silence or with a reset, and heals it', async () => {
    const { address, address6 } = group.member('b');
    for (const each of [address, address6]) {
      await blackhole(each);
      expect(await reach(each)).toBe('silent');
      await rejectWithReset(each);
      expect(await reach(each)).toBe('ECONNREFUSED');
      await heal(each);
      expect(await reach(each)).toBe('connected');
    }
  });

  test('answers nothing while frozen and goes on when thawed', async () => {
    const member = group.member('c');
    member.freeze();
    await expect(member.sql('SELECT 1', [], { timeoutMs: 300 })).rejects.toThrow(/timeout/i);
    member.thaw();
    expect(await member.sql('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  }, 20_000);

  test('follows a promotion after the primary was killed, and takes it back as a standby', async () => {
    const [a, b] = [group.member('a'), group.member('b')];
    const pid = a.postmasterPid() ?? 0;
    await a.kill();
    expect(isAlive(pid)).toBe(false);
    expect(await reach(a.address)).toBe('ECONNREFUSED');
    await b.promote();
    await b.sql('CREATE TABLE later AS SELECT 2 AS x');
    await a.rejoin(b);
    await group.waitUntilStreaming(b, 1);
    await vi.waitFor(async () => expect(await a.sql('SELECT x FROM later')).toEqual([{ x: 2 }]), WAIT);
    expect(await isStandby(a)).toBe(true);
    await b.sql('CHECKPOINT');
    expect(await timelineOf(b)).toBe(2);
  });
});

test('a synchronous group acknowledges a commit only with a second member', async () => {
  await using group = await startPostgresGroup(readWorld(), { name: 'sync', members: 2, sync: true });
  const [primary, standby] = [group.member('m1'), group.member('m2')];
  expect(await primary.sql('SELECT sync_state FROM pg_stat_replication')).toEqual([{ sync_state: 'quorum' }]);
  await standby.stop('fast');
  await expect(primary.sql('CREATE TABLE waits (x int)', [], { timeoutMs: 500 })).rejects.toThrow(/timeout/i);
});

test('replication over second addresses survives a cut of the first', async () => {
  await using group = await startPostgresGroup(readWorld(), {
    name: 'separate',
    members: 2,
    separateReplication: true,
    settings: { wal_receiver_timeout: '1s' },
  });
  const primary = group.member('m1');
  await blackhole(primary.address);
  try {
    await primary.sql('CREATE TABLE through AS SELECT 3 AS x');
    await vi.waitFor(
      async () => expect(await group.member('m2').sql('SELECT x FROM through')).toEqual([{ x: 3 }]),
      WAIT,
    );
    expect(await reach(primary.address)).toBe('silent');
  } finally {
    await heal(primary.address);
  }
});

test('groups have system identifiers of their own', async () => {
  await using one = await startPostgresGroup(readWorld(), { name: 'one', members: 1 });
  await using other = await startPostgresGroup(readWorld(), { name: 'other', members: 1 });
  const query = 'SELECT system_identifier::text AS id FROM pg_control_system()';
  const [[first], [second]] = await Promise.all([one.member('m1').sql(query), other.member('m1').sql(query)]);
  expect(first?.id).toMatch(/^[0-9]{15,}$/);
  expect(second?.id).not.toBe(first?.id);
  expect(one.number).not.toBe(other.number);
});
