import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { postgresOwner } from './postgres-binaries.ts';

const run = promisify(execFile);

export const SUPERUSER = { user: 'postgres', password: 'postgres' } as const;
export const REPLICATOR = { user: 'replicator', password: 'replicator' } as const;

export type Settings = Readonly<Record<string, string>>;

export interface ServerTls {
  readonly cert: string;
  readonly key: string;
  /** Authorities for client certificates; then `hba` lines may ask for `cert` or `clientcert=verify-full`. */
  readonly clientCa?: string;
}

/** The superuser comes in through the socket whatever `hba` says, so that a test can always look and repair. */
const SOCKET_HBA = 'local all postgres trust';
export const DEFAULT_HBA: readonly string[] = [
  'host all all all scram-sha-256',
  'host replication replicator all scram-sha-256',
];

/** A fresh database cluster with a system identifier of its own and the two roles above, not started. */
export async function initialise(
  binDir: string,
  dataDir: string,
  workDir: string,
  configuration: ServerConfiguration,
): Promise<void> {
  const passwordFile = join(workDir, 'superuser-password');
  await writeOwned(passwordFile, SUPERUSER.password);
  const env = { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };
  const options = { env, timeout: 60_000, cwd: workDir, ...postgresOwner() };
  const initdb = ['-D', dataDir, '-U', SUPERUSER.user, `--pwfile=${passwordFile}`, '-A', 'scram-sha-256'];
  await run(join(binDir, 'initdb'), [...initdb, '-E', 'UTF8', '--locale=C', '--no-sync', '--no-instructions'], options);
  await rm(passwordFile);
  // This run writes the settings into the control file: copies must not find larger ones there than their own.
  await writeConfiguration(dataDir, configuration);
  const single = ['--single', '-F', '-D', dataDir, '-c', 'synchronous_standby_names=', 'postgres'];
  const session = run(join(binDir, 'postgres'), single, options);
  session.child.stdin?.end(`CREATE ROLE ${REPLICATOR.user} REPLICATION LOGIN PASSWORD '${REPLICATOR.password}'\n`);
  await session;
}

/** Copies the data folder of a stopped server. */
export async function copyStopped(from: string, to: string): Promise<void> {
  await run('cp', ['-a', '--reflink=auto', from, to], { timeout: 120_000 });
}

export async function makeOwnedDir(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o755 });
  const owner = postgresOwner();
  if (owner !== null) await chown(path, owner.uid, owner.gid);
}

export async function writeOwned(path: string, content: string, mode = 0o600): Promise<void> {
  await writeFile(path, content, { mode });
  await chmod(path, mode);
  const owner = postgresOwner();
  if (owner !== null) await chown(path, owner.uid, owner.gid);
}

export interface ServerConfiguration {
  readonly settings: Settings;
  readonly hba: readonly string[];
  readonly tls: ServerTls | null;
}

/** Writes the whole configuration but `postgresql.auto.conf`, which belongs to ALTER SYSTEM. */
export async function writeConfiguration(dataDir: string, configuration: ServerConfiguration): Promise<void> {
  const { settings, hba, tls } = configuration;
  const all: Record<string, string> = { ...settings };
  if (tls !== null) {
    Object.assign(all, { ssl: 'on', ssl_cert_file: 'server.crt', ssl_key_file: 'server.key' });
    await writeOwned(join(dataDir, 'server.crt'), tls.cert);
    await writeOwned(join(dataDir, 'server.key'), tls.key);
    if (tls.clientCa !== undefined) {
      all.ssl_ca_file = 'client-ca.crt';
      await writeOwned(join(dataDir, 'client-ca.crt'), tls.clientCa);
    }
  }
  const lines = Object.entries(all).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`);
  await writeOwned(join(dataDir, 'postgresql.conf'), lines.join(''));
  await writeOwned(join(dataDir, 'pg_hba.conf'), `${[SOCKET_HBA, ...hba].join('\n')}\n`);
}
