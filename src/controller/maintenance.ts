/** Keeps the record in step with what is seen: split brain, quarantine, baseline. No effect on the world. */
import type { Decision } from '../api/decision.ts';
import { baselineOf } from '../decide/attempts.ts';
import { type Observation, viewOf } from '../decide/observation.ts';
import { hasRejoined } from '../decide/routability.ts';
import { isoTime } from './environment.ts';
import type { GroupRecord } from './record.ts';

/** The rule under which the primary is what the record says, and its position may be taken as the baseline. */
const PRIMARY_HEALTHY = 343;

/** The same object when nothing changed. */
export function maintainRecord(
  record: GroupRecord,
  observation: Observation,
  decision: Decision,
  nowMs: number,
): GroupRecord {
  const splitBrain = nextSplitBrainRecord(record, observation, nowMs);
  const quarantined = nextQuarantine(record, observation);
  const baseline = nextBaseline(record, observation, decision, nowMs);
  if (splitBrain === record.splitBrain && quarantined === record.quarantined && baseline === record.baseline)
    return record;
  return { ...record, splitBrain, quarantined, baseline };
}

function nextSplitBrainRecord(record: GroupRecord, observation: Observation, nowMs: number): GroupRecord['splitBrain'] {
  const members = observation.splitBrain;
  if (members === null) return null;
  if (record.splitBrain !== null && record.splitBrain.members.join() === members.join()) return record.splitBrain;
  return { members, since: record.splitBrain?.since ?? isoTime(nowMs) };
}

function nextQuarantine(record: GroupRecord, observation: Observation): GroupRecord['quarantined'] {
  const { baseline } = observation;
  if (baseline === null) return record.quarantined;
  const kept = [...record.quarantined].filter(([name]) => {
    const member = viewOf(observation, name);
    return member === null || !hasRejoined(member, baseline.timeline);
  });
  return kept.length === record.quarantined.size ? record.quarantined : new Map(kept);
}

function nextBaseline(
  record: GroupRecord,
  observation: Observation,
  decision: Decision,
  nowMs: number,
): GroupRecord['baseline'] {
  if (decision.rule !== PRIMARY_HEALTHY) return record.baseline;
  const primary = viewOf(observation, observation.routed);
  if (primary === null || !primary.writable) return record.baseline;
  return baselineOf(primary, isoTime(nowMs), observation.baseline) ?? record.baseline;
}
