import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type PostgresGroup, type PostgresMember, startPostgresGroup } from '../../hack/world/postgres-group.ts';
import { readWorld } from '../../hack/world/world-description.ts';
import { observe } from '../support/member-looks.ts';

const document = new URL('../../docs/postgresql-roles.md', import.meta.url);

/** The SQL of the document, in its order: monitor, its timeline histories, admin, application. */
async function sqlBlocks(): Promise<readonly string[]> {
  const text = await readFile(document, 'utf8');
  return [...text.matchAll(/```sql\n([\s\S]*?)```/g)].map(([, block = '']) => block);
}

const passwords = {
  dbfailover_monitor: 'change-me-monitor',
  dbfailover_admin: 'change-me-admin',
  orders_reader: 'change-me-reader',
};
type DocumentedRole = keyof typeof passwords;

/** Statements one by one in one session of the role; rejects with the first error. */
async function asRole(
  member: PostgresMember,
  user: DocumentedRole,
  statements: readonly string[],
  database = 'postgres',
): Promise<readonly Record<string, unknown>[]> {
  const { address: host, port } = member;
  const client = new pg.Client({
    host,
    port,
    user,
    password: passwords[user],
    database,
    ssl: false,
    query_timeout: 10_000,
  });
  client.on('error', () => {}); // the statement that meets it rejects
  await client.connect();
  try {
    let rows: readonly Record<string, unknown>[] = [];
    for (const statement of statements) rows = (await client.query<Record<string, unknown>>(statement)).rows;
    return rows;
  } finally {
    await client.end();
  }
}

const WAIT = { timeout: 10_000 };
const denied = { code: '42501' };

describe.each([15, 18] as const)('documented roles on PostgreSQL %i', (version) => {
  let group: PostgresGroup;
  let primary: PostgresMember;
  let standby: PostgresMember;
  let blocks: readonly string[];
  const block = (index: number): string => {
    const found = blocks[index];
    if (found === undefined) throw new Error(`the document has no SQL block ${index}`);
    return found;
  };
  const monitor = { user: 'dbfailover_monitor', password: passwords.dbfailover_monitor };
  const factsOf = async (member: PostgresMember) => {
    const observer = observe(member, monitor);
    try {
      return await observer.facts('Fresh');
    } finally {
      observer.port.close();
    }
  };

  beforeAll(async () => {
    blocks = await sqlBlocks();
    const hba = [
      'host postgres dbfailover_monitor,dbfailover_admin all scram-sha-256',
      'host orders orders_reader all scram-sha-256',
      'host replication replicator all scram-sha-256',
    ];
    group = await startPostgresGroup(readWorld(), { name: `roles${version}`, members: 2, version, hba });
    primary = group.member('m1');
    standby = group.member('m2');
    await primary.sql('CREATE ROLE orders_owner');
    await primary.sql('CREATE DATABASE orders OWNER orders_owner');
    await primary.sql('GRANT CREATE ON SCHEMA public TO orders_owner', [], { database: 'orders' });
    await primary.sql('SET ROLE orders_owner; CREATE TABLE before_grant (n int)', [], { database: 'orders' });
  });

  afterAll(() => group?.discard());

  test('the document has its four pieces of SQL', () => {
    expect(blocks).toHaveLength(4);
  });

  test('the monitor sees standbys and receivers, and may change nothing', async () => {
    await primary.sql(block(0));
    expect(await factsOf(primary)).toMatchObject({
      rights: { monitor: true, replication: false },
      standbys: [{ applicationName: 'm2', state: 'streaming' }],
    });
    await vi.waitFor(
      async () => expect((await factsOf(standby)).receiver).toMatchObject({ status: 'streaming' }),
      WAIT,
    );
    const forbidden = [
      'CREATE TABLE public.t (n int)',
      'SELECT pg_promote(false, 1)',
      'SELECT pg_reload_conf()',
      "ALTER SYSTEM SET synchronous_standby_names = 'x'",
      'SELECT pg_terminate_backend(pid) FROM pg_stat_replication LIMIT 1',
    ];
    for (const statement of forbidden) {
      await expect(asRole(primary, 'dbfailover_monitor', [statement]), statement).rejects.toMatchObject(denied);
    }
  });

  test('the admin may fence, quiesce and undo it, and its settings take effect', async () => {
    await primary.sql(block(2));
    const inForce = async (name: string, value: string) => {
      await vi.waitFor(async () => expect(await primary.sql(`SHOW ${name}`)).toEqual([{ [name]: value }]), WAIT);
    };
    await asRole(primary, 'dbfailover_admin', [
      "ALTER SYSTEM SET synchronous_standby_names = 'm2'",
      'ALTER SYSTEM SET default_transaction_read_only = on',
      'SELECT pg_reload_conf()',
    ]);
    await inForce('synchronous_standby_names', 'm2');
    await inForce('default_transaction_read_only', 'on');
    await asRole(primary, 'dbfailover_admin', [
      'ALTER SYSTEM RESET synchronous_standby_names',
      'ALTER SYSTEM RESET default_transaction_read_only',
      'SELECT pg_reload_conf()',
    ]);
    await inForce('synchronous_standby_names', '');
    await inForce('default_transaction_read_only', 'off');
  });

  test('the admin may end client sessions, create slots and read what standbys connect with', async () => {
    await primary.sql(block(3), [], { database: 'orders' });
    const held = asRole(primary, 'orders_reader', ['SELECT pg_sleep(60)'], 'orders');
    const ended = expect(held).rejects.toMatchObject({ code: '57P01' });
    await vi.waitFor(async () => {
      const terminate =
        "SELECT pg_terminate_backend(pid) AS done FROM pg_stat_activity WHERE usename = 'orders_reader'";
      expect(await asRole(primary, 'dbfailover_admin', [terminate])).toEqual([{ done: true }]);
    }, WAIT);
    await ended;
    await asRole(primary, 'dbfailover_admin', [
      "SELECT pg_create_physical_replication_slot('s')",
      "SELECT pg_drop_replication_slot('s')",
    ]);
    // The role is there once the standby has replayed it.
    await vi.waitFor(async () => {
      const [row] = await asRole(standby, 'dbfailover_admin', ['SHOW primary_conninfo']);
      expect(row?.primary_conninfo).toContain('application_name=m2');
    }, WAIT);
  });

  test("the admin may rewrite a standby's source with its statements kept out of the log", async () => {
    const [before] = await asRole(standby, 'dbfailover_admin', ['SHOW primary_conninfo']);
    const conninfo = `${String(before?.primary_conninfo)} connect_timeout=7`;
    await asRole(standby, 'dbfailover_admin', [
      "SET log_statement = 'none'",
      "SET log_min_error_statement = 'panic'",
      `ALTER SYSTEM SET primary_conninfo = '${conninfo}'`,
      'SELECT pg_reload_conf()',
    ]);
    await vi.waitFor(
      async () => expect(await standby.sql('SHOW primary_conninfo')).toEqual([{ primary_conninfo: conninfo }]),
      WAIT,
    );
    await group.waitUntilStreaming();
  });

  test('the admin may do no more than that', async () => {
    for (const statement of ["ALTER SYSTEM SET archive_command = 'x'", 'SELECT * FROM pg_authid', 'CREATE ROLE x']) {
      await expect(asRole(primary, 'dbfailover_admin', [statement]), statement).rejects.toMatchObject(denied);
    }
    const superuserSession = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'";
    const held = primary.sql('SELECT pg_sleep(2)');
    await vi.waitFor(async () => {
      await expect(asRole(primary, 'dbfailover_admin', [superuserSession])).rejects.toMatchObject(denied);
    });
    await held;
  });

  test('the application role reads old and new tables and writes none', async () => {
    await primary.sql('SET ROLE orders_owner; CREATE TABLE after_grant (n int)', [], { database: 'orders' });
    const read = (statements: readonly string[]) => asRole(primary, 'orders_reader', statements, 'orders');
    expect(await read(['SELECT * FROM before_grant', 'SELECT * FROM after_grant'])).toEqual([]);
    const insert = 'INSERT INTO after_grant VALUES (1)';
    await expect(read([insert])).rejects.toMatchObject({ code: '25006' });
    await expect(read(['SET default_transaction_read_only = off', insert])).rejects.toMatchObject(denied);
  });

  test('the admin may promote, and the monitor then reads the history without a replication line in pg_hba.conf', async () => {
    await primary.sql(block(1));
    await vi.waitFor(
      async () => expect((await factsOf(standby)).rights).toEqual({ monitor: true, replication: true }),
      WAIT,
    );
    await primary.stop('fast');
    await asRole(standby, 'dbfailover_admin', ['SELECT pg_promote(false)']);
    await vi.waitFor(
      async () => expect(await factsOf(standby)).toMatchObject({ inRecovery: false, timeline: 2 }),
      10_000,
    );
    // A look that falls into the new primary's busiest moment has no time for it.
    await vi.waitFor(
      async () => expect((await factsOf(standby)).history).toEqual([{ timeline: 1, endLsn: expect.anything() }]),
      WAIT,
    );
  });
});
