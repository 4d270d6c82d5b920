import type { Clock } from '../ports/clock.ts';

/**
 * Notices that this process did not run: a timer that fires late (the event loop hung, the container was frozen), or a
 * wall clock that went further than the monotonic one (the machine was suspended: there the monotonic clock stands
 * still). Returns the stop function.
 */
export function guardStalls(
  clock: Clock,
  limits: { readonly everyMs: number; readonly toleranceMs: number },
  onStall: (lateMs: number) => void,
): () => void {
  let cancel: () => void = () => {};
  const arm = (): void => {
    const expectedMs = clock.monotonicMs() + limits.everyMs;
    const wallMs = clock.now() + limits.everyMs;
    cancel = clock.after(limits.everyMs, () => {
      const lateMs = Math.max(clock.monotonicMs() - expectedMs, clock.now() - wallMs);
      arm();
      if (lateMs > limits.toleranceMs) onStall(lateMs);
    });
  };
  arm();
  return () => cancel();
}
