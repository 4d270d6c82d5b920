/**
 * When each standby was last known to have replayed all that the primary had. While nobody commits the age of the last
 * replayed commit grows without end, and any other record, such as a checkpoint's, would make a standby that is seen a
 * moment before it replays that look hours behind.
 */
import type { Track } from './track-state.ts';

export interface CaughtUp {
  /** What was replayed is compared with this member's position. */
  readonly primary: string | null;
  /** By standby: monotonic start of the look at the primary whose position it had reached; it lags no longer than since then. */
  readonly atMs: ReadonlyMap<string, number>;
}

export const nobodyCaughtUp: CaughtUp = { primary: null, atMs: new Map() };

export function rememberCaughtUp(
  before: CaughtUp,
  tracks: ReadonlyMap<string, Track>,
  primary: string | null,
): CaughtUp {
  const answer = primary === null ? null : (tracks.get(primary)?.answer ?? null);
  const atMs = new Map(before.primary === primary ? before.atMs : []);
  for (const name of atMs.keys()) if (!tracks.has(name)) atMs.delete(name);
  const end = answer === null || answer.facts.inRecovery ? null : answer.facts.currentLsn;
  if (answer === null || end === null) return { primary, atMs };
  for (const [name, { answer: standby }] of tracks) {
    if (standby === null || !standby.facts.inRecovery || standby.facts.timeline < answer.facts.timeline) continue;
    const { replayLsn } = standby.facts;
    if (replayLsn !== null && replayLsn >= end) atMs.set(name, answer.startedAtMs);
  }
  return { primary, atMs };
}

/** The replay age, unless it is known that there was nothing to replay for part of it. */
export function boundedLagMs(replayAgeMs: number | null, caughtUpAtMs: number | undefined, nowMs: number) {
  if (replayAgeMs === null || caughtUpAtMs === undefined) return replayAgeMs;
  return Math.min(replayAgeMs, Math.max(0, nowMs - caughtUpAtMs));
}
