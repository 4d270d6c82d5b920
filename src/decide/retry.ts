/** Exponential backoff with jitter: of passes, and of an attempt's steps as `spec.retry` asks for it. */
import type { Spec } from '../api/database-failover.ts';
import { durationMs } from '../api/duration.ts';

export interface Backoff {
  readonly initialMs: number;
  readonly factor: number;
  readonly maxMs: number;
  /** Share by which each delay varies at random, 0 to 1. */
  readonly jitter: number;
}

/** Delay in ms before retry number `retries` (1 is the first), jittered by `random` in [0, 1). */
export function backoffMs(retries: number, backoff: Backoff, random: number): number {
  const base = Math.min(backoff.maxMs, backoff.initialMs * backoff.factor ** (retries - 1));
  return base * (1 + backoff.jitter * (2 * random - 1));
}

export function retryDelayMs(retries: number, retry: Spec['retry'], random: number): number {
  const { initialDelay, factor, maxDelay, jitter } = retry;
  const backoff = {
    initialMs: durationMs(initialDelay),
    factor: Number(factor),
    maxMs: durationMs(maxDelay),
    jitter: Number(jitter),
  };
  return backoffMs(retries, backoff, random);
}
