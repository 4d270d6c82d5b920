import type { Clock } from '../../src/ports/clock.ts';

interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/**
 * A clock whose time only the test moves. `advance` fires timers in order and lets promises settle between them, so
 * that code which sleeps in a loop runs as it would in real time. Real I/O is not waited for.
 */
export class FakeClock implements Clock {
  #wallMs: number;
  #monotonicMs = 1_000;
  #order = 0;
  readonly #timers = new Set<Timer>();

  constructor(wallMs: number = Date.parse('2026-03-01T12:00:00Z')) {
    this.#wallMs = wallMs;
  }

  now(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  after(ms: number, callback: () => void): () => void {
    this.#order += 1;
    const timer: Timer = { atMs: this.#monotonicMs + Math.max(0, ms), order: this.#order, callback };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      const onAbort = (): void => {
        cancel();
        reject(signal.reason);
      };
      const cancel = this.after(ms, () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      });
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Timers that wait: 0 at the end of a test shows that nothing was left behind. */
  get pending(): number {
    return this.#timers.size;
  }

  /** What the waiting timers still have to wait, in ms. */
  get waits(): readonly number[] {
    return [...this.#timers].map((timer) => timer.atMs - this.#monotonicMs);
  }

  /** Moves time by `ms`, firing each timer at its moment. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#monotonicMs + ms;
    await settle();
    for (let timer = this.#next(untilMs); timer !== null; timer = this.#next(untilMs)) {
      this.#move(Math.max(timer.atMs, this.#monotonicMs));
      this.#timers.delete(timer);
      timer.callback();
      await settle();
    }
    this.#move(untilMs);
  }

  /** The event loop hangs for `ms`: time passes and no timer fires; what is overdue fires at the next `advance`. */
  stall(ms: number): void {
    this.#move(this.#monotonicMs + ms);
  }

  /** Somebody sets the wall clock (or the machine was suspended, where the monotonic clock stands still). */
  jumpWall(ms: number): void {
    this.#wallMs += ms;
  }

  #move(toMs: number): void {
    this.#wallMs += toMs - this.#monotonicMs;
    this.#monotonicMs = toMs;
  }

  #next(untilMs: number): Timer | null {
    let best: Timer | null = null;
    for (const timer of this.#timers) {
      if (timer.atMs > untilMs) continue;
      if (best === null || timer.atMs < best.atMs || (timer.atMs === best.atMs && timer.order < best.order))
        best = timer;
    }
    return best;
  }
}

/** Lets everything that is ready run: a turn of the event loop runs all pending promise reactions. */
export async function settle(turns = 3): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
