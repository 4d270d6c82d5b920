/** All conditions of a status: five that are always there, four abnormal ones only while they are True. */
import type { Condition } from '../api/status.ts';
import type { Verdict } from '../api/verdict.ts';
import { failoverReadiness } from './failover-readiness.ts';
import {
  isObserving,
  type Judgement,
  OBSERVING,
  observing,
  type Problem,
  type ReportInput,
  ROUTE_MOVING,
} from './input.ts';
import { missingRights } from './member-status.ts';
import { movingMessage, primaryHealth } from './primary-health.ts';
import { replicaHealth } from './replica-health.ts';
import { splitBrainMessage } from './split-brain.ts';
import { bounded, listed, sentences, wholeSeconds } from './wording.ts';

/** In the order they are shown; `Ready` first. */
export const lastingConditions = [
  'Ready',
  'PrimaryHealthy',
  'ReplicasHealthy',
  'RoutesSynced',
  'FailoverReady',
] as const;
/** Present only while True. */
export const abnormalConditions = ['Reconciling', 'Stalled', 'SplitBrain', 'Degraded'] as const;
export type ConditionType = (typeof lastingConditions)[number] | (typeof abnormalConditions)[number];

/** Route problems that stay until a person acts; the others heal with the next try. */
const needsPerson: ReadonlySet<string> = new Set([
  'ServiceNotUsable',
  'ForeignEndpoints',
  'ObjectNotOurs',
  'HigherEpoch',
  'TemplateError',
  'CredentialsMissing',
  'CredentialsMalformed',
  'Contended',
  'Forbidden',
]);

/** Verdicts that say our configuration is wrong rather than the member is ill, and the reason they are shown under. */
const misfits: Readonly<Partial<Record<Verdict, string>>> = {
  Misconfigured: 'CredentialsInvalid',
  TlsFailed: 'TlsFailed',
  Unresolvable: 'Unresolvable',
  NotPostgres: 'NotPostgres',
  WrongCluster: 'WrongCluster',
  DuplicateMember: 'DuplicateMember',
  Ambiguous: 'Ambiguous',
};

export function conditions(input: ReportInput): Condition[] {
  const primary = primaryHealth(input);
  const replicas = replicaHealth(input);
  const routes = routesSynced(input);
  const stalled = stalledBy(input);
  const lasting: Record<(typeof lastingConditions)[number], Judgement> = {
    Ready: ready(input, primary, routes, replicas),
    PrimaryHealthy: primary,
    ReplicasHealthy: replicas,
    RoutesSynced: routes,
    FailoverReady: failoverReadiness(input),
  };
  const abnormal: Record<(typeof abnormalConditions)[number], Problem | null> = {
    Reconciling: stalled === null ? reconciling(input) : null,
    Stalled: stalled,
    SplitBrain:
      input.splitBrain === undefined ? null : { reason: 'SplitBrain', message: splitBrainMessage(input.splitBrain) },
    Degraded: degraded(input),
  };
  return [
    ...lastingConditions.map((type) => condition(type, lasting[type], input)),
    ...abnormalConditions.flatMap((type) => {
      const problem = abnormal[type];
      return problem === null ? [] : [condition(type, { status: 'True', ...problem }, input)];
    }),
  ];
}

/** The part of the input that turning a judgement into a condition needs. */
export type ConditionContext = Pick<ReportInput, 'previous' | 'generation' | 'nowMs'>;

/** `lastTransitionTime` moves only when `status` does; what is not known yet leaves the previous word standing. */
export function condition(type: ConditionType, judgement: Judgement, context: ConditionContext): Condition {
  const before = context.previous.conditions?.find((known) => known.type === type);
  if (before !== undefined && judgement.reason === OBSERVING && judgement.status === 'Unknown') return before;
  return {
    type,
    status: judgement.status,
    observedGeneration: context.generation,
    lastTransitionTime: before?.status === judgement.status ? before.lastTransitionTime : wholeSeconds(context.nowMs),
    reason: judgement.reason,
    message: bounded(judgement.message, 4096),
  };
}

function routesSynced(input: ReportInput): Judgement {
  const { attempt, published, routeProblems } = input;
  const [first] = routeProblems;
  if (first !== undefined) return { status: 'False', ...merged(first.reason, routeProblems) };
  if (attempt !== undefined) return { status: 'False', reason: ROUTE_MOVING, message: movingMessage(attempt) };
  // Until everybody was asked nothing has been compared with what is published.
  if (isObserving(input)) return observing(input);
  if (published === null) {
    return { status: 'Unknown', reason: 'NotPublished', message: 'nothing has been published yet' };
  }
  const writes = published.primary === null ? 'nowhere' : `to ${published.primary}`;
  const reads = input.settings.read === null ? '' : `, reads ${leadTo(published.readers)}`;
  return { status: 'True', reason: 'Published', message: `writes lead ${writes}${reads} (epoch ${published.epoch})` };
}

const leadTo = (members: readonly string[]) => (members.length === 0 ? 'nowhere' : `to ${listed(members)}`);

/** The worst of what an application needs; replicas alone do not make it False, the message tells of them. */
function ready(input: ReportInput, primary: Judgement, routes: Judgement, replicas: Judgement): Judgement {
  const [problem] = input.problems;
  if (problem !== undefined) return { status: 'False', ...merged(problem.reason, input.problems) };
  if (input.splitBrain !== undefined) {
    return { status: 'False', reason: 'SplitBrain', message: splitBrainMessage(input.splitBrain) };
  }
  const worst =
    [primary, routes].find((judgement) => judgement.status === 'False') ??
    [primary, routes].find((judgement) => judgement.status === 'Unknown');
  if (worst !== undefined) return worst;
  const aside = replicas.status === 'False' ? replicas.message : '';
  return { status: 'True', reason: 'Ready', message: sentences(routes.message, aside) };
}

function stalledBy(input: ReportInput): Problem | null {
  const waiting = [...input.problems, ...input.routeProblems.filter((problem) => needsPerson.has(problem.reason))];
  const [first] = waiting;
  return first === undefined ? null : merged(first.reason, waiting);
}

function reconciling(input: ReportInput): Problem | null {
  const [problem] = input.routeProblems;
  if (input.attempt !== undefined) return { reason: input.attempt.kind, message: movingMessage(input.attempt) };
  if (problem !== undefined) return merged(problem.reason, input.routeProblems);
  // After a restart the routes stand as they were: nothing is being worked on while the first looks are under way.
  return isObserving(input) && input.published === null
    ? { reason: OBSERVING, message: observing(input).message }
    : null;
}

function degraded(input: ReportInput): Problem | null {
  const found = input.views.flatMap((view): Problem[] => {
    const reason = misfits[view.verdict];
    if (reason !== undefined) return [{ reason, message: `${view.name}: ${view.reason}` }];
    const blind = view.verdict === 'Up' && view.facts?.rights.monitor === false;
    const message = `${view.name}: ${missingRights(view.facts)[0] ?? ''}; run GRANT pg_monitor TO the monitoring role`;
    return blind ? [{ reason: 'RightsMissing', message }] : [];
  });
  const [first] = found;
  return first === undefined ? null : merged(first.reason, found);
}

function merged(reason: string, problems: readonly Problem[]): Problem {
  return { reason, message: sentences(...problems.map((problem) => problem.message)) };
}
