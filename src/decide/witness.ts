/**
 * What a standby's WAL receiver says of the primary. Shown only: nothing is decided by it yet.
 *
 * A standby votes if it streamed from the primary when the primary last answered. What it heard counts only if it was
 * surely heard after this observer lost sight, so ages are taken from the start of the look that read them; and it counts
 * no longer than the receiver itself would wait, because a primary may die after it was heard.
 */
import type { MemberSettings } from '../api/settings.ts';
import type { MemberView, WitnessVote } from '../api/verdict.ts';
import { isSentBy } from './lineage.ts';
import type { Track } from './track-state.ts';

export interface WitnessedPrimary {
  readonly settings: MemberSettings;
  readonly view: MemberView;
}

export function witnessVote(
  witness: { readonly view: MemberView; readonly track: Track; readonly peers: readonly MemberView[] },
  primary: WitnessedPrimary | null,
  { nowMs, witnessPatienceMs }: { readonly nowMs: number; readonly witnessPatienceMs: number },
): WitnessVote {
  const { view, track } = witness;
  const lostAtMs = primary?.view.lostAtMs ?? null;
  if (primary === null || lostAtMs === null || !view.standby || track.answer === null) return 'NoVote';
  const patienceMs = Math.min(witnessPatienceMs, receiverTimeoutMs(track.answer.facts.walReceiverTimeoutMs));
  if (!streamedFrom(witness, primary)) return cascadedVote(track, primary, lostAtMs, { nowMs, patienceMs });
  if (track.stream.stoppedAtMs !== null) return 'Lost';
  const heardAtMs = lastHeardMs(track);
  const lastSignMs = Math.max(lostAtMs, heardAtMs);
  if (nowMs - lastSignMs > patienceMs) return 'NoVote';
  return heardAtMs > lostAtMs ? 'Alive' : 'Undecided';
}

/** 0 switches the receiver's own timeout off. */
function receiverTimeoutMs(ms: number): number {
  return ms === 0 ? Number.POSITIVE_INFINITY : ms;
}

/** The receiver's last message, or WAL that arrived between two looks; both as the earliest moment they may have come. */
function lastHeardMs({ answer, stream }: Track): number {
  const ageMs = answer?.facts.receiver?.lastMessageAgeMs ?? null;
  const messageMs = answer === null || ageMs === null ? Number.NEGATIVE_INFINITY : answer.startedAtMs - ageMs;
  return Math.max(messageMs, stream.grewAfterMs ?? Number.NEGATIVE_INFINITY);
}

/** An upstream's keepalives outlive the primary: only WAL that the primary had not written when last seen is from it. */
function cascadedVote(
  { stream }: Track,
  primary: WitnessedPrimary,
  lostAtMs: number,
  { nowMs, patienceMs }: { readonly nowMs: number; readonly patienceMs: number },
): WitnessVote {
  const lastKnown = primary.view.lsn;
  const { grewAfterMs, lsn, stoppedAtMs } = stream;
  if (stoppedAtMs !== null || lastKnown === null || lsn === null || grewAfterMs === null) return 'NoVote';
  return lsn > lastKnown && grewAfterMs >= lostAtMs && nowMs - grewAfterMs <= patienceMs ? 'Alive' : 'NoVote';
}

function streamedFrom(
  { view, track, peers }: { readonly view: MemberView; readonly track: Track; readonly peers: readonly MemberView[] },
  primary: WitnessedPrimary,
): boolean {
  const { sender, stoppedAtMs } = track.stream;
  const primaryAnsweredMs = primary.view.factsAtMs;
  if (sender === null || primaryAnsweredMs === null) return false;
  if (stoppedAtMs !== null && stoppedAtMs < primaryAnsweredMs) return false;
  return isSentBy(sender.host, sender.port, primary) || isListed(view, primary.view, peers);
}

/** In the primary's pg_stat_replication, by a name or an address that no other member shares. */
function isListed(view: MemberView, primary: MemberView, peers: readonly MemberView[]): boolean {
  const standbys = primary.facts?.standbys ?? [];
  const named = standbys.filter((standby) => standby.applicationName === view.name);
  if (named.length === 1) return true;
  return view.answered.some(({ address }) => {
    const isShared = peers.some((peer) => peer !== view && peer.answered.some((other) => other.address === address));
    return !isShared && standbys.some((standby) => standby.clientAddress === address);
  });
}
