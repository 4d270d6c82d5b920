/**
 * A keyed work queue on our own clock: at most one handler per key at a time, a bound on all, a key added while it is
 * handled is handled once more, and a failing key comes back with exponential backoff and jitter. What happens meanwhile
 * may shorten that pause, but not below a second: each look at each member adds the key, and an API server that has
 * trouble must not be asked with each look.
 */
import { backoffMs } from '../decide/retry.ts';
import type { Clock, Random } from '../ports/clock.ts';

export interface Queue {
  add(key: string): void;
  /** Adds the key after `ms` unless it is added earlier; an earlier time wins over a later one. */
  addAfter(key: string, ms: number): void;
  /** Forgets the key's timers and failures; a running handler ends by itself. */
  forget(key: string): void;
  /** Resolves when the handlers that run now have ended. */
  settled(): Promise<void>;
  /** Takes no more work and resolves when the running handlers have ended. */
  stop(): Promise<void>;
}

export interface QueueOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly handle: (key: string) => Promise<void>;
  /** Called once per failure, before the retry is scheduled. */
  readonly onError: (key: string, error: unknown, retryInMs: number) => void;
  readonly concurrency: number;
}

/** First retry after about 0.1 s, doubling to 30 s. */
const BACKOFF = { initialMs: 100, factor: 2, maxMs: 30_000, jitter: 0.2 } as const;

/** The least pause after a failure that is not the first of many. */
const BUSY_PAUSE_MS = 1000;

interface Timer {
  readonly dueMs: number;
  readonly cancel: () => void;
}

export function createQueue(options: QueueOptions): Queue {
  const { clock, random, handle, onError, concurrency } = options;
  const waiting = new Set<string>();
  const running = new Map<string, Promise<void>>();
  const failures = new Map<string, { readonly count: number; readonly notBeforeMs: number }>();
  const timers = new Map<string, Timer>();
  let stopped = false;

  const add = (key: string): void => {
    if (stopped) return;
    const pauseMs = (failures.get(key)?.notBeforeMs ?? 0) - clock.monotonicMs();
    if (pauseMs > 0) {
      addAfter(key, pauseMs);
      return;
    }
    clearTimer(key);
    waiting.add(key);
    pump();
  };

  const addAfter = (key: string, ms: number): void => {
    if (stopped) return;
    const dueMs = clock.monotonicMs() + ms;
    const pending = timers.get(key);
    if (pending !== undefined && pending.dueMs <= dueMs) return;
    clearTimer(key);
    timers.set(key, { dueMs, cancel: clock.after(ms, () => add(key)) });
  };

  const clearTimer = (key: string): void => {
    timers.get(key)?.cancel();
    timers.delete(key);
  };

  const pump = (): void => {
    for (const key of waiting) {
      if (running.size >= concurrency) return;
      if (running.has(key)) continue;
      waiting.delete(key);
      running.set(key, run(key));
    }
  };

  const run = async (key: string): Promise<void> => {
    try {
      await handle(key);
      failures.delete(key);
    } catch (error) {
      const count = (failures.get(key)?.count ?? 0) + 1;
      const retryInMs = backoffMs(count, BACKOFF, random());
      failures.set(key, { count, notBeforeMs: clock.monotonicMs() + Math.min(retryInMs, BUSY_PAUSE_MS) });
      onError(key, error, retryInMs);
      const isWanted = waiting.delete(key);
      addAfter(key, isWanted ? Math.min(retryInMs, BUSY_PAUSE_MS) : retryInMs);
    } finally {
      running.delete(key);
      if (!stopped) pump();
    }
  };

  return {
    add,
    addAfter,
    forget: (key) => {
      clearTimer(key);
      waiting.delete(key);
      failures.delete(key);
    },
    settled: async () => {
      await Promise.all(running.values());
    },
    stop: async () => {
      stopped = true;
      waiting.clear();
      for (const key of [...timers.keys()]) clearTimer(key);
      await Promise.all(running.values());
    },
  };
}
