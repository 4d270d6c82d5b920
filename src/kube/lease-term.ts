import type { Clock } from '../ports/clock.ts';

/**
 * - `Expired`: no renewal was confirmed within the renew deadline.
 * - `Taken`: somebody else holds the Lease.
 * - `Deleted`: the Lease is gone, so anybody may create it.
 * - `Stalled`: this process did not run for a while; what it knows is too old.
 * - `Released`: given up on purpose.
 */
export type LossReason = 'Expired' | 'Taken' | 'Deleted' | 'Stalled' | 'Released';

/** The reason of a term's aborted signal. */
export class LeadershipLostError extends Error {
  readonly code = 'LEADERSHIP_LOST';
  readonly why: LossReason;
  constructor(why: LossReason) {
    super(`leadership lost: ${why}`);
    this.name = 'LeadershipLostError';
    this.why = why;
  }
}

/** A moment by both clocks. */
export interface Mark {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export function markNow(clock: Clock): Mark {
  return { monotonicMs: clock.monotonicMs(), wallMs: clock.now() };
}

/**
 * By the clock that went further: the monotonic one stands still while a machine is suspended, the wall clock does not.
 * Somebody who sets the wall clock ahead ends a term too early, which is safe.
 */
export function elapsedMs(clock: Clock, since: Mark): number {
  return Math.max(clock.monotonicMs() - since.monotonicMs, clock.now() - since.wallMs);
}

/** From winning the Lease to losing it. Its signal aborts at the end, and by itself when no renewal is confirmed in time. */
export class LeaseTerm {
  readonly #clock: Clock;
  readonly #renewDeadlineMs: number;
  readonly #onExpiry: () => void;
  readonly #controller = new AbortController();
  #confirmed: Mark;
  #cancelExpiry: () => void = () => {};

  /** `sent`: when the request that won was sent; what happened on its way counts against us. */
  constructor(clock: Clock, renewDeadlineMs: number, sent: Mark, onExpiry: () => void) {
    this.#clock = clock;
    this.#renewDeadlineMs = renewDeadlineMs;
    this.#onExpiry = onExpiry;
    this.#confirmed = sent;
    this.confirm(sent);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The request sent then was answered: we held the Lease at that moment. */
  confirm(sent: Mark): void {
    this.#cancelExpiry();
    this.#confirmed = sent;
    if (!this.signal.aborted) this.#cancelExpiry = this.#clock.after(this.remainingMs(), this.#onExpiry);
  }

  /** Ends with the renew deadline, not with the Lease: the rest is the margin for clocks that run at different rates. */
  remainingMs(): number {
    if (this.signal.aborted) return 0;
    return Math.max(0, this.#renewDeadlineMs - elapsedMs(this.#clock, this.#confirmed));
  }

  end(why: LossReason): void {
    this.#cancelExpiry();
    this.#controller.abort(new LeadershipLostError(why));
  }
}
