/**
 * Split brain: two writable members that our record does not explain. It is sticky: what begins it is seeing both, and it
 * ends only by proof that all but one no longer write (in recovery, read-only, or refused past the threshold), never by silence.
 */
import type { MemberView } from '../api/verdict.ts';
import { type Observation, unexplainedWriters, viewOf } from './observation.ts';

/** The members of the split brain as of now, or null when there is none. */
export function nextSplitBrain(observation: Observation): readonly string[] | null {
  const writers = unexplainedWriters(observation).map((member) => member.name);
  const known = (observation.splitBrain ?? []).filter((name) => viewOf(observation, name) !== null);
  const suspects = observation.members
    .map((member) => member.name)
    .filter((name) => writers.includes(name) || known.includes(name))
    .filter((name) => !hasStoppedWriting(viewOf(observation, name)));
  return suspects.length > 1 ? suspects : null;
}

function hasStoppedWriting(member: MemberView | null): boolean {
  if (member === null) return true;
  if (member.verdict === 'Up') return !member.writable;
  return member.refused;
}
