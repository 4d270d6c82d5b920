/**
 * Carries an attempt through its steps: Draining -> LastLook -> Routing -> done.
 *
 * The intent (epoch, from, to) is persisted before anything is touched (I3); every step asks first and may be repeated,
 * so a successor resumes with the record alone. Until Routing an attempt may be undone: the old route is published again at
 * the new epoch. A step that fails is tried again with the backoff of `spec.retry`, and the next try stands in status.
 */

import { durationMs } from '../api/duration.ts';
import type { Attempt, HistoryEntry } from '../api/status.ts';
import type { MemberView } from '../api/verdict.ts';
import {
  baselineOf,
  checkAttempt,
  estimatedLossBytes,
  quarantineAfter,
  quarantinedTimelinesAfter,
} from '../decide/attempts.ts';
import type { Observation } from '../decide/observation.ts';
import { viewOf } from '../decide/observation.ts';
import { retryDelayMs } from '../decide/retry.ts';
import { reasonNotRoutable } from '../decide/routability.ts';
import { KubeError } from '../ports/kube.ts';
import { assess } from './assess.ts';
import { type Environment, isoTime } from './environment.ts';
import { type AttemptProgress, type Group, routeOwner, settleTouched } from './group.ts';
import { publishedState, type Snapshot } from './publisher.ts';
import { type GroupRecord, HISTORY_LENGTH, knownBaseline, statusOf } from './record.ts';
import { emitEvents } from './reporting.ts';
import { drainRoutes, publishRoutes } from './routing.ts';
import { INTENT_DEADLINE_MS, refreshRecord, writeStatus } from './status-writer.ts';

/** A member that already counts as dead gets this long at the last look: its silence is no news. */
const LAST_LOOK_DEAD_MS = 250;

/** Lease time that must be left before an intent is written or a route moved: the deadline of one write and some. */
export const LEASE_MARGIN_MS = INTENT_DEADLINE_MS + 500;

export interface Intent {
  readonly kind: Attempt['kind'];
  readonly to: string;
  readonly from: string | null;
  readonly rule?: number;
  readonly request?: string;
  readonly detectionMs?: number;
  /** Why, in words. */
  readonly reason: string;
}

/** False: the world changed under us, decide again. */
export async function beginAttempt(
  group: Group,
  env: Environment,
  intent: Intent,
  signal: AbortSignal,
): Promise<boolean> {
  if (env.leadership.remainingMs() < LEASE_MARGIN_MS) return false;
  if ((await refreshRecord(group, env, signal)) !== 'Same') return false;
  const snapshot = await readPublished(group, env, signal);
  const published = publishedState(snapshot, routeOwner(group), group.spec);
  const epoch = Math.max(group.record.epoch, published.epoch) + 1;
  const attempt: Attempt = {
    epoch,
    kind: intent.kind,
    ...(intent.from === null || intent.from === intent.to ? {} : { from: intent.from }),
    to: intent.to,
    reason: intent.reason.slice(0, 2048),
    step: 'Draining',
    startedAt: isoTime(env.clock.now()),
    retries: 0,
    ...(intent.rule === undefined ? {} : { rule: intent.rule }),
    ...(intent.request === undefined ? {} : { request: intent.request }),
    ...(intent.detectionMs === undefined ? {} : { detectionMs: Math.round(intent.detectionMs) }),
  };
  const previous = group.status;
  const next = statusOf(previous, { ...group.record, epoch, attempt });
  if ((await writeStatus(group, env, next, signal)) !== 'Written') {
    // What was read shall be compared with what should be published after all.
    group.routesDirty = true;
    return false;
  }
  emitEvents(group, env, previous, next);
  group.progress = { ...newProgress(attempt), begunHere: true };
  env.log.info({ ...logKey(group), epoch, kind: attempt.kind, from: attempt.from, to: attempt.to }, 'attempt begun');
  return true;
}

/** Milliseconds after which to come back, or null when the attempt has ended. */
export async function advanceAttempt(group: Group, env: Environment, signal: AbortSignal): Promise<number | null> {
  const { attempt } = group.record;
  if (attempt === null) return null;
  group.progress = group.progress?.epoch === attempt.epoch ? group.progress : newProgress(attempt);
  const { progress } = group;
  const waitMs = (progress.retryAtMs ?? 0) - env.clock.monotonicMs();
  if (waitMs > 0) return waitMs;
  try {
    const problem = await runSteps(group, env, attempt, progress, signal);
    return problem === null ? null : retryLater(group, env, progress, problem);
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    return retryLater(group, env, progress, error.message);
  }
}

/** null: ended; else what keeps it from going on. */
async function runSteps(
  group: Group,
  env: Environment,
  attempt: Attempt,
  progress: AttemptProgress,
  signal: AbortSignal,
): Promise<string | null> {
  await timed(progress, 'Draining', env, () => drain(group, env, attempt, progress, signal));
  const seen = await timed(progress, 'LastLook', env, () => lastLook(group, env, signal));
  const check = checkAttempt(attempt, seen.observation, seen.unbiased);
  if (check.kind === 'Wait') {
    const ageMs = env.clock.now() - Date.parse(attempt.startedAt);
    if (ageMs < durationMs(group.spec.failover.deadline)) return check.why;
    return undo(group, env, attempt, `${check.why}, past failover.deadline`, seen.observation, signal);
  }
  if (check.kind === 'Abort') return undo(group, env, attempt, check.why, seen.observation, signal);
  // From here on the others' lag is measured against the new primary.
  return route(group, env, attempt, progress, assess(group, env, attempt.to), signal);
}

async function drain(
  group: Group,
  env: Environment,
  attempt: Attempt,
  progress: AttemptProgress,
  signal: AbortSignal,
): Promise<void> {
  if (env.leadership.remainingMs() < LEASE_MARGIN_MS) throw new KubeError('Unavailable', 'the lease is about to end');
  const resumed = progress.steps.size === 0 && !progress.begunHere;
  const snapshot = resumed || group.snapshot === null ? await readPublished(group, env, signal) : group.snapshot;
  const published = publishedState(snapshot, routeOwner(group), group.spec);
  // Resumed after the route had been written: emptying it again would only be an outage.
  if (published.epoch === attempt.epoch && published.primary === attempt.to) return;
  await drainRoutes(
    group,
    env,
    { epoch: attempt.epoch, primary: null, readers: group.published?.readers ?? [] },
    signal,
  );
}

async function lastLook(group: Group, env: Environment, signal: AbortSignal) {
  const dead = new Set(
    assess(group, env)
      .views.filter((view) => view.dead)
      .map((view) => view.name),
  );
  await group.prober.lookAtAll(dead, LAST_LOOK_DEAD_MS, signal);
  return assess(group, env);
}

async function route(
  group: Group,
  env: Environment,
  attempt: Attempt,
  progress: AttemptProgress,
  seen: { readonly observation: Observation; readonly unbiased: readonly MemberView[] },
  signal: AbortSignal,
): Promise<string | null> {
  const members = attempt.kind === 'Rebaseline' ? seen.unbiased : seen.observation.members;
  const target = viewOf({ members }, attempt.to);
  const baseline =
    target === null ? null : baselineOf(target, isoTime(env.clock.now()), knownBaseline(group.record.baseline));
  if (baseline === null) return `${attempt.to} has not told its position yet`;
  const quarantined = quarantineAfter(attempt, seen.observation, baseline.timeline);
  const quarantinedTimelines = quarantinedTimelinesAfter(attempt, seen.observation, quarantined);
  const loss = estimatedLossBytes(attempt, seen.observation);
  const record: GroupRecord = {
    ...group.record,
    primary: attempt.to,
    baseline,
    quarantined,
    quarantinedTimelines,
    splitBrain: null,
  };
  const published = await timed(progress, 'Routing', env, () =>
    publishRoutes(group, env, { record, members, signal, continues: true }),
  );
  if (!published.readWriteDone)
    return published.problems.map((problem) => problem.message).join('; ') || 'the route is not written yet';
  const entry = ended(env, attempt, progress, 'Completed', loss);
  return finish(group, env, { ...record, attempt: null, history: withEntry(record, entry) }, signal);
}

/** The old route again, at the new epoch, where it may still lead there. */
async function undo(
  group: Group,
  env: Environment,
  attempt: Attempt,
  why: string,
  observation: Observation,
  signal: AbortSignal,
): Promise<string | null> {
  const old = viewOf(observation, attempt.from ?? group.record.primary);
  const usable = old !== null && reasonNotRoutable(old, observation.quarantined) === null;
  const record: GroupRecord = { ...group.record, primary: usable ? old.name : null };
  const published = await publishRoutes(group, env, { record, members: observation.members, signal, continues: true });
  if (!published.readWriteDone) return 'the old route is not written yet';
  const progress = group.progress ?? newProgress(attempt);
  const entry = { ...ended(env, attempt, progress, 'Aborted', null), reason: why.slice(0, 1024) };
  env.log.warn({ ...logKey(group), epoch: attempt.epoch, why }, 'attempt aborted');
  return finish(group, env, { ...record, attempt: null, history: withEntry(record, entry) }, signal);
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
  env.log.info(
    { ...logKey(group), epoch: record.epoch, primary: record.primary, steps: entry?.steps },
    'attempt ended',
  );
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
    startedAt: attempt.startedAt,
    finishedAt: isoTime(env.clock.now()),
    steps: attempt.detectionMs === undefined ? steps : { Detection: attempt.detectionMs, ...steps },
    ...(loss === null ? {} : { estimatedLossBytes: loss }),
  };
}

const withEntry = (record: GroupRecord, entry: HistoryEntry): readonly HistoryEntry[] =>
  [entry, ...record.history].slice(0, HISTORY_LENGTH);

function retryLater(group: Group, env: Environment, progress: AttemptProgress, problem: string): number {
  progress.retries += 1;
  progress.lastProblem = problem;
  const delayMs = retryDelayMs(progress.retries, group.spec.retry, env.random());
  progress.retryAtMs = env.clock.monotonicMs() + delayMs;
  env.telemetry.retried(group.key, 'attempt');
  env.log.warn(
    { ...logKey(group), epoch: progress.epoch, retries: progress.retries, retryInMs: Math.round(delayMs), problem },
    'attempt step failed',
  );
  return delayMs;
}

function newProgress(attempt: Attempt): AttemptProgress {
  return {
    epoch: attempt.epoch,
    begunHere: false,
    steps: new Map(),
    retries: 0,
    retryAtMs: null,
    lastProblem: null,
  };
}

async function timed<T>(progress: AttemptProgress, step: string, env: Environment, run: () => Promise<T>): Promise<T> {
  const startedMs = env.clock.monotonicMs();
  try {
    return await run();
  } finally {
    progress.steps.set(step, (progress.steps.get(step) ?? 0) + env.clock.monotonicMs() - startedMs);
  }
}

/** What is published now; the steps that follow go on from it. */
async function readPublished(group: Group, env: Environment, signal: AbortSignal): Promise<Snapshot> {
  group.touched = [];
  const snapshot = await env.publisher.read(routeOwner(group), group.spec, { signal });
  group.snapshot = snapshot;
  settleTouched(group, new Set());
  return snapshot;
}

const logKey = (group: Group) => ({ namespace: group.key.namespace, name: group.key.name });
