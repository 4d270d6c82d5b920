/** Exponential backoff as `spec.retry` asks for it. */
import type { Spec } from '../api/database-failover.ts';
import { durationMs } from '../api/duration.ts';

/** Delay before retry number `retries` (1 is the first), jittered by `random` in [0, 1). */
export function retryDelayMs(retries: number, retry: Spec['retry'], random: number): number {
  const factor = Number(retry.factor) ** (retries - 1);
  const base = Math.min(durationMs(retry.maxDelay), durationMs(retry.initialDelay) * factor);
  return base * (1 + Number(retry.jitter) * (2 * random - 1));
}
