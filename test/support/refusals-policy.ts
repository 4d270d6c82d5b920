/** Refused for who is in the group, how it is looked at, and when to act. */
import { NO_DURATION, type RefusalCase, refusal } from './refusal-case.ts';

const SIZE = 'must be bytes or a size such as 512Ki, 16Mi or 1Gi, from 0 to 1024Ti';

function manyMembers(length: number): object[] {
  return Array.from({ length }, (_, index) => ({ name: `m${index}`, host: `10.0.0.${index}` }));
}

const durationFields = [
  'detection.interval',
  'detection.timeout',
  'detection.shutdownGrace',
  'detection.startupGrace',
  'detection.witnessPatience',
  'detection.writeProbeFailureAfter',
  'failover.cooldown',
  'failover.deadline',
  'retry.initialDelay',
  'retry.maxDelay',
  'routes.readOnly.maxReplayLag',
  'routes.readOnly.leaveLag',
  'routes.readOnly.dwell',
];

export const policyRefusals: readonly RefusalCase[] = [
  refusal('no spec', { spec: undefined }, 'spec', 'Required value', 'expected object'),
  refusal('no mode', { 'spec.mode': undefined }, 'spec.mode', 'Required value', 'expected one of'),
  refusal(
    'an unknown mode',
    { 'spec.mode': 'Auto' },
    'spec.mode',
    '"Automatic", "Manual", "Follow"',
    'expected one of',
  ),
  refusal('no credentials', { 'spec.credentials': undefined }, 'spec.credentials', 'Required value', 'expected object'),
  refusal('no routes', { 'spec.routes': undefined }, 'spec.routes', 'Required value', 'expected object'),
  refusal(
    'a name too long for a label',
    { 'metadata.name': 'o'.repeat(64) },
    '<nil>',
    'metadata.name must have at most 63 characters',
  ),

  refusal(
    'two members of one name',
    { 'spec.members.1.name': 'frankfurt' },
    'spec.members[1]',
    'Duplicate value: {"name":"frankfurt"}',
    'two members have the same name',
  ),
  refusal(
    'two members at one host and port',
    { 'spec.members.1.host': 'orders.fra.example.com' },
    'spec.members',
    'two members have the same host and port',
  ),
  refusal(
    'two members at one host in other letters',
    { 'spec.members.1.host': 'Orders.FRA.example.com', 'spec.members.1.port': 5432 },
    'spec.members',
    'two members have the same host and port',
  ),
  refusal('no member', { 'spec.members': [] }, 'spec.members', 'should have at least 1 items', 'Too small'),
  refusal(
    'seventeen members',
    { 'spec.members': manyMembers(17) },
    'spec.members',
    'must have at most 16 items',
    'Too big',
  ),
  refusal(
    'port 0',
    { 'spec.members.0.port': 0 },
    'spec.members[0].port',
    'should be greater than or equal to 1',
    'Too small',
  ),
  refusal(
    'port 65536',
    { 'spec.members.0.route': { port: 65536 } },
    'spec.members[0].route.port',
    'should be less than or equal to 65535',
    'Too big',
  ),
  refusal(
    'a host with a scheme',
    { 'spec.members.0.host': 'tcp://db' },
    'spec.members[0].host',
    'should match',
    'must match',
  ),
  refusal(
    'a member name in capitals',
    { 'spec.members.0.name': 'Frankfurt' },
    'spec.members[0].name',
    'should match',
    'must match',
  ),
  refusal(
    'Automatic and nothing promotable',
    { 'spec.members.0.promotable': false, 'spec.members.1.promotable': false },
    'spec.members',
    'no member is promotable',
  ),
  refusal(
    'Manual and nothing promotable',
    { 'spec.mode': 'Manual', 'spec.members.0.promotable': false, 'spec.members.1.promotable': false },
    'spec.members',
    'set promotable: true on at least one, or mode: Follow',
  ),

  refusal(
    'Automatic with several members and no whenUnfenced',
    { 'spec.failover': undefined },
    'spec.failover.whenUnfenced',
    'failover.whenUnfenced is required when mode is Automatic and there are several members: set Refuse',
  ),
  refusal(
    'an unknown TLS mode',
    { 'spec.tls.mode': 'Prefer' },
    'spec.tls.mode',
    'supported values: "Disable", "Require", "VerifyCA", "VerifyFull"',
    'expected one of',
  ),
  refusal(
    'a system identifier that is no number',
    { 'spec.systemIdentifier': '0x12' },
    'spec.systemIdentifier',
    'should match',
    'must match',
  ),

  ...durationFields.map((field) =>
    refusal(`${field}: 1 day`, { [`spec.${field}`]: '1 day' }, `spec.${field}`, NO_DURATION),
  ),
  refusal('a duration without unit', { 'spec.detection.interval': '1' }, 'spec.detection.interval', NO_DURATION),
  refusal('an empty duration', { 'spec.failover.cooldown': '' }, 'spec.failover.cooldown', NO_DURATION),
  refusal('a negative duration', { 'spec.failover.cooldown': '-5s' }, 'spec.failover.cooldown', NO_DURATION),
  refusal(
    'a duration beyond what Go can hold',
    { 'spec.failover.cooldown': '999999999h' },
    'spec.failover.cooldown',
    NO_DURATION,
  ),
  refusal(
    'the longest text that is a duration',
    { 'spec.failover.cooldown': '99999.999h99999h99999h99999h' },
    'spec.failover.cooldown',
    'must be from 0s to 720h',
  ),
  refusal(
    'a duration as a number',
    { 'spec.detection.interval': 1 },
    'spec.detection.interval',
    'must be of type string',
    'expected string',
  ),
  refusal('interval 0s', { 'spec.detection.interval': '0s' }, 'spec.detection.interval', 'must be from 50ms to 10m'),
  refusal(
    'timeout above interval x failureThreshold',
    { 'spec.detection': { interval: '1s', timeout: '3001ms', failureThreshold: 3 } },
    'spec.detection.timeout',
    'detection.timeout must be at most detection.interval x detection.failureThreshold',
  ),
  refusal(
    'an interval too short for the default timeout',
    { 'spec.detection': { interval: '500ms' } },
    'spec.detection.timeout',
    'shorten the timeout or raise one of the others',
  ),
  refusal(
    'a failureThreshold of 0',
    { 'spec.detection': { failureThreshold: 0 } },
    'spec.detection.failureThreshold',
    'should be greater than or equal to 1',
    'Too small',
  ),

  refusal('maxLoss 16MB', { 'spec.failover.maxLoss': '16MB' }, 'spec.failover.maxLoss', SIZE),
  refusal(
    'a negative maxLoss',
    { 'spec.failover.maxLoss': -1 },
    'spec.failover.maxLoss',
    'should be greater than or equal to 0',
    SIZE,
  ),
  refusal('maxLoss beyond all disks', { 'spec.failover.maxLoss': '1025Ti' }, 'spec.failover.maxLoss', SIZE),
  refusal(
    'preferWithin above maxLoss',
    { 'spec.failover.preferWithin': '16385Ki' },
    'spec.failover.preferWithin',
    'failover.preferWithin must be at most failover.maxLoss',
  ),
  refusal(
    'a preference although nothing may be lost',
    { 'spec.failover.maxLoss': 0, 'spec.failover.preferWithin': 1 },
    'spec.failover.preferWithin',
    'lower preferWithin or raise maxLoss',
  ),
];
