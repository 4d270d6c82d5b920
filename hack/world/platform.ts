import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Voice, withProgress } from './binaries/progress.ts';
import { findProgram } from './search-path.ts';

const run = promisify(execFile);

/** Program and the Debian package that has it. */
const PROGRAMS = {
  unshare: 'util-linux',
  setpriv: 'util-linux',
  mount: 'mount',
  ip: 'iproute2',
  nft: 'nftables',
  tar: 'tar',
} as const;

/** What cannot be helped is told in one sentence that says what to do. */
export class PlatformError extends Error {
  readonly code = 'PLATFORM';
  constructor(message: string) {
    super(message);
    this.name = 'PlatformError';
  }
}

/** Flags of `unshare` for our user: root needs no user namespace. */
export function namespaceFlags(): readonly string[] {
  const own = process.getuid?.() === 0 ? [] : ['--user', '--map-current-user', '--keep-caps'];
  return [...own, '--net', '--ipc', '--pid', '--fork', '--kill-child', '--mount', '--mount-proc'];
}

/** Rejects with a `PlatformError`. As root it installs what is missing, where there is apt-get. */
export async function checkPlatform(path: string, voice: Voice): Promise<void> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new PlatformError(`the local world runs on Linux x86-64 only; this is ${process.platform} ${process.arch}`);
  }
  const missing = Object.entries(PROGRAMS).filter(([program]) => findProgram(program, path) === null);
  if (missing.length > 0) await install(missing, path, voice);
  try {
    await run('unshare', [...namespaceFlags(), 'true'], { env: { PATH: path }, timeout: 20_000 });
  } catch (error) {
    const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    throw new PlatformError(
      process.getuid?.() === 0
        ? `this machine does not let root make namespaces (${stderr}); a container needs to be privileged for it`
        : `this machine forbids user namespaces (${stderr}); allow them (sysctl kernel.unprivileged_userns_clone=1 or kernel.apparmor_restrict_unprivileged_userns=0, user.max_user_namespaces above 0) or run as root`,
    );
  }
}

async function install(missing: readonly (readonly [string, string])[], path: string, voice: Voice): Promise<void> {
  const programs = missing.map(([program]) => program).join(', ');
  const packages = [...new Set(missing.map(([, name]) => name))];
  if (process.getuid?.() !== 0 || findProgram('apt-get', path) === null) {
    throw new PlatformError(
      `${programs} not found: install ${packages.join(', ')} (Debian and Ubuntu: apt-get install ${packages.join(' ')})`,
    );
  }
  const what = `installing ${packages.join(', ')} with apt-get, because ${programs} is missing`;
  voice.say(what);
  const env = { PATH: path, DEBIAN_FRONTEND: 'noninteractive' };
  const aptGet = (...args: readonly string[]) => run('apt-get', args, { env, timeout: 300_000 });
  const tryOnce = () => aptGet('install', '-y', '--no-install-recommends', ...packages);
  await withProgress(
    voice,
    () => what,
    async () => {
      try {
        await tryOnce();
      } catch {
        // A fresh image has no package lists; with them the second try tells what is wrong.
        await aptGet('update');
        await tryOnce();
      }
    },
  );
}
