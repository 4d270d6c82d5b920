import type { KubeError } from '../ports/kube.ts';

/**
 * - `Closed`: the API server ended it, as it does every 5-10 minutes.
 * - `Silent`: nothing came, not even a bookmark.
 * - `Gone`: our version is too old (410), a list follows.
 * - `Malformed`: a line that is no watch event, a list follows.
 * - `Failed`: refused, or broken on the way.
 */
export type WatchEnd = 'Closed' | 'Silent' | 'Gone' | 'Malformed' | 'Failed';

export interface WatchInterruption {
  readonly resource: string;
  readonly namespace: string | null;
  readonly why: WatchEnd;
  readonly message: string;
  readonly retryInMs: number;
}

export interface LostEvent {
  readonly reason: string;
  readonly object: string;
  readonly why: 'RateLimited' | 'Overflow' | 'Failed';
  readonly message: string;
}

/** For logs and metrics; must not throw. Nothing in here holds a secret. */
export interface KubeObserver {
  watchInterrupted(interruption: WatchInterruption): void;
  /** A watch's listener threw, which is a bug of ours. */
  listenerFailed(resource: string, error: unknown): void;
  eventLost(event: LostEvent): void;
  /** The Lease cannot be read or written; once per change, null when it can again. */
  leaseProblem(problem: KubeError | null): void;
}
