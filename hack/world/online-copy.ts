import type { Stats } from 'node:fs';
import { chmod, copyFile, lchown, lstat, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { postgresOwner } from './postgres-binaries.ts';
import { writeOwned } from './postgres-files.ts';

/** What a base backup leaves out: these belong to the running server, or the copy makes its own. */
const EMPTIED = new Set([
  'pg_wal',
  'pg_replslot',
  'pg_dynshmem',
  'pg_notify',
  'pg_serial',
  'pg_snapshots',
  'pg_stat_tmp',
  'pg_subtrans',
]);
const SKIPPED = new Set(['postmaster.pid', 'postmaster.opts', 'backup_label', 'standby.signal', 'pg_internal.init']);

/**
 * Copies the data folder of a running server as `pg_basebackup` would (the npm packages do not have it): the backup
 * functions on one session around a plain copy.
 * @param session superuser session on the running server; used by nobody else meanwhile
 */
export async function copyRunning(session: pg.Client, from: string, to: string): Promise<void> {
  await rm(to, { recursive: true, force: true });
  await session.query('SELECT pg_backup_start($1, true)', ['world copy']);
  await copyFolder(from, to, true);
  const { rows } = await session.query<{ label: string }>('SELECT labelfile AS label FROM pg_backup_stop(false)');
  await mkdir(join(to, 'pg_wal', 'archive_status'), { recursive: true, mode: 0o700 });
  await own(join(to, 'pg_wal', 'archive_status'));
  await writeOwned(join(to, 'backup_label'), rows[0]?.label ?? '');
}

async function copyFolder(from: string, to: string, top: boolean): Promise<void> {
  await mkdir(to, { recursive: true, mode: 0o700 });
  await own(to);
  for (const name of await readdir(from)) {
    if (SKIPPED.has(name)) continue;
    const source = join(from, name);
    const target = join(to, name);
    const stat = await statOrNull(source);
    if (stat === null) continue;
    if (!stat.isDirectory()) await copyOne(source, target);
    else if (top && EMPTIED.has(name)) {
      await mkdir(target, { mode: 0o700 });
      await own(target);
    } else await copyFolder(source, target, false);
  }
}

async function copyOne(source: string, target: string): Promise<void> {
  try {
    await copyFile(source, target);
  } catch (error) {
    if (isMissing(error)) return; // the server removed it meanwhile; WAL replay knows
    throw error;
  }
  await chmod(target, 0o600);
  await own(target);
}

async function own(path: string): Promise<void> {
  const owner = postgresOwner();
  if (owner !== null) await lchown(path, owner.uid, owner.gid);
}

async function statOrNull(path: string): Promise<Stats | null> {
  try {
    return await lstat(path);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
