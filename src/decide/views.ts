/** From tracks to what the rules see: the verdict of each member in the light of the others, its lag and its vote. */
import type { MemberFacts } from '../api/evidence.ts';
import { bytesBetween, type Lsn, maxLsn } from '../api/lsn.ts';
import type { DetectionSettings, GroupSettings, MemberSettings } from '../api/settings.ts';
import type { MemberView, Verdict } from '../api/verdict.ts';
import { boundedLagMs } from './caught-up.ts';
import { elapse } from './track.ts';
import { identityOf } from './track-identity.ts';
import { newTrack, type Track } from './track-state.ts';
import { type TrackVerdict, verdictOf } from './track-verdict.ts';
import { witnessVote } from './witness.ts';

export interface ViewContext {
  readonly nowMs: number;
  /** Member that is, or last was, the primary; null: none is known. */
  readonly primary: string | null;
  /** Newest known primary LSN where the primary itself has not told this process one. */
  readonly primaryLsn: Lsn | null;
  /** The identifier that members must carry, pinned or learned; null: any. */
  readonly systemIdentifier: string | null;
  /** When each standby had last replayed all there was; see caught-up.ts. */
  readonly caughtUpAtMs?: ReadonlyMap<string, number>;
}

/** One view per member, in the order of the spec. Members without a track are seen as not asked yet. */
export function viewMembers(
  tracks: ReadonlyMap<string, Track>,
  settings: GroupSettings,
  context: ViewContext,
): readonly MemberView[] {
  const seen = settings.members.map((member, index) => {
    const track = elapse(tracks.get(member.name) ?? newTrack(member, index), context.nowMs, settings.detection);
    return { member, track, own: ownVerdict(track, settings.detection, context) };
  });
  const position = primaryPosition(tracks, context);
  const originals = originalsByIdentity(seen, context.primary);
  const views = seen.map(({ track, own }) => viewMember(track, withoutTwin(own, track, originals), position, context));
  return withVotes(views, tracks, settings, context);
}

interface Seen {
  readonly member: MemberSettings;
  readonly track: Track;
  readonly own: TrackVerdict;
}

/** Where the primary's WAL was last known to end, and on which timeline. */
interface Position {
  readonly lsn: Lsn | null;
  readonly timeline: number | null;
}

/** Ambiguity first: behind such a name even the identifier is that of whichever server was met last. */
function ownVerdict(track: Track, detection: DetectionSettings, context: ViewContext): TrackVerdict {
  const own = verdictOf(track, context.nowMs, detection);
  if (own.verdict !== 'Up' || track.answer === null) return own;
  const sinceMs = track.identity.sinceMs ?? track.answer.startedAtMs;
  if (track.identity.isAmbiguous) {
    return unfit(
      'Ambiguous',
      'several servers answer in turn under this name: a proxy, or addresses of several servers',
      sinceMs,
    );
  }
  const { systemIdentifier } = track.answer.facts;
  if (context.systemIdentifier !== null && systemIdentifier !== context.systemIdentifier) {
    const expected = `the group's is ${context.systemIdentifier}`;
    return unfit(
      'WrongCluster',
      `it belongs to another cluster: its system identifier is ${systemIdentifier}, ${expected}`,
      sinceMs,
    );
  }
  return own;
}

function unfit(verdict: Verdict, reason: string, lostAtMs: number): TrackVerdict {
  return { verdict, reason, dead: false, refused: false, lostAtMs };
}

/**
 * Which name keeps an identity that several names show: the primary's, so that a route does not move for a name that was
 * added; then one that is reached directly; then the first in the spec. The others are duplicates.
 */
function originalsByIdentity(seen: readonly Seen[], primary: string | null): ReadonlyMap<string, string> {
  const rank = ({ member }: Seen) => (member.name === primary ? 0 : member.direct ? 1 : 2);
  const originals = new Map<string, string>();
  for (const { member, track, own } of seen.toSorted((one, other) => rank(one) - rank(other))) {
    if (own.verdict !== 'Up' || track.answer === null) continue;
    const identity = identityOf(track.answer.facts);
    if (!originals.has(identity)) originals.set(identity, member.name);
  }
  return originals;
}

function withoutTwin(own: TrackVerdict, track: Track, originals: ReadonlyMap<string, string>): TrackVerdict {
  if (own.verdict !== 'Up' || track.answer === null) return own;
  const original = originals.get(identityOf(track.answer.facts)) ?? track.member.name;
  if (original === track.member.name) return own;
  const reason = `it is the same server as ${original} (same system identifier and start time)`;
  return unfit('DuplicateMember', reason, track.identity.sinceMs ?? track.answer.startedAtMs);
}

function primaryPosition(tracks: ReadonlyMap<string, Track>, context: ViewContext): Position {
  const facts = context.primary === null ? null : (tracks.get(context.primary)?.answer?.facts ?? null);
  if (facts === null || facts.inRecovery || facts.currentLsn === null) {
    return { lsn: context.primaryLsn, timeline: null };
  }
  return { lsn: facts.currentLsn, timeline: facts.timeline };
}

function viewMember(track: Track, verdict: TrackVerdict, position: Position, context: ViewContext): MemberView {
  const caughtUpAtMs = context.caughtUpAtMs?.get(track.member.name);
  const facts = track.answer?.facts ?? null;
  const isUp = verdict.verdict === 'Up' && facts !== null;
  const standby = isUp && facts.inRecovery;
  return {
    name: track.member.name,
    ...verdict,
    asked: track.asked,
    facts,
    factsAtMs: track.answer?.endedAtMs ?? null,
    factsFromMs: track.answer?.startedAtMs ?? null,
    writable: isUp && !facts.inRecovery && !facts.readOnly,
    writableSinceMs: track.answer?.writableSinceMs ?? null,
    standby,
    answered: track.answer?.answered ?? [],
    lagMs: standby ? boundedLagMs(replayLagMs(facts, position), caughtUpAtMs, context.nowMs) : null,
    lagBytes: standby ? replayLagBytes(facts, position) : null,
    lsn: facts === null ? null : maxLsn(facts.currentLsn, facts.receiveLsn, facts.replayLsn),
    witness: 'NoVote',
  };
}

/** A standby on an older timeline has not reached the primary's position, however large its own LSN is. */
function isOnTimeline(facts: MemberFacts, position: Position): boolean {
  return position.timeline === null || facts.timeline >= position.timeline;
}

function replayLagMs(facts: MemberFacts, position: Position): number | null {
  const { replayLsn } = facts;
  const hasReached =
    replayLsn !== null && position.lsn !== null && replayLsn >= position.lsn && isOnTimeline(facts, position);
  return hasReached ? 0 : facts.replayAgeMs;
}

function replayLagBytes(facts: MemberFacts, position: Position): number | null {
  if (facts.replayLsn === null || position.lsn === null || !isOnTimeline(facts, position)) return null;
  return bytesBetween(facts.replayLsn, position.lsn);
}

function withVotes(
  views: readonly MemberView[],
  tracks: ReadonlyMap<string, Track>,
  settings: GroupSettings,
  context: ViewContext,
): readonly MemberView[] {
  const primaryView = views.find((view) => view.name === context.primary) ?? null;
  const primarySettings = settings.members.find((member) => member.name === context.primary) ?? null;
  if (primaryView === null || primarySettings === null) return views;
  const primary = { settings: primarySettings, view: primaryView };
  const patience = { nowMs: context.nowMs, witnessPatienceMs: settings.detection.witnessPatienceMs };
  return views.map((view) => {
    const track = tracks.get(view.name);
    if (track === undefined || view === primaryView) return view;
    return { ...view, witness: witnessVote({ view, track, peers: views }, primary, patience) };
  });
}
