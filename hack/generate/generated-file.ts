/** A file in the repository whose text is computed. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export const repository = join(import.meta.dirname, '..', '..');

export interface GeneratedFile {
  /** Relative to the repository. */
  readonly path: string;
  readonly text: string;
}

/** True when the file in the repository has another text, or is not there. */
export async function hasDrifted(file: GeneratedFile): Promise<boolean> {
  try {
    return (await readFile(join(repository, file.path), 'utf8')) !== file.text;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return true;
    throw error;
  }
}

export async function write(file: GeneratedFile): Promise<void> {
  const path = join(repository, file.path);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, file.text);
}
