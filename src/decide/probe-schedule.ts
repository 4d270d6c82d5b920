/**
 * When to look at a member next, and how. Pure: the caller keeps at most one look in flight and asks again after each.
 *
 * - healthy: a standing look each `interval`, a fresh one every 10 s at a phase of its own.
 * - doubt (the standing session failed or was lost): a fresh look at once.
 * - new connections fail: the standing session is asked at once whether it still vouches, and confirmations follow: bare
 *   startup exchanges, or full looks where the failure lay deeper than a startup exchange reaches; 25 ms after a refusal or
 *   a reset, else 250 ms.
 * - failing and not dead (graces, resets): each `interval`. Signs of life that need a person (wrong password, full
 *   server): backing off from `interval`, so that logs and lock-outs are spared.
 * - dead: exponential backoff with jitter, 5 s at most; an answered startup exchange is followed by a full look at once.
 */
import type { ProbeKind } from '../api/evidence.ts';
import type { DetectionSettings } from '../api/settings.ts';
import type { Random } from '../ports/clock.ts';
import type { LookTime, Track } from './track-state.ts';
import type { Trouble } from './track-trouble.ts';

export interface NextProbe {
  /** Monotonic ms, never before now. */
  readonly atMs: number;
  readonly kind: ProbeKind;
}

/** Design, section 4: how often new connections are tried while all is well. */
const FRESH_EVERY_MS = 10_000;
const CONFIRM_QUICKLY_MS = 25;
const CONFIRM_MS = 250;
const BACKOFF_CAP_MS = 5000;
/** Spreads the looks of many resources at one dead host; only ever earlier, so that the cap holds. */
const BACKOFF_JITTER = 0.2;
/** Confirmations that contradict each other for so many thresholds are no quick confirmation any more. */
const CONFIRMATION_BOUND = 10;
/** Multiples of the golden ratio spread any number of members evenly. */
const GOLDEN_RATIO = 0.618_033_988_749_895;

export function nextProbe(
  track: Track,
  nowMs: number,
  settings: DetectionSettings,
  random: Random,
  hurry: boolean,
): NextProbe {
  const due = dueProbe(track, settings, random, hurry);
  return { kind: due.kind, atMs: Math.max(nowMs, due.atMs) };
}

/** Times in the past mean: at once. */
function dueProbe(track: Track, settings: DetectionSettings, random: Random, hurry: boolean): NextProbe {
  const { last, trouble } = track;
  const soonMs = Math.min(settings.intervalMs, CONFIRM_MS);
  if (last === null) return { atMs: Number.NEGATIVE_INFINITY, kind: 'Fresh' };
  if (!track.asked) return { atMs: last.endedAtMs + soonMs, kind: 'Fresh' };
  // A server that ends every session at once must not be asked in a tight loop.
  if (track.doubtAtMs !== null) return { atMs: startOf(track.lastFresh) + soonMs, kind: 'Fresh' };
  const paceMs = hurry ? soonMs : settings.intervalMs;
  const fresh =
    trouble === null
      ? steadyFresh(track, settings, last)
      : newConnectionInTrouble(track, trouble, settings, random, last);
  const standing = standingLook(track, trouble, paceMs, last);
  return standing !== null && standing.atMs < fresh.atMs ? standing : fresh;
}

function steadyFresh(track: Track, settings: DetectionSettings, last: LookTime): NextProbe {
  // A startup exchange that was answered while nothing was wrong still owes a full look.
  if (track.answer === null || track.lastNew?.accepted === true) return { atMs: last.endedAtMs, kind: 'Fresh' };
  const previousMs = startOf(track.lastFresh);
  // Many servers behind one name are told apart, and known to be one again, by new connections alone.
  if (track.identity.isAmbiguous) return { atMs: previousMs + settings.intervalMs, kind: 'Fresh' };
  const periodMs = Math.max(FRESH_EVERY_MS, settings.intervalMs);
  const phaseMs = ((track.index * GOLDEN_RATIO) % 1) * periodMs;
  const rounds = Math.floor((previousMs - phaseMs) / periodMs) + 1;
  return { atMs: Number.isFinite(rounds) ? phaseMs + rounds * periodMs : previousMs, kind: 'Fresh' };
}

/** null: there is no session to ask, or nothing to ask of it while new connections are in question. */
function standingLook(track: Track, trouble: Trouble | null, paceMs: number, last: LookTime): NextProbe | null {
  if (trouble === null) return { atMs: last.startedAtMs + paceMs, kind: 'Standing' };
  // Good looks that follow each other within a millisecond would prove no recovery.
  if (!track.sessionAlive || track.goodLooks > 0) return null;
  const askedMs = startOf(track.lastStanding);
  // What it said before the trouble began vouches for nothing.
  return { atMs: askedMs < trouble.sinceMs ? askedMs : askedMs + paceMs, kind: 'Standing' };
}

function newConnectionInTrouble(
  track: Track,
  trouble: Trouble,
  settings: DetectionSettings,
  random: Random,
  last: LookTime,
): NextProbe {
  const previous = track.lastNew;
  if (previous === null || !trouble.onNewConnection || previous.accepted) {
    return { atMs: last.endedAtMs, kind: 'Fresh' };
  }
  if (track.goodLooks > 0) {
    return { atMs: previous.endedAtMs + Math.min(settings.intervalMs, CONFIRM_MS), kind: 'Fresh' };
  }
  const { look } = trouble;
  const isBare = !look.deep && look.weight !== 'Blind';
  return {
    atMs: previous.endedAtMs + pauseMs(track, trouble, settings, random),
    kind: isBare ? 'Startup' : 'Fresh',
  };
}

function pauseMs(track: Track, trouble: Trouble, settings: DetectionSettings, random: Random): number {
  const { intervalMs, failureThreshold } = settings;
  const { weight, quick } = trouble.look;
  if (weight === 'Lives' || weight === 'Blind') {
    const doublings = Math.max(0, trouble.looks - failureThreshold);
    return Math.max(intervalMs, Math.min(BACKOFF_CAP_MS, intervalMs * 2 ** doublings));
  }
  if (track.dead !== null) {
    if (weight === 'Starting') return Math.min(intervalMs, BACKOFF_CAP_MS);
    const fullMs = Math.min(BACKOFF_CAP_MS, CONFIRM_MS * 2 ** track.unheard);
    return fullMs * (1 - BACKOFF_JITTER * random());
  }
  const confirmed = weight === 'Down' ? trouble.failed : trouble.looks;
  if (confirmed >= failureThreshold || trouble.looks >= CONFIRMATION_BOUND * failureThreshold) return intervalMs;
  return quick ? CONFIRM_QUICKLY_MS : Math.min(intervalMs, CONFIRM_MS);
}

function startOf(look: LookTime | null): number {
  return look?.startedAtMs ?? Number.NEGATIVE_INFINITY;
}
