/** A PostgreSQL group with the operator's monitor role and an application, which is made whole again before each test. */
import { setTimeout as sleep } from 'node:timers/promises';
import { WRITES_TABLE } from '../../hack/scenario/client.ts';
import { heal } from '../../hack/world/cuts.ts';
import {
  type GroupOptions,
  type PostgresGroup,
  type PostgresMember,
  startPostgresGroup,
} from '../../hack/world/postgres-group.ts';
import { readWorld } from '../../hack/world/world-description.ts';
import { createMonitorRole } from './operator-world.ts';

/** Like MONITOR, without REPLICATION: it cannot read timeline histories. */
export const PLAIN_MONITOR = { username: 'plain_monitor', password: 'pl41n-Passw0rd' } as const;
/** An application's login, owner of the table `writes`. */
export const APPLICATION = { user: 'orders_app', password: 'app-Passw0rd' } as const;

const PREPARATION = [
  `CREATE ROLE ${PLAIN_MONITOR.username} LOGIN PASSWORD '${PLAIN_MONITOR.password}' IN ROLE pg_monitor`,
  `CREATE ROLE ${APPLICATION.user} LOGIN PASSWORD '${APPLICATION.password}'`,
  WRITES_TABLE,
  `ALTER TABLE writes OWNER TO ${APPLICATION.user}`,
];
const CATCH_UP_DEADLINE_MS = 20_000;

export interface Roles {
  readonly primary: PostgresMember;
  /** In the order of the group. */
  readonly standbys: readonly PostgresMember[];
}

export async function startMonitoredGroup(options: GroupOptions): Promise<PostgresGroup> {
  const group = await startPostgresGroup(readWorld(), options);
  await createMonitorRole(group);
  for (const statement of PREPARATION) await group.members[0]?.sql(statement);
  return group;
}

/** One primary and the others streaming from it, whatever a test did. The primary is another one after each failover. */
export async function restored(group: PostgresGroup): Promise<Roles> {
  for (const member of group.members) {
    await Promise.all([heal(member.address), heal(member.address6)]);
    if (member.postmasterPid() !== null) member.thaw();
  }
  const roles = await Promise.all(group.members.map(roleOf));
  const primary = group.members.find((_, index) => roles[index] === 'Primary') ?? (await promotedOne(group, roles));
  await primary.sql('ALTER SYSTEM RESET ALL');
  await primary.reconfigure({});
  const standbys = group.members.filter((member) => member !== primary);
  await Promise.all(
    standbys.map(async (standby) => {
      if (!(await streamsFrom(primary, standby))) await standby.rejoin(primary);
    }),
  );
  await group.waitUntilStreaming(primary);
  await primary.sql('BEGIN READ WRITE; TRUNCATE writes; COMMIT');
  await untilCaughtUp(primary);
  return { primary, standbys };
}

type Role = 'Down' | 'Standby' | 'Primary';

async function roleOf(member: PostgresMember): Promise<Role> {
  if (member.postmasterPid() === null) return 'Down';
  const [row] = await member.sql('SELECT pg_is_in_recovery() AS standby');
  return row?.standby === true ? 'Standby' : 'Primary';
}

async function promotedOne(group: PostgresGroup, roles: readonly Role[]): Promise<PostgresMember> {
  const chosen = group.members.find((_, index) => roles[index] === 'Standby') ?? group.members[0];
  if (chosen === undefined) throw new Error(`${group.name} has no members`);
  if (chosen.postmasterPid() === null) await chosen.start();
  if ((await roleOf(chosen)) === 'Standby') await chosen.promote();
  return chosen;
}

async function streamsFrom(primary: PostgresMember, standby: PostgresMember): Promise<boolean> {
  if ((await roleOf(standby)) !== 'Standby') return false;
  const query = "SELECT FROM pg_stat_replication WHERE application_name = $1 AND state = 'streaming'";
  return (await primary.sql(query, [standby.name])).length === 1;
}

/** Until all that the primary has was replayed by the standbys. */
export async function untilCaughtUp(primary: PostgresMember): Promise<void> {
  const endsAt = performance.now() + CATCH_UP_DEADLINE_MS;
  const query = 'SELECT FROM pg_stat_replication WHERE replay_lsn IS NULL OR replay_lsn < pg_current_wal_lsn()';
  while ((await primary.sql(query)).length > 0) {
    if (performance.now() > endsAt) throw new Error(`the standbys of ${primary.name} do not catch up`);
    await sleep(20);
  }
}
