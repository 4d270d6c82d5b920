/** What is persisted of a group: the part of the status that decisions rest on, parsed. */
import { parseLsn } from '../api/lsn.ts';
import type { Attempt, Baseline, HistoryEntry, Status } from '../api/status.ts';
import type { KnownBaseline } from '../decide/observation.ts';

export interface GroupRecord {
  readonly epoch: number;
  /** Member that the read-write route leads to; null: nowhere. */
  readonly primary: string | null;
  readonly baseline: Baseline | null;
  readonly quarantined: ReadonlyMap<string, number>;
  readonly splitBrain: { readonly members: readonly string[]; readonly since: string } | null;
  readonly attempt: Attempt | null;
  /** Newest first, ten at most. */
  readonly history: readonly HistoryEntry[];
}

export const emptyRecord: GroupRecord = {
  epoch: 0,
  primary: null,
  baseline: null,
  quarantined: new Map(),
  splitBrain: null,
  attempt: null,
  history: [],
};

export const HISTORY_LENGTH = 10;

export function recordFromStatus(status: Status): GroupRecord {
  const quarantined = new Map<string, number>();
  for (const member of status.members ?? []) {
    if (member.quarantinedAtEpoch !== undefined) quarantined.set(member.name, member.quarantinedAtEpoch);
  }
  return {
    epoch: Math.max(status.epoch ?? 0, status.attempt?.epoch ?? 0),
    primary: status.primary ?? null,
    baseline: status.baseline ?? null,
    quarantined,
    splitBrain: status.splitBrain ?? null,
    attempt: status.attempt ?? null,
    history: status.history ?? [],
  };
}

/** A baseline whose LSN is unreadable is no baseline: an estimate built on it would be a guess. */
export function knownBaseline(baseline: Baseline | null): KnownBaseline | null {
  if (baseline === null) return null;
  const lsn = parseLsn(baseline.lsn);
  if (lsn === null) return null;
  return {
    primary: baseline.primary,
    systemIdentifier: baseline.systemIdentifier,
    timeline: baseline.timeline,
    forkLsn: baseline.forkLsn === undefined ? null : parseLsn(baseline.forkLsn),
    lsn,
  };
}
