export interface LeaseTimes {
  /** What others wait after the last renewal that they saw. */
  readonly leaseDurationMs: number;
  /** What the holder waits after its last confirmed renewal before it stops leading. */
  readonly renewDeadlineMs: number;
  /** Between two attempts; a candidate adds up to a fifth by chance. */
  readonly retryPeriodMs: number;
}

/** client-go's defaults. */
export const DEFAULT_LEASE_TIMES: LeaseTimes = {
  leaseDurationMs: 15_000,
  renewDeadlineMs: 10_000,
  retryPeriodMs: 2_000,
};

/** Largest part of a retry period that chance adds to it. */
export const JITTER = 0.2;

/** @throws RangeError when a holder could still lead while others already may, or has no second attempt. */
export function requireSafeTimes({ leaseDurationMs, renewDeadlineMs, retryPeriodMs }: LeaseTimes): void {
  if (leaseDurationMs > renewDeadlineMs && renewDeadlineMs > (1 + JITTER) * retryPeriodMs && retryPeriodMs > 0) return;
  throw new RangeError('must be: lease duration > renew deadline > 1.2 x retry period > 0');
}
