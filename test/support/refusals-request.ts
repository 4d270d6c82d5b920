/** Refused requests. */
import { NO_DURATION, type RefusalCase, refusal } from './refusal-case.ts';

const WITHOUT_TARGET = ['Acknowledge', 'Abort', 'Retry', 'Rebaseline'];

export const failoverRequestRefusals: readonly RefusalCase[] = [
  refusal('no spec', { spec: undefined }, 'spec', 'Required value', 'expected object'),
  refusal('no kind', { 'spec.kind': undefined }, 'spec.kind', 'Required value', 'expected one of'),
  refusal(
    'an unknown kind',
    { 'spec.kind': 'Promote' },
    'spec.kind',
    'supported values: "Switchover"',
    'expected one of',
  ),
  refusal(
    'no resource',
    { 'spec.databaseFailover': undefined },
    'spec.databaseFailover',
    'Required value',
    'expected string',
  ),
  ...['Switchover', 'Failover', 'ForceRoute'].map((kind) =>
    refusal(
      `${kind} without to`,
      { 'spec.kind': kind, 'spec.to': undefined },
      'spec.to',
      'to is required for Switchover, Failover and ForceRoute; name a member',
    ),
  ),
  ...WITHOUT_TARGET.map((kind) =>
    refusal(
      `${kind} with to`,
      { 'spec.kind': kind },
      'spec.to',
      'to may be set only for Switchover, Failover and ForceRoute; remove it',
    ),
  ),
  refusal(
    'accept with a Switchover',
    { 'spec.accept': ['Loss'] },
    'spec.accept',
    'accept may be set only for Failover; remove it',
  ),
  refusal(
    'an unknown risk',
    { 'spec.kind': 'Failover', 'spec.accept': ['Everything'] },
    'spec.accept[0]',
    'supported values: "Unfenced", "Loss", "UnprovenTimeline"',
    'expected one of',
  ),
  refusal(
    'a risk twice',
    { 'spec.kind': 'Failover', 'spec.accept': ['Loss', 'Loss'] },
    'spec.accept[1]',
    'Duplicate value: "Loss"',
    'a risk stands there twice',
  ),
  refusal(
    'at with a Failover',
    { 'spec.kind': 'Failover', 'spec.at': '2026-12-01T12:00:00Z' },
    'spec.at',
    'at may be set only for Switchover and ForceRoute',
  ),
  refusal(
    'at that is no time',
    { 'spec.at': 'Tuesday noon' },
    'spec.at',
    'must be of type date-time',
    'must be a time such as 2026-12-01T12:00:00Z',
  ),
  refusal(
    'dryRun of an Acknowledge',
    { 'spec.kind': 'Acknowledge', 'spec.to': undefined, 'spec.dryRun': true },
    'spec.dryRun',
    'dryRun may be true only for Switchover, Failover, ForceRoute and Rebaseline',
  ),
  refusal(
    'a negative epoch',
    { 'spec.ifEpoch': -1 },
    'spec.ifEpoch',
    'should be greater than or equal to 0',
    'Too small',
  ),
  refusal('ttlAfterFinished 1 day', { 'spec.ttlAfterFinished': '1 day' }, 'spec.ttlAfterFinished', NO_DURATION),
];
