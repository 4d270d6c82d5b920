import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export type PostgresVersion = 15 | 18;
export const POSTGRES_VERSIONS: readonly PostgresVersion[] = [15, 18];

/** The npm package's folder with `bin`, `lib` and `share`. */
export function packagedPostgres(version: PostgresVersion): string {
  const entry = createRequire(import.meta.url).resolve(`pg${version}`);
  return join(dirname(dirname(entry)), 'native');
}

/** PostgreSQL refuses to run as root; then its processes and files belong to `nobody`. Null: our own user will do. */
export function postgresOwner(): { readonly uid: number; readonly gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((each) => each.startsWith('nobody:'));
  const [, , uid = '65534', gid = '65534'] = line?.split(':') ?? [];
  return { uid: Number(uid), gid: Number(gid) };
}
