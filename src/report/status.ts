/**
 * The whole status in one go: the conductor hands in facts, nothing else sets a condition.
 * What is not known yet does not overwrite what the previous status said (a restarted operator is blind for a moment).
 */
import { formatDuration } from '../api/duration.ts';
import type { Condition, Status } from '../api/status.ts';
import { condition, conditions, lastingConditions } from './conditions.ts';
import { isObserving, OBSERVING, type Problem, type ReportInput, viewOf } from './input.ts';
import { memberStatuses } from './member-status.ts';
import { bounded, milliseconds, sentences } from './wording.ts';

/** The schema's own bound on `status.history`. */
const HISTORY_LENGTH = 10;

export function buildStatus(input: ReportInput): Status {
  const { previous, published } = input;
  const known = previous.observedGeneration >= 0;
  return {
    // Generic health checks read it as "this spec has been judged", which is not so before the first verdict.
    observedGeneration: isObserving(input) && known ? previous.observedGeneration : input.generation,
    up: isObserving(input) ? (previous.up ?? upOf(input)) : upOf(input),
    lag: isObserving(input) ? previous.lag : largestLag(input),
    primary: published === null ? previous.primary : (published.primary ?? undefined),
    // While an attempt runs it has been given to that: it never goes back.
    epoch: input.attempt?.epoch ?? published?.epoch ?? previous.epoch,
    numbersAt: milliseconds(input.nowMs),
    baseline: input.baseline,
    decision: decisionStatus(input),
    members: memberStatuses(input),
    splitBrain: input.splitBrain,
    attempt: input.attempt,
    history: input.history.slice(0, HISTORY_LENGTH),
    conditions: conditions(input),
  };
}

/** What the parser found, as problems that a condition shows. */
export function invalidSpec(found: readonly { readonly path: string; readonly message: string }[]): readonly Problem[] {
  return found.map(({ path, message }) => ({ reason: 'InvalidSpec', message: `${path}: ${message}` }));
}

/**
 * For a spec that cannot be worked with: nothing is observed or changed, so only the conditions speak of it and the
 * rest of the previous status stays.
 */
export function buildInvalidStatus(input: {
  readonly generation: number;
  readonly previous: Status;
  readonly nowMs: number;
  readonly problems: readonly [Problem, ...Problem[]];
}): Status {
  const [{ reason }] = input.problems;
  const message = sentences(...input.problems.map((problem) => problem.message));
  const unjudged = { status: 'Unknown', reason: OBSERVING, message: 'the spec is not valid' } as const;
  const list: Condition[] = lastingConditions.map((type) =>
    condition(type, type === 'Ready' ? { status: 'False', reason, message } : unjudged, input),
  );
  list.push(condition('Stalled', { status: 'True', reason, message }, input));
  return { ...input.previous, observedGeneration: input.generation, conditions: list };
}

function upOf(input: ReportInput): string {
  return `${input.views.filter((view) => view.verdict === 'Up').length}/${input.settings.members.length}`;
}

function largestLag(input: ReportInput): string | undefined {
  const lags = (input.published?.readers ?? []).flatMap((name) => {
    const view = viewOf(input, name);
    return view?.standby === true && view.lagMs !== null ? [view.lagMs] : [];
  });
  return lags.length === 0 ? undefined : formatDuration(Math.max(...lags));
}

/** `since` tells how long the rule with this reason has been in force; the message may change meanwhile. */
function decisionStatus(input: ReportInput): Status['decision'] {
  const { decision } = input;
  const before = input.previous.decision;
  if (decision === null || (isObserving(input) && before !== undefined)) return before;
  const lasts = before !== undefined && before.rule === decision.rule && before.reason === decision.reason;
  return {
    rule: decision.rule,
    action: decision.action.kind === 'Begin' ? decision.action.attempt : decision.action.kind,
    reason: decision.reason,
    message: bounded(decision.message, 2048),
    since: lasts ? before.since : milliseconds(input.nowMs),
  };
}
