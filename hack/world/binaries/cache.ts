import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, rmSync } from 'node:fs';
import { chmod, mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { type Voice, withProgress } from './progress.ts';

/**
 * A file of the cache counts only with its manifest, which is written last and says what was verified. Both come to
 * their names by rename, so that a half-written file never bears the name of a whole one.
 */
const manifestSchema = z.object({
  sha256: z.string(),
  size: z.number(),
  modifiedMs: z.number(),
  source: z.string(),
});
type Manifest = z.infer<typeof manifestSchema>;

export function cacheFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const base = env.XDG_CACHE_HOME;
  return join(base === undefined || base === '' ? join(homedir(), '.cache') : base, 'database-failover-operator');
}

export interface CacheEntry {
  readonly dir: string;
  readonly name: string;
}

/** Path of the verified file, or null: not there, half-written or changed since. */
export async function findCached({ dir, name }: CacheEntry): Promise<string | null> {
  const path = join(dir, name);
  const manifest = await readManifest(path);
  const found = await stat(path).catch(() => null); // missing is one of the answers
  if (manifest === null || found === null || found.size !== manifest.size) return null;
  if (found.mtimeMs === manifest.modifiedMs) return path;
  // Copied or restored since: only the content can tell.
  if ((await sha256Of(path)) !== manifest.sha256) return null;
  await writeManifest(path, { ...manifest, modifiedMs: found.mtimeMs }).catch(() => {}); // a cache that others fill
  return path;
}

/** Where a filler writes before `store`; unique, because two may fill at once. */
export async function temporaryPath({ dir, name }: CacheEntry): Promise<string> {
  await mkdir(dir, { recursive: true, mode: 0o755 });
  const path = join(dir, `${name}.${process.pid}-${randomBytes(4).toString('hex')}.partial`);
  for (const each of [path, `${path}.archive`, `${path}.d`]) leftovers.add(each);
  return path;
}

/** What this process has in the cache while it fills it; it does not matter whether it is still there. */
const leftovers = new Set<string>();

/** At once, for a process that is about to end. */
export function removeLeftovers(): void {
  for (const path of leftovers) rmSync(path, { recursive: true, force: true });
}

/** Errors that have their cause in who owns the folder or where it lies, as one sentence with the ways out. */
export async function explainingCache<T>(env: NodeJS.ProcessEnv, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    const why = UNWRITABLE[code];
    const folder = cacheFolder(env);
    const path = cause instanceof Error && 'path' in cause ? String(cause.path) : '';
    if (why === undefined || path === '' || !(path.startsWith(folder) || folder.startsWith(path))) throw cause;
    const remedy = 'set XDG_CACHE_HOME to a folder that you may write to, or mend the owner and place of this one';
    throw new Error(`the binaries cannot be kept in ${folder}: ${why}; ${remedy}`, { cause });
  }
}

const UNWRITABLE: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of this path is no folder',
  EEXIST: 'a part of this path is no folder',
  ENOSPC: 'no space is left',
  // What Node says of a read-only file system when it makes several folders at once.
  ENOENT: 'it cannot be made there',
};

/** Moves a whole, verified file to its name and writes the manifest. */
export async function store({ dir, name }: CacheEntry, temporary: string, source: string): Promise<string> {
  const path = join(dir, name);
  await chmod(temporary, 0o755);
  const sha256 = await sha256Of(temporary);
  const { size, mtimeMs } = await stat(temporary);
  await rename(temporary, path);
  await writeManifest(path, { sha256, size, modifiedMs: mtimeMs, source });
  return path;
}

export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

const LOCK_REFRESH_MS = 5_000;
const LOCK_STALE_MS = 30_000;
const LOCK_POLL_MS = 500;

/**
 * One filler at a time, so that nobody builds twice. The holder refreshes the lock's time; one that was not refreshed
 * for 30 s is taken over. Should two hold it after all, unique temporary names and renames keep the files whole.
 */
export async function withLock<T>(
  dir: string,
  { voice, wait }: { readonly voice: Voice; readonly wait: string },
  work: () => Promise<T>,
): Promise<T> {
  await mkdir(dir, { recursive: true, mode: 0o755 });
  const lock = join(dir, 'lock');
  if (!(await tryLock(lock))) {
    voice.say(wait);
    const waited = async (): Promise<void> => {
      while (!(await tryLock(lock))) await sleep(LOCK_POLL_MS);
    };
    await withProgress(voice, () => wait, waited);
  }
  leftovers.add(lock);
  const refresh = setInterval(() => {
    utimes(lock, new Date(), new Date()).catch(() => {}); // taken over while this process slept: see above
  }, LOCK_REFRESH_MS);
  try {
    return await work();
  } finally {
    clearInterval(refresh);
    leftovers.delete(lock);
    await rm(lock, { force: true });
  }
}

async function tryLock(lock: string): Promise<boolean> {
  try {
    await writeFile(lock, `${process.pid}\n`, { flag: 'wx' });
    return true;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  const held = await stat(lock).catch(() => null); // released meanwhile: try again
  if (held !== null && Date.now() - held.mtimeMs > LOCK_STALE_MS) await rm(lock, { force: true });
  return false;
}

async function readManifest(path: string): Promise<Manifest | null> {
  try {
    return manifestSchema.parse(JSON.parse(await readFile(`${path}.json`, 'utf8')));
  } catch {
    return null; // no manifest or no whole one: the file does not count
  }
}

async function writeManifest(path: string, manifest: Manifest): Promise<void> {
  const temporary = `${path}.json.${process.pid}-${randomBytes(4).toString('hex')}.partial`;
  await writeFile(temporary, `${JSON.stringify(manifest)}\n`);
  await rename(temporary, `${path}.json`);
}
