/** An orderly stop of the server, as far as looks can tell one. */
import type { Evidence } from '../api/evidence.ts';
import { announcesStop, type BadLook } from './track-look.ts';

export interface OrderlyStop {
  /** Monotonic ms from which the grace runs: the end of the standing session, or the latest sign that it still answers. */
  readonly sinceMs: number;
  /** PostgreSQL said so (57P01); false: inferred. */
  readonly isAnnounced: boolean;
  /** Refused since: this run of the server is over. */
  readonly hasEnded: boolean;
}

/** The stop after this bad look; null: none is known, or the one that was is over. */
export function nextStop(
  stop: OrderlyStop | null,
  evidence: Evidence,
  look: BadLook,
  onSession: boolean,
): OrderlyStop | null {
  if (announcesStop(evidence)) {
    const begins = stop === null || !stop.isAnnounced;
    return begins ? { sinceMs: evidence.startedAtMs, isAnnounced: true, hasEnded: look.verdict === 'Refused' } : stop;
  }
  if (look.weight === 'Starting' && !onSession && evidence.sessionAlive) {
    return { sinceMs: evidence.endedAtMs, isAnnounced: stop?.isAnnounced ?? false, hasEnded: false };
  }
  if (stop === null) return null;
  // A smart shutdown would have told the session (57P01): ended without a word, it belonged to an earlier run.
  if (!stop.isAnnounced && (onSession || evidence.sessionLost !== null)) return null;
  if (stop.hasEnded && look.weight === 'Starting') return null;
  return look.verdict === 'Refused' ? { ...stop, hasEnded: true } : stop;
}
