/**
 * Carries an attempt through its steps: Draining -> LastLook -> Routing -> done.
 *
 * Every step asks first and may be repeated, so a successor resumes with the record alone. Until Routing an attempt may be
 * undone: the old route is published again at the new epoch. Once the route led to the target at this epoch there is no
 * way back, applications may have written there: the attempt ends as completed, and whatever is wrong with the target
 * then is the next decision's business. A step that fails is tried again with the backoff of `spec.retry`, and the next try stands
 * in status.
 */

import { durationMs } from '../api/duration.ts';
import type { Attempt } from '../api/status.ts';
import { checkAttempt } from '../decide/attempts.ts';
import { KubeError } from '../ports/kube.ts';
import { type Assessment, assess } from './assess.ts';
import { conclude, route, undo } from './attempt-end.ts';
import { LEASE_MARGIN_MS } from './attempt-intent.ts';
import type { Environment } from './environment.ts';
import { type AttemptProgress, type Group, routeOwner } from './group.ts';
import { lookAgainLater, newProgress, retryLater, timed, waitLeftMs } from './progress.ts';
import { publishedState } from './publisher.ts';
import { drainRoutes, readPublished } from './routing.ts';

/** A member that already counts as dead gets this long at the last look: its silence is no news. */
const LAST_LOOK_DEAD_MS = 250;

/** Milliseconds after which to come back, or null when the attempt has ended. */
export async function advanceAttempt(group: Group, env: Environment, signal: AbortSignal): Promise<number | null> {
  const { attempt } = group.record;
  if (attempt === null) return null;
  group.progress = group.progress?.epoch === attempt.epoch ? group.progress : newProgress(attempt);
  const { progress } = group;
  const waitMs = waitLeftMs(group, progress, env.clock.monotonicMs());
  if (waitMs > 0) return waitMs;
  try {
    const outcome = await runSteps(group, env, attempt, progress, signal);
    if (outcome === null) return null;
    return outcome.kind === 'Wait'
      ? lookAgainLater(env, progress, outcome.why)
      : retryLater(group, env, progress, outcome.why);
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    return retryLater(group, env, progress, error.message);
  }
}

interface Unfinished {
  readonly kind: 'Wait' | 'Failed';
  readonly why: string;
}

/** null: ended. */
async function runSteps(
  group: Group,
  env: Environment,
  attempt: Attempt,
  progress: AttemptProgress,
  signal: AbortSignal,
): Promise<Unfinished | null> {
  const hasArrived = await timed(progress, 'Draining', env, () => drain(group, env, attempt, progress, signal));
  const sinceMs = env.clock.monotonicMs();
  const seen = await timed(progress, 'LastLook', env, () => lastLook(group, env, signal));
  const check = checkAttempt(attempt, seen.observation, seen.unbiased, sinceMs);
  if (check.kind === 'Proceed') {
    // From here on the others' lag is measured against the new primary.
    return failed(await route(group, env, attempt, progress, assess(group, env, attempt.to), signal));
  }
  if (hasArrived) {
    const concluded = await conclude(group, env, attempt, progress, seen, signal);
    if (concluded.kind !== 'NothingKnown') return failed(concluded.problem);
  }
  if (check.kind === 'Wait' && !isOverdue(group, env, attempt)) return check;
  const why = check.kind === 'Wait' ? `${check.why}, past failover.deadline` : check.why;
  return failed(await undo(group, env, attempt, why, seen.observation, signal));
}

const failed = (why: string | null): Unfinished | null => (why === null ? null : { kind: 'Failed', why });

const isOverdue = (group: Group, env: Environment, attempt: Attempt): boolean =>
  env.clock.now() - Date.parse(attempt.startedAt) >= durationMs(group.spec.failover.deadline);

/** True: the route leads to the target already, written at this epoch. */
async function drain(
  group: Group,
  env: Environment,
  attempt: Attempt,
  progress: AttemptProgress,
  signal: AbortSignal,
): Promise<boolean> {
  if (env.leadership.remainingMs() < LEASE_MARGIN_MS) throw new KubeError('Unavailable', 'the lease is about to end');
  const isFirstTry = progress.begunHere && progress.steps.size === 0;
  const snapshot = isFirstTry && group.snapshot !== null ? group.snapshot : await readPublished(group, env, signal);
  const published = publishedState(snapshot, routeOwner(group), group.spec);
  // Emptying a route that leads there already would only be an outage.
  if (published.primary === attempt.to) return published.epoch === attempt.epoch;
  await drainRoutes(group, env, attempt.epoch, assess(group, env).views, signal);
  return false;
}

async function lastLook(group: Group, env: Environment, signal: AbortSignal): Promise<Assessment> {
  const dead = new Set(
    assess(group, env)
      .views.filter((view) => view.dead)
      .map((view) => view.name),
  );
  await group.prober.lookAtAll(dead, LAST_LOOK_DEAD_MS, signal);
  return assess(group, env);
}
