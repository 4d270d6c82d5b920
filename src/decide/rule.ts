/** What a rule of the decision is, and the words that rules are written in. */
import type { DecisionAction } from '../api/decision.ts';
import type { MemberView } from '../api/verdict.ts';
import { mayReadHistory } from './lineage.ts';
import { isUnreadable, type Observation, primaryOf, unexplainedWriters, viewOf } from './observation.ts';

export interface Rule {
  readonly id: number;
  readonly reason: string;
  /** When it matches, for the generated page. */
  readonly condition: string;
  /** What happens to the routes, for the generated page. */
  readonly effect: string;
  /** What a person may do, for the generated page. */
  readonly remedy: string;
  readonly when: (o: Observation) => boolean;
  readonly outcome: (o: Observation) => RuleOutcome;
}

export interface RuleOutcome {
  readonly action: DecisionAction;
  readonly message: string;
}

export const hold = (message: string): RuleOutcome => ({ action: { kind: 'Hold' }, message });

/** Both routes lead nowhere. */
export const emptyBoth = (message: string): RuleOutcome => ({ action: { kind: 'EmptyBoth' }, message });

export const begin = (attempt: 'Adopt' | 'Follow', to: string, message: string): RuleOutcome => ({
  action: { kind: 'Begin', attempt, to },
  message,
});

export const names = (members: readonly { readonly name: string }[]): string =>
  members.map((member) => member.name).join(', ');

export const writers = (o: Observation): readonly MemberView[] => o.members.filter((member) => member.writable);

export const primaryView = (o: Observation): MemberView | null => viewOf(o, primaryOf(o));
export const primaryName = (o: Observation): string => primaryOf(o) ?? 'the primary';
export const whyPrimary = (o: Observation): string => primaryView(o)?.reason ?? 'not looked at yet';

export const isPrimaryDead = (o: Observation): boolean => primaryView(o)?.dead === true;

/**
 * Dead, or refused past the threshold though a grace still runs. The grace of an orderly stop keeps *us* from promoting while
 * somebody restarts the primary; when somebody promoted another meanwhile, that question is answered.
 */
export const isPrimaryGone = (o: Observation): boolean => isPrimaryDead(o) || primaryView(o)?.refused === true;
export const isPrimaryWritable = (o: Observation): boolean => primaryView(o)?.writable === true;

export function isPrimaryDemoted(o: Observation): boolean {
  const primary = primaryView(o);
  return primary?.verdict === 'Up' && !primary.writable;
}

export function isPrimaryUnreadable(o: Observation): boolean {
  const primary = primaryView(o);
  return primary !== null && isUnreadable(primary);
}

/** The one other member that accepts writes, unexplained; null when there is none or several. */
export function rival(o: Observation): MemberView | null {
  const others = unexplainedWriters(o).filter((member) => member.name !== primaryOf(o));
  return others.length === 1 ? (others[0] ?? null) : null;
}

export const rivalName = (o: Observation): string => rival(o)?.name ?? 'another member';

/** Quarantined members that accept writes. */
export const zombies = (o: Observation): readonly MemberView[] =>
  writers(o).filter((member) => o.quarantined.has(member.name));

/** Whether there is a rival whose lineage is of this kind. */
export function rivalIs(o: Observation, kind: 'Descends' | 'Diverged' | 'Unproven'): boolean {
  const other = rival(o);
  return other !== null && o.lineage(other.name).kind === kind;
}

/** Why the rival's lineage is not proven, or not ours. */
export function whyRival(o: Observation): string {
  const lineage = o.lineage(rivalName(o));
  return lineage.kind === 'Descends' ? '' : lineage.why;
}

const NOT_AVAILABLE = 'promoting is not available in this version';

/** Other hindrances name their own remedy; an unknown cluster may be just what a person wants. */
export const wayOutOfUnreadable = (o: Observation): string =>
  primaryView(o)?.verdict === 'WrongCluster'
    ? '; if it was restored or replaced on purpose, create a FailoverRequest of kind Rebaseline'
    : '';

/** Whether the rival's history will tell, as soon as it is read. */
export function waitsForHistory(o: Observation): boolean {
  const other = rival(o);
  return other !== null && mayReadHistory(other);
}

/** What a group without a primary waits for. */
export const waitingFor = (o: Observation): string =>
  o.settings.mode === 'Follow'
    ? 'waiting for others to promote a standby (mode Follow)'
    : `${NOT_AVAILABLE} (mode ${o.settings.mode}); promote a standby yourself, the routes will follow`;

/** Said while all is well, so that nobody learns it during an outage. */
export const promotionNote = (o: Observation): string =>
  o.settings.mode === 'Follow' || o.settings.members.length === 1
    ? ''
    : `; ${NOT_AVAILABLE} (mode ${o.settings.mode}), the routes follow promotions by others`;
