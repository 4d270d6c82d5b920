import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { type BinarySource, GO_MINIMUM } from './versions.ts';

const run = promisify(execFile);
const BUILD_TIMEOUT_MS = 60 * 60_000;
/** What `go build -v` prints of each package that it compiles. */
const PACKAGE = /^[\w.~/-]+$/;

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

export interface BuildCounts {
  /** Modules fetched so far. */
  fetched: number;
  /** Packages compiled so far; those that Go has kept from an earlier build are not among them. */
  compiled: number;
}

/**
 * Sources come from the Go module proxy and are verified against the go.sum beside this file. Go's own temporary files
 * lie in `<target>.d`, which is removed.
 */
export async function build(
  source: BinarySource,
  target: string,
  counts: BuildCounts,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const temporary = `${target}.d`;
  await mkdir(temporary);
  const args = [
    'build',
    '-v',
    '-mod=readonly',
    '-trimpath',
    '-ldflags',
    source.ldflags,
    '-o',
    target,
    source.goPackage,
  ];
  const child = spawn('go', args, {
    cwd: moduleFolder(source.module),
    env: { ...env, CGO_ENABLED: '0', GOOS: 'linux', GOARCH: 'amd64', GOTMPDIR: temporary },
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: BUILD_TIMEOUT_MS,
  });
  let errors = '';
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (line.startsWith('go: downloading ')) counts.fetched += 1;
    else if (PACKAGE.test(line)) counts.compiled += 1;
    else errors = `${errors}${line}\n`.slice(-4_000);
  });
  const [code] = await once(child, 'close');
  await rm(temporary, { recursive: true, force: true });
  if (code !== 0) throw new Error(`go build ${source.goPackage} failed:\n${errors}`);
}

function moduleFolder(module: BinarySource['module']): string {
  return join(import.meta.dirname, module);
}
