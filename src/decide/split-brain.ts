/**
 * Split brain: two writable members that our record does not explain. It is sticky: what begins it is seeing both, and it
 * ends only by proof that all but one no longer write (in recovery, read-only, or refused past the threshold), never by silence.
 *
 * Seeing both means: the primary said that it accepts writes after the other was first seen to. What it said before proves
 * nothing, since it may have died in between; and as silence does not end a split brain, one that was none would last.
 */
import type { MemberView } from '../api/verdict.ts';
import { type Observation, primaryOf, unexplainedWriters, viewOf } from './observation.ts';

/** The members of the split brain as of now, or null when there is none. */
export function nextSplitBrain(observation: Observation): readonly string[] | null {
  const writers = writersNow(observation).map((member) => member.name);
  const known = (observation.splitBrain ?? []).filter((name) => viewOf(observation, name) !== null);
  const suspects = observation.members
    .map((member) => member.name)
    .filter((name) => writers.includes(name) || known.includes(name))
    .filter((name) => !hasStoppedWriting(viewOf(observation, name)));
  return suspects.length > 1 ? suspects : null;
}

function writersNow(observation: Observation): readonly MemberView[] {
  const writers = unexplainedWriters(observation);
  // Without a baseline nobody is the primary: whom to believe is the very question.
  if (observation.baseline === null) return writers;
  const primary = primaryOf(observation);
  const onsets = writers.flatMap(({ name, writableSinceMs }) => (name === primary ? [] : [writableSinceMs ?? 0]));
  const newest = Math.max(Number.NEGATIVE_INFINITY, ...onsets);
  return writers.filter(({ name, factsFromMs }) => name !== primary || (factsFromMs ?? 0) >= newest);
}

function hasStoppedWriting(member: MemberView | null): boolean {
  if (member === null) return true;
  if (member.verdict === 'Up') return !member.writable;
  return member.refused;
}
