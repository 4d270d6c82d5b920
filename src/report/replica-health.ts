/** Condition `ReplicasHealthy`: whether every member but the primary is a standby that follows closely enough. */
import { formatDuration } from '../api/duration.ts';
import type { MemberView } from '../api/verdict.ts';
import { type Judgement, observing, type ReportInput, viewOf } from './input.ts';
import { listed, sentences, since } from './wording.ts';

export function replicaHealth(input: ReportInput): Judgement {
  if (input.settings.members.length === 1) {
    return { status: 'True', reason: 'NoReplicas', message: 'the group has one member and needs no replica' };
  }
  const replicas = input.views.filter((view) => view.name !== input.published?.primary);
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

function whyUnhealthy(view: MemberView, input: ReportInput): string | null {
  const epoch = input.quarantined.get(view.name);
  if (epoch !== undefined) {
    return `${view.name} was deposed at epoch ${epoch} and is kept out; rebuild it as a standby of the current primary`;
  }
  if (view.verdict !== 'Up') return `${view.name}: ${view.reason}${since(view.lostAtMs, input)}`;
  if (!view.standby) {
    // Without a routed primary the writable member is the candidate of an adoption, not a broken replica.
    if (input.published === null || input.published.primary === null) return null;
    return `${view.name} is not in recovery; make it a standby of ${input.published.primary} or remove it from the spec`;
  }
  return tooFarBehind(view, input) ?? notStreaming(view, input);
}

/** Joins at `maxReplayLag` and leaves at `leaveLag`, as the read set does, so that the condition does not flap between. */
function tooFarBehind(view: MemberView, input: ReportInput): string | null {
  const { read } = input.settings;
  if (read === null || view.lagMs === null) return null;
  const wasRead = input.previous.members?.find((row) => row.name === view.name)?.readSet ?? true;
  const limitMs = wasRead ? read.leaveLagMs : read.maxReplayLagMs;
  if (view.lagMs <= limitMs) return null;
  const paused = view.facts?.replayPaused === true ? '; replay is paused, run SELECT pg_wal_replay_resume()' : '';
  return `${view.name} is ${formatDuration(view.lagMs)} behind (limit ${formatDuration(limitMs)})${paused}; waiting for it to catch up`;
}

/**
 * A standby that neither streams nor has replayed all it should. One that has everything is left alone: a standby fed
 * from an archive never streams. Without pg_monitor the receiver is hidden and nothing can be said.
 */
function notStreaming(view: MemberView, input: ReportInput): string | null {
  const { facts } = view;
  const primary = viewOf(input, input.published?.primary ?? null);
  if (facts === null || !facts.rights.monitor || primary?.writable !== true) return null;
  if (facts.receiver?.status === 'streaming' || view.lagMs === 0) return null;
  return `${view.name} does not stream and has not replayed all of ${primary.name}; look at its log and primary_conninfo`;
}

function notRead(view: MemberView, input: ReportInput): string | null {
  const why = input.readWhy[view.name];
  if (input.settings.read === null || !view.standby || why === undefined) return null;
  return input.published?.readers.includes(view.name) === true ? null : `${view.name} is not read from: ${why}`;
}
