/** Time and chance are arguments, so that the simulator owns both. */
export interface Clock {
  /** Wall time in ms since 1970, for status and logs only. */
  now(): number;
  /** Monotonic ms, for every deadline, age and lease. */
  monotonicMs(): number;
  /** Resolves after `ms`; rejects with the signal's reason when aborted first. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Calls back once after `ms`; the returned function cancels. */
  after(ms: number, callback: () => void): () => void;
}

/** Uniform in [0, 1). */
export type Random = () => number;
