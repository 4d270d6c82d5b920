/** Running times and retries of the attempt under way. */
import type { Attempt, AttemptStep } from '../api/status.ts';
import { retryDelayMs } from '../decide/retry.ts';
import type { Environment } from './environment.ts';
import type { AttemptProgress, Group } from './group.ts';

export function newProgress(attempt: Attempt): AttemptProgress {
  return {
    epoch: attempt.epoch,
    step: attempt.step,
    begunHere: false,
    steps: new Map(),
    retries: 0,
    retryAtMs: null,
    mayRetryAtMs: Number.NEGATIVE_INFINITY,
    lastProblem: null,
  };
}

/**
 * What stood in the way may be gone, so a change in the cluster ends the wait, but not before this: somebody who changes
 * things all the time must not make us try, or read, all the time.
 */
export const REST_MS = 1000;

/** Milliseconds to wait before the next try; not positive: now. */
export function waitLeftMs(group: Group, progress: AttemptProgress, nowMs: number): number {
  const atMs = progress.retryAtMs ?? 0;
  // Not `routesDirty`, which lasts for as long as nothing can be read.
  return (group.touched.length > 0 ? Math.min(atMs, progress.mayRetryAtMs) : atMs) - nowMs;
}

function waitFor(progress: AttemptProgress, ms: number, nowMs: number): void {
  progress.retryAtMs = nowMs + ms;
  progress.mayRetryAtMs = nowMs + REST_MS;
}

export async function timed<T>(
  progress: AttemptProgress,
  step: Exclude<AttemptStep, 'Confirming'>,
  env: Environment,
  run: () => Promise<T>,
): Promise<T> {
  const startedMs = env.clock.monotonicMs();
  progress.step = step;
  try {
    return await run();
  } finally {
    progress.steps.set(step, (progress.steps.get(step) ?? 0) + env.clock.monotonicMs() - startedMs);
  }
}

/** A step failed: it is tried again with the backoff of `spec.retry`. Returns the delay in ms. */
export function retryLater(group: Group, env: Environment, progress: AttemptProgress, problem: string): number {
  progress.retries += 1;
  progress.lastProblem = problem;
  const delayMs = retryDelayMs(progress.retries, group.spec.retry, env.random());
  waitFor(progress, delayMs, env.clock.monotonicMs());
  env.telemetry.retried(group.key, 'attempt');
  env.log.warn(
    { ...group.key, epoch: progress.epoch, retries: progress.retries, retryInMs: Math.round(delayMs), problem },
    'attempt step failed',
  );
  return delayMs;
}

/** The last look is taken again at this pace: the route leads nowhere meanwhile. */
const LOOK_AGAIN_MS = 1000;

/** Nothing failed, somebody is waited for; `failover.deadline` bounds it. Returns the delay in ms. */
export function lookAgainLater(env: Environment, progress: AttemptProgress, problem: string): number {
  progress.lastProblem = problem;
  waitFor(progress, LOOK_AGAIN_MS, env.clock.monotonicMs());
  return LOOK_AGAIN_MS;
}
