/** Schemas of how the operator looks, when it acts, and how hard it tries. Their cross-field rules stand at `spec`. */
import { z } from 'zod';
import { duration, size } from './fields.ts';

export const detectionSchema = z
  .object({
    interval: duration('Time between two looks at a healthy member.', { min: '50ms', max: '10m' }).default('1s'),
    timeout: duration('Bound on one look; must be at most interval x failureThreshold.', {
      min: '50ms',
      max: '10m',
    }).default('3s'),
    failureThreshold: z
      .int()
      .min(1)
      .max(20)
      .default(3)
      .meta({ description: 'Consecutive failed looks, confirmations included, that make a member dead.' }),
    recoveryThreshold: z
      .int()
      .min(1)
      .max(20)
      .default(2)
      .meta({ description: 'Consecutive good looks that make a dead member Up again.' }),
    shutdownGrace: duration('How long an orderly stop (57P01, then refused) may last before it counts as dead.', {
      min: '0s',
      max: '1h',
    }).default('30s'),
    startupGrace: duration('How long a starting server (57P03) may take before it counts as dead.', {
      min: '0s',
      max: '24h',
    }).default('60s'),
    witnessPatience: duration(
      'Longest wait for the WAL receivers of the standbys to say whether the primary lives. In this version only for status.members[].witness.',
      {
        min: '0s',
        max: '1h',
      },
    ).default('60s'),
    writeProbe: z.enum(['Disabled', 'EmitMessage']).default('Disabled').meta({
      description:
        'EmitMessage: also commit a small logical message on the primary, to notice commits that hang. No effect in this version, which does not promote.',
    }),
    writeProbeFailureAfter: duration(
      'How long commits may hang before that counts toward dead. No effect in this version, which does not promote.',
      {
        min: '1s',
        max: '1h',
      },
    ).default('30s'),
  })
  .prefault({})
  .meta({ description: 'How the operator looks at members and when it calls one dead.' });

export const failoverSchema = z
  .object({
    whenUnfenced: z.enum(['Refuse', 'Proceed']).optional().meta({
      description:
        'What to do when the old primary cannot be proven unable to write. Required when mode is Automatic and there are several members: there is no safe default.',
    }),
    maxLoss: size(
      'Estimated bytes of WAL that a failover may lose; 0 allows only what synchronous replication proves.',
    ).default('16Mi'),
    preferWithin: size('Priority and region may beat the LSN within this many bytes; at most maxLoss.').default(0),
    cooldown: duration(
      'Time after an automatic failover in which the next one holds; a request Acknowledge re-arms earlier.',
      { min: '0s', max: '720h' },
    ).default('10m'),
    deadline: duration('Bound on an attempt until it promotes; then it is undone. Later it only alarms.', {
      min: '1s',
      max: '24h',
    }).default('5m'),
  })
  .prefault({})
  .meta({
    description: 'Bounds on a failover that the operator performs. No effect in this version, which does not promote.',
  });

export const retrySchema = z
  .object({
    initialDelay: duration('Delay before the first retry.', { min: '10ms', max: '10m' }).default('500ms'),
    factor: z.int().min(1).max(10).default(2).meta({ description: 'Each delay is the one before times this.' }),
    maxDelay: duration('Longest delay between two retries; at least initialDelay.', { min: '10ms', max: '1h' }).default(
      '30s',
    ),
    maxAttempts: z
      .int()
      .min(1)
      .max(100)
      .default(5)
      .meta({ description: 'Tries of a step before the condition Stalled says so; it is tried on all the same.' }),
    jitter: z.number().min(0).max(1).default(0.2).meta({
      description: 'Share by which each delay varies at random, 0 to 1, so that retries do not march in step.',
    }),
  })
  .prefault({})
  .meta({ description: 'How the steps of an attempt are tried again.' });
