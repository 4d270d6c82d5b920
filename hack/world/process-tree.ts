import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  readonly state: string;
  /** Process group; 0: one of a process namespace above. */
  readonly group: number;
}

/** Null when there is no such process. */
export function readProcess(pid: number): ProcessStat | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return null; // it ended between being listed and being read
  }
  // The second field is the name in brackets and may itself hold blanks and brackets.
  const [state = '', parent = '0', group = '0'] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { pid, parent: Number(parent), state, group: Number(group) };
}

/** All processes below `root`, without `root`; zombies are left out. */
export function descendants(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    const stat = /^[0-9]+$/.test(entry) ? readProcess(Number(entry)) : null;
    if (stat === null || stat.state === 'Z') continue;
    children.set(stat.parent, [...(children.get(stat.parent) ?? []), stat.pid]);
  }
  const found: number[] = [];
  const queue = [root];
  for (let pid = queue.pop(); pid !== undefined; pid = queue.pop()) {
    const below = children.get(pid) ?? [];
    found.push(...below);
    queue.push(...below);
  }
  return found;
}

export function isAlive(pid: number): boolean {
  const stat = readProcess(pid);
  return stat !== null && stat.state !== 'Z' && stat.state !== 'X';
}

/** False when the process is already gone. */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}

/** Signals `root` and what below it is in the same process group, as a terminal does at Ctrl-C. */
export function signalGroupBelow(root: number, signal: NodeJS.Signals): void {
  const group = readProcess(root)?.group;
  const below = descendants(root).filter((pid) => readProcess(pid)?.group === group);
  for (const pid of [root, ...below]) signalProcess(pid, signal);
}

/** Stops `root` first, so that it cannot start further children while the others are stopped. */
export function freezeTree(root: number): number[] {
  signalProcess(root, 'SIGSTOP');
  const below = descendants(root);
  for (const pid of below) signalProcess(pid, 'SIGSTOP');
  return [root, ...below];
}

/** `root` goes on last: its children find it as they left it. */
export function thawTree(root: number): void {
  for (const pid of [...descendants(root), root]) signalProcess(pid, 'SIGCONT');
}

/** SIGKILL for `root` and everything below it; resolves once all are gone. */
export async function killTree(root: number, deadlineMs = 10_000): Promise<void> {
  const pids = freezeTree(root);
  for (const pid of pids) signalProcess(pid, 'SIGKILL');
  await waitUntilGone(pids, deadlineMs);
}

export async function waitUntilGone(pids: readonly number[], deadlineMs: number): Promise<void> {
  const endsAt = performance.now() + deadlineMs;
  while (pids.some(isAlive)) {
    if (performance.now() > endsAt)
      throw new Error(`processes ${pids.filter(isAlive).join(', ')} did not end in ${deadlineMs} ms`);
    await sleep(5);
  }
}
