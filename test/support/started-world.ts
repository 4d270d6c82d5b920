import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createInterface } from 'node:readline';

const ROOT = new URL('../..', import.meta.url).pathname;
const START_TIMEOUT_MS = 120_000;
const NAMESPACES = ['net', 'mnt', 'pid', 'ipc'] as const;

/** What the started command tells about itself first. */
const TELL = NAMESPACES.map((name) => `readlink /proc/self/ns/${name}`).join('; ');

export interface StartedWorld {
  readonly launcher: ChildProcess;
  /** Links of /proc/PID/ns that only this world's processes have. */
  readonly namespaces: readonly string[];
  /** `exit code N` or `signal S` of the launcher. */
  readonly ended: Promise<string>;
}

/** Starts a world (inside the tests' own) with `script` as its shell command and resolves once that runs. */
export async function startWorldFor(
  script: string,
  by: 'node' | 'npm',
  options: readonly string[] = ['--members', '0', '--no-proxy'],
): Promise<StartedWorld> {
  const command = [...options, '--', 'sh', '-c', `${TELL}; ${script}`];
  const launcher =
    by === 'npm'
      ? spawn('npm', ['run', '--silent', 'world', '--', ...command], { cwd: ROOT, stdio: 'pipe' })
      : spawn(process.execPath, ['hack/world/main.ts', ...command], { cwd: ROOT, stdio: 'pipe' });
  const ended = new Promise<string>((resolve) => {
    launcher.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`));
  });
  let complaints = '';
  launcher.stderr.on('data', (part: Buffer) => {
    complaints += part.toString();
  });
  const namespaces = await new Promise<string[]>((resolve, reject) => {
    const found: string[] = [];
    const timer = setTimeout(() => reject(new Error(`the world did not start: ${complaints}`)), START_TIMEOUT_MS);
    createInterface({ input: launcher.stdout }).on('line', (line) => {
      found.push(line);
      if (found.length < NAMESPACES.length) return;
      clearTimeout(timer);
      resolve(found);
    });
    void ended.then((how) => reject(new Error(`the world ended at once (${how}): ${complaints}`)));
  });
  return { launcher, namespaces, ended };
}

/** Processes that are in one of the namespaces; a namespace without process, mount or open file does not exist. */
export function processesIn(namespaces: readonly string[]): readonly string[] {
  return readdirSync('/proc')
    .filter((entry) => /^[0-9]+$/.test(entry))
    .filter((pid) =>
      NAMESPACES.some((name) => namespaces.includes(readOrEmpty(() => readlinkSync(`/proc/${pid}/ns/${name}`)))),
    )
    .map((pid) => `${pid} ${readOrEmpty(() => readFileSync(`/proc/${pid}/comm`, 'utf8').trim())}`);
}

/** Mounts of this namespace: where, of what kind. */
export function mounts(): readonly string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ').slice(3).join(' '));
}

function readOrEmpty(read: () => string): string {
  try {
    return read();
  } catch {
    return ''; // the process ended meanwhile
  }
}
