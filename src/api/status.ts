/** Status of `DatabaseFailover`: small, written on change; numbers in it are as old as `numbersAt`. */
import { z } from 'zod';
import { count, time } from './fields.ts';

const text = (description: string, max = 1024) => z.string().max(max).meta({ description });
const lsn = (description: string) => text(`${description} (PostgreSQL’s pg_lsn as text).`, 20);

export const conditionSchema = z
  .object({
    type: text('Type of the condition.', 316),
    status: z.enum(['True', 'False', 'Unknown']).meta({ description: 'True, False or Unknown.' }),
    observedGeneration: count('Generation of the spec this was judged on.').optional(),
    lastTransitionTime: time('When status last changed.'),
    reason: text('CamelCase word for the cause; events and metrics use the same.', 1024),
    message: text('What is so, since when, and what to do.', 4096),
  })
  .meta({ description: 'One aspect of the resource’s state.' });

/** What was last known of the healthy group; survives the operator. */
export const baselineSchema = z
  .object({
    primary: text('Member that was the primary.', 63),
    systemIdentifier: text('System identifier of the group.', 20),
    timeline: count('Timeline of the primary.'),
    forkLsn: lsn('Where this timeline left its parent; absent on timeline 1 or when unreadable').optional(),
    lsn: lsn('Last known position of the primary'),
    at: time('When that was seen.'),
    syncNames: text('synchronous_standby_names at that time.').optional(),
  })
  .meta({ description: 'What was last known of the healthy group.' });

export const attemptSteps = ['Confirming', 'Draining', 'LastLook', 'Routing'] as const;

export const attemptSchema = z
  .object({
    epoch: count('Epoch of the attempt; grows by one with each.'),
    kind: z.enum(['Adopt', 'Follow', 'ForceRoute', 'Rebaseline']).meta({ description: 'What the attempt is.' }),
    from: text('Member the route leaves; absent when it led nowhere.', 63).optional(),
    to: text('Member the route goes to.', 63),
    reason: text('Why it began.', 2048).optional(),
    step: z.enum(attemptSteps).meta({ description: 'Step the attempt has reached.' }),
    startedAt: time('When the attempt began.'),
    retries: count('Retries of the current step.').default(0),
    nextRetryAt: time('When the current step is tried again.').optional(),
    rule: count('Number of the rule that began it.').optional(),
    request: text('FailoverRequest that ordered it.', 253).optional(),
    requestUid: text('uid of that request: another one may bear its name later.', 64).optional(),
    /** The record must carry all that a resumed attempt needs to publish the new baseline. */
    timeline: count('Timeline of the new primary as seen when the attempt began.').optional(),
    detectionMs: count('Milliseconds from the first sign to the intent.').optional(),
  })
  .meta({ description: 'The attempt under way.' });

export const historySchema = z
  .object({
    epoch: count('Epoch of the attempt.'),
    kind: text('What the attempt was.', 32),
    from: text('Member the route left.', 63).optional(),
    to: text('Member the route went to.', 63),
    outcome: z.enum(['Completed', 'Aborted']).meta({ description: 'How it ended.' }),
    request: text('FailoverRequest that ordered it.', 253).optional(),
    requestUid: text('uid of that request.', 64).optional(),
    reason: text('Why it was made, or why it was aborted.').optional(),
    startedAt: time('When it began.'),
    finishedAt: time('When it ended.'),
    steps: z
      .record(z.string().max(32), count('Milliseconds.'))
      .meta({ description: 'Milliseconds per step, detection included.', maxProperties: 16 }),
    estimatedLossBytes: count('Estimated bytes of WAL that the old primary had and the new one has not.').optional(),
  })
  .meta({ description: 'An attempt that ended.' });

export const memberStatusSchema = z
  .object({
    name: text('Name of the member.', 63),
    role: z.enum(['Primary', 'Standby', 'Unknown']).meta({ description: 'Role at the last answer.' }),
    verdict: text('What the evidence means, e.g. Up, Refused, Silent, Starting, Overloaded, Misconfigured.', 32),
    dead: z.boolean().optional().meta({ description: 'Whether the verdict has lasted long enough to count as dead.' }),
    reason: text('Detail of the verdict in a sentence.').optional(),
    address: text('Address that answered last.', 64).optional(),
    timeline: count('Timeline at the last answer.').optional(),
    lsn: lsn('Position at the last answer').optional(),
    lagBytes: count('Bytes of WAL behind the primary.').optional(),
    lagSeconds: z
      .string()
      .max(24)
      .regex(/^[0-9]+(\.[0-9]+)?$/)
      .optional()
      .meta({ description: 'Seconds behind the primary, as a decimal.' }),
    syncState: text('sync_state at the primary.', 32).optional(),
    walReceiverTimeout: text('wal_receiver_timeout of the standby; 5s is recommended.', 32).optional(),
    witness: text('What its WAL receiver says of the primary: Alive, Lost, Undecided or NoVote.', 32).optional(),
    readSet: z.boolean().optional().meta({ description: 'Whether the read-only Service leads to it.' }),
    quarantinedAtEpoch: count(
      'Set while this is a deposed primary that may not be routed to; the epoch that deposed it.',
    ).optional(),
    quarantinedTimeline: count(
      'Timeline that it was on when it was deposed; writing on a later one, it was promoted anew.',
    ).optional(),
    notEligible: text('Why it could not become the primary now.').optional(),
    missingRights: z
      .array(text('One right.', 128))
      .max(8)
      .optional()
      .meta({ description: 'What the operator’s role may not do here.', 'x-kubernetes-list-type': 'atomic' }),
  })
  .meta({ description: 'What is known of one member.' });

/** What an unplanned failover would do at this moment; evaluated without effects. */
export const ifItFailedNowSchema = z
  .object({
    candidate: text('Member that would be promoted; absent when there is none.', 63).optional(),
    estimatedLossBytes: count('Estimated bytes of WAL that would be lost.').optional(),
    fence: text('What would keep the old primary from writing, or Unfenced.', 32).optional(),
    blockedBy: z.array(text('One reason, with the remedy.', 512)).max(16).optional().meta({
      description: 'Why nothing would be promoted; empty when nothing stands in the way.',
      'x-kubernetes-list-type': 'atomic',
    }),
  })
  .meta({
    description: 'What would happen if the primary failed now. Absent in this version, which does not promote.',
  });

export const statusSchema = z
  .object({
    observedGeneration: z
      .int()
      .min(-1)
      .max(Number.MAX_SAFE_INTEGER)
      .default(-1)
      .meta({ description: 'Generation of the spec this status speaks of; -1 before the first.' }),
    up: text('Members that answer, of all, e.g. 2/3.', 16).optional(),
    lag: text('Largest replay lag of a standby in the read set.', 24).optional(),
    primary: text('Member the read-write route leads to.', 63).optional(),
    epoch: count('Epoch of the published route.').optional(),
    numbersAt: time('When the numbers in this status were read.').optional(),
    baseline: baselineSchema.optional(),
    decision: z
      .object({
        rule: count('Number of the rule, see docs/decisions.md.'),
        action: text('What the operator does.', 64),
        reason: text('CamelCase word.', 64),
        message: text('Why it acts or holds, in words.', 2048),
        since: time('Since when.'),
      })
      .optional()
      .meta({ description: 'Why the operator acts or holds.' }),
    members: z
      .array(memberStatusSchema)
      .max(16)
      .optional()
      .meta({
        description: 'What is known of each member.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
      }),
    splitBrain: z
      .object({
        members: z
          .array(text('Name of a member.', 63))
          .max(16)
          .meta({ description: 'Members that accept writes.', 'x-kubernetes-list-type': 'atomic' }),
        since: time('Since when.'),
      })
      .optional()
      .meta({ description: 'Set while several members accept writes and no attempt explains it.' }),
    ifItFailedNow: ifItFailedNowSchema.optional(),
    attempt: attemptSchema.optional(),
    history: z
      .array(historySchema)
      .max(10)
      .optional()
      .meta({ description: 'The last ten attempts, newest first.', 'x-kubernetes-list-type': 'atomic' }),
    conditions: z
      .array(conditionSchema)
      .max(16)
      .optional()
      .meta({ description: 'Conditions.', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] }),
  })
  .prefault({})
  .meta({ description: 'What the operator knows, does and did.' });

export type Status = z.output<typeof statusSchema>;
export type Condition = z.output<typeof conditionSchema>;
export type Baseline = z.output<typeof baselineSchema>;
export type Attempt = z.output<typeof attemptSchema>;
export type AttemptStep = Attempt['step'];
export type HistoryEntry = z.output<typeof historySchema>;
export type IfItFailedNow = z.output<typeof ifItFailedNowSchema>;
export type MemberStatus = z.output<typeof memberStatusSchema>;
