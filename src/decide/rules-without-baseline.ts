/** Rules 2xx: nothing is known of the group yet, or the record of it is lost. */
import { isUnreadable, type Observation, viewOf } from './observation.ts';
import { begin, emptyBoth, hold, names, type Rule, writers } from './rule.ts';

export const rulesWithoutBaseline: readonly Rule[] = [
  {
    id: 201,
    reason: 'Observing',
    condition: 'no baseline, and some member has not been asked once',
    effect: 'routes stay as they are',
    remedy: 'none needed; it ends with the first look at each member, at most detection.timeout',
    when: (o) => o.baseline === null && o.members.some((member) => !member.asked),
    outcome: (o) => hold(`waiting for the first look at ${names(o.members.filter((member) => !member.asked))}`),
  },
  {
    id: 202,
    reason: 'SplitBrain',
    condition:
      'no baseline, and several members accept writes (or were seen to, and silence is no proof that they stopped)',
    effect: 'the read-write and the read-only route are empty',
    remedy: 'stop all but one of them, or create a FailoverRequest of kind ForceRoute',
    when: (o) => o.baseline === null && o.published === null && o.splitBrain !== null,
    outcome: (o) =>
      emptyBoth(
        `${(o.splitBrain ?? []).join(', ')} accept writes and nothing on record says which is the primary; stop all but one, or create a FailoverRequest of kind ForceRoute naming the right one`,
      ),
  },
  {
    id: 203,
    reason: 'PrimaryFound',
    condition: 'no baseline, our published routes name a member, and it accepts writes',
    effect: 'the route is adopted at a higher epoch; other writers are quarantined',
    remedy: 'none needed',
    when: (o) => o.baseline === null && viewOf(o, o.published)?.writable === true,
    outcome: (o) => begin('Adopt', o.published ?? '', `${o.published} accepts writes and the published routes name it`),
  },
  {
    id: 204,
    reason: 'RecordLost',
    condition: 'no baseline, our published routes name a member, and it does not accept writes',
    effect: 'routes stay as they are',
    remedy: 'bring the named member back, or create a FailoverRequest of kind ForceRoute or Rebaseline',
    when: (o) => o.baseline === null && o.published !== null,
    outcome: (o) =>
      hold(
        `the published routes name ${o.published}, which ${whyNoWrites(o)}, and the record of the group is lost; bring it back, or create a FailoverRequest of kind ForceRoute or Rebaseline`,
      ),
  },
  {
    id: 205,
    reason: 'PrimaryFound',
    condition: 'no baseline, all asked once, exactly one member accepts writes',
    effect: 'the routes lead to it, epoch 1',
    remedy: 'none needed',
    when: (o) => o.baseline === null && writers(o).length === 1,
    outcome: (o) => begin('Adopt', names(writers(o)), `${names(writers(o))} is the one member that accepts writes`),
  },
  {
    id: 206,
    reason: 'NoPrimary',
    condition: 'no baseline, all asked once, nobody accepts writes',
    effect: 'the read-write route is empty; standbys are read by their own replay age',
    remedy: 'start the primary, or mend what status.members[].reason names',
    when: (o) => o.baseline === null,
    outcome: (o) => hold(whyNoPrimary(o)),
  },
];

/** Names what keeps us from speaking to members: without it nobody would look for the fault in the spec or the servers. */
function whyNoPrimary(o: Observation): string {
  const isSilent = o.members.every((member) => member.verdict !== 'Up');
  const what = isSilent ? 'no member answers' : 'no member accepts writes and none was ever seen to';
  const unreadable = o.members.filter(isUnreadable);
  const reasons = [...new Set(unreadable.map((member) => member.reason))];
  if (reasons.length > 0) {
    const told = reasons.map((reason) => `${names(unreadable.filter((one) => one.reason === reason))}: ${reason}`);
    return [what, ...told].join('; ');
  }
  return isSilent ? `${what}; status.members[].reason says what was seen of each` : what;
}

function whyNoWrites(o: Observation): string {
  const view = viewOf(o, o.published);
  return view !== null && isUnreadable(view) ? `cannot be read (${view.reason})` : 'does not accept writes';
}
