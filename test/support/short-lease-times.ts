import type { LeaseTimes } from '../../src/kube/lease-times.ts';

/** A tenth to a fifth of the defaults; whole seconds, because the API server stores the duration so. */
export const SHORT_LEASE_TIMES: LeaseTimes = { leaseDurationMs: 3_000, renewDeadlineMs: 2_000, retryPeriodMs: 400 };
