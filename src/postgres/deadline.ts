import type { Clock } from '../ports/clock.ts';
import { LookEnded } from './probe-failure.ts';

/** The wall-clock bound around a look or a part of it. */
export interface Deadline {
  /** Aborted with `LookEnded` when the time is over, or when an outer signal is aborted. */
  readonly signal: AbortSignal;
  readonly remainingMs: () => number;
  /** Ends it early: everything that still runs under it is aborted. */
  readonly end: (why: LookEnded['why']) => void;
}

/** Must be ended by its maker, else its timer runs on. */
export function startDeadline(clock: Clock, ms: number, outer: readonly AbortSignal[]): Deadline {
  const controller = new AbortController();
  const endsAtMs = clock.monotonicMs() + ms;
  const end = (why: LookEnded['why'], reason: unknown = new LookEnded(why)): void => {
    cancel();
    for (const signal of outer) signal.removeEventListener('abort', onOuter);
    controller.abort(reason);
  };
  // An outer deadline's reason is handed on: a look that ran out of time is no look that was cut short.
  const onOuter = (event: { readonly target: unknown }): void => {
    const reason: unknown = event.target instanceof AbortSignal ? event.target.reason : null;
    end('Aborted', reason instanceof LookEnded ? reason : new LookEnded('Aborted'));
  };
  const cancel = clock.after(ms, () => end('Timeout'));
  for (const signal of outer) {
    signal.addEventListener('abort', onOuter, { once: true });
    if (signal.aborted) onOuter({ target: signal });
  }
  return { signal: controller.signal, remainingMs: () => Math.max(0, endsAtMs - clock.monotonicMs()), end };
}
