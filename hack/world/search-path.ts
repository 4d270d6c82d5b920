import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Ordinary users of some distributions do not have these, and `nft` and `ip` live there. */
const SYSTEM_FOLDERS = ['/usr/sbin', '/sbin', '/usr/bin', '/bin'];

/** `path` with the system's folders behind what the user has. */
export function withSystemFolders(path: string | undefined): string {
  const folders = (path ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...new Set([...folders, ...SYSTEM_FOLDERS])].join(delimiter);
}

export function findProgram(name: string, path: string): string | null {
  for (const folder of path.split(delimiter)) {
    const candidate = join(folder, name);
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // not in this folder: the next one may have it
    }
  }
  return null;
}
