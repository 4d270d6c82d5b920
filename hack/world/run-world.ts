import { type ChildProcess, spawn } from 'node:child_process';
import { lstat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { watchAncestors } from './ancestors.ts';
import { getBinaries } from './binaries/get-binaries.ts';
import { stderrVoice } from './binaries/progress.ts';
import { WORLD_BINARIES } from './binaries/versions.ts';
import type { WorldOptions } from './options.ts';
import { PLAN_VARIABLE, type WorldPlan } from './plan.ts';
import { checkPlatform, namespaceFlags, PlatformError } from './platform.ts';
import { withSystemFolders } from './search-path.ts';
import { relaySignals, signalNumber } from './signals.ts';

/** How long COMMAND may take to end after a signal before everything is killed. */
const GRACE_MS = 10_000;

/**
 * Makes the namespaces, starts the world inside and runs `command` there. Resolves with its exit code (128 + n after
 * signal n) when nothing of the world is left. Four things end it, each sufficient: the command ends; a signal here;
 * an ancestor up to npm is gone; this process is gone (the kernel then kills the chain below: PDEATHSIG on `unshare`,
 * `--kill-child` on the first process inside, whose death ends all others).
 */
export async function runWorld(options: WorldOptions, command: readonly string[]): Promise<number> {
  const startedAt = Date.now();
  const path = withSystemFolders(process.env.PATH);
  await checkPlatform(path, stderrVoice);
  const binaries = await getBinaries(WORLD_BINARIES, stderrVoice);
  const runDir = await prepareMountPoint();
  const plan: WorldPlan = { runDir, options, binaries, startedAt, command: [...command] };

  const inside = join(import.meta.dirname, 'inside.ts');
  // A shell as first process of the namespace reaps orphans (killed servers leave many); Node would not.
  const first = ['sh', '-c', '"$@"; exit $?', 'sh', process.execPath, inside];
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', ...namespaceFlags(), ...first], {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    env: { ...process.env, PATH: path, [PLAN_VARIABLE]: JSON.stringify(plan) },
  });
  return await supervise(child);
}

/** The pipe carries signal names to the inside; its end means that this process is gone. */
async function supervise(child: ChildProcess): Promise<number> {
  const pipe = child.stdio[3];
  if (pipe === undefined || pipe === null || !('write' in pipe)) throw new Error('no pipe to the world');
  pipe.on('error', () => {}); // the inside has ended; its exit code is on the way
  const stopRelay = relaySignals(
    (signal) => pipe.write(`${signal}\n`),
    () => child.kill('SIGKILL'),
    GRACE_MS,
  );
  const stopWatching = watchAncestors(() => child.kill('SIGKILL'));
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => resolve(signal === null ? (code ?? 1) : 128 + signalNumber(signal)));
    });
  } finally {
    stopWatching();
    stopRelay();
    pipe.destroy();
  }
}

/**
 * An empty folder, the same for each world of a user: every world mounts memory over it in its own namespace, so
 * nothing is ever written to it and it stays. Short, because PostgreSQL's sockets lie below.
 */
async function prepareMountPoint(): Promise<string> {
  const uid = process.getuid?.() ?? 0;
  const dir = `/tmp/dbfo-world-${uid}`;
  await mkdir(dir, { recursive: true, mode: 0o755 });
  const stat = await lstat(dir);
  if (!stat.isDirectory() || stat.uid !== uid) throw new PlatformError(`${dir} belongs to somebody else: remove it`);
  return dir;
}
