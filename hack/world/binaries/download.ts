import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { sha256Of } from './cache.ts';
import type { BinarySource } from './versions.ts';

const run = promisify(execFile);

/** Offline is found out by then. */
const CHECKSUM_TIMEOUT_MS = 5_000;
const FILE_TIMEOUT_MS = 20 * 60_000;
const UNPACK_TIMEOUT_MS = 120_000;

export class DownloadError extends Error {
  readonly code: 'UNREACHABLE' | 'CHECKSUM';
  constructor(code: 'UNREACHABLE' | 'CHECKSUM', message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DownloadError';
    this.code = code;
  }
}

export type Progress = (receivedBytes: number) => void;

/**
 * Downloads a release file to `target` and verifies it against its published checksum; from an archive only the binary
 * is kept. Leaves nothing at `target` when it rejects (always with a `DownloadError` or an error of the file system).
 */
export async function download(
  source: BinarySource,
  target: string,
  progress: Progress,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<void> {
  const base = (env[source.baseVariable] ?? source.base).replace(/\/$/, '');
  const wanted = findChecksum(await fetchText(`${base}/${source.checksums}`), basename(source.file));
  if (wanted === null)
    throw new DownloadError('CHECKSUM', `${base}/${source.checksums} names no checksum of ${source.file}`);
  const received = source.member === null ? target : `${target}.archive`;
  try {
    await fetchFile(`${base}/${source.file}`, received, progress);
    const actual = await sha256Of(received);
    if (actual !== wanted) {
      throw new DownloadError('CHECKSUM', `${base}/${source.file} has checksum ${actual}, published is ${wanted}`);
    }
    if (source.member !== null) await unpack(received, source.member, target);
  } catch (error) {
    await rm(target, { force: true });
    throw error;
  } finally {
    if (received !== target) await rm(received, { force: true });
  }
}

/** Reads both a bare checksum and `sha256sum`'s lines. */
export function findChecksum(text: string, file: string): string | null {
  for (const line of text.split('\n')) {
    const [, checksum, name] = /^([0-9a-f]{64})(?:[ *]+(\S+))?\s*$/.exec(line) ?? [];
    if (checksum !== undefined && (name === undefined || basename(name) === file)) return checksum;
  }
  return null;
}

async function fetchText(url: string): Promise<string> {
  const signal = AbortSignal.timeout(CHECKSUM_TIMEOUT_MS);
  try {
    const answer = await fetch(url, { signal });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    return await answer.text();
  } catch (cause) {
    throw unreachableError(url, cause);
  }
}

async function fetchFile(url: string, target: string, progress: Progress): Promise<void> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(FILE_TIMEOUT_MS) });
    if (!answer.ok || answer.body === null) throw new Error(`status ${answer.status}`);
    let received = 0;
    const counted = Readable.fromWeb(answer.body).on('data', (part: Buffer) => {
      received += part.length;
      progress(received);
    });
    await pipeline(counted, createWriteStream(target));
  } catch (cause) {
    throw unreachableError(url, cause);
  }
}

function unreachableError(url: string, cause: unknown): DownloadError {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const why = inner instanceof Error ? inner.message || inner.name : String(inner);
  return new DownloadError('UNREACHABLE', `${url}: ${why}`, { cause });
}

async function unpack(archive: string, member: string, target: string): Promise<void> {
  const dir = dirname(target);
  const folder = `${target}.d`;
  await run(
    'sh',
    ['-c', 'mkdir "$1" && tar -xzf "$2" -C "$1" "$3" && mv "$1/$3" "$4"', 'sh', folder, archive, member, target],
    {
      cwd: dir,
      timeout: UNPACK_TIMEOUT_MS,
    },
  );
  await rm(folder, { recursive: true, force: true });
}
