/** Rules 3xx: the group is known; who is the primary now? */
import { primaryOf, settingsOf } from './observation.ts';
import {
  begin,
  hold,
  isPrimaryDead,
  isPrimaryDemoted,
  isPrimaryGone,
  isPrimaryUnreadable,
  isPrimaryWritable,
  names,
  primaryName,
  primaryView,
  promotionNote,
  type Rule,
  rival,
  rivalIs,
  rivalName,
  waitingFor,
  waitsForHistory,
  wayOutOfUnreadable,
  whyPrimary,
  whyRival,
  zombies,
} from './rule.ts';

export const rulesWithBaseline: readonly Rule[] = [
  {
    id: 301,
    reason: 'SplitBrain',
    condition: 'two or more members accept writes and no attempt on record explains it',
    effect: 'routes are frozen; it ends when all but one are in recovery, read-only or refused past the threshold',
    remedy: 'stop all but one, or create a FailoverRequest of kind ForceRoute or Rebaseline',
    when: (o) => o.splitBrain !== null,
    outcome: (o) =>
      hold(
        `${(o.splitBrain ?? []).join(', ')} accept writes and no attempt explains it; routes are frozen. Stop all but one of them (silence is no proof), or create a FailoverRequest of kind ForceRoute naming the right one`,
      ),
  },
  {
    id: 302,
    reason: 'Observing',
    condition: 'some member has not been asked once since this operator started',
    effect: 'routes stay as they are',
    remedy: 'none needed; it ends with the first look at each member, at most detection.timeout',
    when: (o) => o.members.some((member) => !member.asked),
    outcome: (o) => hold(`waiting for the first look at ${names(o.members.filter((member) => !member.asked))}`),
  },
  {
    id: 305,
    reason: 'Paused',
    condition: 'spec.paused is true',
    effect: 'routes stay as they are; requests are honoured',
    remedy: 'set spec.paused to false, or create a FailoverRequest',
    when: (o) => o.settings.paused,
    outcome: () => hold('spec.paused is true: no automatic act; requests are still honoured'),
  },
  {
    id: 310,
    reason: 'RoutedMemberRemoved',
    condition: 'the member that the read-write route leads to is not in spec.members any more',
    effect: 'routes stay as they are',
    remedy: 'put the member back, or create a FailoverRequest of kind ForceRoute',
    when: (o) => settingsOf(o.settings, primaryOf(o)) === null,
    outcome: (o) =>
      hold(
        `${primaryName(o)}, which the read-write route leads to, is not in spec.members any more; put it back, or create a FailoverRequest of kind ForceRoute`,
      ),
  },
  {
    id: 321,
    reason: 'PromotedElsewhere',
    condition:
      'the routed member is in recovery or read-only, exactly one other accepts writes on a descending timeline',
    effect: 'the routes follow it',
    remedy: 'none needed',
    when: (o) => rivalIs(o, 'Descends') && isPrimaryDemoted(o),
    outcome: (o) =>
      begin(
        'Follow',
        rivalName(o),
        `${rivalName(o)} was promoted and ${primaryName(o)} does not accept writes any more`,
      ),
  },
  {
    id: 322,
    reason: 'PromotedElsewhere',
    condition:
      'the routed member counts as dead or is refused past the threshold, exactly one other accepts writes on a descending timeline',
    effect: 'the routes follow it; the old primary is quarantined',
    remedy: 'none needed',
    when: (o) => rivalIs(o, 'Descends') && isPrimaryGone(o),
    outcome: (o) =>
      begin('Follow', rivalName(o), `${rivalName(o)} was promoted and ${primaryName(o)} is gone: ${whyPrimary(o)}`),
  },
  {
    id: 323,
    reason: 'TimelineDiverged',
    condition: 'exactly one other accepts writes, on a timeline that does not descend from the baseline',
    effect: 'routes stay as they are',
    remedy: 'create a FailoverRequest of kind ForceRoute if that history is the one to keep',
    when: (o) => rivalIs(o, 'Diverged'),
    outcome: (o) =>
      hold(
        `${rivalName(o)} accepts writes but is no descendant of the group: ${whyRival(o)}; create a FailoverRequest of kind ForceRoute if its history is the one to keep`,
      ),
  },
  {
    id: 324,
    reason: 'UnprovenTimeline',
    condition: 'exactly one other accepts writes, and nothing proves that its timeline descends from the baseline',
    effect: 'routes stay as they are',
    remedy:
      'grant REPLICATION to the monitor role (what else proves it: postgresql-roles.md), or create a FailoverRequest of kind ForceRoute',
    when: (o) => rivalIs(o, 'Unproven'),
    outcome: (o) =>
      hold(
        `${rivalName(o)} accepts writes but nothing proves that it descends from the group: ${whyRival(o)}; ${waitsForHistory(o) ? 'it is asked for again' : 'grant REPLICATION to the monitor role'}, or create a FailoverRequest of kind ForceRoute`,
      ),
  },
  {
    id: 325,
    reason: 'OldPrimaryUnreadable',
    condition: 'exactly one other accepts writes, and the routed member lives or may live but cannot be read',
    effect: 'routes stay as they are',
    remedy: 'mend what hides the routed member, or create a FailoverRequest of kind ForceRoute',
    when: (o) => rival(o) !== null && isPrimaryUnreadable(o),
    outcome: (o) =>
      hold(
        `${rivalName(o)} accepts writes, but ${primaryName(o)} cannot be read and may accept them too: ${whyPrimary(o)}; mend that, or create a FailoverRequest of kind ForceRoute`,
      ),
  },
  {
    id: 326,
    reason: 'Confirming',
    condition: 'exactly one other accepts writes, and the routed member is lost but does not count as dead yet',
    effect: 'routes stay as they are until the threshold or grace has passed',
    remedy: 'none needed',
    when: (o) => rival(o) !== null && primaryView(o)?.verdict !== 'Up',
    outcome: (o) => hold(`${rivalName(o)} accepts writes; confirming that ${primaryName(o)} is dead: ${whyPrimary(o)}`),
  },
  {
    id: 340,
    reason: 'TimelineWentBack',
    condition: 'the primary accepts writes on a lower timeline than the baseline’s',
    effect: 'routes stay as they are',
    remedy: 'create a FailoverRequest of kind Rebaseline if it was restored on purpose',
    when: (o) => isPrimaryWritable(o) && (primaryView(o)?.facts?.timeline ?? 0) < (o.baseline?.timeline ?? 0),
    outcome: (o) =>
      hold(
        `${primaryName(o)} is on timeline ${primaryView(o)?.facts?.timeline}, the group was on ${o.baseline?.timeline}: it was restored or replaced; create a FailoverRequest of kind Rebaseline if that was meant`,
      ),
  },
  {
    id: 341,
    reason: 'PrimaryReturned',
    condition: 'the read-write route is empty and the last known primary alone accepts writes',
    effect: 'the routes lead to it again',
    remedy: 'none needed',
    when: (o) => o.routed === null && isPrimaryWritable(o) && o.lineage(primaryName(o)).kind === 'Descends',
    outcome: (o) => begin('Follow', primaryName(o), `${primaryName(o)} accepts writes again`),
  },
  {
    id: 342,
    reason: 'UnprovenTimeline',
    condition: 'the read-write route is empty, the last known primary accepts writes, on a timeline that is not proven',
    effect: 'routes stay as they are',
    remedy: 'create a FailoverRequest of kind ForceRoute or Rebaseline',
    when: (o) => o.routed === null && isPrimaryWritable(o),
    outcome: (o) =>
      hold(
        `${primaryName(o)} accepts writes again but nothing proves that it descends from the group; create a FailoverRequest of kind ForceRoute or Rebaseline`,
      ),
  },
  {
    id: 343,
    reason: 'PrimaryHealthy',
    condition: 'the routed member accepts writes and no other does',
    effect: 'routes lead to it',
    remedy: 'none needed',
    when: (o) => isPrimaryWritable(o),
    outcome: (o) => hold(`${primaryName(o)} is the primary and answers${promotionNote(o)}`),
  },
  {
    id: 345,
    reason: 'OnlyDeposedWritable',
    condition: 'the last known primary does not accept writes, and a quarantined member does',
    effect: 'the read-write route does not lead to it',
    remedy: 'create a FailoverRequest of kind ForceRoute if its history is the one to keep, or rebuild it as a standby',
    when: (o) => zombies(o).length > 0,
    outcome: (o) =>
      hold(
        `${names(zombies(o))} accepts writes but was deposed and is quarantined, and ${primaryName(o)} does not accept writes: ${whyPrimary(o)}; create a FailoverRequest of kind ForceRoute if the history of ${names(zombies(o))} is the one to keep, or rebuild it as a standby`,
      ),
  },
  {
    id: 350,
    reason: 'NoPrimary',
    condition: 'the routed member is in recovery or read-only, and nobody else accepts writes',
    effect: 'the read-write route is empty',
    remedy: 'promote a member, or make the primary writable',
    when: (o) => isPrimaryDemoted(o),
    outcome: (o) =>
      hold(
        `${primaryName(o)} is ${primaryView(o)?.standby === true ? 'in recovery' : 'read-only'} and no other member accepts writes; ${waitingFor(o)}`,
      ),
  },
  {
    id: 360,
    reason: 'PrimaryDown',
    condition: 'the routed member counts as dead and nobody else accepts writes',
    effect: 'the read-write route stays as it is; standbys that do not answer leave the read-only route',
    remedy: 'restart the primary, or promote a standby: the routes follow',
    when: (o) => isPrimaryDead(o),
    outcome: (o) => hold(`${primaryName(o)} is dead: ${whyPrimary(o)}; ${waitingFor(o)}`),
  },
  {
    id: 370,
    reason: 'PrimaryUnreadable',
    condition: 'the routed member lives or may live but cannot be read',
    effect: 'routes stay as they are; the read-write route is emptied when another cluster answers there',
    remedy: 'mend what the message names, or create a FailoverRequest of kind Rebaseline if another cluster is meant',
    when: (o) => isPrimaryUnreadable(o),
    outcome: (o) => hold(`${primaryName(o)} cannot be read: ${whyPrimary(o)}${wayOutOfUnreadable(o)}`),
  },
  {
    id: 390,
    reason: 'PrimaryInDoubt',
    condition: 'the routed member does not answer and does not count as dead yet',
    effect: 'routes stay as they are',
    remedy: 'none needed; the threshold or grace decides',
    when: () => true,
    outcome: (o) => hold(`confirming whether ${primaryName(o)} is lost: ${whyPrimary(o)}`),
  },
];
