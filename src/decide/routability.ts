/** I1: what the read-write route may lead to. Holds in every mode and under every rule, paused or not. */
import type { MemberView } from '../api/verdict.ts';

/** Why the read-write route may not lead to this member, by the last evidence; null when it may. */
export function reasonNotRoutable(member: MemberView, quarantined: ReadonlyMap<string, number>): string | null {
  const epoch = quarantined.get(member.name);
  if (epoch !== undefined) return `it was deposed by the attempt of epoch ${epoch} and is quarantined`;
  if (member.verdict === 'Ambiguous') return 'more than one server answers under its name';
  if (member.verdict === 'WrongCluster') return 'it belongs to another cluster';
  if (member.facts?.inRecovery === true) return 'it is in recovery';
  if (member.facts?.readOnly === true) return 'it is read-only';
  return null;
}

/**
 * Whether a quarantine has ended: the deposed member follows, as a standby on the current timeline. A timeline number
 * alone would be satisfied by a standby of another promotion, so its receiver must be streaming or have reached it.
 */
export function hasRejoined(member: MemberView, timeline: number): boolean {
  const { facts } = member;
  if (!member.standby || facts === null) return false;
  return facts.receiver !== null ? facts.receiver.receivedTimeline === timeline : facts.timeline === timeline;
}
