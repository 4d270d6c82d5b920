import { constants } from 'node:fs';
import { access, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { endWholeAtSignals } from '../signals.ts';
import { type BuildCounts, build, reasonCannotBuild } from './build.ts';
import {
  type CacheEntry,
  cacheFolder,
  explainingCache,
  findCached,
  removeLeftovers,
  store,
  temporaryPath,
  withLock,
} from './cache.ts';
import { DownloadError, download } from './download.ts';
import { type Voice, withProgress } from './progress.ts';
import { type BinaryName, SOURCES } from './versions.ts';

/** Names a folder with binaries of one's own; those that it lacks are got as usual. */
export const FOLDER_VARIABLE = 'DBFO_BINARIES';

/**
 * Paths of the binaries: from the folder named by DBFO_BINARIES, else the cache, else the official releases, else built
 * from source. To be called before entering the world, where there is no network. Rejects with a sentence for the user.
 */
export async function getBinaries<Name extends BinaryName>(
  names: readonly Name[],
  voice: Voice,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Readonly<Record<Name, string>>> {
  const paths: Partial<Record<BinaryName, string>> = {};
  const missing: Name[] = [];
  for (const name of names) {
    const path = (await findInFolder(name, env)) ?? (await findCached(entryOf(name, env)));
    if (path === null) missing.push(name);
    else paths[name] = path;
  }
  if (missing.length > 0) {
    const disarm = endWholeAtSignals(removeLeftovers);
    try {
      await explainingCache(env, () => fill(missing, paths, voice, env));
    } finally {
      disarm();
    }
  }
  if (!isComplete(names, paths)) throw new Error('a binary was not found');
  return paths;
}

async function fill(
  missing: readonly BinaryName[],
  paths: Partial<Record<BinaryName, string>>,
  voice: Voice,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const wait = 'another process is getting the binaries: waiting for it';
  await withLock(cacheFolder(env), { voice, wait }, async () => {
    let offline = false;
    for (const name of missing) {
      const entry = entryOf(name, env);
      let path = await findCached(entry);
      if (path === null && !offline) {
        const outcome = await tryDownload(name, entry, voice, env);
        if (outcome.kind === 'Stored') path = outcome.path;
        offline = outcome.kind === 'Unreachable';
      }
      paths[name] = path ?? (await buildBinary(name, entry, voice, env));
    }
  });
}

function isComplete<Name extends BinaryName>(
  names: readonly Name[],
  paths: Readonly<Partial<Record<BinaryName, string>>>,
): paths is Readonly<Record<Name, string>> {
  return names.every((name) => paths[name] !== undefined);
}

async function findInFolder(name: BinaryName, env: NodeJS.ProcessEnv): Promise<string | null> {
  const folder = env[FOLDER_VARIABLE];
  if (folder === undefined || folder === '') return null;
  const path = join(folder, name);
  return access(path, constants.X_OK).then(
    () => path,
    () => null, // the folder need not hold all of them
  );
}

function entryOf(name: BinaryName, env: NodeJS.ProcessEnv): CacheEntry {
  return { dir: join(cacheFolder(env), 'bin', SOURCES[name].version), name };
}

type DownloadOutcome =
  | { readonly kind: 'Stored'; readonly path: string }
  /** Then nobody asks again for the other binaries. */
  | { readonly kind: 'Unreachable' }
  | { readonly kind: 'Refused' };

/** What keeps a release from being used is said in one line. */
async function tryDownload(
  name: BinaryName,
  entry: CacheEntry,
  voice: Voice,
  env: NodeJS.ProcessEnv,
): Promise<DownloadOutcome> {
  const source = SOURCES[name];
  const temporary = await temporaryPath(entry);
  let receivedBytes = 0;
  const describe = (): string => `downloading ${name} ${source.version}: ${Math.round(receivedBytes / 2 ** 20)} MiB`;
  try {
    await withProgress(voice, describe, () =>
      download(
        source,
        temporary,
        (bytes) => {
          receivedBytes = bytes;
        },
        env,
      ),
    );
  } catch (error) {
    if (!(error instanceof DownloadError)) throw error;
    const what = error.code === 'CHECKSUM' ? 'refused' : 'not available';
    voice.say(`release download ${what} (${error.message}); building from source instead`);
    return { kind: error.code === 'CHECKSUM' ? 'Refused' : 'Unreachable' };
  }
  return { kind: 'Stored', path: await store(entry, temporary, `${source.base}/${source.file}`) };
}

async function buildBinary(name: BinaryName, entry: CacheEntry, voice: Voice, env: NodeJS.ProcessEnv): Promise<string> {
  const source = SOURCES[name];
  const ask = (): string => 'asking Go for its version';
  const reason = await withProgress(voice, ask, () => reasonCannotBuild(env));
  if (reason !== null) throw new Error(`${name} ${source.version} cannot be had: ${reason}`);
  const temporary = await temporaryPath(entry);
  const counts: BuildCounts = { fetched: 0, compiled: 0 };
  const describe = (): string =>
    `building ${name} ${source.version} from source (about ${source.buildMinutes} min on 2 cores): ` +
    `${counts.fetched} modules fetched, ${counts.compiled} packages compiled`;
  try {
    await withProgress(voice, describe, () => build(source, temporary, counts, env));
    return await store(entry, temporary, source.goPackage);
  } finally {
    await rm(temporary, { force: true });
  }
}
