import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { killTree } from './process-tree.ts';

export interface ServerCommand {
  readonly name: string;
  readonly path: string;
  readonly args: readonly string[];
  /** Standard output and error are appended here. */
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Run as this user instead of ours. */
  readonly owner?: { readonly uid: number; readonly gid: number } | null;
}

export interface ServerProcess {
  readonly name: string;
  readonly pid: number;
  /** Resolves when the process has ended, with what ended it. */
  readonly ended: Promise<string>;
  hasEnded(): boolean;
  /** Sends `signal` and waits; kills the whole tree at the deadline and says so. */
  stop(signal: NodeJS.Signals, deadlineMs: number): Promise<void>;
  kill(): Promise<void>;
  /** The end of the log, for error messages. */
  logTail(): string;
}

/**
 * Starts a server in a session of its own: Ctrl-C in a terminal must reach the user's command alone, because the world
 * outlives it by the time it needs to end in order.
 */
export async function startServer(command: ServerCommand): Promise<ServerProcess> {
  const log = openSync(command.logFile, 'a', 0o644);
  let child: ChildProcess;
  try {
    child = spawn(command.path, command.args, {
      detached: true,
      stdio: ['ignore', log, log],
      env: { PATH: process.env.PATH, ...command.env },
      ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
      ...(command.owner === undefined || command.owner === null ? {} : command.owner),
    });
  } finally {
    closeSync(log);
  }
  let over: string | null = null;
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => {
      over = signal === null ? `exit code ${code}` : `signal ${signal}`;
      resolve(over);
    });
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) => reject(new Error(`${command.name} cannot be started: ${cause.message}`, { cause })));
  });
  const pid = child.pid ?? 0;
  return {
    name: command.name,
    pid,
    ended,
    hasEnded: () => over !== null,
    async stop(signal, deadlineMs) {
      child.kill(signal);
      const late = await within(ended, deadlineMs);
      if (!late) return;
      await killTree(pid);
      throw new Error(`${command.name} did not end within ${deadlineMs} ms of ${signal} and was killed`);
    },
    async kill() {
      await killTree(pid);
      await ended;
    },
    logTail: () => readTail(command.logFile),
  };
}

/** Polls `check` until it is true; fails at once when the server ends, and at the deadline. */
export async function waitUntilReady(
  server: ServerProcess,
  check: () => Promise<boolean>,
  deadlineMs: number,
): Promise<void> {
  const endsAt = performance.now() + deadlineMs;
  while (!(await check())) {
    if (server.hasEnded())
      throw new Error(`${server.name} ended while starting (${await server.ended}):\n${server.logTail()}`);
    if (performance.now() > endsAt)
      throw new Error(`${server.name} is not ready after ${deadlineMs} ms:\n${server.logTail()}`);
    await sleep(20);
  }
}

async function within(promise: Promise<unknown>, deadlineMs: number): Promise<boolean> {
  const timer = new AbortController();
  const late = await Promise.race([
    promise.then(() => false),
    sleep(deadlineMs, true, { signal: timer.signal }).catch(() => true),
  ]);
  timer.abort();
  return late;
}

function readTail(file: string): string {
  try {
    return readFileSync(file, 'utf8').split('\n').slice(-15).join('\n');
  } catch {
    return '(no log)'; // nothing was written yet
  }
}
