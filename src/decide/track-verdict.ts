/** Reads the verdict from a track. What other members or the expected identity have to say about it is added in `views.ts`. */
import type { DetectionSettings } from '../api/settings.ts';
import type { Verdict } from '../api/verdict.ts';
import { isFlapping, isInShutdownGrace, WINDOW_FACTOR } from './track.ts';
import { describeRun } from './track-reason.ts';
import type { Track } from './track-state.ts';
import type { Trouble } from './track-trouble.ts';

export interface TrackVerdict {
  readonly verdict: Verdict;
  readonly reason: string;
  readonly dead: boolean;
  /** Refused past the threshold, the standing session over; graces play no part. */
  readonly refused: boolean;
  /** Monotonic start of the first look that was not good; null while `Up` and before the first look. */
  readonly lostAtMs: number | null;
}

/** A dead member stays what it was until it has recovered, so `dead` and `Up` never meet. */
export function verdictOf(track: Track, nowMs: number, settings: DetectionSettings): TrackVerdict {
  const { trouble } = track;
  if (trouble === null) return track.answer === null ? notAnswered(track) : up('answers');
  if (isVouchedFor(track, trouble, settings)) {
    return up(`answers on the standing session; new connections: ${trouble.look.reason}${runOf(trouble, settings)}`);
  }
  return {
    verdict: troubleVerdict(track, trouble, nowMs, settings),
    reason: troubleReason(track, trouble, settings),
    dead: track.dead !== null,
    refused: isRefused(track, trouble, settings),
    lostAtMs: trouble.sinceMs,
  };
}

function up(reason: string): TrackVerdict {
  return { verdict: 'Up', reason, dead: false, refused: false, lostAtMs: null };
}

function notAnswered(track: Track): TrackVerdict {
  const reason = track.asked ? 'accepts connections, not asked in full yet' : 'not looked at yet';
  return { verdict: 'Unknown', reason, dead: false, refused: false, lostAtMs: null };
}

/**
 * A proof that no writer is there, so stricter than dead: not through a proxy, not at an address that the name may have
 * left, and not of a member that has just answered again.
 */
function isRefused(track: Track, { look, failed }: Trouble, settings: DetectionSettings): boolean {
  if (!track.member.direct || track.sessionAlive || track.goodLooks > 0) return false;
  return look.verdict === 'Refused' && look.isAddressFresh && failed >= settings.failureThreshold;
}

/** 57P03 is the server's own word for every new connection: no threshold is needed to believe it. */
function isVouchedFor(track: Track, trouble: Trouble, settings: DetectionSettings): boolean {
  if (!track.sessionAlive || track.answer === null || track.dead !== null) return false;
  return trouble.look.weight !== 'Starting' && trouble.newBad < settings.failureThreshold;
}

function troubleVerdict(track: Track, trouble: Trouble, nowMs: number, settings: DetectionSettings): Verdict {
  const { verdict, weight } = trouble.look;
  if (track.stop === null) return verdict;
  if (weight === 'Starting') return 'Stopping';
  // A session that ended is no stop by itself; a new connection that found nobody makes it one, as long as the grace runs.
  const isStopped = weight === 'Down' || (weight === 'Neutral' && trouble.onNewConnection);
  return isStopped && isInShutdownGrace(track, nowMs, settings) ? 'Stopping' : verdict;
}

function troubleReason(track: Track, trouble: Trouble, settings: DetectionSettings): string {
  const { reason, remedy } = trouble.look;
  const parts = [`${reason}${runOf(trouble, settings)}`];
  if (remedy !== '') parts.push(remedy);
  if (track.stop !== null) {
    parts.push(track.stop.isAnnounced ? 'it announced an orderly stop (57P01)' : 'it is shutting down');
  }
  if (track.sessionAlive) parts.push('the standing session still answers, so sessions that are open may still write');
  if (track.dead === 'Flapping' && isFlapping(track, settings)) {
    parts.push(`more than half of the last ${WINDOW_FACTOR * settings.failureThreshold} looks failed`);
  }
  if (track.goodLooks > 0) parts.push(`it answers again, ${settings.recoveryThreshold} good looks in a row are needed`);
  return parts.join('; ');
}

function runOf(trouble: Trouble, settings: DetectionSettings): string {
  return describeRun(trouble.looks, settings.failureThreshold);
}
