/** Condition `PrimaryHealthy`: whether the member that the read-write route leads to accepts writes. */
import type { Attempt } from '../api/status.ts';
import { unreachable } from '../api/unreachable.ts';
import type { MemberView } from '../api/verdict.ts';
import {
  isObserving,
  type Judgement,
  observing,
  PRIMARY_IN_DOUBT,
  type ReportInput,
  ROUTE_MOVING,
  viewOf,
} from './input.ts';
import { sentences, since } from './wording.ts';

export function primaryHealth(input: ReportInput): Judgement {
  const { published, attempt } = input;
  const remedy = input.decision?.message ?? '';
  if (published === null || published.primary === null) {
    if (attempt !== undefined) return { status: 'False', reason: ROUTE_MOVING, message: movingMessage(attempt) };
    if (isObserving(input)) return observing(input);
    const reason = input.splitBrain === undefined ? 'NoPrimary' : 'SplitBrain';
    return { status: 'False', reason, message: sentences('the read-write route leads nowhere', remedy) };
  }
  const view = viewOf(input, published.primary);
  if (view === undefined) {
    const message = `${published.primary} is routed and is not in spec.members any more`;
    return { status: 'False', reason: 'RoutedMemberRemoved', message: remedy === '' ? message : remedy };
  }
  return view.asked ? judge(view, input, remedy) : observing(input);
}

export function movingMessage(attempt: Attempt): string {
  const from = attempt.from === undefined ? '' : ` from ${attempt.from}`;
  return `the routes are moving${from} to ${attempt.to} (epoch ${attempt.epoch}, step ${attempt.step}, begun ${attempt.startedAt})`;
}

/** Why the member does not serve, since when, and what the decision says of it (which often repeats the why). */
function seen(view: MemberView, input: ReportInput, remedy: string): string {
  const when = since(view.lostAtMs, input);
  return remedy.includes(view.reason) ? `${remedy}${when}` : sentences(`${view.name}: ${view.reason}${when}`, remedy);
}

function judge(view: MemberView, input: ReportInput, remedy: string): Judgement {
  if (view.dead) return { status: 'False', reason: 'PrimaryDown', message: seen(view, input, remedy) };
  switch (view.verdict) {
    case 'Unknown':
      return observing(input);
    case 'Up':
      return answering(view, remedy);
    case 'Refused':
    case 'Reset':
    case 'Silent':
      return inDoubt(view, input, remedy);
    case 'Stopping':
    case 'Starting':
    case 'Overloaded':
    case 'WriteStalled':
      return { status: 'False', reason: `Primary${view.verdict}`, message: seen(view, input, remedy) };
    case 'NotPostgres':
    case 'WrongCluster':
    case 'DuplicateMember':
    case 'Ambiguous':
      return { status: 'False', reason: view.verdict, message: seen(view, input, remedy) };
    case 'Misconfigured':
    case 'TlsFailed':
    case 'Unresolvable':
      // Our side is at fault: the primary may well serve its clients.
      return { status: 'Unknown', reason: `Primary${view.verdict}`, message: seen(view, input, remedy) };
    default:
      return unreachable(view.verdict);
  }
}

function answering(view: MemberView, remedy: string): Judgement {
  if (view.writable) {
    return {
      status: 'True',
      reason: 'PrimaryUp',
      message: `${view.name} accepts writes on timeline ${view.facts?.timeline ?? '?'}`,
    };
  }
  if (view.standby) {
    const message = sentences(`${view.name} is routed and was last seen in recovery`, remedy);
    return { status: 'False', reason: 'PrimaryInRecovery', message };
  }
  const message = sentences(`${view.name} answers and refuses writes (default_transaction_read_only is on)`, remedy);
  return { status: 'False', reason: 'PrimaryReadOnly', message };
}

/** Doubt about a healthy primary is not knowing; doubt about one that was already unhealthy does not improve it. */
function inDoubt(view: MemberView, input: ReportInput, remedy: string): Judgement {
  const before = input.previous.conditions?.find((condition) => condition.type === 'PrimaryHealthy');
  return {
    status: before?.status === 'False' ? 'False' : 'Unknown',
    reason: PRIMARY_IN_DOUBT,
    message: seen(view, input, remedy),
  };
}
