/** Begins an attempt: the intent (epoch, from, to) is persisted before anything is touched (I3). */
import type { Attempt } from '../api/status.ts';
import { type Environment, isoTime } from './environment.ts';
import { type Group, routeOwner } from './group.ts';
import { newProgress } from './progress.ts';
import { publishedState } from './publisher.ts';
import { statusOf } from './record.ts';
import { emitEvents } from './reporting.ts';
import { readPublished } from './routing.ts';
import { INTENT_DEADLINE_MS, refreshRecord, writeIntent } from './status-writer.ts';

/** Lease time that must be left before an intent is written or a route moved: the deadline of one write and some. */
export const LEASE_MARGIN_MS = INTENT_DEADLINE_MS + 500;

export interface Intent {
  readonly kind: Attempt['kind'];
  readonly to: string;
  readonly from: string | null;
  readonly rule?: number;
  /** The FailoverRequest that orders it. */
  readonly request?: { readonly name: string; readonly uid: string };
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
  const decidedOn = group.generation;
  if ((await refreshRecord(group, env, signal)) !== 'Same' || group.generation !== decidedOn) return false;
  const snapshot = await readPublished(group, env, signal);
  const published = publishedState(snapshot, routeOwner(group), group.spec);
  const attempt = attemptOf(group, env, intent, Math.max(group.record.epoch, published.epoch) + 1);
  const { epoch } = attempt;
  const previous = group.status;
  const next = statusOf(previous, { ...group.record, epoch, attempt });
  if (!(await writeIntent(group, env, next, decidedOn, signal))) {
    // What was read shall be compared with what should be published after all.
    group.routesDirty = true;
    return false;
  }
  emitEvents(group, env, previous, next);
  group.progress = { ...newProgress(attempt), begunHere: true };
  env.log.info({ ...group.key, epoch, kind: attempt.kind, from: attempt.from, to: attempt.to }, 'attempt begun');
  return true;
}

function attemptOf(group: Group, env: Environment, intent: Intent, epoch: number): Attempt {
  const timeline = group.views.find((view) => view.name === intent.to)?.facts?.timeline;
  return {
    epoch,
    kind: intent.kind,
    ...(intent.from === null || intent.from === intent.to ? {} : { from: intent.from }),
    to: intent.to,
    reason: intent.reason.slice(0, 2048),
    step: 'Draining',
    startedAt: isoTime(env.clock.now()),
    retries: 0,
    ...(intent.rule === undefined ? {} : { rule: intent.rule }),
    ...(intent.request === undefined ? {} : { request: intent.request.name, requestUid: intent.request.uid }),
    ...(timeline === undefined ? {} : { timeline }),
    ...(intent.detectionMs === undefined ? {} : { detectionMs: Math.round(intent.detectionMs) }),
  };
}
