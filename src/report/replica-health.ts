/** Condition `ReplicasHealthy`: whether every member but the primary is a standby that follows closely enough. */
import { formatDuration } from '../api/duration.ts';
import type { MemberView } from '../api/verdict.ts';
import { type Judgement, observing, type ReportInput, viewOf } from './input.ts';
import { listed, sentences, since } from './wording.ts';

export function replicaHealth(input: ReportInput): Judgement {
  if (input.settings.members.length === 1) {
    return { status: 'True', reason: 'NoReplicas', message: 'the group has one member and needs no replica' };
  }
  const others = primaries(input);
  const replicas = input.views.filter((view) => !others.includes(view.name));
  const pending = replicas.filter((view) => !view.asked);
  if (input.decision === null || pending.length > 0) return observing(input);
  const complaints = replicas.flatMap((view) => whyUnhealthy(view, input) ?? []);
  const aside = replicas.flatMap((view) => notRead(view, input) ?? []);
  if (complaints.length > 0) {
    return { status: 'False', reason: 'ReplicaUnhealthy', message: sentences(...complaints, ...aside) };
  }
  const names = listed(replicas.filter((view) => view.standby).map((view) => view.name));
  const healthy = names === '' ? 'no member is a standby now' : `${names} in recovery and close enough`;
  return { status: 'True', reason: 'ReplicasUp', message: sentences(healthy, ...aside) };
}

/** The primary; while nothing is routed those that were, are to be, or were last known to be it. */
function primaries({ published, attempt, baseline }: ReportInput): (string | undefined)[] {
  const routed = published?.primary ?? null;
  return routed === null ? [attempt?.from, attempt?.to, baseline?.primary] : [routed];
}

function whyUnhealthy(view: MemberView, input: ReportInput): string | null {
  const epoch = input.quarantined.get(view.name);
  if (epoch !== undefined) {
    return `${view.name} was deposed at epoch ${epoch} and is kept out; rebuild it as a standby of the current primary`;
  }
  if (view.verdict !== 'Up') return `${view.name}: ${view.reason}${since(view.lostAtMs, input)}`;
  if (!view.standby) {
    // Without a routed primary the writable member is the candidate of an adoption, not a broken replica.
    if (input.published === null || input.published.primary === null) return null;
    const primary = viewOf(input, input.published.primary);
    // A new primary that is not followed (yet) is no broken replica: rebuilding it would throw its history away.
    if (primary?.writable !== true) return `${view.name} accepts writes and is not routed to; status.decision says why`;
    return `${view.name} is not in recovery; make it a standby of ${input.published.primary} or remove it from the spec`;
  }
  return tooFarBehind(view, input);
}

/** The defaults of the spec, for a group whose standbys nobody reads. */
const UNREAD_LIMITS = { maxReplayLagMs: 10_000, leaveLagMs: 15_000 };

/** Joins at `maxReplayLag` and leaves at `leaveLag`, as the read set does, so that the condition does not flap between. */
function tooFarBehind(view: MemberView, input: ReportInput): string | null {
  const limits = input.settings.read ?? UNREAD_LIMITS;
  if (view.lagMs === null) return null;
  const before = input.previous.members?.find((row) => row.name === view.name);
  const left = input.settings.read !== null && before?.readSet === false;
  const limitMs = left ? limits.maxReplayLagMs : limits.leaveLagMs;
  if (view.lagMs <= limitMs) return null;
  return `${view.name} is ${formatDuration(view.lagMs)} behind (limit ${formatDuration(limitMs)}); ${whyBehind(view)}`;
}

/** Without pg_monitor the receiver is hidden: then nothing can be said of it. */
function whyBehind({ facts }: MemberView): string {
  if (facts?.replayPaused === true) return 'replay is paused, run SELECT pg_wal_replay_resume()';
  const streams = facts === null || !facts.rights.monitor || facts.receiver?.status === 'streaming';
  return streams ? 'waiting for it to catch up' : 'it does not stream, look at its log and primary_conninfo';
}

function notRead(view: MemberView, input: ReportInput): string | null {
  const why = input.readWhy[view.name];
  if (input.settings.read === null || !view.standby || why === undefined) return null;
  return input.published?.readers.includes(view.name) === true
    ? null
    : `${view.name} is not read from: ${why.replace(/^out: /, '')}`;
}
