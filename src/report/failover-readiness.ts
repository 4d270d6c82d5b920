/** Condition `FailoverReady`: what would happen if the primary were lost now, as far as this operator has a part in it. */
import { unreachable } from '../api/unreachable.ts';
import { isObserving, type Judgement, observing, type ReportInput } from './input.ts';
import { splitBrainMessage } from './split-brain.ts';

/** Reasons of the rules under which a promotion by others would not be followed without a person. */
const blocksFollowing: ReadonlySet<string> = new Set([
  'ForeignEndpoints',
  'RecordLost',
  'RoutedMemberRemoved',
  'TimelineDiverged',
  'UnprovenTimeline',
  'OldPrimaryUnreadable',
  'TimelineWentBack',
]);

export function failoverReadiness(input: ReportInput): Judgement {
  const { decision, settings, splitBrain } = input;
  if (isObserving(input)) return observing(input);
  if (settings.members.length === 1) {
    return {
      status: 'True',
      reason: 'NoReplicas',
      message: 'the group has one member: health and routing, no failover',
    };
  }
  if (splitBrain !== undefined) {
    return { status: 'False', reason: 'SplitBrain', message: splitBrainMessage(splitBrain) };
  }
  if (settings.paused) {
    const message =
      'spec.paused is true: nothing is followed or promoted; set it to false, or create a FailoverRequest';
    return { status: 'False', reason: 'Paused', message };
  }
  switch (settings.mode) {
    case 'Follow':
      if (decision !== null && blocksFollowing.has(decision.reason)) {
        return { status: 'False', reason: decision.reason, message: decision.message };
      }
      return {
        status: 'True',
        reason: 'FollowsOthers',
        message: 'others promote (mode Follow); the routes follow the promotion as soon as it is seen',
      };
    case 'Automatic':
    case 'Manual':
      return {
        status: 'False',
        reason: 'PromotionNotAvailable',
        message: `mode ${settings.mode} is accepted, but promoting is not available yet: if the primary is lost, promote a standby yourself and the routes follow`,
      };
    default:
      return unreachable(settings.mode);
  }
}
