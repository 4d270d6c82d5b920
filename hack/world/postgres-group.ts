import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MAX_GROUP, MAX_MEMBERS, memberAddresses, POSTGRES_PORT } from './addresses.ts';
import type { DnsScript } from './dns-server.ts';
import type { PostgresVersion } from './postgres-binaries.ts';
import { copyStopped, DEFAULT_HBA, makeOwnedDir, type ServerTls, type Settings, SUPERUSER } from './postgres-files.ts';
import { createMember, discardMember, type PostgresMember } from './postgres-member.ts';
import { worldControl } from './world-control.ts';
import type { MemberDescription, WorldDescription } from './world-description.ts';

export type { PostgresMember, StopMode } from './postgres-member.ts';

const STREAMING_DEADLINE_MS = 60_000;

export interface GroupOptions {
  /** Lower-case word; member hosts are `<member>.<name>.test`. */
  readonly name: string;
  /** Addresses 10.77.<number>.11 and up; default: the first free one. */
  readonly number?: number;
  /** A count (then they are named m1, m2, ...) or the names. The first is the first primary. */
  readonly members: number | readonly string[];
  /** Default: the world's. */
  readonly version?: PostgresVersion;
  /** Every commit waits for one of the other members; holds for each member once it is primary. */
  readonly sync?: boolean;
  /** Replicate over second addresses, so that `cuts` of a member's `address` leave replication alone. */
  readonly separateReplication?: boolean;
  /** Over the defaults, for all members. */
  readonly settings?: Settings;
  /** Lines of pg_hba.conf; default: SCRAM for everybody. The superuser's socket always works. */
  readonly hba?: readonly string[];
  readonly tls?: (member: MemberDescription) => ServerTls;
}

/** Members with streaming replication from the first; see `PostgresMember` for what can be done to each. */
export interface PostgresGroup {
  readonly name: string;
  readonly number: number;
  readonly version: PostgresVersion;
  readonly members: readonly PostgresMember[];
  /** Throws for an unknown name. */
  member(name: string): PostgresMember;
  /** Resolves when `primary` (default: the first) streams to `count` standbys (default: all others). */
  waitUntilStreaming(primary?: PostgresMember, count?: number): Promise<void>;
  /** Ends every server, removes every file; the number becomes free. */
  discard(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Must run inside the world. Resolves when all members answer and stream. */
export async function startPostgresGroup(
  world: Pick<WorldDescription, 'runDir' | 'postgresBin' | 'postgresVersion' | 'control'>,
  options: GroupOptions,
): Promise<PostgresGroup> {
  const names = typeof options.members === 'number' ? numberedNames(options.members) : options.members;
  if (names.length < 1 || names.length > MAX_MEMBERS) throw new RangeError(`a group has 1 to ${MAX_MEMBERS} members`);
  const version = options.version ?? world.postgresVersion;
  const binDir = world.postgresBin[version];
  if (binDir === undefined) throw new Error(`the world has no PostgreSQL ${version}`);
  const control = worldControl(world);
  const { number, dir } = await claimNumber(world.runDir, options.number);
  const members = names.map((name, index) => {
    const description = describeMember(dir, options.name, name, number, index);
    return createMember({
      description,
      binDir,
      separateReplication: options.separateReplication ?? false,
      configuration: {
        settings: { ...defaultSettings(description, names, options.sync ?? false), ...options.settings },
        hba: options.hba ?? DEFAULT_HBA,
        tls: options.tls?.(description) ?? null,
      },
    });
  });
  const group = assemble(options.name, number, version, members, async () => {
    await Promise.all(members.map(discardMember));
    await Promise.all(members.map(({ host }) => control.forgetName(host)));
    await rm(dir, { recursive: true, force: true });
  });
  try {
    await Promise.all([createData(members), ...members.map((member) => control.setName(member.host, namesOf(member)))]);
    await Promise.all(members.map((member) => member.start()));
    await group.waitUntilStreaming();
  } catch (error) {
    await group.discard();
    throw error;
  }
  return group;
}

function assemble(
  name: string,
  number: number,
  version: PostgresVersion,
  members: readonly PostgresMember[],
  discard: () => Promise<void>,
): PostgresGroup {
  const [first] = members;
  if (first === undefined) throw new RangeError('a group has at least one member');
  return {
    name,
    number,
    version,
    members,
    member(wanted) {
      const found = members.find((each) => each.name === wanted);
      if (found === undefined) throw new Error(`group ${name} has no member ${wanted}`);
      return found;
    },
    async waitUntilStreaming(primary = first, count = members.length - 1) {
      const endsAt = performance.now() + STREAMING_DEADLINE_MS;
      while ((await streamingStandbys(primary)) < count) {
        if (performance.now() > endsAt) throw new Error(`fewer than ${count} standbys stream from ${primary.name}`);
        await sleep(20);
      }
    },
    discard,
    [Symbol.asyncDispose]: discard,
  };
}

/** The first is initialised, the others are copies of it before it ever ran, so all can start at once. */
async function createData(members: readonly PostgresMember[]): Promise<void> {
  const [first, ...others] = members;
  if (first === undefined) return;
  await first.initialise();
  for (const standby of others) {
    await makeOwnedDir(standby.socketDir);
    await copyStopped(first.dataDir, standby.dataDir);
    await standby.becomeStandbyOf(first);
  }
}

async function streamingStandbys(primary: PostgresMember): Promise<number> {
  const [row] = await primary.sql("SELECT count(*)::int AS n FROM pg_stat_replication WHERE state = 'streaming'");
  return Number(row?.n ?? 0);
}

function namesOf({ address, address6 }: MemberDescription): DnsScript {
  return { kind: 'Records', a: [address], aaaa: [address6], ttl: 1 };
}

function numberedNames(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `m${index + 1}`);
}

function describeMember(dir: string, group: string, name: string, number: number, index: number): MemberDescription {
  const socketDir = join(dir, name);
  const dataDir = join(socketDir, 'data');
  return {
    name,
    host: `${name}.${group}.test`,
    port: POSTGRES_PORT,
    ...memberAddresses(number, index),
    dataDir,
    pidFile: join(dataDir, 'postmaster.pid'),
    socketDir,
    superuser: { ...SUPERUSER },
  };
}

function defaultSettings(member: MemberDescription, names: readonly string[], sync: boolean): Settings {
  const others = names.filter((name) => name !== member.name);
  return {
    listen_addresses: `${member.address},${member.address6},${member.replicationAddress}`,
    port: String(member.port),
    unix_socket_directories: member.socketDir,
    cluster_name: member.name,
    max_connections: '60',
    max_wal_senders: '20',
    shared_buffers: '16MB',
    // The data folder lies in memory: little WAL, but enough for a standby that was away for a while.
    min_wal_size: '32MB',
    max_wal_size: '96MB',
    wal_keep_size: '64MB',
    hot_standby: 'on',
    wal_receiver_timeout: '5s',
    password_encryption: 'scram-sha-256',
    log_line_prefix: '%m [%p] %q%u@%d ',
    log_timezone: 'UTC',
    timezone: 'UTC',
    ...(sync && others.length > 0
      ? { synchronous_standby_names: `ANY 1 (${others.map((name) => `"${name}"`).join(', ')})` }
      : {}),
  };
}

/** Numbers are claimed by making a folder, because test files run in several processes at once. */
async function claimNumber(runDir: string, wanted: number | undefined): Promise<{ number: number; dir: string }> {
  const candidates = wanted === undefined ? Array.from({ length: MAX_GROUP }, (_, index) => index + 1) : [wanted];
  await mkdir(join(runDir, 'groups'), { recursive: true, mode: 0o755 });
  for (const number of candidates) {
    const dir = join(runDir, 'groups', String(number));
    if (existsSync(dir)) continue;
    try {
      await mkdir(dir, { mode: 0o755 });
      return { number, dir };
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
  }
  throw new Error(wanted === undefined ? 'all group numbers are in use' : `group number ${wanted} is in use`);
}
