/** Everything a status is built from. Facts only: the conductor gathers them, `report` puts them into words. */
import type { Decision, RouteTarget } from '../api/decision.ts';
import type { PromotionProofs } from '../api/promotion-proof.ts';
import type { GroupSettings } from '../api/settings.ts';
import type { Attempt, Baseline, HistoryEntry, Status } from '../api/status.ts';
import type { MemberView } from '../api/verdict.ts';

/** Something that is wrong, as a CamelCase reason and a sentence that says what to do. Secret-free. */
export interface Problem {
  readonly reason: string;
  readonly message: string;
}

export interface ReportInput {
  readonly generation: number;
  /** The status as last written or read; `since` and `lastTransitionTime` continue from it. */
  readonly previous: Status;
  /** Wall time in ms. */
  readonly nowMs: number;
  /** Monotonic ms of the same moment, to turn the ages in `views` into wall times. */
  readonly monotonicMs: number;
  readonly settings: GroupSettings;
  readonly views: readonly MemberView[];
  /** null before the rules were first asked. */
  readonly decision: Decision | null;
  /** What is published now; null while nothing ever was. */
  readonly published: RouteTarget | null;
  readonly routeProblems: readonly Problem[];
  /** Problems of the spec, the Secrets or the certificates that a person must solve. */
  readonly problems: readonly Problem[];
  readonly attempt: Attempt | undefined;
  /** Newest first. */
  readonly history: readonly HistoryEntry[];
  readonly baseline: Baseline | undefined;
  readonly splitBrain: Status['splitBrain'];
  /** Deposed primaries by name, with the epoch that deposed them. */
  readonly quarantined: ReadonlyMap<string, number>;
  readonly quarantinedTimelines: ReadonlyMap<string, number>;
  /** Per member why it is, or is not, in the read set. */
  readonly readWhy: Readonly<Record<string, string>>;
  readonly promotionProofs: PromotionProofs;
}

/** One aspect before it becomes a condition. */
export interface Judgement {
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

/** Reason of a condition, and of the rules, while some member has not been asked once. */
export const OBSERVING = 'Observing';
/** Reason while an attempt carries the routes from one member to another. */
export const ROUTE_MOVING = 'RouteMoving';
/** Reason while the primary failed its last looks, and not enough of them to call it down. */
export const PRIMARY_IN_DOUBT = 'PrimaryInDoubt';

/** True before the first verdict, also for a moment after each start of the operator. */
export function isObserving(input: Pick<ReportInput, 'decision'>): boolean {
  return input.decision === null || input.decision.reason === OBSERVING;
}

/** The judgement that leaves the previous condition standing where there is one. */
export function observing(input: Pick<ReportInput, 'decision'>): Judgement {
  return { status: 'Unknown', reason: OBSERVING, message: input.decision?.message ?? 'waiting for the first look' };
}

export function viewOf(input: Pick<ReportInput, 'views'>, member: string | null): MemberView | undefined {
  return input.views.find((view) => view.name === member);
}
