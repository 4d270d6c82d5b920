import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { POSTGRES_PORT } from './addresses.ts';
import { copyRunning } from './online-copy.ts';
import { postgresOwner } from './postgres-binaries.ts';
import {
  initialise,
  makeOwnedDir,
  REPLICATOR,
  type ServerConfiguration,
  type ServerTls,
  type Settings,
  writeConfiguration,
  writeOwned,
} from './postgres-files.ts';
import { closeSession, openSession, queryOnce, type Row } from './postgres-session.ts';
import { descendants, freezeTree, killTree, signalProcess, thawTree, waitUntilGone } from './process-tree.ts';
import { type ServerProcess, startServer, waitUntilReady } from './server-process.ts';
import type { MemberDescription } from './world-description.ts';

const START_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 60_000;
const QUERY_TIMEOUT_MS = 30_000;

const STOP_SIGNALS = { smart: 'SIGTERM', fast: 'SIGINT', immediate: 'SIGQUIT' } as const;
export type StopMode = keyof typeof STOP_SIGNALS;

export interface Reconfiguration {
  /** Merged over the settings in force; an empty text means PostgreSQL's default. */
  readonly settings?: Settings;
  readonly hba?: readonly string[];
  readonly tls?: ServerTls | null;
}

export interface QueryOptions {
  readonly database?: string;
  /** Default 30 s. */
  readonly timeoutMs?: number;
}

/** One PostgreSQL server of a group. */
export interface PostgresMember extends MemberDescription {
  /** The same as plain data. */
  readonly description: MemberDescription;
  readonly logFile: string;
  /** What `postgresql.conf` holds; ALTER SYSTEM is not in here. */
  settings(): Settings;
  /** Null while it is not running. */
  postmasterPid(): number | null;
  /** Makes the data of a group's first primary; not started. */
  initialise(): Promise<void>;
  /** Resolves when it answers SQL. */
  start(): Promise<void>;
  /** Default `fast`. A smart stop waits for the sessions, at most 60 s. */
  stop(mode?: StopMode): Promise<void>;
  restart(mode?: StopMode): Promise<void>;
  /** SIGKILL of the postmaster and all its children at one moment, as a power cut looks from outside. */
  kill(): Promise<void>;
  /** SIGKILL of the postmaster alone: its backends live on for a moment. Resolves when the last has ended. */
  killPostmaster(): Promise<void>;
  /** SIGSTOP of the whole tree: addresses accept connections (the kernel does) and nothing answers. */
  freeze(): void;
  thaw(): void;
  /** `pg_promote` as a person would call it; resolves when it takes writes. */
  promote(): Promise<void>;
  /** Superuser SQL through the socket: works whatever address is cut and whatever `hba` says. */
  sql(text: string, values?: readonly unknown[], options?: QueryOptions): Promise<readonly Row[]>;
  /** Writes the configuration anew and reloads, if it runs. Settings that need a restart wait for one. */
  reconfigure(change: Reconfiguration): Promise<void>;
  /** Makes it a standby of `primary` by a new copy of the data; its own data are lost. Starts it. */
  rejoin(primary: PostgresMember): Promise<void>;
  /** Makes it a standby of `primary` with the data it has; not started. */
  becomeStandbyOf(primary: PostgresMember): Promise<void>;
}

export interface MemberOptions {
  readonly description: MemberDescription;
  readonly binDir: string;
  readonly configuration: ServerConfiguration;
  /** Replicate over the second address, which cuts of `address` leave alone. */
  readonly separateReplication: boolean;
}

export function createMember(options: MemberOptions): PostgresMember {
  const { description, binDir } = options;
  const { dataDir, socketDir, name } = description;
  const logFile = join(socketDir, 'log');
  let configuration = options.configuration;
  let server: ServerProcess | null = null;

  const sql: PostgresMember['sql'] = (
    text,
    values = [],
    { database = 'postgres', timeoutMs = QUERY_TIMEOUT_MS } = {},
  ) => queryOnce(socketDir, text, values, { database, timeoutMs });
  const running = (): ServerProcess => {
    if (server === null || server.hasEnded()) throw new Error(`${name} is not running`);
    return server;
  };
  const answers = async (): Promise<boolean> => {
    try {
      await sql('SELECT 1', [], { timeoutMs: 2_000 });
      return true;
    } catch {
      return false; // not yet; the deadline of the caller decides when that is a failure
    }
  };

  const member: PostgresMember = {
    ...description,
    description,
    logFile,
    settings: () => configuration.settings,
    postmasterPid: () => (server === null || server.hasEnded() ? null : server.pid),
    sql,
    async initialise() {
      await makeOwnedDir(socketDir);
      await initialise(binDir, dataDir, socketDir, configuration);
    },
    async start() {
      if (server !== null && !server.hasEnded()) throw new Error(`${name} is already running`);
      await writeConfiguration(dataDir, configuration);
      server = await startServer({
        name: `postgres ${name}`,
        path: join(binDir, 'postgres'),
        args: ['-D', dataDir],
        logFile,
        env: { LC_ALL: 'C', TZ: 'UTC' },
        cwd: socketDir,
        owner: postgresOwner(),
      });
      await waitUntilReady(server, answers, START_DEADLINE_MS);
    },
    async stop(mode = 'fast') {
      await running().stop(STOP_SIGNALS[mode], STOP_DEADLINE_MS);
    },
    async restart(mode = 'fast') {
      await member.stop(mode);
      await member.start();
    },
    async kill() {
      await running().kill();
    },
    async killPostmaster() {
      const { pid } = running();
      const children = descendants(pid);
      signalProcess(pid, 'SIGKILL');
      await waitUntilGone([pid, ...children], STOP_DEADLINE_MS);
    },
    freeze() {
      freezeTree(running().pid);
    },
    thaw() {
      thawTree(running().pid);
    },
    async promote() {
      const [row] = await sql('SELECT pg_promote(true, 60) AS promoted', [], { timeoutMs: 65_000 });
      if (row?.promoted !== true) throw new Error(`${name} did not promote within 60 s`);
    },
    async reconfigure(change) {
      configuration = {
        settings:
          change.settings === undefined
            ? configuration.settings
            : mergeSettings(configuration.settings, change.settings),
        hba: change.hba ?? configuration.hba,
        tls: change.tls === undefined ? configuration.tls : change.tls,
      };
      await writeConfiguration(dataDir, configuration);
      if (server !== null && !server.hasEnded()) await sql('SELECT pg_reload_conf()');
    },
    async becomeStandbyOf(primary) {
      const host = options.separateReplication ? primary.replicationAddress : primary.address;
      const conninfo = replicationConninfo(host, name);
      configuration = { ...configuration, settings: { ...configuration.settings, primary_conninfo: conninfo } };
      await writeOwned(join(dataDir, 'standby.signal'), '');
    },
    async rejoin(primary) {
      if (server !== null && !server.hasEnded()) await killTree(server.pid);
      const session = await openSession(primary.socketDir, 'postgres', 120_000);
      try {
        await copyRunning(session, primary.dataDir, dataDir);
      } finally {
        closeSession(session);
      }
      // ALTER SYSTEM of the primary came along and would win over our own primary_conninfo.
      await writeOwned(join(dataDir, 'postgresql.auto.conf'), '');
      await member.becomeStandbyOf(primary);
      await member.start();
    },
  };
  return member;
}

/** Ends whatever runs and removes the files. */
export async function discardMember(member: PostgresMember): Promise<void> {
  const pid = member.postmasterPid();
  if (pid !== null) await killTree(pid);
  await rm(member.socketDir, { recursive: true, force: true });
}

function replicationConninfo(host: string, applicationName: string): string {
  const { user, password } = REPLICATOR;
  return `host=${host} port=${POSTGRES_PORT} user=${user} password=${password} application_name=${applicationName}`;
}

function mergeSettings(before: Settings, change: Settings): Settings {
  return Object.fromEntries(Object.entries({ ...before, ...change }).filter(([, value]) => value !== ''));
}
