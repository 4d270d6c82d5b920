import { readFileSync } from 'node:fs';
import { readProcess } from './process-tree.ts';

interface Link {
  readonly child: number;
  readonly parent: number;
}

const POLL_MS = 200;
/** npm, perhaps a shell, the bootstrap script, this process. */
const MAX_LINKS = 4;

/**
 * Calls back when the process that this one was started for is gone. SIGKILL of npm reaches nobody below it: its
 * children merely get another parent, so each link from here up to npm is watched.
 */
export function watchAncestors(onGone: () => void): () => void {
  const links = linksUpToNpm();
  const timer = setInterval(() => {
    if (links.every(({ child, parent }) => parentOf(child) === parent)) return;
    clearInterval(timer);
    onGone();
  }, POLL_MS);
  timer.unref();
  return () => clearInterval(timer);
}

function linksUpToNpm(): readonly Link[] {
  const links: Link[] = [];
  let child = process.pid;
  while (links.length < MAX_LINKS) {
    const parent = parentOf(child);
    if (parent === null || parent <= 1) break;
    links.push({ child, parent });
    if (nameOf(parent).startsWith('npm')) return links;
    child = parent;
  }
  return links.slice(0, 1); // not started by npm: only the direct parent is ours to follow
}

function parentOf(pid: number): number | null {
  return pid === process.pid ? process.ppid : (readProcess(pid)?.parent ?? null);
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return ''; // it is gone, which the watch will notice
  }
}
