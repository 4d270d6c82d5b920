import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type BinarySource, GO_MINIMUM } from './versions.ts';

const run = promisify(execFile);
const BUILD_TIMEOUT_MS = 60 * 60_000;

/** A sentence that says what is missing, or null when this machine can build. */
export async function reasonCannotBuild(env: NodeJS.ProcessEnv): Promise<string | null> {
  const needed = `Go ${GO_MINIMUM.join('.')} or newer`;
  let version: string;
  try {
    // Asked inside the module, where Go may switch to the toolchain that go.mod wants.
    version = (
      await run('go', ['env', 'GOVERSION'], { cwd: moduleFolder('kubernetes'), timeout: 120_000, env })
    ).stdout.trim();
  } catch {
    return `building from source needs ${needed}, which is not installed: see https://go.dev/doc/install`;
  }
  const [, major = '0', minor = '0'] = /^go(\d+)\.(\d+)/.exec(version) ?? [];
  const [wantedMajor, wantedMinor] = GO_MINIMUM;
  const enough = Number(major) > wantedMajor || (Number(major) === wantedMajor && Number(minor) >= wantedMinor);
  return enough
    ? null
    : `building from source needs ${needed}, but ${version} is installed: see https://go.dev/doc/install`;
}

/** Sources come from the Go module proxy and are verified against the go.sum beside this file. */
export async function build(source: BinarySource, target: string, env: NodeJS.ProcessEnv): Promise<void> {
  const args = ['build', '-mod=readonly', '-trimpath', '-ldflags', source.ldflags, '-o', target, source.goPackage];
  const child = spawn('go', args, {
    cwd: moduleFolder(source.module),
    env: { ...env, CGO_ENABLED: '0', GOOS: 'linux', GOARCH: 'amd64' },
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: BUILD_TIMEOUT_MS,
  });
  let errors = '';
  child.stderr.on('data', (part: Buffer) => {
    errors = (errors + part.toString('utf8')).slice(-4_000);
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`go build ${source.goPackage} failed:\n${errors}`);
}

function moduleFolder(module: BinarySource['module']): string {
  return join(import.meta.dirname, module);
}
