/** One attempt: whether it may still go on at its last look, and what the record says when it has ended. */
import { bytesBetween, formatLsn } from '../api/lsn.ts';
import type { Attempt, Baseline } from '../api/status.ts';
import type { MemberView, Verdict } from '../api/verdict.ts';
import { mayReadHistory } from './lineage.ts';
import { type KnownBaseline, type Observation, unexplainedWriters, viewOf } from './observation.ts';
import { hasRejoined, reasonNotRoutable } from './routability.ts';

export type AttemptCheck =
  | { readonly kind: 'Proceed' }
  /** Nothing speaks against it, something is not seen yet: look again. */
  | { readonly kind: 'Wait'; readonly why: string }
  /** It must not go on: undo. */
  | { readonly kind: 'Abort'; readonly reason: string; readonly why: string };

const PROCEED: AttemptCheck = { kind: 'Proceed' };
const abort = (reason: string, why: string): AttemptCheck => ({ kind: 'Abort', reason, why });

/** Rule 203: the published routes name the member, which tells it from others that accept writes. */
const ADOPTS_PUBLISHED = 203;

/** Verdicts that looking again does not change: the route was to lead to another server than this one. */
const UNFIT: ReadonlySet<Verdict> = new Set<Verdict>(['WrongCluster', 'DuplicateMember', 'Ambiguous', 'NotPostgres']);

/**
 * The last look, with evidence taken after the route was emptied: `sinceMs` is when it began (monotonic). `unbiased` gives
 * the same members judged without a learned system identifier, which is what Rebaseline goes by.
 */
export function checkAttempt(
  attempt: Attempt,
  observation: Observation,
  unbiased: () => readonly MemberView[],
  sinceMs: number,
): AttemptCheck {
  const members = attempt.kind === 'Rebaseline' ? unbiased() : observation.members;
  const target = viewOf({ members }, attempt.to);
  if (target === null) return abort('UnknownMember', `${attempt.to} is not in spec.members any more`);
  if (target.verdict !== 'Up') return checkLost(target);
  // Up by what it said before the route was emptied is no look at it.
  if ((target.factsAtMs ?? Number.NEGATIVE_INFINITY) < sinceMs) {
    return { kind: 'Wait', why: `${attempt.to} did not answer the last look: ${target.reason}` };
  }
  if (!target.writable) {
    return abort(
      'TargetNotWritable',
      `${attempt.to} does not accept writes: ${reasonNotRoutable(target, new Map()) ?? target.reason}`,
    );
  }
  switch (attempt.kind) {
    case 'Follow':
      return checkFollow(attempt, observation);
    case 'Rebaseline':
      return checkSoleWriter(attempt, members);
    case 'Adopt':
      return attempt.rule === ADOPTS_PUBLISHED ? PROCEED : checkSoleWriter(attempt, observation.members);
    case 'ForceRoute':
      return PROCEED;
  }
}

/** The route leads nowhere meanwhile, so nobody is waited for who counts as dead or can never be routed to. */
function checkLost({ name, verdict, dead, reason }: MemberView): AttemptCheck {
  if (dead) return abort('TargetDead', `${name} is dead: ${reason}`);
  if (UNFIT.has(verdict)) return abort('TargetUnfit', `${name} cannot be routed to: ${reason}`);
  return { kind: 'Wait', why: `${name} does not answer: ${reason}` };
}

function checkFollow(attempt: Attempt, observation: Observation): AttemptCheck {
  if (observation.settings.paused) return abort('Paused', 'spec.paused was set');
  const lineage = observation.lineage(attempt.to);
  if (lineage.kind === 'Diverged') return abort('TimelineDiverged', `${attempt.to} is no descendant: ${lineage.why}`);
  if (lineage.kind === 'Unproven' && !wasProven(attempt, viewOf(observation, attempt.to)))
    return { kind: 'Wait', why: `${attempt.to} is not proven to be a descendant: ${lineage.why}` };
  const others = unexplainedWriters(observation).filter((member) => member.name !== attempt.to);
  if (others.length > 0) {
    return abort('SplitBrain', `${others.map((member) => member.name).join(', ')} accept writes as well`);
  }
  return PROCEED;
}

/**
 * Nobody begins to follow a member without proof. A successor whose role reads no histories has nothing but the record of
 * it, and the timeline that it was about.
 */
function wasProven(attempt: Attempt, target: MemberView | null): boolean {
  return target !== null && !mayReadHistory(target) && target.facts?.timeline === attempt.timeline;
}

function checkSoleWriter(attempt: Attempt, members: readonly MemberView[]): AttemptCheck {
  const others = members.filter((member) => member.writable && member.name !== attempt.to);
  return others.length === 0
    ? PROCEED
    : abort('SeveralWriters', `${others.map((member) => member.name).join(', ')} accept writes as well`);
}

/** What is known of the group once its primary is `primary`; null when its facts do not suffice. */
export function baselineOf(primary: MemberView, at: string, previous: KnownBaseline | null): Baseline | null {
  const { facts } = primary;
  if (facts === null || facts.currentLsn === null) return null;
  const fork = facts.history?.filter((entry) => entry.timeline < facts.timeline).at(-1)?.endLsn;
  const known = previous?.timeline === facts.timeline && previous.forkLsn !== null ? previous.forkLsn : null;
  const forkLsn = fork ?? known;
  return {
    primary: primary.name,
    systemIdentifier: facts.systemIdentifier,
    timeline: facts.timeline,
    ...(forkLsn === null ? {} : { forkLsn: formatLsn(forkLsn) }),
    lsn: formatLsn(facts.currentLsn),
    at,
    ...(facts.synchronousStandbyNames === '' ? {} : { syncNames: facts.synchronousStandbyNames.slice(0, 1024) }),
  };
}

/**
 * The same for a primary that was routed to and does not tell its position now: on the timeline that it had when the
 * attempt began, at least as far as the group had come. null when that is not known either.
 */
export function inferredBaseline(attempt: Attempt, at: string, previous: Baseline | null): Baseline | null {
  if (previous === null || attempt.timeline === undefined || attempt.kind === 'Rebaseline') return null;
  const { systemIdentifier, lsn } = previous;
  return { primary: attempt.to, systemIdentifier, timeline: attempt.timeline, lsn, at };
}

/** Quarantine after an attempt has ended well: whoever was deposed, or accepts writes beside the new primary. */
export function quarantineAfter(
  attempt: Attempt,
  observation: Observation,
  newTimeline: number,
): ReadonlyMap<string, number> {
  const quarantined = attempt.kind === 'Rebaseline' ? new Map<string, number>() : new Map(observation.quarantined);
  quarantined.delete(attempt.to);
  for (const member of observation.members) {
    if (member.name === attempt.to) continue;
    const deposed = member.name === attempt.from && !hasRejoined(member, newTimeline);
    const beside = member.writable && attempt.kind !== 'Rebaseline';
    if (deposed || beside) quarantined.set(member.name, attempt.epoch);
    else if (hasRejoined(member, newTimeline)) quarantined.delete(member.name);
  }
  return quarantined;
}

/** Timelines that the quarantined were on when they were deposed, as far as they told. */
export function quarantinedTimelinesAfter(
  attempt: Attempt,
  observation: Observation,
  quarantined: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const timelines = new Map<string, number>();
  for (const [name, epoch] of quarantined) {
    const seen = viewOf(observation, name)?.facts?.timeline;
    const timeline = epoch === attempt.epoch ? seen : observation.quarantinedTimelines.get(name);
    if (timeline !== undefined) timelines.set(name, timeline);
  }
  return timelines;
}

/** Bytes of WAL that the old primary was known to have beyond the fork; null when the fork is unknown. */
export function estimatedLossBytes(attempt: Attempt, observation: Observation): number | null {
  const { baseline } = observation;
  const lineage = observation.lineage(attempt.to);
  if (baseline === null || attempt.to === baseline.primary) return null;
  if (lineage.kind !== 'Descends' || lineage.forkLsn === null) return null;
  return bytesBetween(lineage.forkLsn, baseline.lsn);
}
