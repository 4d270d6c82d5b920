import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type PostgresGroup, type PostgresMember, startPostgresGroup } from '../../hack/world/postgres-group.ts';
import { readWorld } from '../../hack/world/world-description.ts';
import { createMonitor, type Observer, observe } from '../support/member-looks.ts';

const WAIT = { timeout: 10_000 };

describe.each([15, 18] as const)('facts of PostgreSQL %i', (version) => {
  let group: PostgresGroup;
  let primary: PostgresMember;
  let standby: PostgresMember;
  const observers: Observer[] = [];
  const observing = (member: PostgresMember, overrides = {}): Observer => {
    const observer = observe(member, overrides);
    observers.push(observer);
    return observer;
  };

  beforeAll(async () => {
    group = await startPostgresGroup(readWorld(), { name: `facts${version}`, members: 2, version });
    primary = group.member('m1');
    standby = group.member('m2');
    await createMonitor(primary, 'REPLICATION');
    await primary.sql("CREATE ROLE nobody_special LOGIN PASSWORD 'monitor-secret'");
    await primary.sql('CREATE SCHEMA hostile');
    await primary.sql("CREATE FUNCTION hostile.pg_is_in_recovery() RETURNS bool LANGUAGE sql AS 'SELECT true'");
    await primary.sql('ALTER ROLE monitor SET search_path = hostile, pg_catalog');
    await primary.sql('GRANT USAGE ON SCHEMA hostile TO monitor');
  });

  afterAll(async () => {
    for (const { port } of observers) port.close();
    await group?.discard();
  });

  test('a primary tells its identity, position, standbys and rights in one look', async () => {
    const [control] = await primary.sql('SELECT system_identifier::text AS id FROM pg_control_system()');
    const facts = await observing(primary).facts('Fresh');
    expect(facts).toMatchObject({
      systemIdentifier: control?.id,
      inRecovery: false,
      readOnly: false,
      timeline: 1,
      history: [],
      receiveLsn: null,
      replayLsn: null,
      replayAgeMs: null,
      replayPaused: false,
      receiver: null,
      synchronousStandbyNames: '',
      walReceiverTimeoutMs: 5_000,
      rights: { monitor: true, replication: true },
      otherControllers: [],
    });
    expect(Math.floor(facts.serverVersion / 10_000)).toBe(version);
    expect(facts.startedAt).toMatch(/^[0-9]{16}$/);
    expect(facts.standbys).toEqual([
      expect.objectContaining({ applicationName: 'm2', state: 'streaming', syncState: 'async' }),
    ]);
    expect(facts.currentLsn).not.toBeNull();
  });

  test('a standby tells what it received, replayed and from whom', async () => {
    await primary.sql('CREATE TABLE IF NOT EXISTS traffic AS SELECT 1 AS n');
    const watching = observing(standby);
    const current = (await observing(primary).facts('Fresh')).currentLsn;
    await vi.waitFor(
      async () => expect((await watching.facts('Standing')).replayLsn).toBeGreaterThanOrEqual(current ?? 0n),
      WAIT,
    );
    const facts = await watching.facts('Standing');
    expect(facts).toMatchObject({ inRecovery: true, timeline: 1, currentLsn: null, replayPaused: false, standbys: [] });
    expect(facts.receiver).toMatchObject({ status: 'streaming', senderPort: primary.port, receivedTimeline: 1 });
    expect(facts.receiver?.lastMessageAgeMs).toBeLessThan(10_000);
    expect(facts.replayAgeMs).toBeGreaterThanOrEqual(0);
    expect(facts.receiveLsn).toBeGreaterThanOrEqual(facts.replayLsn ?? 0n);
  });

  test('a paused replay is told', async () => {
    await standby.sql('SELECT pg_wal_replay_pause()');
    const watching = observing(standby);
    await vi.waitFor(async () => expect((await watching.facts('Standing')).replayPaused).toBe(true), WAIT);
    await standby.sql('SELECT pg_wal_replay_resume()');
  });

  test('a role without pg_monitor still learns who is primary, and that it sees no more', async () => {
    const plain = { user: 'nobody_special' };
    expect(await observing(primary, plain).facts('Fresh')).toMatchObject({
      inRecovery: false,
      timeline: 1,
      standbys: [],
      rights: { monitor: false, replication: false },
    });
    expect(await observing(standby, plain).facts('Fresh')).toMatchObject({
      inRecovery: true,
      timeline: 1,
      receiver: null,
      rights: { monitor: false, replication: false },
    });
  });

  test('a read-only primary is told on the session that was open before', async () => {
    const watching = observing(primary);
    expect(await watching.facts('Fresh')).toMatchObject({ readOnly: false });
    await primary.reconfigure({ settings: { default_transaction_read_only: 'on' } });
    await vi.waitFor(async () => expect((await watching.facts('Standing')).readOnly).toBe(true), WAIT);
    await primary.reconfigure({ settings: { default_transaction_read_only: '' } });
    await vi.waitFor(async () => expect((await watching.facts('Standing')).readOnly).toBe(false), WAIT);
  });

  test('sessions of another failover manager are noticed by their name', async () => {
    const watching = observing(primary);
    await primary.sql("SET application_name = 'Patroni heartbeat'");
    // The server ends a session a moment after its client has gone.
    await vi.waitFor(async () => expect((await watching.facts('Fresh')).otherControllers).toEqual([]), WAIT);
    const held = primary.sql("SET application_name = 'Patroni heartbeat'; SELECT pg_sleep(30)");
    await vi.waitFor(
      async () => expect((await watching.facts('Standing')).otherControllers).toEqual(['Patroni']),
      5_000,
    );
    const ended = expect(held).rejects.toMatchObject({ code: '57P01' });
    await primary.sql(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)' AND pid <> pg_backend_pid()",
    );
    await ended;
  });

  test('settings of the session bound what the server would go on with', async () => {
    const watching = observing(primary);
    await watching.look('Fresh', 1_234);
    const [row] = await primary.sql(
      "SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'database-failover-operator' AND query LIKE 'SET statement_timeout = 2234; SET lock_timeout = 2234;%'",
    );
    expect(row?.n).toBe(1);
  });

  test('a promotion shows at once as a new timeline with its history, though the control file is older', async () => {
    await primary.sql('SELECT pg_switch_wal()');
    const watching = observing(standby);
    expect(await watching.facts('Fresh')).toMatchObject({ inRecovery: true, timeline: 1 });
    await primary.stop('fast');
    const promoted = standby.promote();
    let standing = await watching.facts('Standing');
    // Without a pause, so that looks fall into the promotion itself: none of them may fail or mix the two states.
    while (standing.inRecovery) {
      expect(standing).toMatchObject({ timeline: 1, currentLsn: null });
      standing = await watching.facts('Standing');
    }
    await promoted;
    expect(standing).toMatchObject({ inRecovery: false, timeline: 2, receiver: null });
    // The first try may fall into the new primary's busiest moment.
    const told = await vi.waitFor(
      async () => {
        const facts = await watching.facts('Standing');
        expect(facts.history).toEqual([{ timeline: 1, endLsn: expect.anything() }]);
        return facts;
      },
      { timeout: 10_000, interval: 50 },
    );
    expect(told.history?.[0]?.endLsn).toBeLessThanOrEqual(told.currentLsn ?? 0n);
    expect((await watching.facts('Fresh')).history).toEqual(told.history);
    const plain = await observing(standby, { user: 'nobody_special' }).facts('Fresh');
    expect(plain).toMatchObject({ timeline: 2, history: null });
  });

  test('a standby of the new primary tells the new timeline and its history', async () => {
    await primary.rejoin(standby);
    await group.waitUntilStreaming(standby);
    const watching = observing(primary);
    // A history for which the look had no time is told by a later one.
    await vi.waitFor(async () => {
      const facts = await watching.facts('Fresh');
      expect(facts).toMatchObject({ inRecovery: true, timeline: 2 });
      expect(facts.history).toEqual([{ timeline: 1, endLsn: expect.anything() }]);
    }, WAIT);
  });
});
