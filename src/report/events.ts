/** Events from what changed between two statuses: one per change, its reason the condition's own word. */
import { formatDuration } from '../api/duration.ts';
import type { Condition, HistoryEntry, Status } from '../api/status.ts';
import { type ConditionType, lastingConditions } from './conditions.ts';
import { OBSERVING, PRIMARY_IN_DOUBT, ROUTE_MOVING } from './input.ts';
import { boundedBytes } from './wording.ts';

export interface EventText {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase. */
  readonly reason: string;
  /** What the operator was doing. */
  readonly action: 'Observe' | 'Decide' | 'Publish' | 'Adopt' | 'Follow' | 'ForceRoute' | 'Rebaseline';
  /** At most 1 KiB, the API server's own bound on `note`. */
  readonly note: string;
}

const NOTE_BYTES = 1024;

/** Passing states: an attempt has events of its own, and a doubt ends within the threshold one way or the other. */
const quiet: ReadonlySet<string> = new Set([OBSERVING, ROUTE_MOVING, PRIMARY_IN_DOUBT]);

/** In the order of their weight; a reason appears once however many conditions show it. */
export function eventsBetween(previous: Status, next: Status): EventText[] {
  const events = [
    ...attemptEvents(previous, next),
    ...(['SplitBrain', 'Stalled', 'Degraded'] as const).flatMap((type) => abnormalEvents(type, previous, next)),
    ...lastingConditions.filter((type) => type !== 'Ready').flatMap((type) => lastingEvents(type, previous, next)),
    ...quarantineEvents(previous, next),
    ...holdEvents(previous, next),
  ];
  const seen = new Set<string>();
  return events.flatMap((event) => {
    // Quarantine speaks of one member at a time; everything else says its reason once.
    const key = event.reason.startsWith('Quarantine') ? `${event.reason} ${event.note}` : event.reason;
    if (seen.has(key)) return [];
    seen.add(key);
    return [{ ...event, note: boundedBytes(event.note, NOTE_BYTES) }];
  });
}

function attemptEvents(previous: Status, next: Status): EventText[] {
  const { attempt } = next;
  const events: EventText[] = [];
  if (attempt !== undefined && attempt.epoch !== previous.attempt?.epoch) {
    const from = attempt.from === undefined ? '' : ` from ${attempt.from}`;
    const why = attempt.reason === undefined ? '' : `: ${attempt.reason}`;
    const rule = attempt.rule === undefined ? '' : ` (rule ${attempt.rule})`;
    const note = `the routes go${from} to ${attempt.to} at epoch ${attempt.epoch}${rule}${why}`;
    events.push({ type: 'Normal', reason: `${attempt.kind}Started`, action: attempt.kind, note });
  }
  const known = new Set(previous.history?.map((entry) => entry.epoch));
  const ended = (next.history ?? []).filter((entry) => !known.has(entry.epoch));
  return [...events, ...ended.reverse().map(endedEvent)];
}

function endedEvent(entry: HistoryEntry): EventText {
  const from = entry.from === undefined ? '' : `from ${entry.from} `;
  if (entry.outcome === 'Aborted') {
    const note = `epoch ${entry.epoch}: the way ${from}to ${entry.to} was given up: ${entry.reason ?? 'no reason recorded'}`;
    return { type: 'Warning', reason: 'AttemptAborted', action: 'Publish', note };
  }
  const tookMs = Date.parse(entry.finishedAt) - Date.parse(entry.startedAt);
  const took = Number.isNaN(tookMs) ? '' : ` in ${formatDuration(Math.max(0, tookMs))}`;
  const note = `the read-write route went ${from}to ${entry.to} at epoch ${entry.epoch}${took}`;
  return { type: 'Normal', reason: 'RouteChanged', action: 'Publish', note };
}

function find(status: Status, type: ConditionType): Condition | undefined {
  return status.conditions?.find((condition) => condition.type === type);
}

function lastingEvents(type: ConditionType, previous: Status, next: Status): EventText[] {
  const before = find(previous, type);
  const now = find(next, type);
  if (now === undefined || quiet.has(now.reason)) return [];
  const action = type === 'RoutesSynced' ? 'Publish' : 'Observe';
  if (now.status === 'False' && (before?.status !== 'False' || before.reason !== now.reason)) {
    return [{ type: 'Warning', reason: now.reason, action, note: now.message }];
  }
  const recovered = now.status === 'True' && before?.status === 'False' && before.reason !== ROUTE_MOVING;
  return recovered ? [{ type: 'Normal', reason: now.reason, action, note: now.message }] : [];
}

function abnormalEvents(type: 'SplitBrain' | 'Stalled' | 'Degraded', previous: Status, next: Status): EventText[] {
  const before = find(previous, type);
  const now = find(next, type);
  if (now !== undefined) {
    if (before?.reason === now.reason) return [];
    return [{ type: 'Warning', reason: now.reason, action: 'Observe', note: now.message }];
  }
  if (before === undefined) return [];
  const note = `${before.reason} has ended`;
  return [{ type: 'Normal', reason: `${type}Resolved`, action: 'Observe', note }];
}

function quarantineEvents(previous: Status, next: Status): EventText[] {
  return (next.members ?? []).flatMap((member): EventText[] => {
    const before = previous.members?.find((row) => row.name === member.name)?.quarantinedAtEpoch;
    const now = member.quarantinedAtEpoch;
    if (before === now) return [];
    if (now === undefined) {
      const note = `${member.name} is a standby of the current primary again and may be routed to`;
      return [{ type: 'Normal', reason: 'QuarantineEnded', action: 'Observe', note }];
    }
    const note = `${member.name} was deposed at epoch ${now} and is not routed to until it is a standby of the new primary`;
    return [{ type: 'Warning', reason: 'Quarantined', action: 'Observe', note }];
  });
}

/** While the primary is not well, each new reason to hold tells a person what the operator is waiting for. */
function holdEvents(previous: Status, next: Status): EventText[] {
  const { decision } = next;
  const primary = find(next, 'PrimaryHealthy');
  if (decision === undefined || decision.action !== 'Hold' || decision.reason === previous.decision?.reason) return [];
  if (primary === undefined || primary.status === 'True' || quiet.has(primary.reason) || quiet.has(decision.reason))
    return [];
  return [
    { type: 'Warning', reason: decision.reason, action: 'Decide', note: `${decision.message} (rule ${decision.rule})` },
  ];
}
