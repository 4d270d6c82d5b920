/** Condition `FailoverReady`: what would happen if the primary were lost now, as far as this operator has a part in it. */
import type { PromotionProof } from '../api/promotion-proof.ts';
import { unreachable } from '../api/unreachable.ts';
import { isObserving, type Judgement, observing, type ReportInput } from './input.ts';
import { splitBrainMessage } from './split-brain.ts';
import { listed, sentences } from './wording.ts';

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
      return provability(input);
    case 'Automatic':
    case 'Manual':
      return {
        status: 'False',
        reason: 'PromotionNotAvailable',
        message: sentences(
          `mode ${settings.mode} is accepted, but promoting is not available yet: if the primary is lost, promote a standby yourself and the routes follow`,
          unprovableMessage(unprovable(input)),
        ),
      };
    default:
      return unreachable(settings.mode);
  }
}

const FOLLOWS_OTHERS = 'FollowsOthers';
/** Reason while a promotion of some standby would end in a hold, since nothing would prove where it comes from. */
const PROMOTION_UNPROVABLE = 'PromotionUnprovable';

/**
 * A standby that restarts, or looks for its new primary, has no proof for a moment, and a process that has just started
 * knows of none: what was said before stands until it is clear.
 */
function provability(input: ReportInput): Judgement {
  const settled = unprovable(input);
  if (settled.length > 0) {
    return { status: 'False', reason: PROMOTION_UNPROVABLE, message: unprovableMessage(settled) };
  }
  const before = input.previous.conditions?.find(({ type }) => type === 'FailoverReady');
  const pending = namesOf(input, ({ kind }) => kind === 'None');
  const awaited = namesOf(input, (proof) => proof.kind === 'Unheard' && !proof.settled);
  if (before?.reason === PROMOTION_UNPROVABLE && (pending.length > 0 || awaited.length > 0)) return before;
  if (pending.length > 0 && before?.reason !== FOLLOWS_OTHERS) {
    const message = `waiting to see whether a promotion of ${listed(pending)} could be proven`;
    return { status: 'Unknown', reason: PROMOTION_UNPROVABLE, message };
  }
  return {
    status: 'True',
    reason: FOLLOWS_OTHERS,
    message: sentences(
      'others promote (mode Follow); the routes follow the promotion as soon as it is seen',
      unheardMessage(namesOf(input, (proof) => proof.kind === 'Unheard' && proof.settled)),
    ),
  };
}

const namesOf = ({ promotionProofs }: ReportInput, matches: (proof: PromotionProof) => boolean): readonly string[] =>
  [...promotionProofs].filter(([, proof]) => matches(proof)).map(([name]) => name);

/** Nobody waits for ever for a member that may never answer: it is said instead that nothing is known of it. */
function unheardMessage(names: readonly string[]): string {
  return names.length === 0
    ? ''
    : `whether a promotion of ${listed(names)} could be proven is not known, for nothing was heard of it since the operator started`;
}

type Unprovable = Extract<PromotionProof, { kind: 'None' }> & { readonly name: string };

function unprovable({ promotionProofs }: ReportInput): readonly Unprovable[] {
  return [...promotionProofs].flatMap(([name, proof]) =>
    proof.kind === 'None' && proof.settled ? [{ name, ...proof }] : [],
  );
}

function unprovableMessage(found: readonly Unprovable[]): string {
  if (found.length === 0) return '';
  const remedies = [...new Set(found.flatMap((one) => one.remedies))];
  return sentences(
    `a promotion of ${listed(found.map(({ name }) => name))} could not be proven to continue the group’s history, so the routes would not follow it`,
    ...found.map(({ name, why }) => `${name}: ${why}`),
    `${remedies.join(', or ')}; failing that, a FailoverRequest of kind ForceRoute is needed when it happens`,
  );
}
