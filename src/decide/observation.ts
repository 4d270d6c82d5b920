/** Everything one decision looks at: one snapshot, taken at one moment. */
import type { Lsn } from '../api/lsn.ts';
import type { GroupSettings, MemberSettings } from '../api/settings.ts';
import type { MemberView, Verdict } from '../api/verdict.ts';
import type { Lineage } from './lineage.ts';

/** The baseline with its numbers parsed. */
export interface KnownBaseline {
  readonly primary: string;
  readonly systemIdentifier: string;
  readonly timeline: number;
  readonly forkLsn: Lsn | null;
  readonly lsn: Lsn;
}

export interface Observation {
  readonly settings: GroupSettings;
  /** In the order of the spec. */
  readonly members: readonly MemberView[];
  readonly baseline: KnownBaseline | null;
  /** Member the read-write route leads to by our record; null: nowhere. */
  readonly routed: string | null;
  /** Member that the published slices name, whoever's record that is; null: none or empty. */
  readonly published: string | null;
  /** Deposed members and the epoch that deposed them. */
  readonly quarantined: ReadonlyMap<string, number>;
  /** Timelines that they were on then, where that is known. */
  readonly quarantinedTimelines: ReadonlyMap<string, number>;
  /** Members of a split brain that has not ended; null: none. Already brought up to date by `nextSplitBrain`. */
  readonly splitBrain: readonly string[] | null;
  readonly attemptUnderway: boolean;
  /** Slices of others that name the read-write Service, as a sentence; null: none. */
  readonly foreignEndpoints: string | null;
  /** Whether a member descends from the baseline. */
  readonly lineage: (member: string) => Lineage;
}

export function viewOf(observation: Pick<Observation, 'members'>, name: string | null): MemberView | null {
  return observation.members.find((member) => member.name === name) ?? null;
}

export function settingsOf(settings: GroupSettings, name: string | null): MemberSettings | null {
  return settings.members.find((member) => member.name === name) ?? null;
}

/** The member whose loss or return matters: where the route leads, else the last known primary. */
export function primaryOf(observation: Observation): string | null {
  return observation.routed ?? observation.baseline?.primary ?? null;
}

/** Writable members that nothing on record explains away: a quarantined one counts only when it was promoted anew. */
export function unexplainedWriters(observation: Observation): readonly MemberView[] {
  return observation.members.filter(
    (member) => member.writable && (!observation.quarantined.has(member.name) || isPromotedAnew(observation, member)),
  );
}

/**
 * On a timeline that descends from the routed primary's, and is not the one it was deposed on: ForceRoute may have kept
 * the old primary and deposed its descendant.
 */
function isPromotedAnew({ lineage, quarantinedTimelines }: Observation, { name, facts }: MemberView): boolean {
  if (lineage(name).kind !== 'Descends') return false;
  const deposedOn = quarantinedTimelines.get(name);
  return deposedOn === undefined || (facts?.timeline ?? 0) > deposedOn;
}

/** Verdicts under which a member lives, or may live, and cannot be read: never a reason to route elsewhere. */
const UNREADABLE: ReadonlySet<Verdict> = new Set<Verdict>([
  'Overloaded',
  'Misconfigured',
  'TlsFailed',
  'Ambiguous',
  'DuplicateMember',
  'WrongCluster',
  'NotPostgres',
  'Unresolvable',
]);

export function isUnreadable(member: MemberView): boolean {
  return UNREADABLE.has(member.verdict);
}
