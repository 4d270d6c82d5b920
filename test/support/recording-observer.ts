import type { KubeObserver, LostEvent, WatchInterruption } from '../../src/kube/kube-observer.ts';
import type { KubeError } from '../../src/ports/kube.ts';

/** Keeps what the kube room reports. */
export class RecordingObserver implements KubeObserver {
  readonly interruptions: WatchInterruption[] = [];
  readonly listenerFailures: unknown[] = [];
  readonly lost: LostEvent[] = [];
  readonly leaseProblems: (KubeError | null)[] = [];

  watchInterrupted(interruption: WatchInterruption): void {
    this.interruptions.push(interruption);
  }

  listenerFailed(_resource: string, error: unknown): void {
    this.listenerFailures.push(error);
  }

  eventLost(event: LostEvent): void {
    this.lost.push(event);
  }

  leaseProblem(problem: KubeError | null): void {
    this.leaseProblems.push(problem);
  }
}
