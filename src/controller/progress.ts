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
    lastProblem: null,
  };
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
  progress.retryAtMs = env.clock.monotonicMs() + delayMs;
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
  progress.retryAtMs = env.clock.monotonicMs() + LOOK_AGAIN_MS;
  return LOOK_AGAIN_MS;
}
