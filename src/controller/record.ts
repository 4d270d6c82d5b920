/** What is persisted of a group: the part of the status that decisions rest on, parsed. */
import { parseLsn } from '../api/lsn.ts';
import type { Attempt, Baseline, HistoryEntry, MemberStatus, Status } from '../api/status.ts';
import type { KnownBaseline } from '../decide/observation.ts';

export interface GroupRecord {
  readonly epoch: number;
  /** Member that the read-write route leads to; null: nowhere. */
  readonly primary: string | null;
  readonly baseline: Baseline | null;
  readonly quarantined: ReadonlyMap<string, number>;
  /** Timelines on which the quarantined were deposed; names that are not quarantined mean nothing. */
  readonly quarantinedTimelines: ReadonlyMap<string, number>;
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
  quarantinedTimelines: new Map(),
  splitBrain: null,
  attempt: null,
  history: [],
};

export const HISTORY_LENGTH = 10;

export function recordFromStatus(status: Status): GroupRecord {
  const quarantined = new Map<string, number>();
  const quarantinedTimelines = new Map<string, number>();
  for (const member of status.members ?? []) {
    if (member.quarantinedAtEpoch !== undefined) quarantined.set(member.name, member.quarantinedAtEpoch);
    if (member.quarantinedTimeline !== undefined) quarantinedTimelines.set(member.name, member.quarantinedTimeline);
  }
  return {
    epoch: Math.max(status.epoch ?? 0, status.attempt?.epoch ?? 0),
    primary: status.primary ?? null,
    baseline: status.baseline ?? null,
    quarantined,
    quarantinedTimelines,
    splitBrain: status.splitBrain ?? null,
    attempt: status.attempt ?? null,
    history: status.history ?? [],
  };
}

/** The status with another record in it; everything else of it is rebuilt with the next report. */
export function statusOf(status: Status, record: GroupRecord): Status {
  const { primary: _primary, baseline: _baseline, splitBrain: _splitBrain, attempt: _attempt, ...rest } = status;
  return {
    ...rest,
    epoch: record.epoch,
    ...(record.primary === null ? {} : { primary: record.primary }),
    ...(record.baseline === null ? {} : { baseline: record.baseline }),
    ...(record.splitBrain === null
      ? {}
      : { splitBrain: { members: [...record.splitBrain.members], since: record.splitBrain.since } }),
    ...(record.attempt === null ? {} : { attempt: record.attempt }),
    history: [...record.history],
    members: rowsWithQuarantine(status.members ?? [], record),
  };
}

/** Also of members that have no row yet: after an adoption with a lost record nothing else tells who was deposed. */
function rowsWithQuarantine(
  rows: readonly MemberStatus[],
  { quarantined, quarantinedTimelines }: GroupRecord,
): MemberStatus[] {
  const missing = [...quarantined.keys()].filter((name) => !rows.some((row) => row.name === name));
  const unknown = missing.map((name): MemberStatus => ({ name, role: 'Unknown', verdict: 'Unknown' }));
  return [...rows, ...unknown].map(({ quarantinedAtEpoch: _epoch, quarantinedTimeline: _timeline, ...row }) => {
    const epoch = quarantined.get(row.name);
    const timeline = quarantinedTimelines.get(row.name);
    if (epoch === undefined) return row;
    return { ...row, quarantinedAtEpoch: epoch, ...(timeline === undefined ? {} : { quarantinedTimeline: timeline }) };
  });
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
