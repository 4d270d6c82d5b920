/** How an attempt ends: the new route with its record, or the old route again. */
import type { Attempt, Baseline, HistoryEntry } from '../api/status.ts';
import type { MemberView } from '../api/verdict.ts';
import {
  baselineOf,
  estimatedLossBytes,
  inferredBaseline,
  quarantineAfter,
  quarantinedTimelinesAfter,
} from '../decide/attempts.ts';
import { type Observation, viewOf } from '../decide/observation.ts';
import { reasonNotRoutable } from '../decide/routability.ts';
import type { Assessment } from './assess.ts';
import { type Environment, isoTime } from './environment.ts';
import { type AttemptProgress, type Group, routeOwner } from './group.ts';
import { newProgress, timed } from './progress.ts';
import { publishedState } from './publisher.ts';
import { type GroupRecord, HISTORY_LENGTH, knownBaseline, statusOf } from './record.ts';
import { emitEvents } from './reporting.ts';
import { publishRoutes } from './routing.ts';
import { writeStatus } from './status-writer.ts';

type Seen = Pick<Assessment, 'observation' | 'unbiased'>;

/** Routing: null when it ended, else what keeps it from ending. */
export async function route(
  group: Group,
  env: Environment,
  attempt: Attempt,
  progress: AttemptProgress,
  seen: Seen,
  signal: AbortSignal,
): Promise<string | null> {
  const members = attempt.kind === 'Rebaseline' ? seen.unbiased() : seen.observation.members;
  const baseline = seenBaseline(group, env, attempt, members);
  if (baseline === null) return `${attempt.to} has not told its position yet`;
  const record = completedRecord(group, attempt, seen.observation, baseline);
  const published = await timed(progress, 'Routing', env, () => publishRoutes(group, env, { record, members, signal }));
  if (!published.readWriteDone)
    return published.problems.map((problem) => problem.message).join('; ') || 'the route is not written yet';
  return complete(group, env, attempt, progress, { record, observation: seen.observation }, signal);
}

export type Conclusion =
  | { readonly kind: 'Concluded'; readonly problem: string | null }
  /** Nobody knows on which timeline the target was. */
  | { readonly kind: 'NothingKnown' };

/** The route was written and only the record is missing: it is written, whatever became of the target since. */
export async function conclude(
  group: Group,
  env: Environment,
  attempt: Attempt,
  progress: AttemptProgress,
  seen: Seen,
  signal: AbortSignal,
): Promise<Conclusion> {
  const members = attempt.kind === 'Rebaseline' ? seen.unbiased() : seen.observation.members;
  const baseline =
    seenBaseline(group, env, attempt, members) ??
    inferredBaseline(attempt, isoTime(env.clock.now()), group.record.baseline);
  if (baseline === null) return { kind: 'NothingKnown' };
  const record = completedRecord(group, attempt, seen.observation, baseline);
  const ended = { record, observation: seen.observation };
  return { kind: 'Concluded', problem: await complete(group, env, attempt, progress, ended, signal) };
}

function seenBaseline(
  group: Group,
  env: Environment,
  attempt: Attempt,
  members: readonly MemberView[],
): Baseline | null {
  const target = viewOf({ members }, attempt.to);
  if (target === null) return null;
  return baselineOf(target, isoTime(env.clock.now()), knownBaseline(group.record.baseline));
}

function completedRecord(group: Group, attempt: Attempt, observation: Observation, baseline: Baseline): GroupRecord {
  const quarantined = quarantineAfter(attempt, observation, baseline.timeline);
  const quarantinedTimelines = quarantinedTimelinesAfter(attempt, observation, quarantined);
  return { ...group.record, primary: attempt.to, baseline, quarantined, quarantinedTimelines, splitBrain: null };
}

function complete(
  group: Group,
  env: Environment,
  attempt: Attempt,
  progress: AttemptProgress,
  { record, observation }: { readonly record: GroupRecord; readonly observation: Observation },
  signal: AbortSignal,
): Promise<string | null> {
  const entry = ended(env, attempt, progress, 'Completed', estimatedLossBytes(attempt, observation));
  return finish(group, env, { ...record, attempt: null, history: withEntry(record, entry) }, signal);
}

/** The old route again, at the new epoch, where it may still lead there. */
export async function undo(
  group: Group,
  env: Environment,
  attempt: Attempt,
  why: string,
  observation: Observation,
  signal: AbortSignal,
): Promise<string | null> {
  const old = viewOf(observation, routedBefore(group, attempt));
  const usable = old !== null && reasonNotRoutable(old, observation.quarantined) === null;
  const record: GroupRecord = { ...group.record, primary: usable ? old.name : null };
  const published = await publishRoutes(group, env, { record, members: observation.members, signal });
  if (!published.readWriteDone) return 'the old route is not written yet';
  const progress = group.progress ?? newProgress(attempt);
  const entry = { ...ended(env, attempt, progress, 'Aborted', null), reason: why.slice(0, 1024) };
  env.log.warn({ ...group.key, epoch: attempt.epoch, why }, 'attempt aborted');
  return finish(group, env, { ...record, attempt: null, history: withEntry(record, entry) }, signal);
}

/** By the attempt, then by the record; where that is lost, by what was published. */
function routedBefore(group: Group, attempt: Attempt): string | null {
  const { primary, baseline } = group.record;
  const known = attempt.from ?? primary;
  if (known !== null || baseline !== null || group.snapshot === null) return known;
  return publishedState(group.snapshot, routeOwner(group), group.spec).primary;
}

async function finish(
  group: Group,
  env: Environment,
  record: GroupRecord,
  signal: AbortSignal,
): Promise<string | null> {
  const previous = group.status;
  const next = statusOf(previous, record);
  const outcome = await writeStatus(group, env, next, signal);
  if (outcome === 'Superseded') return 'the record was changed by somebody else';
  emitEvents(group, env, previous, next);
  group.progress = null;
  const [entry] = record.history;
  env.log.info({ ...group.key, epoch: record.epoch, primary: record.primary, steps: entry?.steps }, 'attempt ended');
  return null;
}

function ended(
  env: Environment,
  attempt: Attempt,
  progress: AttemptProgress,
  outcome: HistoryEntry['outcome'],
  loss: number | null,
): HistoryEntry {
  const steps = Object.fromEntries([...progress.steps].map(([step, ms]) => [step, Math.round(ms)]));
  return {
    epoch: attempt.epoch,
    kind: attempt.kind,
    ...(attempt.from === undefined ? {} : { from: attempt.from }),
    to: attempt.to,
    outcome,
    ...(attempt.reason === undefined ? {} : { reason: attempt.reason.slice(0, 1024) }),
    ...(attempt.request === undefined ? {} : { request: attempt.request }),
    ...(attempt.requestUid === undefined ? {} : { requestUid: attempt.requestUid }),
    startedAt: attempt.startedAt,
    finishedAt: isoTime(env.clock.now()),
    steps: attempt.detectionMs === undefined ? steps : { Detection: attempt.detectionMs, ...steps },
    ...(loss === null ? {} : { estimatedLossBytes: loss }),
  };
}

const withEntry = (record: GroupRecord, entry: HistoryEntry): readonly HistoryEntry[] =>
  [entry, ...record.history].slice(0, HISTORY_LENGTH);
