/** Turns a pass's facts into status and events, and writes them when they are worth it. */
import type { RouteTarget } from '../api/decision.ts';
import type { Status } from '../api/status.ts';
import { eventsBetween } from '../report/events.ts';
import type { Problem, ReportInput } from '../report/input.ts';
import { buildStatus } from '../report/status.ts';
import { worthWriting } from '../report/status-change.ts';
import { highestEpoch } from '../route/ownership.ts';
import type { Assessment } from './assess.ts';
import { contentionProblem } from './contention.ts';
import { type Environment, isoTime } from './environment.ts';
import { type Group, routeOwner } from './group.ts';
import { writeStatus } from './status-writer.ts';

export async function reportStatus(
  group: Group,
  env: Environment,
  seen: Assessment,
  signal: AbortSignal,
): Promise<void> {
  if (group.invalid.length > 0) return;
  const previous = group.status;
  const next = buildStatus(reportInput(group, env, seen));
  env.telemetry.reported(group.key, next.conditions ?? []);
  if (!group.rewriteStatus && !worthWriting(previous, next, env.clock.now())) return;
  const outcome = await writeStatus(group, env, next, signal);
  if (outcome !== 'Written') return;
  group.rewriteStatus = false;
  emitEvents(group, env, previous, next);
}

export function emitEvents(group: Group, env: Environment, previous: Status, next: Status): void {
  for (const { type, reason, action, note } of eventsBetween(previous, next)) {
    env.kube.event({ regarding: group.object, type, reason, action, note });
    env.log[type === 'Warning' ? 'warn' : 'info']({ ...group.key, reason, note }, 'state changed');
  }
}

function reportInput(group: Group, env: Environment, seen: Assessment): ReportInput {
  const { record, progress } = group;
  const contended = contentionProblem(group.contention, env.clock.monotonicMs());
  const trouble = attemptTrouble(group);
  const attempt =
    record.attempt === null
      ? undefined
      : {
          ...record.attempt,
          step: progress?.step ?? record.attempt.step,
          retries: progress?.retries ?? record.attempt.retries,
          ...(progress === null || progress.retryAtMs === null
            ? {}
            : { nextRetryAt: isoTime(env.clock.now() + progress.retryAtMs - env.clock.monotonicMs()) }),
        };
  return {
    generation: group.generation,
    previous: previousStatus(group),
    nowMs: env.clock.now(),
    monotonicMs: env.clock.monotonicMs(),
    settings: group.settings,
    views: seen.views,
    decision: seen.views.every((view) => view.asked) ? group.decision : null,
    published:
      group.published === null
        ? null
        : { ...group.published, primary: shownPrimary(group, group.published), epoch: shownEpoch(group) },
    routeProblems: contended === null ? group.routeProblems : [...group.routeProblems, contended],
    problems: trouble === null ? group.accessProblems : [...group.accessProblems, trouble],
    attempt,
    history: record.history,
    baseline: record.baseline ?? undefined,
    splitBrain:
      record.splitBrain === null
        ? undefined
        : { members: [...record.splitBrain.members], since: record.splitBrain.since },
    quarantined: record.quarantined,
    quarantinedTimelines: record.quarantinedTimelines,
    readWhy: group.readWhy,
    promotionProofs: group.proofs.proofs,
  };
}

/**
 * Before the first publication of this leader the report takes primary and epoch from the status before. Where that was
 * wiped, the record has them: a status without an epoch would be read as a record that was lost by the next leader.
 */
function previousStatus({ status, record, published }: Group): Status {
  if (published !== null || status.epoch !== undefined || record.epoch === 0) return status;
  return { ...status, epoch: record.epoch, ...(record.primary === null ? {} : { primary: record.primary }) };
}

/**
 * Outside an attempt the record says it: what was carried out last may be the drain of an attempt that has ended since, and a
 * status without a primary would be read as a primary that has to be found again.
 */
function shownPrimary({ record }: Group, published: RouteTarget): string | null {
  return record.attempt === null ? record.primary : published.primary;
}

/**
 * It never goes back: an attempt's counts from its intent on, while the drain may not be written yet, and where the record is
 * lost, that of the published objects does.
 */
function shownEpoch(group: Group): number {
  const { record, snapshot } = group;
  if (record.baseline !== null || snapshot === null) return record.epoch;
  return Math.max(record.epoch, highestEpoch(snapshot.current, routeOwner(group)));
}

/** After `retry.maxAttempts` a step that still fails is a person's business; it is tried on all the same. */
function attemptTrouble({ record, progress, spec }: Group): Problem | null {
  if (record.attempt === null || progress === null || progress.lastProblem === null) return null;
  if (progress.retries < spec.retry.maxAttempts) return null;
  const { kind, to } = record.attempt;
  const message = `the attempt of kind ${kind} to ${to} cannot go on and is tried again: ${progress.lastProblem}`;
  return { reason: 'AttemptFailing', message };
}
