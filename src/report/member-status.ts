/** One row of `status.members`. */
import { formatDuration } from '../api/duration.ts';
import type { MemberFacts } from '../api/evidence.ts';
import { formatLsn } from '../api/lsn.ts';
import type { MemberSettings } from '../api/settings.ts';
import type { MemberStatus } from '../api/status.ts';
import type { MemberView } from '../api/verdict.ts';
import type { ReportInput } from './input.ts';
import { viewOf } from './input.ts';
import { bounded } from './wording.ts';

/** Rows in spec order; a member nobody has looked at yet keeps the row of the previous status. */
export function memberStatuses(input: ReportInput): MemberStatus[] {
  return input.settings.members.map((member) => {
    const view = viewOf(input, member.name);
    const row = view?.asked === true ? memberStatus(member, view, input) : knownRow(member.name, input);
    // The record of the group lives here: a quarantine must never depend on whether the member was looked at.
    const quarantinedAtEpoch = input.quarantined.get(member.name);
    if (quarantinedAtEpoch === undefined) return row;
    const quarantinedTimeline = input.quarantinedTimelines.get(member.name);
    return { ...row, quarantinedAtEpoch, ...(quarantinedTimeline === undefined ? {} : { quarantinedTimeline }) };
  });
}

function knownRow(name: string, input: ReportInput): MemberStatus {
  const known = input.previous.members?.find((row) => row.name === name);
  if (known === undefined) return { name, role: 'Unknown', verdict: 'Unknown' };
  const { quarantinedAtEpoch: _epoch, quarantinedTimeline: _timeline, ...row } = known;
  return row;
}

function memberStatus(member: MemberSettings, view: MemberView, input: ReportInput): MemberStatus {
  const { facts } = view;
  const standby = facts?.inRecovery === true;
  const row: MemberStatus = { name: view.name, role: roleOf(facts), verdict: view.verdict };
  if (view.dead) row.dead = true;
  if (view.reason !== '') row.reason = bounded(view.reason, 1024);
  const address = view.answered[0]?.address;
  if (address !== undefined) row.address = address;
  if (facts !== null) row.timeline = facts.timeline;
  if (view.lsn !== null) row.lsn = formatLsn(view.lsn);
  if (view.lagBytes !== null) row.lagBytes = view.lagBytes;
  if (view.lagMs !== null) row.lagSeconds = (Math.max(0, view.lagMs) / 1000).toFixed(1);
  const syncState = standby ? syncStateOf(view, input) : undefined;
  if (syncState !== undefined) row.syncState = bounded(syncState, 32);
  if (standby) {
    row.walReceiverTimeout = formatDuration(facts.walReceiverTimeoutMs);
    row.witness = view.witness;
  }
  row.readSet = input.published?.readers.includes(view.name) ?? false;
  const notEligible = whyNotEligible(member, view, input);
  if (notEligible !== null) row.notEligible = bounded(notEligible, 1024);
  const missing = missingRights(facts);
  if (missing.length > 0) row.missingRights = missing;
  return row;
}

function roleOf(facts: MemberFacts | null): MemberStatus['role'] {
  if (facts === null) return 'Unknown';
  return facts.inRecovery ? 'Standby' : 'Primary';
}

/** The primary's word for this standby; matched by application_name, else by the only standby at its address. */
function syncStateOf(view: MemberView, input: ReportInput): string | undefined {
  const attached = viewOf(input, input.published?.primary ?? null)?.facts?.standbys ?? [];
  const named = attached.filter((standby) => standby.applicationName === view.name);
  const addresses = view.answered.map((answered) => answered.address);
  const there = attached.filter(
    (standby) => standby.clientAddress !== null && addresses.includes(standby.clientAddress),
  );
  const matches = named.length > 0 ? named : there;
  return matches.length === 1 ? matches[0]?.syncState : undefined;
}

function whyNotEligible(member: MemberSettings, view: MemberView, input: ReportInput): string | null {
  if (view.name === input.published?.primary) return null;
  const epoch = input.quarantined.get(view.name);
  if (epoch !== undefined) return `deposed at epoch ${epoch} and not yet a standby of the current primary`;
  if (view.verdict !== 'Up') return view.reason === '' ? `verdict ${view.verdict}` : view.reason;
  if (input.settings.mode !== 'Follow' && !member.promotable) return 'promotable is false in the spec';
  return null;
}

/** What the operator's role may not read here, each with what it costs. */
export function missingRights(facts: MemberFacts | null): string[] {
  if (facts === null) return [];
  const missing: string[] = [];
  if (!facts.rights.monitor) missing.push('pg_monitor: replication details are hidden');
  if (!facts.rights.replication) missing.push('replication: timeline history is unreadable');
  return missing;
}
